"""What a metered link may carry on a day, and who may spend it.

Readings wait when nine tenths are gone; events, and what keeps the session alive, have the last tenth to themselves.
The backlog goes while all that was spent is no more than the share of the day so far, so that an outage of yesterday
does not eat the readings of today; a quarter of that share is its own, whatever else was sent.

A day is one of UTC while the time is known, else 24 hours from its beginning. What was spent of it outlives a restart:
`edge/ration.py` writes it down, always some more than was spent, so that a run which is cut off has spent no more than
is written. Where nothing can be read, a new run counts the hours since boot as spent.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.pace import Pace

DAY_MS = 86_400_000
READINGS_SHARE = 0.9
OWN_SHARE = 4  # one part in so many is the backlog's own
OVERHEAD = 240  # bytes that a message costs beside its payload: topic, MQTT, TCP, IP, its PUBACK and our ack
STEPS = 32  # so much of a day is set apart at a time: what a run that is cut off may lose of it
WRITE_MS = 3 * 3_600_000  # written down no less often


@dataclass(frozen=True, slots=True)
class Day:
    """What of a day's bytes is spent, or may have been; `number` of the UTC day, if it was known."""

    number: int | None
    boot_id: str
    begin_ms: int  # in time since that boot; may lie before it
    passed_ms: int  # how old the day was
    spent: int
    of_backlog: int


class Allowance:
    """Counts bytes of the day; times in ms since boot."""

    def __init__(self, pace: Pace, now_ms: int = 0) -> None:
        self._most = pace.day_bytes
        of_day_ms = now_ms % DAY_MS
        self._number: int | None = None
        self._begin_ms = now_ms - of_day_ms
        self.spent = self._most * of_day_ms // DAY_MS
        self._of_backlog = 0
        self._kept: tuple[int, int] | None = None  # what is written down, and when it was

    # What outlives a restart.

    def resume(self, day: Day | None, boot_id: str, now_ms: int) -> None:
        """Go on with the day that an earlier run began; None: there was none."""
        if day is None:
            self._number, self._begin_ms, self.spent, self._of_backlog = None, now_ms, 0, 0
            return
        same = day.boot_id == boot_id and day.begin_ms <= now_ms
        self._number, self._begin_ms = day.number, day.begin_ms if same else -day.passed_ms
        self.spent, self._of_backlog = day.spent, day.of_backlog
        self._turn(now_ms)

    def dated(self, offset_ms: int, now_ms: int) -> None:
        """The time is known: it is so many ms more since 1970 than since boot."""
        number = (now_ms + offset_ms) // DAY_MS
        if self._number is not None and number > self._number:
            self._renew()
        self._number, self._begin_ms = number, number * DAY_MS - offset_ms

    def unkept(self, now_ms: int) -> bool:
        """Whether to write down what is spent."""
        if self._kept is None:
            return True
        reserved, at_ms = self._kept
        return self.spent + self._step // 4 > reserved or now_ms - at_ms >= WRITE_MS

    def day(self, boot_id: str, now_ms: int, last: bool = False) -> Day:
        """What to write down; `last`: nothing more is spent in this run."""
        self._turn(now_ms)
        ahead = 0 if last else self._step
        return Day(self._number, boot_id, self._begin_ms, now_ms - self._begin_ms, min(self.spent + ahead, self._most),
                   self._of_backlog)  # fmt: skip

    def kept(self, now_ms: int) -> None:
        """It is written down."""
        self._kept = self.spent + self._step, now_ms

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return self._most > 0

    @property
    def _step(self) -> int:
        return self._most // STEPS

    # What is spent.

    def spend(self, payload_bytes: int, now_ms: int, backlog: bool = False) -> None:
        """A message went out."""
        self._turn(now_ms)
        self.spent += payload_bytes + OVERHEAD
        self._of_backlog += (payload_bytes + OVERHEAD) * backlog

    def _turn(self, now_ms: int) -> None:
        days = (now_ms - self._begin_ms) // DAY_MS
        if days > 0:
            self._begin_ms += days * DAY_MS
            self._number = None if self._number is None else self._number + days
            self._renew()

    def _renew(self) -> None:
        self.spent, self._of_backlog, self._kept = 0, 0, None

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
        enough_ms = self._begin_ms + int(spent * DAY_MS / (self._most * READINGS_SHARE)) + 1
        return enough_ms if enough_ms > now_ms else None

    def _wait(self, most: float, now_ms: int) -> int | None:
        self._turn(now_ms)
        return self._begin_ms + DAY_MS if self._most and self.spent >= most else None
