"""Drivers that look often and say little: what they see is folded into windows, and only the window leaves the pole.

A radar that sees every car, a thermal array that sees every head: the looks themselves would be traces of people. So
with a `window` on the board the looks stay inside the driver and `close` gives counts, shares and means; where a
driver may also be used without a window (`must_window` false) it is then a plain sensor whose `read` is reported.

The driver holds no clock: `at_us` of each look and of each close is time since boot, handed in. Counts are per window,
zero is a reading, and a cumulative twin (`count_total`) lets the store check the sums.
"""

from __future__ import annotations

from drivers.driver import Driver
from drivers.reading import Reading


class Windowed(Driver):
    """Mixed into a talk, a stream, or lines."""

    counts_people: bool = False  # windows shorter than 300 s are then refused outside the simulator
    must_window: bool = False  # of no use without a window
    window_look_s: float = 0.1  # how often a talk is asked inside a window
    least_for_mean: int = 1  # the speed of fewer is not told; a runner raises it: the mean of one is somebody's

    @property
    def astray(self) -> bool:
        """Whether it still sees nothing because of what was lost before: then the next window is in doubt, too."""
        return False

    def lost(self, looks: int) -> None:
        """So many looks or edges were missed before the next one: give up what is half seen, never invent."""

    def close(self, at_us: int) -> list[Reading]:
        """Close the window at this time: its counts, shares and means, and running totals.

        Nothing at all where nothing was looked at, which the driver knows best: a road may be silent and empty.
        """
        raise NotImplementedError
