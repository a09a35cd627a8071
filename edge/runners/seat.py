"""One sensor's place at a bus: where its talk stands, when it speaks again, and how it fared."""

from __future__ import annotations

import math
from dataclasses import replace

from drivers.driver import TalkDriver
from drivers.reading import Flag, Reading
from drivers.talk import Step
from edge.events import Sampled
from edge.runners.conversation import BUG, Broken, Conversation
from edge.runners.tally import Tally
from edge.runners.timetable import Attendance, OncePerInterval, back_off_ms, next_multiple, sensor_cap_ms

NOT_READY = "not_ready"
PATIENCE = 3  # "not ready" so many times in a row before the device is set up again


class Seat:
    """A sensor that is asked: over I2C at `address`, or the one device of a serial port (address None)."""

    def __init__(self, name: str, driver: TalkDriver, interval_ms: int, address: int | None = None) -> None:
        self.name, self.driver, self.interval_ms, self.address = name, driver, interval_ms, address
        self.tally = Tally()
        self.due_ms = 0
        self.settled = False  # set up, so that `read` works
        self.talk: Conversation[list[Reading]] | Conversation[bool | None] | None = None
        self.step: Step | None = None  # what the talk waits for: a Pause or a Read
        self.resume_ms: int | None = 0  # when; None: a pause that begins at the next step of the runner
        self.stamp_ms = 0
        self.complaints = OncePerInterval(interval_ms)
        self._attendance = Attendance(interval_ms)
        self._failures = 0
        self._warm_ms = 0

    def begin(self, now_ms: int) -> None:
        """Its turn has come: set the device up if that must be, else read it."""
        self.tally.add("missed", self._attendance.began(now_ms))
        self.step = None
        if self.settled:
            self._begin_reading(now_ms)
        else:
            self.talk = Conversation(self.driver.setup())

    def _begin_reading(self, now_ms: int) -> None:
        self.stamp_ms = now_ms
        self.talk = Conversation(self.driver.read())

    def ended(self, now_ms: int) -> Sampled | None:
        """The talk came to its end. After a setup reading begins at once; after reading, here is what it gave.

        Raises Broken when that is no list of readings.
        """
        if not self.settled:
            self.settled = True
            self._warm_ms = now_ms + round(self.driver.warm_up_s * 1_000)
            self._begin_reading(now_ms)
            return None
        assert self.talk is not None
        sampled = Sampled(self.name, self.stamp_ms, believed(self.talk.result, self.stamp_ms < self._warm_ms))
        self.talk, self._failures = None, 0
        self.due_ms = next_multiple(now_ms, self.interval_ms)
        self.tally.add("sampled", len(sampled.readings))
        return sampled

    def failed(self, now_ms: int, cause: str) -> None:
        """The talk broke: count it, and try again after a while, from the setup on."""
        if self.talk is not None:
            self.talk.close()
        self.talk = None
        self.tally.add(cause)
        self._failures += 1
        self.settled = self.settled and cause == NOT_READY and self._failures % PATIENCE != 0
        self.due_ms = now_ms + back_off_ms(self._failures, sensor_cap_ms(self.interval_ms))

    def rouse(self, now_ms: int) -> None:
        """Speak at once, with former failures forgotten; a talk in progress goes on."""
        self.due_ms = min(self.due_ms, now_ms)
        self._failures = 0

    def wants_ms(self, stepped_ms: int) -> int:
        """When it must be served again, the runner having been stepped at `stepped_ms`."""
        if self.talk is None:
            return self.due_ms
        return stepped_ms if self.resume_ms is None else self.resume_ms


def believed(result: object, warming: bool) -> tuple[Reading, ...]:
    """What a driver returned, if it is what it must be: readings that are numbers. Raises Broken."""
    if not isinstance(result, list) or not all(isinstance(reading, Reading) for reading in result):
        raise Broken(BUG, f"the driver returned {type(result).__name__}, not a list of readings")
    for reading in result:
        if not math.isfinite(reading.value):
            raise Broken(BUG, f"the driver returned {reading.value} as {reading.name}")
    return tuple(replace(r, flags=r.flags | Flag.WARMING) if warming else r for r in result)
