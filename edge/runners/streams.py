"""A serial device that talks unasked: everything is heard, and one frame an interval is a reading.

The frame kept is the newest at each due instant, stamped with its own time of arrival. The first frame after start,
silence or an unplug is passed on at once, so that a technician sees at once that it works. A device that is silent for
longer than it may is told its setup commands again, because it may have lost its power and its mind.
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.errors import BusFault, NoAnswer
from drivers.reading import Reading
from drivers.stream import StreamDriver
from drivers.talk import Pause, Step, Write
from edge.buses.port import SerialPort
from edge.events import Event, Failed, Sampled
from edge.runners.blame import blame
from edge.runners.conversation import BUG, Broken, Conversation
from edge.runners.door import Door
from edge.runners.runner import Counters
from edge.runners.seat import believed
from edge.runners.tally import Tally
from edge.runners.timetable import (
    Attendance,
    OncePerInterval,
    back_off_ms,
    next_multiple,
    sensor_cap_ms,
    whole_ms,
)

LOOK_MS = 50  # how often a port without a file descriptor is looked at
GULP = 4_096  # bytes taken at once; more is left for the next step, which is then due at once


class StreamRunner:
    """One streaming device on the serial port that it owns."""

    gather_ms = 40

    def __init__(
        self, name: str, driver: StreamDriver, interval_ms: int, open_port: Callable[[], SerialPort]
    ) -> None:
        self.name, self.driver, self.interval_ms = name, driver, interval_ms
        self.tally = Tally()
        self._door = Door(open_port, rests=True)
        self._setup: Conversation[None] | None = None
        self._pause: Pause | None = None  # in the setup, not yet begun
        self._resume_ms = 0
        self._setup_due_ms: int | None = 0
        self._silences = 0
        self._heard_ms: int | None = None  # a whole frame, or the end of the first setup since the port opened
        self._due_ms = 0
        self._looked_ms = 0
        self._warm_ms = 0
        self._newest: tuple[int, list[Reading]] | None = None
        self._eager = True  # pass the next frame on at once
        self._hungry = False  # there was more than a gulp
        self._flush_ms: int | None = None  # when what lies half in the driver is no frame any more
        self._attendance = Attendance(interval_ms)
        self._complaints = OncePerInterval(interval_ms)
        self._events: list[Event] = []

    @property
    def sensors(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def fd(self) -> int | None:
        return getattr(self._door.port, "fd", None) if self._door.port is not None else None

    def ask(self, sensor: str) -> None:
        if sensor == self.name:
            self._eager = True

    def counters(self) -> dict[str, Counters]:
        counts = self.tally.copy()
        for cause, number in self.driver.errors.copy().items():
            counts[cause] = counts.get(cause, 0) + number
        return {self.name: counts}

    def close(self) -> None:
        if self._setup is not None:
            self._setup.close()
        self._door.close()

    def step(self, now_ms: int) -> list[Event]:
        self._events = []
        self._looked_ms = now_ms
        if self._door.knock(now_ms):
            self._silences, self._setup_due_ms = 0, now_ms
        try:
            self._set_up(now_ms)
            self._listen(now_ms)
        except BusFault as fault:
            self._cut_off(now_ms, str(fault))
        except OSError as error:
            self._cut_off(now_ms, blame(error))
        except Broken as broken:
            self._fail(now_ms, broken.cause, broken.text)
        except Exception as error:
            self._fail(now_ms, BUG, f"the driver raised {blame(error)}")
        self._deliver(now_ms)
        return self._events

    def next_due_ms(self) -> int | None:
        due = [self._due_ms]
        if self._hungry or self._pause is not None:
            due.append(self._looked_ms)
        if self._door.shut:
            due.append(self._door.retry_ms)
        else:
            due += [] if self.fd is not None else [self._looked_ms + LOOK_MS]
            due += [] if self._flush_ms is None else [self._flush_ms]
            due += [self._resume_ms] if self._setup is not None and self._pause is None else []
            due += [self._setup_due_ms] if self._setup is None and self._setup_due_ms is not None else []
        return min(due)

    def _set_up(self, now_ms: int) -> None:
        """Begin, or go on with, telling the device to talk."""
        if self._door.shut:
            return
        answer: bytes | None = b""
        if self._setup is None:
            if self._setup_due_ms is None or now_ms < self._setup_due_ms:
                return
            self._door.enter(now_ms).drain()
            self._setup, self._setup_due_ms, answer = Conversation(self.driver.setup()), None, None
            self._warm(now_ms)
        elif self._pause is not None:
            self._resume_ms, self._pause = now_ms + whole_ms(self._pause.seconds), None
        elif now_ms < self._resume_ms:
            return
        if now_ms >= self._resume_ms or answer is None:
            self._tell(self._setup, answer, now_ms)

    def _tell(self, setup: Conversation[None], answer: bytes | None, now_ms: int) -> None:
        while (step := setup.advance(answer)) is not None:
            if isinstance(step, Pause):
                self._pause = step
                return
            answer = self._written(step, now_ms)
        self._setup = None
        self._heard_ms = now_ms if self._heard_ms is None else self._heard_ms
        self._warm(now_ms)

    def _warm(self, now_ms: int) -> None:
        """It warms up from its first command on, and not before its last one has reached it."""
        self._warm_ms = now_ms + round(self.driver.warm_up_s * 1_000)

    def _written(self, step: Step, now_ms: int) -> bytes:
        if not isinstance(step, Write):
            raise Broken(BUG, f"the setup of a stream writes and pauses; it can not {type(step).__name__}")
        self._door.enter(now_ms).write(step.data)
        return b""

    def _listen(self, now_ms: int) -> None:
        self._hungry = False
        if self._door.port is None:
            return
        data = self._door.port.read(GULP, 0.0)
        self._hungry = len(data) >= GULP
        if data:
            self._take(self.driver.feed(data), now_ms)
            self._flush_ms = now_ms + round(self.driver.gap_s * 1_000)
        elif self._flush_ms is not None and now_ms >= self._flush_ms:
            self._take(self.driver.flush(), now_ms)
            self._flush_ms = None

    def _take(self, frames: list[list[Reading]], now_ms: int) -> None:
        for readings in frames:
            self._newest = now_ms, readings
            self._heard_ms, self._silences = now_ms, 0
            self._door.proven()

    def _deliver(self, now_ms: int) -> None:
        due = now_ms >= self._due_ms
        if due:
            self._due_ms = next_multiple(now_ms, self.interval_ms)
            self.tally.add("missed", self._attendance.began(now_ms))
        if self._newest is not None and (due or self._eager):
            self._pass_on(*self._newest, now_ms)
        elif due and self._door.shut:
            self._complain(now_ms, BusFault.cause, self._door.why)
        elif due and self._heard_ms is not None:
            self._mind_silence(now_ms, self._heard_ms)

    def _pass_on(self, at_ms: int, readings: list[Reading], now_ms: int) -> None:
        self._newest = None
        if now_ms - at_ms > self.interval_ms:
            return
        self._eager = False
        try:
            sampled = Sampled(self.name, at_ms, believed(readings, at_ms < self._warm_ms))
        except Broken as broken:
            return self._fail(now_ms, broken.cause, broken.text)
        self.tally.add("sampled", len(sampled.readings))
        self._events.append(sampled)

    def _mind_silence(self, now_ms: int, heard_ms: int) -> None:
        silent_ms = now_ms - heard_ms
        if silent_ms > max(self.interval_ms, round(self.driver.silence_s * 1_000)):
            self._fail(now_ms, NoAnswer.cause, f"no whole frame for {silent_ms / 1_000:.0f} s")

    def _fail(self, now_ms: int, cause: str, text: str) -> None:
        """Complain, and set the device up again after a while."""
        self.driver.forget()
        self._flush_ms = None
        if self._setup is not None:
            self._setup.close()
        self._setup = self._pause = None
        if self._setup_due_ms is None or self._setup_due_ms <= now_ms:
            self._silences += 1
            self._setup_due_ms = now_ms + back_off_ms(self._silences, sensor_cap_ms(self.interval_ms))
        self._complain(now_ms, cause, text)

    def _cut_off(self, now_ms: int, why: str) -> None:
        """The port is gone; the door says when it is tried again."""
        if not self._door.shut:
            self._door.slam(now_ms, why)
        self._newest = self._heard_ms = None
        self._fail(now_ms, BusFault.cause, why)

    def _complain(self, now_ms: int, cause: str, text: str) -> None:
        self._eager = True
        self.tally.add(cause)
        if self._complaints.may(now_ms):
            self._events.append(Failed(self.name, now_ms, cause, text))
