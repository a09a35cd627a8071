"""Two simulated light beams, and the people who walk through them, turn back in them, or stop in them."""

from __future__ import annotations

from simulators.chips.lines_chip import LinesChip

FROM_BEAM_TO_BEAM_US = 80_000
BODY_US = 200_000  # how long one body breaks one beam
WAYS = {"in": ("a", "b"), "out": ("b", "a")}


class DualBeam(LinesChip):
    """Beams `a` (outside) and `b`; `true_count` is who really passed, by direction."""

    name = "dual_beam"
    lines = ("a", "b")
    passers = "people"

    def power_on(self) -> None:
        self.true_count = {"in": 0, "out": 0}

    def passes(self, at_us: int, direction: str = "in") -> None:
        """Somebody walks through. Raises KeyError for another direction than in and out."""
        first, second = WAYS[direction]
        self.true_count[direction] += 1
        for line, later_us in ((first, 0), (second, FROM_BEAM_TO_BEAM_US)):
            self.plan(at_us + later_us, line, 1)
            self.plan(at_us + later_us + BODY_US, line, 0)

    def turns_back(self, at_us: int, direction: str = "in") -> None:
        """Somebody comes from that side, stands in both beams, and leaves as they came."""
        first, second = WAYS[direction]
        for later_us, line, level in ((0, first, 1), (1, second, 1), (4, second, 0), (5, first, 0)):
            self.plan(at_us + later_us * FROM_BEAM_TO_BEAM_US, line, level)
