"""GPIO lines as pure logic over timed edges: counts, directions, never a person.

The kernel stamps each edge; a driver sees (time, line, level) in order and closes a window when it is told. It holds
no clock: a window is closed at a time that it is given. Counts are per window, with a cumulative twin that lets the
store check the sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drivers.window import Windowed


@dataclass(frozen=True, slots=True)
class Edge:
    """A line changed its level: `at_us` on a clock that never steps, `level` 1 is active."""

    at_us: int
    line: str
    level: int


class LinesDriver(Windowed):
    """Logic over the edges of one or more named lines; `close` ends a window, `lost` tells of dropped edges."""

    lines: ClassVar[tuple[str, ...]] = ("line",)
    must_window = True

    def edge(self, edge: Edge) -> None:
        """Take one edge, in the order of time. Unknown lines are a programming error (KeyError)."""
        raise NotImplementedError
