"""Two light beams across a path, a hand's breadth apart: who passes breaks them one after the other.

Wiring: the outputs of the two receivers to two pins; level 1 is a broken beam (set `active_low` otherwise). Beam `a` is
the outer one. Seen as (a, b) a person going in draws 00-10-11-01-00, going out the same backwards. Each step forth
counts plus one and each step back minus one, so a hesitation, an arm or a springing contact cancels itself out, and
only four net steps make a passage. Two who walk arm in arm are one, which is the limit of the instrument.

Who stands in the beams for longer than `timeout_s` is furniture: the passage is forgotten, and the next begins
when both beams are whole again. It keeps no trace of anybody: two levels, a step and two counts. Source: the same
quadrature that tells the direction of a turning knob; what such counters are for, the Traffic Monitoring Guide of the
FHWA, chapter 4.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers.lines import Edge, LinesDriver
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Setting

PATH = ((0, 0), (1, 0), (1, 1), (0, 1))
WHOLE = (0, 0)
PASSAGE = {4: "in", -4: "out"}


class DualBeam(LinesDriver):
    """Passages in and out per window, and in all since the start."""

    name = "dual_beam"
    title = "Dual beam: people passing, by direction"
    datasheet = "https://www.fhwa.dot.gov/policyinformation/tmguide/"
    measures = (Quantity.COUNT, Quantity.COUNT_TOTAL)
    settings = (Setting("timeout_s", 5.0, "a passage that stands still for so long is forgotten", (), 0.1, 3600),)
    lines = ("a", "b")
    counts_people = True
    still_s = 0.0
    opens, totals = ("_window",), ("_total",)

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._timeout_us = float(self.chosen["timeout_s"]) * 1e6
        self._beams = WHOLE
        self._steps: int | None = 0  # None: astray, until both beams are whole
        self._last_us = 0
        self._lost = False  # edges, since the last one that came
        self._doubt_us = 0  # until then a passage may end of which edges were lost
        self._closed_us = 0
        self._window = {"in": 0, "out": 0}
        self._total = {"in": 0, "out": 0}

    def begin(self, at_us: int, levels: Mapping[str, int]) -> None:
        """Who stands in the beams when they begin to be watched is not counted."""
        self._beams = (levels["a"], levels["b"])
        self._steps = 0 if self._beams == WHOLE else None

    def edge(self, edge: Edge) -> None:
        """Take one step of the path. An edge that tells nothing new is no step."""
        if self._lost:
            self._lost, self._doubt_us = False, edge.at_us + round(self._timeout_us)
        before, self._beams = self._beams, self._after(edge)
        if before == self._beams:
            return
        if before != WHOLE and edge.at_us - self._last_us >= self._timeout_us:
            self._steps = None
        self._last_us = max(self._last_us, edge.at_us)
        if self._steps is not None:
            forth = (PATH.index(self._beams) - PATH.index(before)) % 4 == 1
            self._steps += 1 if forth else -1
        if self._beams == WHOLE:
            self._arrive()

    def _after(self, edge: Edge) -> tuple[int, int]:
        a, b = self._beams
        level = 1 if edge.level else 0
        return {"a": (level, b), "b": (a, level)}[edge.line]

    def _arrive(self) -> None:
        """Both beams are whole again: was that a passage?"""
        if way := PASSAGE.get(self._steps or 0):
            self._window[way] += 1
        self._steps = 0

    def lost(self, edges: int) -> None:
        """Forget the passage that is under way: nobody knows how it went on."""
        self._steps = 0 if self._beams == WHOLE else None
        self._lost = True

    @property
    def astray(self) -> bool:
        """Whose edges were lost shortly before a window ended may not be counted in the next."""
        return self._lost or self._closed_us < self._doubt_us

    def close(self, at_us: int) -> list[Reading]:
        """Four counts; zero is a reading. A passage counts in the window in which it ends."""
        self._closed_us = at_us
        for way, count in self._window.items():
            self._total[way] += count
        counts = [Reading(Quantity.COUNT, float(count), way) for way, count in self._window.items()]
        self._window = {"in": 0, "out": 0}
        return counts + [Reading(Quantity.COUNT_TOTAL, float(count), way) for way, count in self._total.items()]
