"""The half that chips on GPIO lines share: what passes by becomes edges, each at its time, in the order of time.

The world says when something passes; the chip turns it into edges that lie in the future until their time has come.
`bounces` is how often a contact springs each time it closes or opens: so many extra pairs of edges.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from drivers.lines import Edge
from drivers.reading import Quantity
from simulators.chips.chip import Chip, Spans, Values

SPRING_US = 400  # from one touch of a springing contact to the next


class LinesChip(Chip):
    """A simulated chip on one or more named lines."""

    lines: ClassVar[tuple[str, ...]]
    spans: ClassVar[Spans] = {}
    resolves: ClassVar[Values] = {}
    rests: ClassVar[Values] = {}
    bounces = 0

    def __init__(self, now_us: Callable[[], int], noise: Callable[[Quantity], float] | None = None) -> None:
        self._coming: list[tuple[int, int, str, int]] = []
        self._planned = 0
        super().__init__(now_us, noise)

    def plan(self, at_us: int, line: str, level: int) -> None:
        """Let a line come to this level, springing as its contact does."""
        if line not in self.lines:
            raise ValueError(f"a {self.name} has no line {line!r}")
        for spring in range(self.bounces + 1):
            self._edge(at_us + 2 * spring * SPRING_US, line, level)
            if spring < self.bounces:
                self._edge(at_us + (2 * spring + 1) * SPRING_US, line, 1 - level)

    def edges(self) -> list[Edge]:
        """The edges since the last call. A frozen or unplugged chip has none."""
        happened = []
        while self._coming and self._coming[0][0] <= self.now_us():
            at_us, _, line, level = heapq.heappop(self._coming)
            if not (self.faults.freeze or self.faults.unplug):
                happened.append(Edge(at_us, line, level))
        return happened

    def next_us(self) -> int | None:
        """When the next edge comes; None when nothing is planned."""
        return self._coming[0][0] if self._coming else None

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name != "edges":
            return super().take(name, value, door)
        for edge in value:
            line = self.lines[0] if len(self.lines) == 1 else str(edge["line"])
            self.plan(int(edge["t_us"]), line, int(edge["level"]))
        return None

    def _edge(self, at_us: int, line: str, level: int) -> None:
        self._planned += 1
        heapq.heappush(self._coming, (at_us, self._planned, line, level))
