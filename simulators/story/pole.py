"""A lamppost of a story: the real agent on a virtual clock and card, from boot to power cut to boot.

Nothing of the agent is replaced but what it is handed on a pole as well: clock, disk, dice, the link, and the sensors,
which have no bus threads here. It is driven through the same door, `hear` and `on_time`, and is woken when it says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Never

from drivers.errors import BusFault
from edge.agent import HEALTH_MS, Agent
from edge.buses.port import PortOpener
from edge.events import Event, Failed, Happened, Lost, Sampled
from edge.link import Link
from edge.wire.clocks import ClockQuality
from edge.wire.messages import Status, to_json
from edge.wire.version import BUILT_MS
from edge.wiring import SensorPlan
from simulators.clock import VirtualClock
from simulators.disk import PowerCut
from simulators.story.broker import Broker, Wire
from simulators.story.card import Card
from simulators.story.ledger import Page, witnessed
from simulators.story.plan import DAY, START_MS, Plan
from simulators.story.readings import Mute, measured
from simulators.story.timeline import Timeline

NOWHERE = Path("/nonexistent")
BUSY = 1_000  # wakes without time passing, after which an agent is said to spin


def _no_port(*_: object) -> Never:
    raise BusFault("a pole of a story has no buses")


class PoleLink:
    """The node's end of its wire. See `edge.link.Link`."""

    def __init__(self, pole: Pole) -> None:
        self._pole = pole
        self._wire: Wire | None = None
        self._mid = 0

    def connect(self, *_: object) -> None:
        self.disconnect()
        pole, life = self._pole, self._pole.life
        will = to_json(Status(pole.name, False, pole.clock.boot_id, pole.clock.wall_ms()))
        wire = Wire(pole.name, lambda event: pole.hear(event, wire, life), will)
        self._wire = pole.wire = wire
        pole.broker.knock(wire)

    def publish(self, kind: str, payload: bytes, qos: int = 1, retain: bool = False) -> int | None:
        if self._wire is None or not self._wire.open:
            return None
        self._mid += 1
        self._pole.broker.say(self._wire, kind, payload, retain, self._mid)
        return self._mid

    def disconnect(self, wait_s: float = 0.0) -> None:
        if self._wire is not None:
            self._pole.broker.hang_up(self._wire)
        self._wire = None


class Pole:
    """One node: its card and its power outlive its agents. `life` counts these."""

    def __init__(self, plan: Plan, number: int, timeline: Timeline, broker: Broker) -> None:
        self.plan, self.timeline, self.broker = plan, timeline, broker
        self.name, self.wiring = plan.names()[number], plan.wiring(number)
        self.card, self.page = Card(), Page(self.name)
        self.journals = witnessed(self.page)
        self.agent: Agent | None = None
        self.wire: Wire | None = None
        self.life = self.boots = self.spins = 0
        self.booted_ms = 0
        self.clock = VirtualClock()
        self.boot_times: dict[str, int] = {}  # by boot id
        self.floors: dict[str, int] = {}  # what the card knew at that boot: it cannot be earlier
        self.found: list[tuple[str, str]] = []  # what broke an invariant on the way
        self._recent: deque[tuple[int, int]] = deque()  # when the sensors said how many readings
        self._before = 0  # readings journalled before this life
        self.faulty: dict[str, str] = {}  # sensors that fail, and how
        self.sampling, self.ended = True, 0  # the seq behind all that was committed when the sensors fell silent
        self.copies = 0  # how often an older copy of its journal was put back
        self.cuts = 0  # power cuts in the middle of a call
        self.keep = "lost"  # what of the unsynced survives the next of them
        self.on_cut: Callable[[Pole], None] = Pole.power_off
        self._alarm_ms = -1

    # Power and process.

    def boot(self, wall_error_ms: int = 0, quality: ClockQuality = ClockQuality.SYNCED) -> None:
        """Power comes; the wall clock is so wrong, and so sure of itself."""
        self.boots += 1
        self.booted_ms = self.timeline.now_ms
        boot_id = f"{self.plan.seed & 0xFFFFFFFF:08x}{int(self.name[5:]):08x}{self.boots:016x}"
        self.boot_times[boot_id] = self.booted_ms
        self.clock = VirtualClock(0, START_MS + self.booted_ms + wall_error_ms, boot_id, quality)
        self.timeline.tell("boot", self.name, self.boots)
        self.start()

    def set_wall(self, error_ms: int, quality: ClockQuality) -> None:
        """The wall clock is stepped: so wrong from now on."""
        self.clock.start_wall_ms = START_MS + self.booted_ms + error_ms
        self.clock.believed = quality

    def start(self) -> None:
        """A new agent, on the card as it is."""
        self.life += 1
        self._alarm_ms, self._before = -1, self.page.readings
        self._recent.clear()
        self._set_clock()
        self.floors.setdefault(self.clock.boot_id, self.card.floor_ms())
        dice = self.plan.chance("node", self.name, self.life).random
        ports = PortOpener(_no_port, _no_port, _no_port)
        health_ms = DAY // 48 if self.plan.coarse else 5 * HEALTH_MS
        try:
            self.agent = Agent(
                self.wiring, self.clock, self.card, ports, self._link, dice, NOWHERE,
                sensors=Mute(self.wiring.sensors, self.clock), journals=self.journals, health_ms=health_ms,
            )  # fmt: skip
            self.agent.start()
        except PowerCut:
            self._cut()
            return
        self._set_alarm()
        self._next_samples()

    def _link(self, _put: Callable[[Event], None]) -> Link:
        return PoleLink(self)

    def kill(self) -> None:
        """The agent's process is gone; what the kernel holds of its files stays, and so does what it had sent."""
        self._last_look()
        self.agent = None
        self.life += 1
        if self.wire is not None:
            self.broker.lose_wire(self.wire)

    def stop(self) -> None:
        """The agent ends in good order."""
        if self.agent is not None:
            self._set_clock()
            try:
                self.agent.node.last_commit(self.clock.boot_ms())
                self.agent.node.end()
            except PowerCut:
                self._cut()
                return
        self.kill()

    def put_back(self, files: dict[str, bytes]) -> None:
        """The folder is as it once was; no agent is at work."""
        self.copies += 1
        self.card.put_back(files)
        boot_id = self.clock.boot_id
        self.floors[boot_id] = min(self.floors.get(boot_id, BUILT_MS), self.card.floor_ms())

    def power_off(self) -> None:
        """Nothing runs, and the wire is dead: the broker learns it in its own time."""
        self._last_look()
        self.agent = None
        self.life += 1
        if self.wire is not None:
            self.broker.fall_silent(self.wire)

    def _cut(self) -> None:
        self.cuts += 1
        self.timeline.tell("power cut in the middle of a call", self.name)
        self.on_cut(self)

    # The day's work.

    def _set_clock(self) -> None:
        self.clock.now_us = (self.timeline.now_ms - self.booted_ms) * 1_000

    def hear(self, event: Event, wire: Wire, life: int) -> None:
        """Something came over a wire, if anybody of that life is still there to hear it."""
        if life == self.life and wire is self.wire:
            if isinstance(event, Lost):
                self.timeline.tell("lost", self.name, event.reason)
            self.act((event,))

    def act(self, events: tuple[Event, ...] = ()) -> None:
        """One turn of the agent's loop for each event, or because it is time."""
        agent = self.agent
        if agent is None:
            return
        self._set_clock()
        now_ms = self.clock.boot_ms()
        try:
            for event in events:
                agent.hear(event, now_ms)
            agent.on_time(now_ms)
        except PowerCut:
            self._cut()
            return
        self._set_alarm()

    def _set_alarm(self) -> None:
        assert self.agent is not None
        due_ms = self.agent.due_ms() + self.booted_ms
        if due_ms <= self.timeline.now_ms:
            self.spins += 1
            if self.spins == BUSY:
                self.found.append(("nobody spins", f"{self.name} wants to be woken again and again at {due_ms} ms"))
            due_ms = self.timeline.now_ms + 1
        else:
            self.spins = 0
        if due_ms == self._alarm_ms:
            return
        self._alarm_ms = due_ms
        life = self.life

        def wake() -> None:
            if life == self.life and due_ms == self._alarm_ms:
                self._alarm_ms = -1
                self.act()

        self.timeline.at(due_ms, wake)

    # The sensors.

    def _next_samples(self) -> None:
        step_ms = min(plan.interval_ms for plan in self.wiring.sensors)
        passed_ms = self.timeline.now_ms - self.booted_ms
        life = self.life

        def sample() -> None:
            if life == self.life and self.sampling:
                self._sample()
                self._next_samples() if life == self.life else None

        self.timeline.at(self.booted_ms + (passed_ms // step_ms + 1) * step_ms, sample)

    def _sample(self) -> None:
        at_ms = self.timeline.now_ms - self.booted_ms
        due = [plan for plan in self.wiring.sensors if at_ms % plan.interval_ms == 0]
        self.act(tuple(self._speak(plan, at_ms) for plan in due))
        self.look()

    def _speak(self, plan: SensorPlan, at_ms: int) -> Event:
        fault = self.faulty.get(plan.name)
        if fault == "noisy":
            return Happened("noise on the bus", at_ms, {"sensor": plan.name})
        if fault:
            return Failed(plan.name, at_ms, fault, "it does not answer")
        readings = measured(self.plan.seed, self.name, plan, self.timeline.now_ms)
        self.page.say(self.clock.boot_id, plan.name, at_ms, readings)
        self._recent.append((self.timeline.now_ms, len(readings)))
        return Sampled(plan.name, at_ms, readings)

    # How it stands.

    def _last_look(self) -> None:
        """What of this life never came into the journal is of the last commit interval, or waits for the disk."""
        if self.agent is None:
            return
        node = self.agent.node
        open_now = node.sampler.sampled - node.sampler.refused - (self.page.readings - self._before)
        open_now -= node.commits.lost
        waiting = node.commits.waiting  # some of it may be in the journal too, when the power went in between
        since_ms = self.timeline.now_ms - self.wiring.journal.commit_ms * 21 // 20 - 1_000
        may_be_open = sum(count for at_ms, count in self._recent if at_ms > since_ms)
        if not 0 <= open_now <= may_be_open + waiting:
            what = f"{self.name}: {open_now} readings were not committed, {may_be_open} and {waiting} may be"
            self.found.append(("only a commit is at stake", what))

    def look(self) -> None:
        """Whether everything is within its bounds."""
        if self.agent is None:
            return
        while self._recent and self._recent[0][0] < self.timeline.now_ms - 2 * self.wiring.journal.commit_ms:
            self._recent.popleft()
        node = self.agent.node
        sizes = {"window": (node.courier.uplink.in_window, 64), "outbox": (node.courier.uplink.outbox.memory, 8_192),
                 "waiting": (node.commits.waiting, 200_000)} if node.courier else {}  # fmt: skip
        if (journal := node.commits.journal) is not None:
            sizes["journal"] = (journal.disk_bytes, max(journal.cap_bytes, 2 * 64 * 1024))
        for what, (size, cap) in sizes.items():
            if size > cap:
                self.found.append(("buffers within caps", f"{self.name}: {what} has {size}, more than {cap}"))

    def settled(self) -> bool:
        """Commits what is open; whether everything is with the office. What the agent says of its health each hour goes
        on and waits for company: somebody of a street always holds one of these."""
        if self.agent is None:
            return False
        self._set_clock()
        commits = self.agent.node.commits
        if commits.journal is None or commits.journal.gaps_to_write or commits.waiting or not self.ended:
            self.agent.node.commit_if_due(self.clock.boot_ms(), everything=True)
            self.ended = commits.journal.next if commits.journal else 0
            self._set_alarm()
        journal = commits.journal
        return journal is not None and journal.lowest >= self.ended and not commits.waiting
