"""What to send next: events, then what was just measured, then the backlog, oldest first and at a bounded rate.

The journal holds the records; here is only where it is acked, where it has holes, and what is under way. So a gigabyte
of backlog weighs as much as none. Readings wait for company up to `publish_ms`, for a message costs more than what is
in it; events go at once, but a storm of them is gathered into one message a second. Runs end where a multiple of `pack`
is reached, so that what is sent again is cut as it was before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from edge.allowance import Allowance
from edge.effects import Committed, Send, Sent
from edge.flight import Flight
from edge.pace import Pace
from edge.ranges import Ranges
from edge.tokens import Tokens
from edge.window import Window

NEAR = 4  # seqs between two events that go in one message
MANY = 32  # ranges of another copy of the journal that hide ours in an ack


class Outbox:
    """The order of sending for one journal; times in ms since boot. `acked`: everything up to and with it is stored."""

    def __init__(self, pace: Pace, held: Committed, acked: int = -1, now_ms: int = 0) -> None:
        self._pace = pace
        self.allowance = Allowance(pace, now_ms)
        self.window = Window(pace)
        self._backlog_tokens = Tokens(max(pace.backlog_rate, pace.pack), pace.backlog_rate, now_ms)
        self._event_tokens = Tokens(pace.burst, 1_000 / pace.event_ms, now_ms)
        self.gave_out: Callable[[int], bool | None] = lambda seq: seq < self.held.next  # None: nobody can tell now
        self.stranger: int | None = None  # a number that the last ack told and that this journal never gave out
        self.misled = False  # that ack was mostly for another copy of the journal
        self._begin_epoch(held, max(acked, held.lowest - 1))
        self.begin_session()

    def _begin_epoch(self, held: Committed, acked: int) -> None:
        self.held = held
        self.acked = acked
        self._named_by = held.next  # the records below name whatever the journal gave up or left out below the lowest
        self._beyond = Ranges()  # acked above a hole
        self._gone = Ranges()  # neither acked nor readable
        self._leaps = Ranges()  # those of them that were never given out
        self._urgent = Ranges()

    def begin_session(self) -> None:
        """Whatever is un-acked goes again; what comes from now on is live."""
        self._flight = Flight()
        self._live = self.held.next
        self._go_ms: int | None = None  # when what is live has waited long enough
        self._heard = True
        self._resend_ms = self._pace.resend_ms
        self._waits: list[int] = []  # until when something must wait that could else go
        self.unanswered_ms: int | None = None  # since when the office owes us an ack

    @property
    def due_ms(self) -> int | None:
        """When there may be something to send though nothing happened."""
        oldest = self._flight.oldest_ms
        return min([*self._waits, *([] if oldest is None else [oldest + self._resend_ms])], default=None)

    @property
    def has_live(self) -> bool:
        """Whether something of this session's was not sent yet."""
        return self._open(self._live) < self.held.next

    @property
    def memory(self) -> int:
        """How many ranges are remembered."""
        known = (self._beyond, self._gone, self._leaps, self._urgent)
        return sum(map(len, known)) + len(self._flight)

    # What happens.

    def commit(self, held: Committed, now_ms: int) -> None:
        """The journal has grown, lost its oldest, or begun a new epoch."""
        if held.epoch != self.held.epoch:
            self._begin_epoch(held, held.lowest - 1)
            self.begin_session()
            self._live = held.lowest
        self._named_by = held.next if held.lowest > self.held.lowest else self._named_by
        self.held = held
        self._gone.cut_below(held.lowest)
        self._urgent.cut_below(held.lowest)
        self._live = max(self._live, held.lowest)
        self.recall(held.urgent)
        if self._go_ms is None and self.has_live:
            self._go_ms = now_ms + self._pace.publish_ms

    @property
    def crowded(self) -> bool:
        """Whether so many events wait that no more of earlier lives should be looked for."""
        return 2 * len(self._urgent) >= self._pace.holes

    def recall(self, events: Iterable[int]) -> None:
        """These are events, and go first; as many as can be remembered."""
        for seq in events:
            if seq > self.acked and len(self._urgent) < self._pace.holes:
                self._urgent.add(seq, seq)

    def hurry(self, now_ms: int) -> None:
        """Nothing waits for company any more."""
        self._go_ms = now_ms

    def gone(self, first: int, last: int, leap: bool = False) -> None:
        """These cannot be sent any more; a `leap` was never given out, and ends right before a record."""
        self._gone.add(first, last)
        if leap and len(self._leaps) < self._pace.holes:
            self._leaps.add(first, last)

    def sent(self, sent: Sent, now_ms: int) -> None:
        """These are under way."""
        live, urgent = self._open(self._live) == sent.first, sent.first in self._urgent
        self._flight.add(sent.first, sent.last, now_ms, not (live or urgent))
        self.allowance.spend(sent.size, now_ms, not (live or urgent))
        if self.unanswered_ms is None:
            self.unanswered_ms = now_ms
        if urgent:
            self._event_tokens.take(1, now_ms)
        if live:
            self._live = sent.last + 1
        elif sent.first < self._live:
            self._backlog_tokens.take(sent.last - sent.first + 1, now_ms)
        if not self.has_live:
            self._go_ms = None

    def land(self, upto: int, ranges: Sequence[tuple[int, int]], now_ms: int) -> bool:
        """These are stored, says the office; tells whether more than before may be forgotten.

        What ends at a number that was never given out is not about our records, whatever else lies in it.
        """
        before, under_way = self.acked, len(self._flight)
        for first, last in (ours := list(self._ours(upto, ranges))):
            self._beyond.add(first, last)
            self._urgent.take_out(first, last)
        if self._beyond_leaps(self.held.lowest) >= self._named_by:
            self._beyond.add(before + 1, self.held.lowest - 1)
        self.acked = self._beyond_leaps(before + 1) - 1
        for known in (self._beyond, self._urgent, self._leaps):
            known.cut_below(self.acked + 1)
        self._heard, self._resend_ms = True, self._pace.resend_ms
        if (sent_ms := self._flight.land(self._beyond, self.acked)) is not None:
            self.window.acked(sent_ms, under_way - len(self._flight), now_ms)
            self._overtaken(sent_ms, max(last for _, last in ours), now_ms)
        self.unanswered_ms = now_ms if len(self._flight) else None
        return self.acked > before

    def _ours(self, upto: int, ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """What of an ack is new and about this copy of the journal."""
        begin, strangers = self.acked + 1, list[int]()
        many = len(self._beyond) >= self._pace.holes
        for first, last in ((begin, upto), *(() if many else ranges[: self._pace.holes])):
            known = last < begin or last in self._beyond or self.gave_out(last)
            if known:
                yield max(first, begin), last
            elif known is not None:
                strangers.append(last)
        self.stranger = max(strangers, default=None)
        self.misled = upto in strangers or len(strangers) > MANY

    def _beyond_leaps(self, seq: int) -> int:
        """The lowest from `seq` on that is not acked; a leap is passed when the record behind it is."""
        seq = self._beyond.after(seq)
        while (end := self._leaps.after(seq)) != seq and end in self._beyond:
            seq = self._beyond.after(end)
        return seq

    def _overtaken(self, sent_ms: int, told: int, now_ms: int) -> None:
        """What lies in a hole of what the ack tells, and was sent well before what it acks, did not arrive."""
        lost_ms = self._flight.expire(sent_ms - self._pace.overtaken_ms, told)
        if lost_ms is not None:
            self.window.halve(lost_ms, now_ms)

    # What goes next.

    def next(self, now_ms: int, full: bool = False) -> Send | None:
        """What to send now, if anything; `full`: nothing of the backlog. Of an office that is silent, a record asks."""
        self._expire(now_ms)
        self._waits = []
        return self._next_urgent(now_ms) or self._next_live(now_ms) or (None if full else self._next_backlog(now_ms))

    def _expire(self, now_ms: int) -> None:
        lost_ms = self._flight.expire(now_ms - self._resend_ms)
        if lost_ms is not None:
            self._resend_ms = min(self._pace.resend_cap_ms, 2 * self._resend_ms)
            self._heard = False
            self.window.halve(lost_ms, now_ms)

    def _waits_until(self, *times_ms: int | None) -> bool:
        """Whether one of these lies ahead: then there is a wait."""
        wait_ms = max((time_ms for time_ms in times_ms if time_ms is not None), default=None)
        self._waits += [] if wait_ms is None else [wait_ms]
        return wait_ms is not None

    def _next_urgent(self, now_ms: int) -> Send | None:
        first = self._next_event(self.held.lowest)
        if first is None:
            return None
        if self._waits_until(self._event_tokens.wait_ms(1, now_ms), self.allowance.event_wait_ms(now_ms)):
            return None
        last = first
        while (further := self._next_event(last + 1)) is not None and further <= last + NEAR:
            last = further
        return self._run(first, last + 1, self._pace.pack)

    def _next_event(self, seq: int) -> int | None:
        """The next event from `seq` on that is not sent."""
        first = self._urgent.next_in(seq)
        while first is not None and (further := self._open(first)) != first:
            first = self._urgent.next_in(further)
        return first

    def _next_live(self, now_ms: int) -> Send | None:
        first = self._open(self._live)
        if first >= self.held.next:
            return None
        go_ms = self._go_ms if self._go_ms is not None and self._go_ms > now_ms else None
        if self._waits_until(go_ms, self.allowance.live_wait_ms(now_ms)):
            return None
        return self._run(first, self.held.next, self._pace.pack)

    def _next_backlog(self, now_ms: int) -> Send | None:
        first = self._open(self.held.lowest)
        if first >= self._live or self._flight.backlog >= (self.window.size if self._heard else 1):
            return None
        send = self._run(first, self._live, self._pace.pack) if self._heard else Send(first, first)
        wait_ms = self._backlog_tokens.wait_ms(send.last - first + 1, now_ms)
        return None if self._waits_until(wait_ms, self.allowance.backlog_wait_ms(now_ms)) else send

    def _open(self, seq: int) -> int:
        """The lowest seq from here on that is neither acked, nor gone, nor under way."""
        seq = max(seq, self.acked + 1)
        while (further := self._flight.after(self._gone.after(self._beyond.after(seq)))) != seq:
            seq = further
        return seq

    def _run(self, first: int, end: int, most: int) -> Send:
        last, end = first, min(end, first - first % most + most)
        while last + 1 < end and self._open(last + 1) == last + 1:
            last += 1
        return Send(first, last)
