"""A simulated BH1750: opcodes in, the last count out. A count that is not ready yet is the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.errors import Nack
from drivers.reading import Quantity
from simulators.chips.chip import I2CChip, Spans, Values

OFF, ON, RESET = 0x00, 0x01, 0x07
TYPICAL_MS = {0x0: 120.0, 0x1: 120.0, 0x3: 16.0}  # by the lowest two bits of the opcode
LONGEST = 1.5  # times typical


class BH1750(I2CChip):
    """Illuminance at 0x23 or 0x5C."""

    name = "bh1750"
    address = 0x23
    addresses = (0x23, 0x5C)
    spans: ClassVar[Spans] = {Quantity.ILLUMINANCE: (0.0, 121_000.0)}
    resolves: ClassVar[Values] = {Quantity.ILLUMINANCE: 0.93}
    rests: ClassVar[Values] = {Quantity.ILLUMINANCE: 120.0}
    loaded: bytes | None = None  # a vector's count

    def power_on(self) -> None:
        self._awake = False
        self._time = 69
        self._count = 0
        self._opcode: int | None = None  # of the measurement that runs
        self._due_us = 0

    def written(self, data: bytes) -> None:
        self._settle()
        for opcode in data[:1]:
            self._obey(opcode)

    def _obey(self, opcode: int) -> None:
        if opcode in (OFF, ON):
            self._awake, self._opcode = opcode == ON, None
        elif opcode == RESET and self._awake:
            self._count = 0
        elif opcode & 0xF8 == 0x40:
            self._time = (opcode & 0x07) << 5 | self._time & 0x1F
        elif opcode & 0xE0 == 0x60:
            self._time = self._time & 0xE0 | opcode & 0x1F
        elif opcode & 0x30 in (0x10, 0x20) and opcode & 0x03 in TYPICAL_MS:
            self._awake, self._opcode = True, opcode
            self._due_us = self.now_us() + self._lasts_us(opcode)

    def _lasts_us(self, opcode: int) -> int:
        return int(TYPICAL_MS[opcode & 0x03] * LONGEST * self._time / 69 * 1_000)

    def _settle(self) -> None:
        if self._opcode is None or self.now_us() < self._due_us:
            return
        lux = self.sense(Quantity.ILLUMINANCE)
        fine = 2.0 if self._opcode & 0x03 == 0x1 else 1.0
        step = 4 if self._opcode & 0x03 == 0x3 else 1
        count = round(lux * 1.2 * self._time / 69 * fine / step) * step
        self._count = 0xFFFF if self.faults.saturate else min(0xFFFF, count)
        if self._opcode & 0x20:
            self._awake, self._opcode = False, None
        else:
            lap = self._lasts_us(self._opcode)
            self._due_us += ((self.now_us() - self._due_us) // lap + 1) * lap

    def given(self, count: int) -> bytes:
        if self.faults.stuck_busy:
            raise Nack("the bh1750 hangs in a measurement")
        self._settle()
        said = self._count.to_bytes(2, "big") if self.loaded is None else self.loaded
        return said[:count].ljust(count, b"\xff")

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name != "read":
            return super().take(name, value, door)
        self.loaded = bytes.fromhex(value)
        return None
