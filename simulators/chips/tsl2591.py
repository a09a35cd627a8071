"""A simulated TSL2591 under a light whose infrared is a quarter of all: two counts that saturate at their limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.row_chip import RowChip

ENABLE, CONTROL, ID, STATUS, CHANNELS = 0x00, 0x01, 0x12, 0x13, 0x14
GAINS = (1, 25, 428, 9876)
INFRARED = 0.25


class TSL2591(RowChip):
    """Illuminance at 0x29."""

    name = "tsl2591"
    address = 0x29
    addresses = (0x29,)
    defaults: ClassVar[Mapping[int, bytes]] = {ID: b"\x50"}
    writable = range(0x0D)
    spans: ClassVar[Spans] = {Quantity.ILLUMINANCE: (0.0, 80_000.0)}
    resolves: ClassVar[Values] = {Quantity.ILLUMINANCE: 2.1}  # half a count at gain 1 and 100 ms
    rests: ClassVar[Values] = {Quantity.ILLUMINANCE: 120.0}

    def power_on(self) -> None:
        super().power_on()
        self._began_us = self.now_us()
        self._valid = False

    def register(self, command: int) -> int:
        """A command byte A0 + register; E0 + function clears interrupts, and what is no command points nowhere."""
        return command & 0x1F if command & 0xE0 == 0xA0 else 0x1F

    def put(self, register: int, byte: int) -> None:
        rises = register == ENABLE and byte & 0x3 == 0x3 != self.row[ENABLE] & 0x3
        super().put(register, byte)
        if rises or register == CONTROL:
            self._began_us, self._valid = self.now_us(), False

    def get(self, register: int) -> int:
        if register == ID and self.faults.wrong_chip_id is not None:
            return self.faults.wrong_chip_id & 0xFF
        self._settle()
        return int(self._valid) if register == STATUS else super().get(register)

    def _settle(self) -> None:
        lap_us = ((self.row[CONTROL] & 0x7) + 1) * 100_000
        on = self.row[ENABLE] & 0x3 == 0x3 and not self.faults.stuck_busy
        if not on or self.now_us() - self._began_us < lap_us:
            return
        self._began_us += (self.now_us() - self._began_us) // lap_us * lap_us
        self._valid = True
        counts = self._counts(lap_us // 1_000)
        self.row[CHANNELS : CHANNELS + 4] = b"".join(count.to_bytes(2, "little") for count in counts)

    def _counts(self, time_ms: int) -> tuple[int, int]:
        limit = 36_863 if time_ms == 100 else 65_535
        if self.faults.saturate:
            return limit, limit
        of_light = self.sense(Quantity.ILLUMINANCE) * time_ms * GAINS[self.row[CONTROL] >> 4 & 0x3] / 408.0
        infrared = round(of_light * INFRARED / (1 - 1.64 * INFRARED))
        return min(limit, round(of_light + 1.64 * infrared)), min(limit, infrared)
