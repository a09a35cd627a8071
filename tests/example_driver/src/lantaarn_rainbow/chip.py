"""A simulated Rainbow RB1: who asks too early is not answered."""

from __future__ import annotations

from typing import ClassVar

from drivers.checks import word
from drivers.errors import Nack
from drivers.reading import Quantity
from simulators.chips.chip import I2CChip, Spans, Values

WHO, MEASURE = 0x0F, 0x10
RAINBOW = 0x52
CONVERSION_US = 18_000


class Rainbow(I2CChip):
    """Temperature and humidity at 0x2A or 0x2B."""

    name = "rainbow"
    address = 0x2A
    addresses = (0x2A, 0x2B)
    spans: ClassVar[Spans] = {Quantity.TEMPERATURE: (-40.0, 85.0), Quantity.HUMIDITY: (0.0, 100.0)}
    resolves: ClassVar[Values] = {Quantity.TEMPERATURE: 0.01, Quantity.HUMIDITY: 0.01}
    rests: ClassVar[Values] = {Quantity.TEMPERATURE: 18.0, Quantity.HUMIDITY: 60.0}

    def power_on(self) -> None:
        """Nothing was asked yet."""
        self._pointer = WHO
        self._ready_us: int | None = None

    def written(self, data: bytes) -> None:
        """A register to read, or the command to measure."""
        if data:
            self._pointer = data[0]
            self._ready_us = self.now_us() + CONVERSION_US if data[0] == MEASURE else None

    def given(self, count: int) -> bytes:
        """Its name, or a measurement, once. Raises Nack while there is none."""
        if self._pointer != MEASURE:
            who = self.faults.wrong_chip_id if self.faults.wrong_chip_id is not None else RAINBOW
            return bytes([who]).ljust(count, b"\xff")[:count]
        if self.faults.stuck_busy or self._ready_us is None or self.now_us() < self._ready_us:
            raise Nack("the rainbow has nothing to say yet")
        self._ready_us = None
        return self._measured().ljust(count, b"\xff")[:count]

    def _measured(self) -> bytes:
        celsius, percent = round(self.sense(Quantity.TEMPERATURE) * 100), round(self.sense(Quantity.HUMIDITY) * 100)
        return word(celsius & 0xFFFF) + word(percent)
