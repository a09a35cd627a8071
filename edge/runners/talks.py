"""Many talks on one bus, as one conversation table where a pause blocks nobody.

Whoever is due speaks until he pauses; meanwhile the others go on. Only one speaks to the same device at a time: per
address on I2C, one at all on a serial port. A pause counts from the next step on, because the transfers before it took
time that `now_ms` of this step does not know of, and a chip that is asked too early answers nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from drivers.errors import BusFault, DriverError, NoAnswer
from drivers.talk import Pause, Read, Step, Write, WriteRead
from edge.buses.port import I2CPort, SerialPort
from edge.events import Event, Failed
from edge.runners.blame import blame
from edge.runners.conversation import BUG, Broken
from edge.runners.door import Closable, Door
from edge.runners.runner import Counters
from edge.runners.seat import Seat
from edge.runners.timetable import next_multiple, whole_ms

POLL_MS = 10  # how often a port without a file descriptor is looked at while an answer is awaited

P = TypeVar("P", bound=Closable)


class WrongStep(Exception):
    """A step that this kind of bus does not have: a mistake of the driver."""


class TalkRunner(Generic[P]):
    """The table; I2C and serial say how a step is performed."""

    gather_ms = 5

    def __init__(self, open_port: Callable[[], P], seats: Sequence[Seat], rests: bool) -> None:
        self.seats = tuple(seats)
        self._door: Door[P] = Door(open_port, rests)
        self._asked: deque[str] = deque()
        self._events: list[Event] = []
        self._stepped_ms = 0

    @property
    def sensors(self) -> tuple[str, ...]:
        return tuple(seat.name for seat in self.seats)

    @property
    def fd(self) -> int | None:
        return None

    def ask(self, sensor: str) -> None:
        self._asked.append(sensor)

    def counters(self) -> dict[str, Counters]:
        return {seat.name: seat.tally.copy() for seat in self.seats}

    def close(self) -> None:
        for seat in self.seats:
            if seat.talk is not None:
                seat.talk.close()
        self._door.close()

    def step(self, now_ms: int) -> list[Event]:
        self._events, self._stepped_ms = [], now_ms
        if self._door.knock(now_ms):
            self._rouse(self.sensors, now_ms)
        self._rouse([self._asked.popleft() for _ in range(len(self._asked))], now_ms)
        for seat in self.seats:
            self._start_pause(seat, now_ms)
        for seat in sorted(self.seats, key=lambda seat: seat.wants_ms(now_ms)):
            if self._may_speak(seat, now_ms):
                self._serve(seat, now_ms)
        return self._events

    def next_due_ms(self) -> int | None:
        due = [seat.wants_ms(self._stepped_ms) for seat in self.seats if not self._must_wait(seat)]
        if self._door.shut:
            due.append(self._door.retry_ms)
        return min(due, default=None)

    def _rouse(self, names: Sequence[str], now_ms: int) -> None:
        for seat in self.seats:
            if seat.name in names:
                seat.rouse(now_ms)

    def _start_pause(self, seat: Seat, now_ms: int) -> None:
        if seat.talk is not None and seat.resume_ms is None and isinstance(seat.step, Pause):
            seat.resume_ms = now_ms + whole_ms(seat.step.seconds)

    def _must_wait(self, seat: Seat) -> bool:
        """Whether somebody else is in the midst of a talk with the same device."""
        if seat.talk is not None:
            return False
        return any(other.talk is not None and other.address == seat.address for other in self.seats)

    def _may_speak(self, seat: Seat, now_ms: int) -> bool:
        return seat.wants_ms(now_ms) <= now_ms and not self._must_wait(seat)

    def _serve(self, seat: Seat, now_ms: int) -> None:
        try:
            self._converse(seat, now_ms)
        except Broken as broken:
            self._fail(seat, now_ms, broken.cause, broken.text)
        except DriverError as error:
            self._fail(seat, now_ms, error.cause, str(error))
        except Exception as error:
            self._fail(seat, now_ms, BUG, blame(error))

    def _converse(self, seat: Seat, now_ms: int) -> None:
        answer = None
        if seat.talk is None:
            self._begin(seat, now_ms)
        else:
            answer = self._resumed(seat, now_ms)
        while seat.talk is not None and not (seat.step is not None and answer is None):
            seat.step = seat.talk.advance(answer)
            if seat.step is None:
                answer = None
                if sampled := seat.ended(now_ms):
                    self._door.proven()
                    self._events.append(sampled)
            else:
                answer = self._performed(seat, seat.step, now_ms)

    def _begin(self, seat: Seat, now_ms: int) -> None:
        self._greet(self._door.enter(now_ms), now_ms)
        seat.begin(now_ms)

    def _resumed(self, seat: Seat, now_ms: int) -> bytes | DriverError | None:
        assert seat.step is not None
        return b"" if isinstance(seat.step, Pause) else self._performed(seat, seat.step, now_ms)

    def _performed(self, seat: Seat, step: Step, now_ms: int) -> bytes | DriverError | None:
        """The answer to a step, a failure to be thrown into the talk, or None: nothing yet."""
        if isinstance(step, Pause):
            seat.resume_ms = None
            return None
        try:
            return self._perform(self._door.enter(now_ms), seat, step, now_ms)
        except BusFault as fault:
            if not self._door.shut:
                self._door.slam(now_ms, str(fault))
            return fault
        except DriverError as error:
            return error
        except OSError as error:
            self._door.slam(now_ms, why := blame(error))
            return BusFault(why)
        except WrongStep as error:
            raise Broken(BUG, str(error)) from error

    def _fail(self, seat: Seat, now_ms: int, cause: str, text: str) -> None:
        seat.failed(now_ms, cause)
        if self._door.shut:
            seat.due_ms = next_multiple(now_ms, seat.interval_ms)
        if not self._door.shut or seat.complaints.may(now_ms):
            self._events.append(Failed(seat.name, now_ms, cause, text))

    def _greet(self, port: P, now_ms: int) -> None:
        """A talk is about to begin."""

    def _perform(self, port: P, seat: Seat, step: Step, now_ms: int) -> bytes | None:
        raise NotImplementedError


class I2CRunner(TalkRunner[I2CPort]):
    """All chips of one I2C bus."""

    def __init__(self, open_port: Callable[[], I2CPort], seats: Sequence[Seat]) -> None:
        super().__init__(open_port, seats, rests=False)

    def _perform(self, port: I2CPort, seat: Seat, step: Step, now_ms: int) -> bytes | None:
        assert seat.address is not None
        return i2c_answer(port, seat.address, step)


def i2c_answer(port: I2CPort, address: int, step: Step) -> bytes:
    """Perform one step on an I2C bus. Raises Nack, BusFault; WrongStep for a Pause."""
    match step:
        case Write(data):
            return port.transfer(address, data, 0)
        case Read(count, _):
            return port.transfer(address, None, count)
        case WriteRead(data, count):
            return port.transfer(address, data, count)
    raise WrongStep(f"{type(step).__name__} is not for the bus")


class SerialRunner(TalkRunner[SerialPort]):
    """The device of one serial port that answers when it is asked. A read that waits never blocks the step."""

    def __init__(self, open_port: Callable[[], SerialPort], seats: Sequence[Seat]) -> None:
        super().__init__(open_port, seats, rests=True)
        self._got = bytearray()
        self._deadline_ms: int | None = None

    @property
    def fd(self) -> int | None:
        """That of the port while an answer is awaited."""
        port = self._door.port
        return getattr(port, "fd", None) if port is not None and self._deadline_ms is not None else None

    def _start_pause(self, seat: Seat, now_ms: int) -> None:
        super()._start_pause(seat, now_ms)
        if seat.talk is not None and isinstance(seat.step, Read):
            seat.resume_ms = now_ms  # whenever we are stepped, look

    def _greet(self, port: SerialPort, now_ms: int) -> None:
        self._deadline_ms = None
        try:
            port.drain()
        except (BusFault, OSError) as error:
            self._door.slam(now_ms, why := str(error) if isinstance(error, BusFault) else blame(error))
            raise BusFault(why) from error

    def _perform(self, port: SerialPort, seat: Seat, step: Step, now_ms: int) -> bytes | None:
        match step:
            case Write(data):
                port.write(data)
                return b""
            case Read():
                return self._read(port, seat, step, now_ms)
        raise WrongStep(f"a serial port has no {type(step).__name__}")

    def _read(self, port: SerialPort, seat: Seat, step: Read, now_ms: int) -> bytes | None:
        if self._deadline_ms is None:
            self._got.clear()
            self._deadline_ms = now_ms + whole_ms(step.timeout_s)
        self._got += port.read(step.count - len(self._got), 0.0)
        if len(self._got) >= step.count:
            self._deadline_ms = None
            return bytes(self._got)
        if now_ms >= self._deadline_ms:
            self._deadline_ms = None
            raise NoAnswer(f"{len(self._got)} of {step.count} bytes within {step.timeout_s:g} s")
        seat.resume_ms = self._deadline_ms if self.fd is not None else min(now_ms + POLL_MS, self._deadline_ms)
        return None

    def _fail(self, seat: Seat, now_ms: int, cause: str, text: str) -> None:
        self._deadline_ms = None
        super()._fail(seat, now_ms, cause, text)
