"""A simulated contact that closes once for everything that passes."""

from __future__ import annotations

from simulators.chips.lines_chip import LinesChip

CLOSED_US = 60_000


class PulseCounter(LinesChip):
    """One line; `true_count` is what passed by in the world."""

    name = "pulse_counter"
    lines = ("line",)
    passers = "vehicles"
    true_count = 0

    def passes(self, at_us: int, direction: str = "in") -> None:
        """Something passes; a contact does not know from which side."""
        self.true_count += 1
        self.plan(at_us, "line", 1)
        self.plan(at_us + CLOSED_US, "line", 0)
