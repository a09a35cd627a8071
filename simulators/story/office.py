"""The office of a story: the real collector and the real store, without a thread, and the moments at which it dies.

The worst moments are between what came in and its commit, and between the commit and the ack. A store that is killed
leaves an open transaction behind, which the next one rolls back; a slow one lets letters wait; a full one refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from edge.wire.messages import Ack, from_json
from edge.wire.topics import parse
from fleet.collect import MOST_MESSAGES, Incoming, Outgoing
from fleet.collector import Collector
from fleet.inlet import Letter
from fleet.live import Live
from fleet.rights import MOST_UNACKED
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Committed, Parcel, Records, StoreError
from simulators.story.broker import Broker, Copy
from simulators.story.ledger import Counter
from simulators.story.timeline import Timeline

GATHER_MS = 250  # longer than in earnest: fewer commits do, and an ack is still quick

TRY_AGAIN_MS = 60_000  # likewise


class Killed(BaseException):
    """The collector's process is gone, in the middle of whatever it did."""


class WatchedStore:
    """The store as it is, with somebody who writes down what it committed. `refuses`: its disk is full."""

    def __init__(self, store: SqliteStore, counter: Counter) -> None:
        self.store, self._counter = store, counter
        self.refuses = False
        self.dies_after = False

    def commit(self, batch: Sequence[Parcel]) -> Committed:
        if self.refuses:
            raise StoreError("the disk of the office is full")
        done = self.store.commit(batch)
        self._counter.committed(batch)
        if self.dies_after:
            raise Killed
        return done

    def quarantine(self, parcel: Records, why: str) -> Committed:
        done = self.store.quarantine(parcel, why)
        self._counter.committed([parcel])
        return done

    def close(self) -> None:
        self.store.close()


class Office:
    """The collector and its store; also the inlet between them and the broker. See `fleet.inlet.Inlet`."""

    def __init__(self, timeline: Timeline, broker: Broker, path: Path, start_ms: int,
                 collector: Callable[..., Collector] = Collector) -> None:  # fmt: skip
        self.timeline, self.broker, self.path, self._start_ms = timeline, broker, path, start_ms
        self.counter = Counter()
        self.live = Live()
        self.slow_ms = 0
        self.refuses = False
        self.dies: str = ""  # before or after the next commit
        self.deaths = self.commits = 0
        self._make = collector
        self._afterwards: Callable[[], None] = lambda: None
        self._letters: list[Letter] = []
        self._life = 0
        self.up = False
        self.begin()

    def begin(self) -> None:
        """The collector starts: on the store as it was left."""
        self._life += 1
        self.up = True
        self.store = WatchedStore(SqliteStore(self.path), self.counter)
        self.collector = self._make(self, self.store, self.live)
        self.collector.sure_ms = self._now_ms
        self._letters, self._busy = [], False
        self.rejoin()

    def rejoin(self) -> None:
        """It connects, as it does again and again."""
        if self.up:
            self.broker.listen(self)

    def die(self, how: str, afterwards: Callable[[], None]) -> None:
        """Now, or `before` or `after` the next commit."""
        self._afterwards = afterwards
        if how == "now":
            self.deaths += 1
            self.end()
            afterwards()
        else:
            self.dies = how

    def end(self) -> None:
        """It dies, or ends: whatever it had not committed is gone."""
        self._life += 1
        self.up = False
        self.broker.leave()
        self.store.close()
        self.dies = ""

    def _now_ms(self) -> int:
        return self._start_ms + self.timeline.now_ms

    # What comes in.

    def hand(self, copy: Copy, connection: int) -> None:
        """The broker brings a message; who reads no more from his socket gets it again later."""
        if len(self._letters) >= 2 * MOST_UNACKED:
            return
        incoming = Incoming(copy.topic, copy.payload, self._now_ms())
        self._letters.append(Letter(incoming, copy.number, connection))
        if not self._busy:
            self._soon(GATHER_MS)

    def _soon(self, delay_ms: int) -> None:
        self._busy = True
        life = self._life
        self.timeline.after(delay_ms + self.slow_ms, lambda: self._work() if life == self._life else None)

    def _work(self) -> None:
        batch, self._letters = self._letters[:MOST_MESSAGES], self._letters[MOST_MESSAGES:]
        self.store.refuses, self.store.dies_after = self.refuses, self.dies == "after"
        try:
            if self.dies == "before":
                raise Killed
            left = self.collector.take(batch)
        except Killed:
            self.timeline.tell("the collector dies", self.dies)
            self.deaths += 1
            self.end()
            self._afterwards()
            return
        self.commits += 1
        self._letters = [*left, *self._letters]
        self._busy = False
        if self._letters:
            self._soon(TRY_AGAIN_MS if left else 1)

    # What goes out: the face of an inlet.

    def start(self) -> None:
        pass

    def receive(self, timeout_s: float) -> Letter | None:
        return None

    def accept(self, letters: Sequence[Letter]) -> None:
        for letter in letters:
            self.broker.accepted(letter.number, letter.connection)

    def publish(self, message: Outgoing, qos: int = 1) -> None:
        to = parse(message.topic)
        if to.kind == "ack":
            self.counter.acked(to.node, from_json(Ack, message.payload))
        self.timeline.tell("office says", message.topic, len(message.payload))
        self.broker.tell_node(message.topic, message.payload)

    def shut(self) -> None:
        pass

    def stop(self) -> None:
        pass
