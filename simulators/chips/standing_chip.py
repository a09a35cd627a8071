"""The half that contacts share which stand in one of two states: what they feel is the share of the time in state 1.

Time is cut into periods that begin at whole multiples of their length; the state is 1 from the beginning of each until
the felt share of it is over. Shares of 0 and 1 have no edges between periods.
"""

from __future__ import annotations

from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.lines_chip import LinesChip


class StandingChip(LinesChip):
    """One line, active for the share of each period that is felt as occupancy."""

    lines = ("line",)
    spans: ClassVar[Spans] = {Quantity.OCCUPANCY: (0.0, 1.0)}
    rests: ClassVar[Values] = {Quantity.OCCUPANCY: 0.0}

    def power_on(self) -> None:
        self._stands = 0
        self.true_count = 0  # how often it became 1

    def live(self, from_us: int, to_us: int) -> None:
        period_us = round(self.steady_s * 1e6)
        for start_us in range(-(-from_us // period_us) * period_us, to_us, period_us):
            active_us = round(self.sense(Quantity.OCCUPANCY) * period_us)
            if active_us:
                self.comes_to(start_us, 1)
            if active_us < period_us:
                self.comes_to(start_us + active_us, 0)

    def comes_to(self, at_us: int, level: int) -> None:
        """The state changes, if it is another one; told in the order of time."""
        if level != self._stands:
            self.true_count += level
            self._stands = level
            self.plan(at_us, "line", level)
