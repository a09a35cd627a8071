"""A simulated LD2450: up to three people, who stand somewhere or walk past; a frame every tenth of a second.

Who `passes` walks four metres straight towards the radar (in, with the driver's own line) or away from it (out), at
1 m/s, and is half-way, 2 m from the radar, at the time that is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from drivers.driver import SerialLine
from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.spoken_chip import SpokenChip

Place = tuple[float, float]
SLOTS = 3
MM = 1000
HALF_WAY_S = 1.8
NOBODY = bytes(8)


class LD2450(SpokenChip):
    """Who stands there is felt as presence; who walks past is told by `passes`, or by places in `stand`."""

    name = "ld2450"
    hides_busy = True
    line = SerialLine(256000)
    spans: ClassVar[Spans] = {Quantity.PRESENCE: (0.0, 1.0)}
    resolves: ClassVar[Values] = {Quantity.PRESENCE: 0.5}
    rests: ClassVar[Values] = {Quantity.PRESENCE: 0.0}
    untold = frozenset({Quantity.COUNT, Quantity.COUNT_TOTAL})  # only by the window
    frame_us = 100_000

    def __init__(self, now_us: Callable[[], int], noise: Callable[[Quantity], float] | None = None) -> None:
        self.stand: list[Place] = []  # metres
        self.walks: list[tuple[int, int, float]] = []  # when half-way, towards (-1) or away (1), how far to the right
        self.true_count = {"in": 0, "out": 0}
        super().__init__(now_us, noise)

    def passes(self, at_us: int, direction: str = "in") -> None:
        """Somebody walks past, half-way at this time."""
        sideways = 0.9 * (sum(self.true_count.values()) % 3 - 1)  # not through each other
        self.walks.append((at_us, -1 if direction == "in" else 1, sideways))
        self.true_count[direction] += 1

    def spoken(self) -> bytes:
        people = [(-0.5, 1.5)] if self.sense(Quantity.PRESENCE) >= 0.5 else []
        people = [] if self.faults.stuck_busy else (people + self.stand + self._walking())[:SLOTS]
        slots = [self._slot(*place) for place in people] + [NOBODY] * (SLOTS - len(people))
        return bytes.fromhex("aaff0300") + b"".join(slots) + b"\x55\xcc"

    def _walking(self) -> list[Place]:
        seen = []
        for at_us, way, sideways in self.walks:
            since_s = (self.now_us() - at_us) / 1e6
            if abs(since_s) <= HALF_WAY_S:
                seen.append((sideways, 2.0 + way * since_s))
        return seen

    def _slot(self, x: float, y: float) -> bytes:
        tremble = self.turns % 4
        words = (sign_word(round(x * MM) + tremble), sign_word(round(y * MM) + tremble), sign_word(0), 320)
        return b"".join(word.to_bytes(2, "little") for word in words)


def sign_word(value: int) -> int:
    """The radar's own way of signs: the top bit set is positive."""
    return value | 0x8000 if value >= 0 else -value
