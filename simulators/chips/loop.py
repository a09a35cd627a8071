"""A simulated loop detector: closed while a vehicle stands on a loop, or a pulse for each; one loop or two."""

from __future__ import annotations

from simulators.chips.lines_chip import LinesChip

PULSE_US = 125_000
VEHICLE_M, LOOP_M = 4.5, 2.0
WAYS = {"in": ("a", "b"), "out": ("b", "a"), "ab": ("a", "b"), "ba": ("b", "a")}


class Loop(LinesChip):
    """Loop `a`, and `b` behind it where `loops` is 2; `true_count` is all that passed (two loops: `true_ways`)."""

    name = "loop"
    lines = ("a", "b")
    passers = "vehicles"
    loops = 1
    mode = "presence"
    distance_m = 2.5
    kmh = 36.0  # of what passes

    def power_on(self) -> None:
        self.true_count = 0
        self.true_ways = {"ab": 0, "ba": 0}
        self.occupied_us = 0  # of loop a

    def passes(self, at_us: int, direction: str = "in") -> None:
        """A vehicle at `kmh`. Raises KeyError for another direction than in (a to b) and out."""
        first, second = WAYS[direction]
        self.true_count += 1
        self.true_ways[first + second] += 1
        stays_us = round((VEHICLE_M + LOOP_M) / (self.kmh / 3.6) * 1e6) if self.mode == "presence" else PULSE_US
        self.occupied_us += stays_us
        later_us = round(self.distance_m / (self.kmh / 3.6) * 1e6)
        for line, from_us in ((first, at_us), (second, at_us + later_us)):
            if line == "a" or self.loops == 2:
                self.plan(from_us, line, 1)
                self.plan(from_us + stays_us, line, 0)
