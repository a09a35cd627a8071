"""When to try again: full jitter, so that ten thousand nodes do not knock at once when a broker comes back."""

from __future__ import annotations

from collections.abc import Callable

from edge.pace import Pace

STEEPEST = 30


class Retry:
    """Delays of random(0, min(cap, base * 2**n)); `random` gives numbers from 0 up to but without 1."""

    def __init__(self, pace: Pace, random: Callable[[], float]) -> None:
        self._pace = pace
        self._random = random
        self.attempts = 0

    def delay_ms(self, lasted_ms: int) -> int:
        """How long to wait after a session of this length; 0 when there was none."""
        if lasted_ms >= self._pace.proven_ms:
            self.attempts = 0
        most = min(self._pace.retry_cap_ms, self._pace.retry_ms << self.attempts)
        self.attempts = min(self.attempts + 1, STEEPEST)
        return int(self._random() * most)
