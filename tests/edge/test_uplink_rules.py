"""Whatever comes to an uplink, in whatever order, these rules hold; when the trouble is over, everything arrives."""

from __future__ import annotations

from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.effects import Committed, Connect, Deliver, Disconnect, Effect, Forget, Hurry, Redeclare, Send, Sent, Tick
from edge.effects import Unreadable as Hole
from edge.events import Arrived, Connected, Lost, Puback
from edge.pace import Pace
from edge.ranges import Ranges
from edge.uplink import Input, Uplink
from edge.wire.messages import Ack, to_json

EPOCH = 7
MOST_AT_ONCE = 400  # effects at one instant
paces = st.builds(
    Pace, publish_ms=st.sampled_from([0, 0, 5_000, 60_000]), day_bytes=st.sampled_from([0, 0, 2_000_000]),
    brokers=st.integers(1, 3), window=st.integers(1, 8), pack=st.sampled_from([1, 8, 64]),
    backlog_rate=st.sampled_from([64.0, 1_000.0]), retry_cap_ms=st.sampled_from([2_000, 60_000]), holes=st.just(64),
)  # fmt: skip


class Rules(RuleBasedStateMachine):
    """A journal, a broker and an office that do as they please; the uplink in the midst of them."""

    @initialize(pace=paces, backlog=st.integers(0, 400), seed=st.integers(0, 2**32))
    def begin(self, pace: Pace, backlog: int, seed: int) -> None:
        self.pace, self.now, self.epoch = pace, 10_000, EPOCH
        self.lowest, self.next, self.forgotten = 0, backlog, -1
        self.holes: set[int] = set()
        self.named: set[int] = set()  # holes that the uplink ran into
        self.stored: set[int] = set()
        self.unpuback: list[int] = []
        self.mid = 0
        self.trying: int | None = None
        self.arriving: list[tuple[int, int]] = []
        self.refusing, self.up = False, True
        self.uplink = Uplink(Committed(EPOCH, 0, backlog), Random(seed).random, pace, now_ms=self.now)

    def tell(self, event: Input) -> list[Effect]:
        todo, seen = self.uplink.handle(event, self.now), []
        while todo:
            effect = todo.pop(0)
            seen.append(effect)
            assert len(seen) < MOST_AT_ONCE, "a busy loop"
            if (answer := self.perform(effect)) is not None:
                todo += self.uplink.handle(answer, self.now)
        return seen

    def perform(self, effect: Effect) -> Input | None:
        match effect:
            case Connect(broker):
                assert 0 <= broker < self.pace.brokers
                self.trying, self.unpuback = broker, []
            case Disconnect():
                self.trying, self.unpuback = None, []
            case Send():
                return self.send(effect)
            case Forget(upto):
                assert self.forgotten < upto < self.next
                assert all(seq in self.stored for seq in range(self.forgotten + 1, upto + 1)), "un-acked, and forgotten"
                self.forgotten, self.lowest = upto, max(self.lowest, upto + 1)
        return None

    def send(self, send: Send) -> Input:
        assert self.uplink.connected
        assert max(self.lowest, self.forgotten + 1) <= send.first <= send.last < self.next
        assert send.first // self.pace.pack == send.last // self.pace.pack
        row = [seq for seq in range(send.first, send.last + 1) if seq not in self.holes]
        if not row or row[0] > send.first:
            last = row[0] - 1 if row else send.last
            self.named |= set(range(send.first, last + 1))
            return Hole(send.first, last)
        last = next((seq - 1 for seq in range(send.first, send.last + 1) if seq in self.holes), send.last)
        if self.refusing:
            return Sent(send.first, last, None)
        self.mid += 1
        self.unpuback.append(self.mid)
        self.arriving.append((send.first, last))
        return Sent(send.first, last, self.mid, 20 * (last - send.first + 1))

    @precondition(lambda self: not self.uplink.connected)
    @rule()
    def join(self) -> None:
        """The broker is there when it is looked for."""
        if self.trying is None:
            self.now = max(self.now, self.uplink.due_ms or 0)
            self.tell(Tick())
        self.tell(Connected())

    @rule(up=st.booleans())
    def broker(self, up: bool) -> None:
        self.up = up

    @rule(count=st.integers(1, 40), urgent=st.sets(st.integers(0, 39), max_size=3))
    def commit(self, count: int, urgent: set[int]) -> None:
        first, self.next = self.next, self.next + count
        events = tuple(sorted(first + seq for seq in urgent if seq < count))
        self.tell(Committed(self.epoch, self.lowest, self.next, events))

    @rule(ms=st.sampled_from([1, 100, 900, 5_000, 31_000, 130_000, 700_000]))
    def wait(self, ms: int) -> None:
        """Time passes; a Tick comes when one is wanted, and never in vain for long."""
        end, ticks = self.now + ms, 0
        while (due := self.uplink.due_ms) is not None and due <= end:
            self.now = max(self.now, due)
            self.tell(Tick())
            if self.up and self.trying is not None and not self.uplink.connected:
                self.tell(Connected())
            ticks += 1
            assert ticks <= 60 + ms // 10, "ticks and ticks"
        self.now = end

    @precondition(lambda self: self.trying is not None)
    @rule(yes=st.booleans())
    def answer(self, yes: bool) -> None:
        self.trying = None if not yes else self.trying
        self.tell(Connected() if yes else Lost("refused", "refused"))

    @precondition(lambda self: self.uplink.connected)
    @rule(really=st.integers(0, 3))
    def cut(self, really: int) -> None:
        if really:
            return
        self.trying, self.unpuback = None, []
        self.tell(Lost("cut"))

    @rule(at=st.integers(0, 99), stranger=st.booleans())
    def puback(self, at: int, stranger: bool) -> None:
        if stranger or not self.unpuback:
            self.tell(Puback(10**6 + at))
        else:
            self.tell(Puback(self.unpuback.pop(at % len(self.unpuback))))

    @rule(keep=st.lists(st.booleans(), max_size=20), say=st.booleans())
    def collect(self, keep: list[bool], say: bool) -> None:
        """The office stores some of what arrived, loses the rest, and perhaps says so."""
        for (first, last), kept in zip(self.arriving, keep, strict=False):
            self.stored |= set(range(first, last + 1)) if kept else set()
        self.arriving = self.arriving[len(keep):]
        if say:
            self.ack()

    def ack(self) -> None:
        self.stored |= self.named  # a gap record told of them
        missing = [seq for seq in range(self.next) if seq not in self.stored]
        upto = (missing[0] if missing else self.next) - 1
        beyond = sorted(seq for seq in self.stored if seq > upto)
        self.tell(Arrived("ack", to_json(Ack(self.epoch, upto, list(Ranges((seq, seq) for seq in beyond))[:64]))))

    @rule(epoch=st.integers(0, 9), upto=st.integers(-1, 10_000), junk=st.booleans())
    def nonsense(self, epoch: int, upto: int, junk: bool) -> None:
        if epoch != self.epoch:
            assert self.tell(Arrived("ack", b"{" if junk else to_json(Ack(epoch, upto)))) == []
        assert self.tell(Arrived("order", b"{}")) == [Deliver("order", b"{}")]

    @rule(keys=st.lists(st.sampled_from(["aa", "bb"]), max_size=3))
    def lack(self, keys: list[str]) -> None:
        seen = self.tell(Arrived("ack", to_json(Ack(self.epoch, -1, [], keys))))
        assert all(set(effect.keys) <= set(keys) for effect in seen if isinstance(effect, Redeclare))

    @rule(hole=st.integers(0, 500), size=st.integers(1, 5))
    def rot(self, hole: int, size: int) -> None:
        self.holes |= {seq for seq in range(hole, hole + size) if seq < self.next}

    @rule(refusing=st.booleans())
    def refuse(self, refusing: bool) -> None:
        self.refusing = refusing

    @rule(given_up=st.integers(1, 30))
    def give_up(self, given_up: int) -> None:
        """The journal is full; a gap record names what went."""
        self.lowest = min(self.lowest + given_up, self.next)
        self.stored |= set(range(self.lowest))
        self.grow()

    def grow(self) -> None:
        self.next += 1
        self.tell(Committed(self.epoch, self.lowest, self.next))

    @rule()
    def hurry(self) -> None:
        self.tell(Hurry())

    @invariant()
    def the_window_holds(self) -> None:
        assert self.uplink.in_window <= self.pace.window
        assert 1 <= self.uplink.outbox.window.size <= self.pace.window

    @invariant()
    def nothing_is_due_in_the_past_for_ever(self) -> None:
        for _ in range(50):
            due = self.uplink.due_ms
            if due is None or due > self.now:
                return
            self.tell(Tick())
        raise AssertionError("due again and again at the same instant")

    @invariant()
    def memory_is_bounded(self) -> None:
        assert self.uplink.outbox.memory < 2_000

    def teardown(self) -> None:
        """The trouble is over: all that was committed arrives, and is forgotten."""
        if not hasattr(self, "uplink"):
            return
        self.refusing = False
        for _ in range(4_000):
            if self.uplink.outbox.acked >= self.next - 1:
                break
            if self.trying is not None and not self.uplink.connected:
                self.tell(Connected())
            while self.unpuback:
                self.tell(Puback(self.unpuback.pop()))
            if self.named - self.stored and not self.arriving:
                self.grow()  # the gap record that names them
            self.collect([True] * len(self.arriving), bool(self.arriving))
            due = self.uplink.due_ms
            self.now = max(self.now + 50, min(due if due is not None else self.now, self.now + 600_000))
            self.tell(Tick())
        assert self.uplink.outbox.acked == self.next - 1, "not everything arrived"
        assert self.forgotten in (self.next - 1, -1) or self.forgotten >= self.lowest - 1


TestRules = Rules.TestCase
TestRules.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
