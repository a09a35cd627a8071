"""Two simulated tubes, and what rolls over them: each axle hits both, at the time that its speed gives."""

from __future__ import annotations

from collections.abc import Sequence

from simulators.chips.lines_chip import LinesChip

CLOSED_US = 12_000  # how long the air of one axle holds the switch
GAP_M = 1.0
WAYS = {"in": ("a", "b"), "out": ("b", "a"), "ab": ("a", "b"), "ba": ("b", "a")}
CAR_M, CAR_KMH = (0.0, 2.6), 50.0


class DualTube(LinesChip):
    """Tubes `a` and `b`; `true_count` is what really rolled over them, by way and class."""

    name = "dual_tube"
    lines = ("a", "b")
    passers = "vehicles"
    gap_m = GAP_M

    def power_on(self) -> None:
        self.true_count: dict[str, int] = {"ab.car": 0, "ba.car": 0}

    def passes(self, at_us: int, direction: str = "in") -> None:
        """A car. Raises KeyError for another direction than in (a to b) and out."""
        self.rolls(at_us, direction, CAR_M, CAR_KMH, "car")

    def rolls(self, at_us: int, direction: str, axles_m: Sequence[float], kmh: float, kind: str) -> None:
        """A vehicle whose axles lie so far behind its first; `kind` is what it should count as."""
        first, second = WAYS[direction]
        key = f"{first}{second}.{kind}"
        self.true_count[key] = self.true_count.get(key, 0) + 1
        for axle_m in axles_m:
            for line, way_m in ((first, axle_m), (second, axle_m + self.gap_m)):
                hit_us = at_us + round(way_m / (kmh / 3.6) * 1e6)
                self.plan(hit_us, line, 1)
                self.plan(hit_us + CLOSED_US, line, 0)
