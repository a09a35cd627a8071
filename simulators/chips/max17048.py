"""A simulated MAX17048: measures every 250 ms, remembers that it was reset until it is told to forget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.errors import Nack
from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.row_chip import RowChip
from simulators.chips.word_chip import signed, unsigned

VCELL, MODE, VERSION, HIBERNATE, CONFIG, ALERT, CRATE, RESET_AT, STATUS, COMMAND = (
    0x02, 0x06, 0x08, 0x0A, 0x0C, 0x14, 0x16, 0x18, 0x1A, 0xFE,
)  # fmt: skip
LAP_US = 250_000


class MAX17048(RowChip):
    """Voltage, battery level and rate at 0x36."""

    name = "max17048"
    hides_busy = True
    address = 0x36
    addresses = (0x36,)
    door = "regs16"
    defaults: ClassVar[Mapping[int, bytes]] = {
        VERSION: b"\x00\x12", HIBERNATE: b"\x80\x30", CONFIG: b"\x97\x1c", ALERT: b"\x00\xff", RESET_AT: b"\x96\x0c",
        STATUS: b"\x01\x00",
    }  # fmt: skip
    writable = (MODE, MODE + 1, *range(HIBERNATE, CONFIG + 2), ALERT, ALERT + 1, RESET_AT, STATUS, STATUS + 1)
    spans: ClassVar[Spans] = {
        Quantity.VOLTAGE: (2.5, 5.0), Quantity.BATTERY_LEVEL: (0.0, 100.0), Quantity.BATTERY_RATE: (-100.0, 100.0),
    }  # fmt: skip
    resolves: ClassVar[Values] = {
        Quantity.VOLTAGE: 4e-5, Quantity.BATTERY_LEVEL: 0.002, Quantity.BATTERY_RATE: 0.104,
    }  # fmt: skip
    rests: ClassVar[Values] = {Quantity.VOLTAGE: 3.9, Quantity.BATTERY_LEVEL: 70.0, Quantity.BATTERY_RATE: -1.0}

    def power_on(self) -> None:
        super().power_on()
        self._began_us = self.now_us()

    def written(self, data: bytes) -> None:
        self._settle()
        if data[:3] == b"\xfe\x54\x00":
            self.power_on()
            raise Nack("the max17048 resets before it acknowledges")
        super().written(data)

    def get(self, register: int) -> int:
        if register == VERSION and self.faults.wrong_chip_id is not None:
            return 0xFF
        return super().get(register)

    def _settle(self) -> None:
        if self.now_us() - self._began_us < LAP_US or self.faults.stuck_busy:
            return
        self._began_us += (self.now_us() - self._began_us) // LAP_US * LAP_US
        volts, percent = self.sense(Quantity.VOLTAGE), self.sense(Quantity.BATTERY_LEVEL)
        words = unsigned(volts / 78.125e-6), unsigned(percent * 256), signed(self.sense(Quantity.BATTERY_RATE) / 0.208)
        if self.faults.saturate:
            words = 0xFFFF, 0xFFFF, 0x7FFF
        for at, word in zip((VCELL, VCELL + 2, CRATE), words, strict=True):
            self.row[at : at + 2] = word.to_bytes(2, "big")
