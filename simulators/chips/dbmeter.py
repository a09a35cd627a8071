"""A simulated PCB Artists decibel meter: whole decibels, renewed once an average, none in the first second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.row_chip import RowChip

VERSION, SCRATCH, CONTROL, AVERAGE, RESET, LEVEL, QUIETEST, LOUDEST = 0x00, 0x05, 0x06, 0x07, 0x09, 0x0A, 0x0B, 0x0C
ASLEEP, SYSTEM_RESET, FORGET_EXTREMES = 0x01, 0x08, 0x02
READY_US = 1_000_000


class DBMeter(RowChip):
    """Sound level at 0x48."""

    name = "dbmeter"
    hides_busy = True
    address = 0x48
    addresses = (0x48,)
    defaults: ClassVar[Mapping[int, bytes]] = {
        VERSION: b"\x31\x12\x34\x56\x78\xaa\x02\x03\xe8", 0x0D: b"\x2d\x55",
    }  # fmt: skip
    writable = (SCRATCH, CONTROL, AVERAGE, AVERAGE + 1, RESET, 0x0D, 0x0E, 0x0F)
    spans: ClassVar[Spans] = {Quantity.SOUND_LEVEL: (35.0, 120.0)}
    resolves: ClassVar[Values] = {Quantity.SOUND_LEVEL: 0.5}
    rests: ClassVar[Values] = {Quantity.SOUND_LEVEL: 55.0}
    untold = frozenset({Quantity.LAEQ, Quantity.LA10, Quantity.LA90})  # the driver makes them of many levels

    def power_on(self) -> None:
        super().power_on()
        self._ready_us = self.now_us() + READY_US
        self._renewed_us: int | None = None
        self._average_ms = 1_000  # the high byte is taken over with the low one

    def put(self, register: int, byte: int) -> None:
        if register == RESET and byte & SYSTEM_RESET:
            return self.power_on()
        super().put(register, byte)
        if register == RESET and byte & FORGET_EXTREMES:
            self.row[QUIETEST : LOUDEST + 1] = bytes([0, 0])
        if register == AVERAGE + 1:
            self._average_ms = max(1, self.row[AVERAGE] << 8 | byte)
        return None

    def get(self, register: int) -> int:
        if register == VERSION and self.faults.wrong_chip_id is not None:
            return self.faults.wrong_chip_id & 0xFF
        self._settle()
        return super().get(register)

    def _settle(self) -> None:
        now_us = self.now_us()
        if now_us < self._ready_us or self.row[CONTROL] & ASLEEP or self.faults.stuck_busy:
            return
        if self._renewed_us is not None and now_us - self._renewed_us < self._average_ms * 1_000:
            return
        self._renewed_us = now_us
        self.row[LEVEL] = level = round(self.sense(Quantity.SOUND_LEVEL))
        self.row[QUIETEST] = min(self.row[QUIETEST] or level, level)
        self.row[LOUDEST] = max(self.row[LOUDEST], level)
