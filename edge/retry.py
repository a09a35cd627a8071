"""When to try again, and where: so that ten thousand nodes do not knock at once when a broker comes back.

Full jitter of random(0, min(cap, base * 2**n)) is right for one node and wrong for a city: all start at n = 0, so the
first second sees them all; and who drew short delays while the broker was away bunches up behind the others. What
keeps the knocking even, whatever the outage, is a process that is even from its first moment on. So after a failed
attempt a node waits between half the cap and the cap; and after a lost session as long as somebody who was looked at in
the midst of such a wait has still to wait. Then the fleet knocks 4/3 times a cap each, from the first second to the
last, and all are back within a cap. The cap belongs to the size of the fleet: 5 minutes are for ten thousand nodes.

A node that had no session yet in its run stands at the beginning of its life, often with somebody beside it: it tries
after 1 s at most, then 2, and so on up to the cap.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

from edge.pace import Pace

STEEPEST = 30
TWICE = 2
MOST_HOMINGS = 3  # the wait doubles no more often


class Retry:
    """Delays in ms; `random` gives numbers from 0 up to but without 1."""

    def __init__(self, pace: Pace, random: Callable[[], float]) -> None:
        self._pace, self._random = pace, random
        self.cap_ms = pace.retry_cap_ms
        self._attempts = 0
        self._met = False  # there was a session in this run

    def delay_ms(self, had_session: bool) -> int:
        """How long to wait after a session, or after an attempt that became none."""
        cap = self.cap_ms
        if had_session:
            self._met = True
            return int(self._rest(cap))
        most = self._pace.retry_ms << self._attempts
        self._attempts = min(self._attempts + 1, STEEPEST)
        if self._met or most >= cap:
            return int(cap / 2 + self._random() * cap / 2)
        return int(self._random() * most)

    def told(self, back_within_ms: int | None) -> None:
        """The office says how long its nodes may take; never longer than the board allows."""
        if back_within_ms is not None:
            self.cap_ms = max(self._pace.retry_ms, min(back_within_ms, self._pace.retry_cap_ms))

    def soon_ms(self) -> int:
        """How long to wait before going back to a broker that was well, and so had a session of ours."""
        self._met = True
        return int(self._random() * self._pace.retry_ms)

    def _rest(self, cap: int) -> float:
        """What is left, at some moment of it, of a wait that is drawn evenly from half the cap to the cap."""
        if self._random() < 2 / 3:
            return self._random() * cap / 2
        return cap - cap / 2 * sqrt(self._random())


class Turns:
    """Which broker to try: the first, until it failed twice; then the others in turn; and home after a while."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.broker = 0
        self._failures = 0
        self._away = 0  # the broker that was left to look whether the first is back
        self._homings = 0

    def lost(self, lasted_ms: int | None) -> bool:
        """A session of this length ended, or none came to be (None); true: back to the broker that was left for it."""
        if self._away and lasted_ms is None:
            self.broker, self._away = self._away, 0
            self._homings = min(self._homings + 1, MOST_HOMINGS)
            return True
        self._away = 0
        proven = lasted_ms is not None and lasted_ms >= self._pace.proven_ms
        self._failures = 1 if proven else self._failures + 1
        if proven and not self.broker:
            self._homings = 0
        if self._failures >= TWICE:
            self.broker, self._failures = (self.broker + 1) % self._pace.brokers, 0
        return False

    def home_ms(self, since_ms: int) -> int | None:
        """When to leave a broker that is not the first, where the session stands since then."""
        return since_ms + (self._pace.home_ms << self._homings) if self.broker else None

    def go_home(self) -> None:
        """Leave this broker, to look for the first."""
        self._away, self.broker = self.broker, 0
