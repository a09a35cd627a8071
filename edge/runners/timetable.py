"""When to ask, and when to ask again: arithmetic over milliseconds since boot.

Sensors are asked at whole multiples of their interval, so that those of one bus share their time stamps and a chunk
needs them only once. A step that comes late asks once and goes on at the next multiple; what it skipped is counted.
Whoever fails is asked again soon, then ever more seldom, but never less than once in an interval or a minute.
"""

from __future__ import annotations

import math

FIRST_WAIT_MS = 1_000
LONGEST_WAIT_MS = 60_000


def next_multiple(now_ms: int, interval_ms: int) -> int:
    """The first whole multiple of the interval after this instant."""
    return (now_ms // interval_ms + 1) * interval_ms


def back_off_ms(failures: int, cap_ms: int) -> int:
    """How long to wait after so many failures in a row: one second, doubling, at most `cap_ms`."""
    return min(FIRST_WAIT_MS << min(max(failures, 1) - 1, 32), cap_ms)


def sensor_cap_ms(interval_ms: int) -> int:
    """The longest wait of a sensor that fails."""
    return max(interval_ms, LONGEST_WAIT_MS)


def whole_ms(seconds: float) -> int:
    """At least this long on a clock that shows whole milliseconds, however far into one we are."""
    return math.ceil(seconds * 1_000) + 1 if seconds > 0 else 0


class Attendance:
    """Counts the instants of one sensor's timetable that passed without it being asked."""

    def __init__(self, interval_ms: int) -> None:
        self.interval_ms = interval_ms
        self._last: int | None = None

    def began(self, now_ms: int) -> int:
        """It is asked now; how many instants passed since the last time."""
        slot = now_ms // self.interval_ms
        missed = max(0, slot - self._last - 1) if self._last is not None else 0
        self._last = slot
        return missed


class OncePerInterval:
    """Says a thing once in an interval, however often it happens."""

    def __init__(self, interval_ms: int) -> None:
        self.interval_ms = interval_ms
        self._last_ms: int | None = None

    def may(self, now_ms: int) -> bool:
        """Whether it may be said now; if so it counts as said."""
        if self._last_ms is not None and now_ms < self._last_ms + self.interval_ms:
            return False
        self._last_ms = now_ms
        return True

    def forget(self) -> None:
        """It may be said again at once."""
        self._last_ms = None
