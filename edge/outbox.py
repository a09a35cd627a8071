"""What to send next: events, then what was just measured, then the backlog, oldest first and at a bounded rate.

The journal holds the records; here is only where it is acked, where it has holes, and what is under way. So a gigabyte
of backlog weighs as much as none.
"""

from __future__ import annotations

from edge.effects import Committed, Send, Sent
from edge.flight import Flight
from edge.pace import Pace
from edge.ranges import Ranges


class Outbox:
    """The order of sending for one journal; times in ms since boot. `acked`: everything up to and with it is stored."""

    def __init__(self, pace: Pace, held: Committed, acked: int = -1, now_ms: int = 0) -> None:
        self._pace = pace
        self._tokens, self._tokens_ms = max(pace.backlog_rate, pace.pack), now_ms
        self._begin_epoch(held, max(acked, held.lowest - 1))
        self.begin_session()

    def _begin_epoch(self, held: Committed, acked: int) -> None:
        self.held = held
        self.acked = acked
        self._beyond = Ranges()  # acked above a hole
        self._gone = Ranges()  # neither acked nor readable
        self._urgent = Ranges()

    def begin_session(self) -> None:
        """Whatever is un-acked goes again; what comes from now on is live."""
        self._flight = Flight()
        self._live = self.held.next
        self._heard = True
        self._resend_ms = self._pace.resend_ms
        self.wait_ms: int | None = None  # until when the backlog's rate says wait

    @property
    def due_ms(self) -> int | None:
        """When there may be something to send though nothing happened."""
        oldest = self._flight.oldest_ms
        dues = [self.wait_ms, None if oldest is None else oldest + self._resend_ms]
        return min((due for due in dues if due is not None), default=None)

    @property
    def has_live(self) -> bool:
        """Whether something of this session's was not sent yet."""
        return self._open(max(self._live, self.held.lowest)) < self.held.next

    @property
    def memory(self) -> int:
        """How many ranges are remembered."""
        return len(self._beyond) + len(self._gone) + len(self._urgent) + self._flight.entries

    def commit(self, held: Committed) -> None:
        """The journal has grown, lost its oldest, or begun a new epoch."""
        if held.epoch != self.held.epoch:
            self._begin_epoch(held, held.lowest - 1)
            self.begin_session()
            self._live = held.lowest
        self.held = held
        self._gone.cut_below(held.lowest)
        for seq in held.urgent if len(self._urgent) < self._pace.holes else ():
            self._urgent.add(seq, seq)

    def gone(self, first: int, last: int) -> None:
        """These cannot be sent any more."""
        self._gone.add(first, last)

    def sent(self, sent: Sent, now_ms: int) -> None:
        """These are under way."""
        live = self._open(self._live) == sent.first
        self._flight.add(sent.first, sent.last, now_ms)
        if live:
            self._live = sent.last + 1
        elif sent.first < self._live:
            self._tokens -= sent.last - sent.first + 1

    def land(self, upto: int, ranges: list[tuple[int, int]]) -> bool:
        """These are stored, says the office; tells whether more than before may be forgotten."""
        before, top = self.acked, self.held.next - 1
        self._beyond.add(before + 1, min(upto, top))
        for first, last in ranges[: self._pace.holes] if len(self._beyond) < self._pace.holes else ():
            self._beyond.add(max(first, before + 1), min(last, top))
        self.acked = self._beyond.after(before + 1) - 1
        self._beyond.cut_below(self.acked + 1)
        self._urgent.cut_below(self.acked + 1)
        self._flight.land(self._beyond, self.acked)
        self._heard, self._resend_ms = True, self._pace.resend_ms
        return self.acked > before

    def next(self, now_ms: int) -> Send | None:
        """What to send now, if anything."""
        self._expire(now_ms)
        self.wait_ms = None
        return self._next_urgent() or self._next_live() or self._next_backlog(now_ms)

    def _expire(self, now_ms: int) -> None:
        if self._flight.expire(now_ms - self._resend_ms):
            self._resend_ms = min(self._pace.resend_cap_ms, 2 * self._resend_ms)
            self._heard = False

    def _next_urgent(self) -> Send | None:
        first = self._urgent.next_in(self.held.lowest)
        while first is not None and self._open(first) != first:
            first = self._urgent.next_in(first + 1)
        return Send(first, first) if first is not None else None

    def _next_live(self) -> Send | None:
        first = self._open(max(self._live, self.held.lowest))
        return self._run(first, self.held.next, self._pace.pack) if first < self.held.next else None

    def _next_backlog(self, now_ms: int) -> Send | None:
        first = self._open(self.held.lowest)
        room = (self._pace.flight if self._heard else self._pace.pack) - len(self._flight)
        wanted = min(self._pace.pack, room, self._live - first)
        if wanted <= 0:
            return None
        self._refill(now_ms)
        if self._tokens < wanted:
            self.wait_ms = now_ms + 1 + int((wanted - self._tokens) * 1_000 / self._pace.backlog_rate)
            return None
        return self._run(first, self._live, wanted)

    def _refill(self, now_ms: int) -> None:
        most = max(self._pace.backlog_rate, self._pace.pack)
        self._tokens = min(most, self._tokens + (now_ms - self._tokens_ms) * self._pace.backlog_rate / 1_000)
        self._tokens_ms = now_ms

    def _open(self, seq: int) -> int:
        """The lowest seq from here on that is neither acked, nor gone, nor under way."""
        seq = max(seq, self.acked + 1)
        while (further := self._flight.after(self._gone.after(self._beyond.after(seq)))) != seq:
            seq = further
        return seq

    def _run(self, first: int, end: int, most: int) -> Send:
        last = first
        while last + 1 < min(end, first + most) and self._open(last + 1) == last + 1:
            last += 1
        return Send(first, last)
