"""The node as a sensor of itself: nothing to open, nothing to wait for, asked on the same timetable as all others."""

from __future__ import annotations

from drivers.errors import DriverError
from edge.events import Event, Failed, Sampled
from edge.runners.blame import blame
from edge.runners.breaker import State
from edge.runners.conversation import BUG, Broken
from edge.runners.runner import Counters
from edge.runners.tally import Tally
from edge.runners.timetable import Attendance, next_multiple
from edge.runners.voice import believed
from edge.vitals import Vitals


class HostRunner:
    """The host's vitals."""

    gather_ms = 0
    fd: int | None = None

    def __init__(self, name: str, vitals: Vitals, interval_ms: int) -> None:
        self.name, self.vitals, self.interval_ms = name, vitals, interval_ms
        self.tally = Tally()
        self._due_ms = 0
        self._asked = False
        self._attendance = Attendance(interval_ms)

    @property
    def sensors(self) -> tuple[str, ...]:
        return (self.name,)

    def ask(self, sensor: str) -> None:
        self._asked = self._asked or sensor == self.name

    def counters(self) -> dict[str, Counters]:
        return {self.name: self.tally.copy()}

    def breakers(self) -> dict[str, State]:
        return {self.name: "closed"}

    def close(self) -> None:
        """There is nothing to close."""

    def next_due_ms(self) -> int | None:
        return 0 if self._asked else self._due_ms

    def step(self, now_ms: int) -> list[Event]:
        if now_ms < self._due_ms and not self._asked:
            return []
        self._asked, self._due_ms = False, next_multiple(now_ms, self.interval_ms)
        self.tally.add("missed", self._attendance.began(now_ms))
        try:
            sampled = Sampled(self.name, now_ms, believed(self.vitals.look(), False))
        except (Broken, DriverError) as error:
            return [self._failed(now_ms, error.cause, str(error))]
        except Exception as error:
            return [self._failed(now_ms, BUG, blame(error))]
        self.tally.add("sampled", len(sampled.readings))
        return [sampled]

    def _failed(self, now_ms: int, cause: str, text: str) -> Failed:
        self.tally.add(cause)
        return Failed(self.name, now_ms, cause, text)
