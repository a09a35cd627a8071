"""Wind vanes that speak Modbus over RS485. Makers contradict each other, so the map is a named profile.

    sen0482   9600 baud, unit 2, holding register 0 tenths of a degree, 1 the sixteenth: DFRobot SEN0482 (default)
    renke     4800 baud, unit 1, holding register 0 the point of eight, 1 whole degrees: Renke and its kin, unconfirmed
    sen0657   4800 baud, unit 1, holding register 01F6 (hex) the point of eight: the weather block SEN0657/SEN0658

Wiring: 12 V, ground, A, B; the mark on its foot to the north. Where it cannot point there, `north` says by how many
degrees it was turned clockwise. A number that no vane can say tells that the profile is wrong: no value comes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from drivers.errors import DriverError, WrongChip
from drivers.modbus_map import PARITY, STOP, RegisterDriver
from drivers.reading import Quantity, Reading
from drivers.rtu import READ_HOLDING
from drivers.setting import Chosen, Setting
from drivers.talk import Talk
from drivers.wind_speed_rs485 import OWN_BAUD, OWN_UNIT

EIGHTH, SIXTEENTH = 8, 16


@dataclass(frozen=True, slots=True)
class Profile:
    """How one maker does it; `degrees` is None for registers that no vane of this maker can hold."""

    address: int
    count: int
    baud: int
    unit: int
    decimals: int
    degrees: Callable[[list[int]], float | None]


def _tenths(words: list[int]) -> float | None:
    return words[0] / 10 if words[0] <= 3600 and words[1] < SIXTEENTH else None


def _whole(words: list[int]) -> float | None:
    return float(words[1]) if words[0] < EIGHTH and words[1] <= 360 else None


def _points(words: list[int]) -> float | None:
    return words[0] * 360 / EIGHTH if words[0] < EIGHTH else None


PROFILES = {
    "sen0482": Profile(0x0000, 2, 9600, 2, 1, _tenths),
    "renke": Profile(0x0000, 2, 4800, 1, 0, _whole),
    "sen0657": Profile(0x01F6, 1, 4800, 1, 0, _points),
}


class WindDirectionRS485(RegisterDriver):
    """Where the wind comes from, degrees clockwise from north."""

    name = "wind_direction_rs485"
    title = "RS485 wind vane: wind direction"
    datasheet = "https://wiki.dfrobot.com/RS485_Wind_Direction_Transmitter_SKU_SEN0482"
    measures = (Quantity.WIND_DIRECTION,)
    settings = (
        Setting("profile", "sen0482", "whose register map it has", tuple(PROFILES)),
        OWN_UNIT, OWN_BAUD, PARITY, STOP,
        Setting("north", 0.0, "degrees by which its mark was turned clockwise from north", (), -360, 360),
    )  # fmt: skip
    still_s = 0.0  # calm nights
    bus_bytes = 17

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self.profile = PROFILES[str(self.chosen["profile"])]
        self.settle(self.profile.unit, self.profile.baud)
        self.north = float(self.chosen["north"])
        self.decimals = {Quantity.WIND_DIRECTION: self.profile.decimals}

    @property
    def claims(self) -> tuple[str, ...]:
        return (f"wind direction of unit {self.unit.number}",)

    def read(self) -> Talk[list[Reading]]:
        """One direction. Raises DriverError, WrongChip for what no vane can say."""
        data = yield from self.unit.registers(READ_HOLDING, self.profile.address, self.profile.count)
        words = [data[at] << 8 | data[at + 1] for at in range(0, len(data), 2)]
        degrees = self.profile.degrees(words)
        if degrees is None:
            said = " ".join(f"{word:04X}" for word in words)
            raise WrongChip(f"unit {self.unit.number} is no vane of profile {self.chosen['profile']}: it says {said}")
        return [Reading(Quantity.WIND_DIRECTION, (degrees + self.north) % 360 if self.north else degrees)]

    def probe(self) -> Talk[bool]:
        """Whether a vane of this profile answers."""
        try:
            yield from self.read()
        except DriverError:
            return False
        return True
