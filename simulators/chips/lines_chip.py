"""The half that chips on GPIO lines share: what passes by becomes edges, each at its time, in the order of time.

The world says when something passes; the chip turns it into edges that lie in the future until their time has come.
`bounces` is how often a contact springs each time it closes or opens: so many extra pairs of edges.

What passes by is said one by one (`passes`, where the chip counts); what the chip `feels`, rain, wind, an open door, is
lived through by `live`, stretch by stretch. Over a window of `steady_s` at one felt value its driver must say that
value, to within what the chip `resolves`.
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
    steady_s: ClassVar[float] = 0.0  # over such a window what is felt is what is read; 0: it feels nothing
    passers: ClassVar[str] = ""  # "people" or "vehicles", where such pass by
    bounces = 0

    def __init__(self, now_us: Callable[[], int], noise: Callable[[Quantity], float] | None = None) -> None:
        self._coming: list[tuple[int, int, str, int]] = []
        self._planned = 0
        self._stand = dict.fromkeys(self.lines, 0)  # how the lines would stand if nothing were wrong
        self.levels = dict.fromkeys(self.lines, 0)  # how they stand, as whoever last asked for edges left them
        super().__init__(now_us, noise)

    def plan(self, at_us: int, line: str, level: int) -> None:
        """Let a line come to this level, springing as its contact does."""
        if line not in self.lines:
            raise ValueError(f"a {self.name} has no line {line!r}")
        for spring in range(self.bounces + 1):
            self._edge(at_us + 2 * spring * SPRING_US, line, level)
            if spring < self.bounces:
                self._edge(at_us + (2 * spring + 1) * SPRING_US, line, 1 - level)

    def live(self, from_us: int, to_us: int) -> None:
        """Plan what the felt world does to the lines between these instants; each stretch is lived once, in order."""

    def passes(self, at_us: int, direction: str = "in") -> None:
        """Something passes by; only some chips notice."""

    def edges(self) -> list[Edge]:
        """The edges since the last call, in order of time.

        A frozen, stuck or unplugged chip has none, and in a brown-out they are lost. When it speaks again, its lines
        come at once to where they should stand by then.
        """
        silent = self.faults.freeze or self.faults.unplug or self.faults.stuck_busy or self.faults.browned_out()
        since = dict(self._stand)
        happened = self._noise()
        while self._coming and self._coming[0][0] <= self.now_us():
            at_us, _, line, level = heapq.heappop(self._coming)
            self._stand[line] = level
            happened.append(Edge(at_us, line, level))
        if silent:
            return []
        began_us = min((edge.at_us for edge in happened), default=self.now_us())
        anew = [Edge(began_us, line, level) for line, level in since.items() if self.levels[line] != level]
        self.levels = dict(self._stand)
        return anew + sorted(happened, key=lambda edge: edge.at_us)

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

    def _noise(self) -> list[Edge]:
        """What a bad wire picks up: needles of 20 µs on every line, in the moment before now."""
        needles = len(self.faults.noise())
        from_us = self.now_us() - 100 * needles
        return [
            Edge(from_us + 100 * at + up, line, 1 - up // 20)
            for at in range(needles) if from_us >= 0 for line in self.lines for up in (0, 20)
        ]  # fmt: skip

    def _edge(self, at_us: int, line: str, level: int) -> None:
        self._planned += 1
        heapq.heappush(self._coming, (at_us, self._planned, line, level))
