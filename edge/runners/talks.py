"""What a step of a talk is on each kind of bus: an I2C transfer, bytes of a serial port, a file of the kernel's.

I2C and files answer at once or fail; on a serial port an answer is waited for, without blocking the step. Several
devices may share one serial line (units on RS485): between two of their talks the line is left silent for a moment,
so that each knows where a frame begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drivers.driver import SerialDriver, SerialLine
from drivers.errors import BusFault, NoAnswer
from drivers.talk import Read, Step, Write, WriteRead
from edge.buses.port import FilePort, I2CPort, Recoverable, SerialPort
from edge.runners.blame import blame
from edge.runners.healer import Healer
from edge.runners.seat import Seat
from edge.runners.table import TalkRunner, WrongStep
from edge.runners.timetable import whole_ms

POLL_MS = 10  # how often a port without a file descriptor is looked at while an answer is awaited
SILENT_CHARACTERS, BITS_A_CHARACTER = 3.5, 11  # Modbus over serial line V1.02, 2.5.1.1
LEAST_SILENCE_S = 0.005  # adapters and their drivers are late by milliseconds


class I2CRunner(TalkRunner[I2CPort]):
    """All chips of one I2C bus, those on its segments behind muxes too.

    Segments have no runner of their own: their transfers exclude each other anyway, and a thread for each of forty
    would cost memory and win nothing. What separates them is the mux, and the price that is charged to who fails.
    """

    def __init__(
        self,
        open_port: Callable[[], I2CPort],
        seats: Sequence[Seat],
        bus: str = "",
        open_segment: Callable[[str], I2CPort] | None = None,
    ) -> None:
        super().__init__(open_port, seats, rests=False)
        self._healer = Healer(bus)
        self._open_segment = open_segment

    def _perform(self, port: I2CPort, seat: Seat, step: Step, now_ms: int) -> bytes | None:
        assert isinstance(seat.address, int)
        answer = i2c_answer(self._port_of(seat, port) if seat.segment else port, seat.address, step)
        self._healer.works(seat.place)
        return answer

    def _port_of(self, seat: Seat, port: I2CPort) -> I2CPort:
        return self._open_segment(seat.segment) if seat.segment and self._open_segment is not None else port

    def _faulted(self, seat: Seat, now_ms: int, fault: BusFault) -> BusFault:
        port = None if self._door.port is None else self._port_of(seat, self._door.port)
        if port is not None and isinstance(port, Recoverable) and self._healer.faulted(seat.place, now_ms):
            seat.tally.add("recoveries")
            self._events += self._healer.heal(port, now_ms)
        return super()._faulted(seat, now_ms, fault)


def i2c_answer(port: I2CPort, address: int, step: Step) -> bytes:
    """Perform one step on an I2C bus. Raises Nack, BusFault; WrongStep for a Pause."""
    if isinstance(step, WriteRead):
        return port.transfer(address, step.data, step.count)
    if isinstance(step, Write):
        return port.transfer(address, step.data, 0)
    if isinstance(step, Read):
        return port.transfer(address, None, step.count)
    raise WrongStep(f"{type(step).__name__} is not for the bus")


class Cabinet:
    """The files of one folder, opened when they are needed and not kept open."""

    def __init__(self, open_file: Callable[[str], FilePort]) -> None:
        self._open_file = open_file

    def perform(self, path: str, step: Step) -> bytes:
        """Raises BusFault; WrongStep for what a file can not do."""
        file = self._open_file(path)
        try:
            match step:
                case Read(count, _):
                    return file.read(count)
                case Write(data):
                    file.write(data)
                    return b""
        finally:
            file.close()
        raise WrongStep(f"a file has no {type(step).__name__}")

    def close(self) -> None:
        """Nothing is held."""


class FileRunner(TalkRunner[Cabinet]):
    """All devices that the kernel serves in one folder; a read may take most of a second."""

    def __init__(self, open_file: Callable[[str], FilePort], seats: Sequence[Seat]) -> None:
        super().__init__(lambda: Cabinet(open_file), seats, rests=False)

    def _perform(self, port: Cabinet, seat: Seat, step: Step, now_ms: int) -> bytes | None:
        assert isinstance(seat.address, str)
        return port.perform(seat.address, step)


class SerialRunner(TalkRunner[SerialPort]):
    """The devices of one serial port that answer when they are asked. A read that waits never blocks the step."""

    def __init__(self, open_port: Callable[[], SerialPort], seats: Sequence[Seat]) -> None:
        super().__init__(open_port, seats, rests=True)
        self._got = bytearray()
        self._deadline_ms: int | None = None
        self._silence_ms = max(map(silence_ms, seats), default=0) if len(seats) > 1 else 0
        self._ended_now = False  # a talk ended in this step; the silence begins with the next
        self._silent_until_ms = 0

    @property
    def fd(self) -> int | None:
        """That of the port while an answer is awaited."""
        port = self._door.port
        return getattr(port, "fd", None) if port is not None and self._deadline_ms is not None else None

    def next_due_ms(self) -> int | None:
        due_ms = super().next_due_ms()
        if self._ended_now:
            return self._stepped_ms
        return due_ms if due_ms is None else max(due_ms, self._silent_until_ms)

    def _prepare(self, now_ms: int) -> None:
        if self._ended_now:
            self._ended_now, self._silent_until_ms = False, now_ms + self._silence_ms
        super()._prepare(now_ms)

    def _start_pause(self, seat: Seat, now_ms: int) -> None:
        super()._start_pause(seat, now_ms)
        if isinstance(seat.step, Read):
            seat.resume_ms = now_ms  # whenever we are stepped, look

    def _may_speak(self, seat: Seat, now_ms: int) -> bool:
        silent = seat.talk is None and (self._ended_now or now_ms < self._silent_until_ms)
        return not silent and super()._may_speak(seat, now_ms)

    def _hush(self, seat: Seat) -> None:
        if self._silence_ms and seat.talk is None:
            self._ended_now = True

    def _serve(self, seat: Seat, now_ms: int) -> None:
        super()._serve(seat, now_ms)
        self._hush(seat)

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
                port.drain()  # what came before the question is no answer to it
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
        if len(self.seats) > 1 and seat.talk is not None:
            seat.spent_ms = now_ms - seat.began_ms  # nobody else had the line
        super()._fail(seat, now_ms, cause, text)


def silence_ms(seat: Seat) -> int:
    """How long the line is left silent after a talk, so that the next frame is seen to begin."""
    line = seat.driver.line if isinstance(seat.driver, SerialDriver) else SerialLine()
    return whole_ms(max(LEAST_SILENCE_S, SILENT_CHARACTERS * BITS_A_CHARACTER / line.baud))
