"""The broker of a story, and the wires to it: it keeps no promise that brokers do not keep.

It acknowledges what it then drops, forgets what it was given when it is killed, delivers twice and in another order,
and lets the session of a collector that is away overflow without a word. A wire that is cut holds what was sent until
it is whole again, or until the two ends notice and give up the connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol
from zlib import crc32

from edge.events import Arrived, Connected, Event, Lost, Puback
from edge.wire.topics import parse, up
from fleet.rights import MOST_UNACKED
from simulators.story.timeline import Timeline

NOTICED_MS = 90_000  # one and a half keepalives
ACK_WAIT_MS = 30_000
MOST_QUEUED = 1_000  # for a collector that is away, as Mosquitto has it


@dataclass(slots=True)
class Weather:
    """How the network does: delays in ms, and shares of messages from 0 to 1."""

    least_ms: int = 5
    most_ms: int = 40
    doubled: float = 0.0
    shuffled: float = 0.0


@dataclass(eq=False)
class Wire:
    """One node's connection; the next one is another wire."""

    node: str
    hear: Callable[[Event], None]
    will: bytes
    open: bool = True
    up_ms: int = 0  # when the last message arrives at the broker
    down_ms: int = 0
    held: list[Callable[[], None]] = field(default_factory=list)  # under way when the wire was cut


@dataclass(slots=True)
class Copy:
    """A message on its way to the collector."""

    number: int
    topic: str
    payload: bytes


class Listener(Protocol):
    """The collector's end."""

    def hand(self, copy: Copy, connection: int) -> None: ...


class Broker:
    """Sessions, queues and wires."""

    def __init__(self, timeline: Timeline, dice: Random) -> None:
        self.timeline, self._dice = timeline, dice
        self.up = True
        self.weather = Weather()
        self.cut: set[str] = set()  # nodes whose wire is cut
        self.denied: set[str] = set()  # nodes whose records are dropped, and acknowledged
        self.wires: dict[str, Wire] = {}
        self.retained: dict[str, bytes] = {}
        self.connects: list[tuple[int, str]] = []
        self.dropped = 0
        self._listener: Listener | None = None
        self.connection = 0
        self._subscribed = False
        self._queue: deque[Copy] = deque()
        self._unacked: dict[int, Copy] = {}
        self._number = 0

    # The wires of nodes.

    def _delay(self) -> int:
        return self._dice.randint(self.weather.least_ms, self.weather.most_ms)

    def knock(self, wire: Wire) -> None:
        """A node wants a session."""
        self.connects.append((self.timeline.now_ms, wire.node))
        self.timeline.after(self._delay(), lambda: self._open(wire))

    def _open(self, wire: Wire) -> None:
        if not wire.open or wire.node in self.cut:
            return  # nobody answers: the node's own patience ends it
        if not self.up:
            self._notice(wire, "connection refused")
            return
        before = self.wires.get(wire.node)
        if before is not None:
            before.open = False
        self.wires[wire.node] = wire
        self.timeline.tell("session", wire.node)
        self._to_node(wire, Connected())

    def say(self, wire: Wire, kind: str, payload: bytes, retain: bool, mid: int) -> None:
        """A node publishes."""
        wire.up_ms = max(wire.up_ms, self.timeline.now_ms + self._delay())
        late_ms = self._delay() * 20 if self._dice.random() < self.weather.shuffled else 0
        self._travel(wire, wire.up_ms + late_ms, lambda: self._take(wire, kind, payload, retain, mid))

    def _travel(self, wire: Wire, at_ms: int, arrive: Callable[[], None]) -> None:
        def land() -> None:
            if wire.node in self.cut:
                wire.held.append(land)
            elif wire.open:
                arrive()

        self.timeline.at(at_ms, land)

    def _to_node(self, wire: Wire, event: Event) -> None:
        wire.down_ms = max(wire.down_ms, self.timeline.now_ms + self._delay())
        self._travel(wire, wire.down_ms, lambda: wire.hear(event))

    def _take(self, wire: Wire, kind: str, payload: bytes, retain: bool, mid: int) -> None:
        if not self.up or self.wires.get(wire.node) is not wire:
            return
        self._to_node(wire, Puback(mid))
        if kind == "record" and wire.node in self.denied:
            self.dropped += 1
            return
        self._publish(up(wire.node, kind), payload, retain)

    def _publish(self, topic: str, payload: bytes, retain: bool) -> None:
        self.timeline.tell("published", topic, crc32(payload))
        if retain:
            self.retained[topic] = payload
        self._enqueue(topic, payload)
        if self._dice.random() < self.weather.doubled:
            self._enqueue(topic, payload)

    def plant(self, topic: str, payload: bytes) -> None:
        """Somebody with a node's credentials publishes what no node of ours would."""
        if self.up:
            self._publish(topic, payload, False)

    def hang_up(self, wire: Wire) -> None:
        """A node ends its session in good order, or gives it up."""
        wire.open = False
        if self.wires.get(wire.node) is wire:
            del self.wires[wire.node]

    def lose(self, node: str, reason: str) -> None:
        """A connection breaks; the broker says the node's last will. A node whose wire is cut notices it later."""
        wire = self.wires.pop(node, None)
        if wire is None:
            return
        if self.up:
            self._publish(up(node, "status"), wire.will, True)
        self.timeline.after(NOTICED_MS if node in self.cut else 0, lambda: self._notice(wire, reason))

    def _notice(self, wire: Wire, reason: str) -> None:
        if wire.open:
            wire.open = False
            wire.hear(Lost(reason))

    def lose_wire(self, wire: Wire) -> None:
        """The node's end is closed by its kernel: the broker sees it at once."""
        if self.wires.get(wire.node) is wire and wire.node not in self.cut:
            wire.open = False
            self.lose(wire.node, "")
        else:
            self.fall_silent(wire)

    def fall_silent(self, wire: Wire) -> None:
        """The node is without power: the broker learns it when no keepalive comes."""
        wire.open = False

        def notice() -> None:
            if self.wires.get(wire.node) is wire:
                self.lose(wire.node, "")

        self.timeline.after(NOTICED_MS, notice)

    def cut_wire(self, node: str) -> None:
        """From now on nothing passes; both ends notice it after a while."""
        self.cut.add(node)
        wire = self.wires.get(node)

        def notice() -> None:
            if node in self.cut and wire is not None and self.wires.get(node) is wire:
                self.lose(node, "the connection timed out")
                self._notice(wire, "the connection timed out")

        self.timeline.after(NOTICED_MS, notice)

    def mend_wire(self, node: str) -> None:
        """What was under way arrives, if the connection still stands."""
        self.cut.discard(node)
        wire = self.wires.get(node)
        if wire is not None:
            held, wire.held = wire.held, []
            for land in held:
                land()

    # The collector's session, which is durable.

    def listen(self, listener: Listener) -> None:
        """The collector connects: what it did not acknowledge comes again, and what is retained."""
        if not self.up:
            return
        self._listener, self._subscribed = listener, True
        self.connection += 1
        self._queue.extendleft(reversed(self._unacked.values()))
        self._unacked.clear()
        for topic in sorted(self.retained):
            self._enqueue(topic, self.retained[topic])
        self._pump()

    def leave(self) -> None:
        """The collector is gone; its session stays."""
        self._listener = None

    def _enqueue(self, topic: str, payload: bytes) -> None:
        if not self._subscribed:
            self.dropped += 1
            return
        if self._listener is None and len(self._queue) >= MOST_QUEUED:
            self.dropped += 1
            return
        self._number += 1
        self._queue.append(Copy(self._number, topic, payload))
        self._pump()

    def _pump(self) -> None:
        while self._listener is not None and self._queue and len(self._unacked) < MOST_UNACKED:
            copy = self._queue.popleft()
            self._unacked[copy.number] = copy
            self._hand(copy, self.connection)

    def _hand(self, copy: Copy, connection: int) -> None:
        late_ms = self._delay() * 20 if self._dice.random() < self.weather.shuffled else 0

        def arrive() -> None:
            if self.up and self._listener is not None and connection == self.connection:
                self._listener.hand(copy, connection)

        def again() -> None:
            if self.up and connection == self.connection and self._unacked.get(copy.number) is copy:
                self._hand(copy, connection)

        self.timeline.after(self._delay() + late_ms, arrive)
        self.timeline.after(ACK_WAIT_MS, again)

    def accepted(self, number: int, connection: int) -> None:
        """The collector has committed this one."""
        if connection == self.connection:
            self._unacked.pop(number, None)
            self._pump()

    def tell_node(self, topic: str, payload: bytes) -> None:
        """The office says something to a node, which hears it if it is there."""
        to = parse(topic)
        wire = self.wires.get(to.node)
        if self.up and wire is not None:
            self._to_node(wire, Arrived(to.kind, payload))

    # Its own end.

    def kill(self, forgets: bool) -> None:
        """It dies at once. `forgets`: the sessions and what is retained are gone with it."""
        self.up = False
        self._listener = None
        if forgets:
            self._subscribed = False
            self.dropped += len(self._queue) + len(self._unacked)
            self._queue.clear()
            self._unacked.clear()
            self.retained.clear()
        for node in sorted(self.wires):
            self.lose(node, "the broker is gone")

    def revive(self) -> None:
        """It listens again; whoever wants a session must knock."""
        self.up = True
