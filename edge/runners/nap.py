"""When a device that wears may sleep between two readings, and when it must be woken to be warm at the next."""

from __future__ import annotations

from edge.runners.timetable import next_multiple
from edge.runners.warmth import Warmth

LEAST_NAP_MS = 5_000  # sleeping for less is not worth it
EARLY_MS = 1_000  # before a warm-up must begin


class Nap:
    """Of one device; times in ms since boot."""

    def __init__(self, wanted: bool, warmth: Warmth, interval_ms: int) -> None:
        self.wanted, self._warmth, self._interval_ms = wanted, warmth, interval_ms
        self.setup_ms = 0  # how long the last setup took
        self.wake_ms: int | None = None  # None: it is awake

    @property
    def sleeps(self) -> bool:
        return self.wake_ms is not None

    def begin(self, now_ms: int) -> bool:
        """It was read; whether it goes to sleep now."""
        if self.wanted:
            target_ms = next_multiple(now_ms, self._interval_ms)
            wake_ms = target_ms - self._warmth.longest_ms - self.setup_ms - EARLY_MS
            if wake_ms >= now_ms + LEAST_NAP_MS:
                self.wake_ms = wake_ms
        return self.sleeps

    def is_over(self, now_ms: int) -> bool:
        """Whether it is to be woken now; once."""
        if self.wake_ms is None or now_ms < self.wake_ms:
            return False
        self.wake_ms = None
        return True

    def rouse(self) -> None:
        """It is wanted at once."""
        if self.wake_ms is not None:
            self.wake_ms = 0
