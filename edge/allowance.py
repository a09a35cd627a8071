"""What a metered link may carry on a day, and who may spend it.

Readings wait when nine tenths are gone; events, and what keeps the session alive, have the last tenth to themselves.
The backlog goes while all that was spent is no more than the share of the day so far, so that an outage of yesterday
does not eat the readings of today; a quarter of that share is its own, whatever else was sent. A day is 24 hours since
boot: it needs no clock. A new run counts the day so far as spent, so that an agent that begins again and again spends
no more.
"""

from __future__ import annotations

from edge.pace import Pace

DAY_MS = 86_400_000
READINGS_SHARE = 0.9
OWN_SHARE = 4  # one part in so many is the backlog's own
OVERHEAD = 240  # bytes that a message costs beside its payload: topic, MQTT, TCP, IP, its PUBACK and our ack


class Allowance:
    """Counts bytes of the day; times in ms since boot."""

    def __init__(self, pace: Pace, now_ms: int = 0) -> None:
        self._most = pace.day_bytes
        self._day, of_day_ms = divmod(now_ms, DAY_MS)
        self.spent = self._most * of_day_ms // DAY_MS
        self._of_backlog = 0

    def spend(self, payload_bytes: int, now_ms: int, backlog: bool = False) -> None:
        """A message went out."""
        self._turn(now_ms)
        self.spent += payload_bytes + OVERHEAD
        self._of_backlog += (payload_bytes + OVERHEAD) * backlog

    def _turn(self, now_ms: int) -> None:
        if now_ms // DAY_MS != self._day:
            self._day, self.spent, self._of_backlog = now_ms // DAY_MS, 0, 0

    def event_wait_ms(self, now_ms: int) -> int | None:
        """Until when events must wait; None: they may go."""
        return self._wait(self._most, now_ms)

    def live_wait_ms(self, now_ms: int) -> int | None:
        """The same for readings that were just taken."""
        return self._wait(self._most * READINGS_SHARE, now_ms)

    def backlog_wait_ms(self, now_ms: int) -> int | None:
        """The same for readings of an outage: until their share of the day has grown."""
        if (wait_ms := self.live_wait_ms(now_ms)) is not None or not self._most:
            return wait_ms
        spent = min(self.spent, OWN_SHARE * self._of_backlog)
        enough_ms = self._day * DAY_MS + int(spent * DAY_MS / (self._most * READINGS_SHARE)) + 1
        return enough_ms if enough_ms > now_ms else None

    def _wait(self, most: float, now_ms: int) -> int | None:
        self._turn(now_ms)
        return (self._day + 1) * DAY_MS if self._most and self.spent >= most else None
