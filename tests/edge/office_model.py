"""A journal, a lossy broker and a collector as small models, for tests of the uplink. Time is told, luck is seeded."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from edge.effects import Committed, Connect, Disconnect, Effect, Forget, Redeclare, Send, Sent, Tick, Unreadable
from edge.events import Arrived, Connected, Lost, Puback
from edge.pace import Pace
from edge.uplink import Input, Uplink
from edge.wire.messages import Ack, to_json

EPOCH = 7


@dataclass(frozen=True)
class Luck:
    """Probabilities of trouble, 0 to 1."""

    lose_up: float = 0.0  # taken and acknowledged by the broker, never delivered
    lose_ack: float = 0.0
    twice: float = 0.0
    refuse: float = 0.0
    cut: float = 0.0  # per second


@dataclass
class World:
    """One node's uplink with everything around it; steps are of 100 ms."""

    seed: int
    luck: Luck
    pace: Pace = field(default_factory=Pace)
    backlog: int = 0
    silent: bool = False  # the collector is down

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.now = 1_000
        self.lowest, self.next, self.forgotten = 0, self.backlog, -1
        self.unreadable: set[int] = set()
        self.stored: set[int] = set()
        self.log: list[tuple[int, Effect]] = []
        self.sent: list[tuple[int, int, int]] = []
        self.pending: list[tuple[int, Input]] = []  # arrives at, what
        self.attempts: list[int] = []
        self.mid = 0
        self.most_memory = 0
        self.uplink = Uplink(Committed(EPOCH, 0, self.next), self.random.random, self.pace, now_ms=self.now)

    def tell(self, event: Input) -> None:
        """Give the uplink an event and do what it wants."""
        todo = self.uplink.handle(event, self.now)
        while todo:
            effect = todo.pop(0)
            self.log.append((self.now, effect))
            answer = self.perform(effect)
            assert self.uplink.in_window <= self.pace.window
            if answer:
                todo += self.uplink.handle(answer, self.now)
        self.most_memory = max(self.most_memory, self.uplink.outbox.memory)

    def perform(self, effect: Effect) -> Input | None:
        match effect:
            case Connect():
                self.attempts.append(self.now)
                refused = self.random.random() < self.luck.refuse
                self.later(Lost("refused") if refused else Connected(), 50)
            case Disconnect():
                self.pending.clear()
            case Send(first, last):
                return self.publish(first, last)
            case Forget(upto):
                assert all(seq in self.stored or seq in self.unreadable for seq in range(self.forgotten + 1, upto + 1))
                assert upto > self.forgotten
                self.forgotten = upto
            case Redeclare():
                self.commit(1)
        return None

    def publish(self, first: int, last: int) -> Input:
        assert self.lowest <= first <= last < self.next
        assert first > self.forgotten
        assert last - first < self.pace.pack
        assert self.uplink.connected
        for seq in range(first, last + 1):
            if seq in self.unreadable:
                if seq > first:
                    return self.publish(first, seq - 1)
                return Unreadable(first, first)
        self.mid += 1
        self.sent.append((self.now, first, last))
        self.later(Puback(self.mid), self.random.randint(1, 400))
        for _ in range(1 + (self.random.random() < self.luck.twice)):
            if self.random.random() >= self.luck.lose_up:
                self.collect(first, last)
        return Sent(first, last, self.mid)

    def collect(self, first: int, last: int) -> None:
        """The collector commits, and only then acks."""
        if self.silent:
            return
        self.stored |= set(range(first, last + 1)) | self.unreadable
        for _ in range(1 + (self.random.random() < self.luck.twice)):
            if self.random.random() >= self.luck.lose_ack:
                self.later(Arrived("ack", to_json(self.ack())), self.random.randint(1, 3_000))

    def ack(self) -> Ack:
        missing = [seq for seq in range(self.next) if seq not in self.stored]
        upto = (missing[0] if missing else self.next) - 1
        ranges: list[tuple[int, int]] = []
        for seq in sorted(seq for seq in self.stored if seq > upto):
            if ranges and ranges[-1][1] == seq - 1:
                ranges[-1] = (ranges[-1][0], seq)
            else:
                ranges.append((seq, seq))
        return Ack(EPOCH, upto, ranges)

    def later(self, event: Input, in_ms: int) -> None:
        self.pending.append((self.now + in_ms, event))

    def commit(self, count: int, urgent: tuple[int, ...] = ()) -> None:
        """The journal took more records."""
        self.next += count
        self.tell(Committed(EPOCH, self.lowest, self.next, urgent))

    def cut(self) -> None:
        self.pending = [entry for entry in self.pending if isinstance(entry[1], Arrived)]  # late, from another session
        self.tell(Lost("cut"))

    def step(self) -> None:
        """A tenth of a second goes by."""
        self.now += 100
        if self.random.random() < self.luck.cut / 10:
            self.cut()
        for at, event in sorted(self.pending, key=lambda entry: entry[0]):
            if at <= self.now and (at, event) in self.pending:
                self.pending.remove((at, event))
                self.tell(event)
        if (due := self.uplink.due_ms) is not None and due <= self.now:
            self.tell(Tick())

    def run(self, seconds: float, commit_every_s: float = 0.0) -> None:
        """Let time pass; commit a record every so often."""
        for _ in range(round(seconds * 10)):
            self.step()
            if commit_every_s and self.now % round(commit_every_s * 1_000) < 100:
                self.commit(1)
