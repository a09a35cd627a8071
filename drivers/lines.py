"""GPIO lines as pure logic over timed edges: counts, directions, never a person.

The kernel stamps each edge; a driver sees (time, line, level) in order and closes a window when it is told. It holds
no clock: a window is closed at a time that it is given. Counts are per window, with a cumulative twin that lets the
store check the sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drivers.driver import Driver
from drivers.reading import Reading


@dataclass(frozen=True, slots=True)
class Edge:
    """A line changed its level: `at_us` on a clock that never steps, `level` 1 is active."""

    at_us: int
    line: str
    level: int


class LinesDriver(Driver):
    """Logic over the edges of one or more named lines."""

    lines: ClassVar[tuple[str, ...]] = ("line",)
    counts_people: bool = False  # windows shorter than 300 s are then refused outside the simulator

    def edge(self, edge: Edge) -> None:
        """Take one edge, in the order of time. Unknown lines are a programming error (KeyError)."""
        raise NotImplementedError

    def lost(self, edges: int) -> None:
        """The kernel dropped this many edges before the next one: give up what is half seen, never invent."""

    def close(self, at_us: int) -> list[Reading]:
        """Close the window at this time: its counts (zero is a reading) and running totals."""
        raise NotImplementedError
