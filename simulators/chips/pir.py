"""A simulated PIR: its output is high from the first movement until seconds after the last, then blind."""

from __future__ import annotations

from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Values
from simulators.chips.standing_chip import StandingChip

HOLD_US = 2_500_000  # set by its potentiometer
BLIND_US = 2_500_000


class PIR(StandingChip):
    """Somebody is there for the share that is felt; people who pass make it see movement, if it is not blind."""

    name = "pir"
    passers = "people"
    steady_s = 1000.0
    resolves: ClassVar[Values] = {Quantity.OCCUPANCY: 0.01}  # the drivers' hold, and its own, are part of it

    def power_on(self) -> None:
        super().power_on()
        self._blind_until_us = 0

    def passes(self, at_us: int, direction: str = "in") -> None:
        """Somebody passes; a group, and who comes while it is blind, is not seen apart."""
        if at_us >= self._blind_until_us and not self._stands:
            self.plan(at_us, "line", 1)
            self.plan(at_us + HOLD_US, "line", 0)
            self._blind_until_us = at_us + HOLD_US + BLIND_US
