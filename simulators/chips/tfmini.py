"""A simulated TFmini-S: distance, strength and temperature a hundred times a second. Who `passes` is 1 m away."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from drivers.driver import SerialLine
from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.spoken_chip import SpokenChip

PASSES_US = 400_000
PASSING_CM = 100
DAZZLED = 0xFFFF


class TFmini(SpokenChip):
    """Distance. `strength` and `celsius` may be set; strength below 100 is a look that met nothing."""

    name = "tfmini"
    line = SerialLine(115200)
    spans: ClassVar[Spans] = {Quantity.DISTANCE: (0.1, 12.0)}
    resolves: ClassVar[Values] = {Quantity.DISTANCE: 0.01}
    rests: ClassVar[Values] = {Quantity.DISTANCE: 3.0}
    untold = frozenset({Quantity.COUNT, Quantity.COUNT_TOTAL, Quantity.OCCUPANCY})  # only by the window
    frame_us = 10_000
    strength = 1450
    celsius = 25.0

    def __init__(self, now_us: Callable[[], int], noise: Callable[[Quantity], float] | None = None) -> None:
        self._passing: list[int] = []
        self.true_count = 0
        super().__init__(now_us, noise)

    def passes(self, at_us: int, direction: str = "in") -> None:
        """Somebody comes between at this time, and is gone again a moment later."""
        self._passing.append(at_us)
        self.true_count += 1

    def spoken(self) -> bytes:
        self._passing = [at_us for at_us in self._passing if self.now_us() - at_us < PASSES_US]
        between = any(at_us <= self.now_us() for at_us in self._passing)
        cm = PASSING_CM if between else round(self.sense(Quantity.DISTANCE) * 100)
        strength = DAZZLED if self.faults.saturate else self.strength + self.turns % 7
        if self.faults.stuck_busy:
            cm, strength = 0, 0
        words = (cm, strength, round((self.celsius + 256) * 8))
        body = b"\x59\x59" + b"".join(word.to_bytes(2, "little") for word in words)
        return body + bytes([sum(body) & 0xFF])
