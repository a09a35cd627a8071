"""The loop: whatever happens comes through the inbox, the pure rooms decide, and this thread does it.

The very same agent runs on a pole and in the simulated street; only clock, disk, ports and link differ.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.buses.port import PortOpener
from edge.clock import Clock
from edge.events import (
    Arrived,
    Asked,
    Claimed,
    ClockTold,
    Connected,
    Event,
    Failed,
    Happened,
    Lost,
    Opened,
    Pressed,
    Puback,
    Sampled,
    Stop,
)
from edge.inbox import Inbox
from edge.journal.disk import Disk
from edge.journal.journal import Journal
from edge.link import LinkMaker
from edge.node import Node
from edge.sensors import Sensors
from edge.wiring import Wiring

LAST_WORDS_MS = 2_000  # for publishing what was committed at the end
HEALTH_MS = 60_000


class Agent:
    """One node at work. `run` returns when a Stop has come through the inbox."""

    def __init__(
        self,
        wiring: Wiring,
        clock: Clock,
        disk: Disk,
        ports: PortOpener,
        link: LinkMaker | None,
        random: Callable[[], float],
        host_root: Path = Path("/"),
        inbox: Inbox | None = None,
        sensors: Sensors | None = None,
        journals: type[Journal] = Journal,
        health_ms: int = HEALTH_MS,
    ) -> None:
        self.inbox = inbox or Inbox()
        self.clock = clock
        self.node = Node(wiring, clock, disk, ports, link, random, self.inbox, host_root, sensors, journals)
        self.stopping = False
        self._health_ms, self._health_every_ms = 0, health_ms

    def run(self, alive: Callable[[], object] = lambda: None) -> None:
        """Work until told to stop; `alive` is called at least every 15 s. `start` before, `finish` after."""
        while not self.stopping:
            alive()
            self.step()

    def start(self) -> None:
        """Begin sampling. Raises JournalBusy."""
        self.node.begin(self.clock.boot_ms())
        self.on_time(self.clock.boot_ms())

    def step(self, longest_ms: int = 15_000) -> None:
        """Wait for the next event or due time, and do what it asks."""
        wait_ms = min(self.due_ms() - self.clock.boot_ms(), longest_ms)
        event = self.inbox.take(self.clock.real_s(wait_ms))
        now_ms = self.clock.boot_ms()
        if event is not None:
            self.hear(event, now_ms)
        self.on_time(now_ms)

    def due_ms(self) -> int:
        """When something is to be done even if nothing happens."""
        return min(due for due in (self._health_ms, *self.node.dues()) if due is not None)

    def hear(self, event: Event, now_ms: int) -> None:
        """Take one event."""
        match event:
            case Sampled():
                self.node.sampled(event, now_ms)
            case Opened():
                self.node.opened(event)
            case Failed():
                self.node.failed(event, now_ms)
            case ClockTold():
                self.node.clock_told(event, now_ms)
            case Happened():
                self.node.happened(event)
            case Connected() | Lost() | Arrived() | Puback() | Claimed():
                self.node.told(event, now_ms)
            case Asked():
                self.node.asked(event, now_ms)
            case Pressed():
                self.node.pressed(now_ms)
            case Stop():
                self.stopping = True

    def on_time(self, now_ms: int) -> None:
        """Do what is due."""
        self.node.commit_if_due(now_ms)
        self.node.tick(now_ms)
        if now_ms >= self._health_ms:
            self._health_ms = now_ms + self._health_every_ms
            self.node.publish_health(now_ms)

    def finish(self) -> None:
        """Stop the sensors, commit what is open, publish what can be in two seconds, say goodbye."""
        self.node.stop_sensors(self.hear)
        self.node.last_commit(self.clock.boot_ms())
        deadline_ms = self.clock.boot_ms() + LAST_WORDS_MS
        while self.node.has_words() and (left_ms := deadline_ms - self.clock.boot_ms()) > 0:
            self.step(min(100, left_ms))
        self.node.end()
