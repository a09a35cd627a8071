"""A bus thread that nobody starts: its loop is turned by hand, at the moments at which the thread would wake.

It waits as `edge.buses.thread` does: for the next due time of the runner, or until a descriptor is readable and more
had time to gather. A step takes a moment of the processor and whatever its transfers took of the wire; what it says
reaches the queue after that.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.buses.thread import BusThread
from edge.clock import Clock
from edge.events import Event
from edge.runners.runner import Runner
from tests.bench.meter import Meter
from tests.bench.rig import Part, Wire

STEP_US = 200  # of the processor, for a step
NEVER = 1 << 62


class SteppedBus(BusThread):
    """A bus whose thread is never started. `said` are events of a step that lasts until `free_us`."""

    def __init__(
        self, runner: Runner, clock: Clock, put: Callable[[Event], None], wire: Wire, parts: list[Part], meter: Meter
    ) -> None:
        super().__init__(runner, clock, put)
        self.wire, self.parts, self.meter = wire, parts, meter
        self.free_us = 0
        self.said: list[Event] = []
        self.due_ms: int | None = 0  # as its runner said after the last turn
        self.fd: int | None = None
        self.wake_us = 0

    def start(self) -> None:
        """The day steps it."""

    def go(self, now_us: int) -> None:
        """One turn of the thread's loop."""
        self.wire.ahead_us = 0
        self.said, self.due_ms, self.fd = self.meter.agent(lambda: self._step(now_us // 1_000))
        self.free_us = now_us + STEP_US + self.wire.ahead_us
        self.wire.ahead_us = 0

    def _step(self, now_ms: int) -> tuple[list[Event], int | None, int | None]:
        said = self.runner.step(now_ms)
        return said, self.runner.next_due_ms(), self.runner.fd

    def plan(self) -> None:
        """Find out when its next turn is, as its thread waits for it."""
        due_us = NEVER if self.due_ms is None else self.due_ms * 1_000
        if self.fd is not None and (ready_us := self._ready_us()) < due_us:
            gather_us = self.runner.gather_ms * 1_000
            due_us = max(ready_us, self.free_us) + min(gather_us, max(0, due_us - self.free_us))
        self.wake_us = max(due_us, self.free_us)

    def _ready_us(self) -> int:
        ready = [at_us for part in self.parts if part.ports and (at_us := part.ports[-1].next_us()) is not None]
        return min(ready, default=NEVER)
