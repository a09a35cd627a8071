"""Cup anemometers that speak Modbus over RS485. Makers contradict each other, so the map is a named profile.

    adtek     4800 baud, unit 1, holding register 0, tenths of m/s: Adtek and most nameless ones (the default)
    hundred   9600 baud, unit 1, holding register 0, hundredths of m/s
    sen0657   4800 baud, unit 1, holding register 01F4 (hex), tenths: the weather block DFRobot SEN0657/SEN0658

Wiring: 12 V, ground, A, B. Turn the cups by hand and look: a profile that is wrong is wrong ten times. Only what a
profile says is taken as settled; baud and unit of the one in your hand may have been changed and can be set.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.modbus_map import BAUD, PARITY, STOP, UNIT, Register, RegisterDriver
from drivers.reading import Quantity
from drivers.setting import Chosen, Setting


@dataclass(frozen=True, slots=True)
class Profile:
    """How one maker does it."""

    address: int
    scale: float
    baud: int
    decimals: int = 1
    unit: int = 1


PROFILES = {
    "adtek": Profile(0x0000, 0.1, 4800),
    "hundred": Profile(0x0000, 0.01, 9600, decimals=2),
    "sen0657": Profile(0x01F4, 0.1, 4800),
}
OWN_UNIT = Setting("unit", 0, "number of the unit on its line; 0: that of the profile", (), 0, UNIT.high)
OWN_BAUD = Setting("baud", 0, "baud rate; 0: that of the profile", (0, *BAUD.choices))


class WindSpeedRS485(RegisterDriver):
    """Wind speed in m/s."""

    name = "wind_speed_rs485"
    title = "RS485 anemometer: wind speed"
    datasheet = "https://wiki.dfrobot.com/RS485_Wind_Speed_Transmitter_SKU_SEN0483"
    measures = (Quantity.WIND_SPEED,)
    settings = (
        Setting("profile", "adtek", "whose register map it has", tuple(PROFILES)), OWN_UNIT, OWN_BAUD, PARITY, STOP,
    )  # fmt: skip
    still_s = 0.0  # calm nights
    bus_bytes = 15

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self.profile = PROFILES[str(self.chosen["profile"])]
        self.settle(self.profile.unit, self.profile.baud)
        place = Register(Quantity.WIND_SPEED, self.profile.address, "", "holding", "u16", self.profile.scale)
        self.lay((place,))
        self.decimals = {Quantity.WIND_SPEED: self.profile.decimals}

    @property
    def claims(self) -> tuple[str, ...]:
        return (f"wind speed of unit {self.unit.number}",)
