"""The half that chips share whose contact closes once for each turn or tip, the faster the more is felt."""

from __future__ import annotations

from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.lines_chip import LinesChip


class TurningChip(LinesChip):
    """One line; `true_count` closures, evenly spaced as long as what is felt does not change."""

    lines = ("line",)
    quantity: ClassVar[Quantity]
    closed_us: ClassVar[int]  # at most so long, and never more than a quarter of a turn

    def power_on(self) -> None:
        self.true_count = 0
        self._turned = 0.0  # of the turn that is under way

    def hz(self, felt: float) -> float:
        """Closures a second at what is felt."""
        raise NotImplementedError

    def live(self, from_us: int, to_us: int) -> None:
        hz = self.hz(self.sense(self.quantity))
        turned = self._turned + (to_us - from_us) / 1e6 * hz
        for closure in range(1, int(turned) + 1):
            self._close(from_us + round((closure - self._turned) / hz * 1e6), hz)
        self._turned = turned % 1.0

    def _close(self, at_us: int, hz: float) -> None:
        self.true_count += 1
        self.plan(at_us, "line", 1)
        self.plan(at_us + min(self.closed_us, round(250_000 / hz)), "line", 0)
