"""GPIO lines as pure logic over timed edges: counts, directions, never a person.

The kernel stamps each edge; a driver sees (time, line, level) in order and closes a window when it is told. It holds
no clock: a window is closed at a time that it is given. Counts are per window, with a cumulative twin that lets the
store check the sums.

Edges tell of changes only. A door that stands open, a car that stands on the loop: how the lines stand when they begin
to be watched is told by `begin`, at the start and each time after they were cut off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.window import Windowed


@dataclass(frozen=True, slots=True)
class Edge:
    """A line changed its level: `at_us` on a clock that never steps, `level` 1 is active."""

    at_us: int
    line: str
    level: int


class LinesDriver(Windowed):
    """Logic over the edges of one or more named lines; `close` ends a window, `lost` tells of dropped edges."""

    lines: tuple[str, ...] = ("line",)  # an instance whose settings add a line sets its own
    must_window = True

    def begin(self, at_us: int, levels: Mapping[str, int]) -> None:
        """From now on the lines are watched, and so they stand. Said again whenever they were not watched for a while.

        An edge that comes at the same moment may already be in the levels: it tells nothing new then.
        """

    def edge(self, edge: Edge) -> None:
        """Take one edge, in the order of time. Unknown lines are a programming error (KeyError)."""
        raise NotImplementedError
