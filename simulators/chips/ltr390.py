"""A simulated LTR390: one converter for light and UV, whose first result after a change of mode is of the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.row_chip import RowChip

CONTROL, RATE, GAIN, ID, STATUS, ALS, UVS = 0x00, 0x04, 0x05, 0x06, 0x07, 0x0D, 0x10
BITS = (20, 19, 18, 17, 16, 13)
CONVERSION_MS = (400.0, 200.0, 100.0, 50.0, 25.0, 12.5)
RATE_MS = (25, 50, 100, 200, 500, 1000, 2000, 2000)
TIMES = (4.0, 2.0, 1.0, 0.5, 0.25, 0.03125)
GAINS = (1, 3, 6, 9, 18)
NEW, POWERED_ON = 0x08, 0x20
RESET, ENABLED, UV_MODE = 0x10, 0x02, 0x08


class LTR390(RowChip):
    """Illuminance and UV index at 0x53."""

    name = "ltr390"
    address = 0x53
    addresses = (0x53,)
    defaults: ClassVar[Mapping[int, bytes]] = {
        RATE: b"\x22\x01\xb2", STATUS: bytes([POWERED_ON]), 0x19: b"\x10", 0x21: b"\xff\xff\x0f",
    }  # fmt: skip
    writable = (CONTROL, RATE, GAIN, 0x19, 0x1A, *range(0x21, 0x27))
    spans: ClassVar[Spans] = {Quantity.ILLUMINANCE: (0.0, 150_000.0), Quantity.UV_INDEX: (0.0, 16.0)}
    resolves: ClassVar[Values] = {Quantity.ILLUMINANCE: 0.3, Quantity.UV_INDEX: 0.00087}  # half a count, 18 bits
    rests: ClassVar[Values] = {Quantity.ILLUMINANCE: 120.0, Quantity.UV_INDEX: 0.5}

    def power_on(self) -> None:
        super().power_on()
        self._began_us = self.now_us()
        self._strange = False  # the next result is still of the other mode

    def put(self, register: int, byte: int) -> None:
        self._settle()
        if register == CONTROL and byte & RESET:
            return self.power_on()
        if register == CONTROL and byte & (ENABLED | UV_MODE) != self.row[CONTROL] & (ENABLED | UV_MODE):
            self._strange = bool((byte ^ self.row[CONTROL]) & UV_MODE)
            self._began_us = self.now_us()
        super().put(register, byte)
        return None

    def get(self, register: int) -> int:
        if register == ID and self.faults.wrong_chip_id is not None:
            return self.faults.wrong_chip_id & 0xFF
        self._settle()
        byte = super().get(register)
        if register == STATUS:
            self.row[STATUS] &= ~(NEW | POWERED_ON) & 0xFF
        return byte

    def _settle(self) -> None:
        resolution = min(5, self.row[RATE] >> 4 & 0x7)
        lap_us = int(max(CONVERSION_MS[resolution], RATE_MS[self.row[RATE] & 0x7]) * 1_000)
        laps = (self.now_us() - self._began_us) // lap_us
        if not self.row[CONTROL] & ENABLED or self.faults.stuck_busy or laps < 1:
            return
        self._began_us += laps * lap_us
        self.row[STATUS] |= NEW
        at = UVS if self.row[CONTROL] & UV_MODE else ALS
        self.row[at : at + 3] = self._count(resolution, laps).to_bytes(3, "little")

    def _count(self, resolution: int, laps: int) -> int:
        gain, most = GAINS[min(4, self.row[GAIN] & 0x7)], (1 << BITS[resolution]) - 1
        light = self.sense(Quantity.ILLUMINANCE) * gain * TIMES[resolution] / 0.6
        uv = self.sense(Quantity.UV_INDEX) * gain / 18 * 2.0 ** (BITS[resolution] - 20) * 2300
        of_uv = bool(self.row[CONTROL] & UV_MODE) != (self._strange and laps == 1)
        self._strange = False
        return most if self.faults.saturate else min(most, round(uv if of_uv else light))
