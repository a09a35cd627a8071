"""What hangs on a serial port that nobody has told us of: first listen, and speak only into silence.

Sensors that talk unasked are known by their frames, which carry a checksum: every driver of a stream is fed what comes
in at its line setting, for some seconds each. Only where nobody was understood at any of them are the drivers heard
out that must ask; what they write is a request to read, and the answer says that something was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from drivers.driver import Driver, SerialDriver, SerialLine
from drivers.errors import BusFault, DriverError, NoAnswer
from drivers.stream import StreamDriver
from drivers.talk import Pause, Read, Step, Write
from edge.buses.port import SerialPort
from edge.runners.conversation import Broken, Conversation

LISTEN_S = 3.0  # at each line setting
LOOK_S = 0.25
ASK_S = 5.0  # how long a driver may wait for answers in all
GULP = 4_096

Opener = Callable[[SerialLine], SerialPort]


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of it: the drivers that fit, the line setting at which they do, the drivers that wrote to the port."""

    drivers: tuple[str, ...] = ()
    line: str = ""
    asked: tuple[str, ...] = ()
    octets: int = 0  # that came in unasked, understood or not
    error: str = ""


def listen(open_port: Opener, known: Iterable[type[Driver]], pause: Callable[[float], None]) -> Heard:
    """Listen to one port, and ask on it when that was in vain. Takes `LISTEN_S` a line setting, and a little."""
    streams, askers = [], []
    for kind in known:
        if issubclass(kind, StreamDriver):
            streams.append(kind)
        elif issubclass(kind, SerialDriver):
            askers.append(kind)
    octets = 0
    try:
        for line, drivers in _by_line(streams):
            fit, count = _heard(open_port, line, drivers)
            octets += count
            if fit:
                return Heard(fit, spelled(line), octets=octets)
        return _asked(open_port, askers, pause, octets)
    except BusFault as fault:
        return Heard(octets=octets, error=str(fault))


def spelled(line: SerialLine) -> str:
    """`9600 8N1`"""
    return f"{line.baud} {line.bits}{line.parity}{line.stop}"


def _by_line(streams: Iterable[type[StreamDriver]]) -> Iterator[tuple[SerialLine, list[StreamDriver]]]:
    lines: dict[SerialLine, list[StreamDriver]] = {}
    for kind in streams:
        driver = kind()
        lines.setdefault(driver.line, []).append(driver)
    yield from lines.items()


def _heard(open_port: Opener, line: SerialLine, drivers: list[StreamDriver]) -> tuple[tuple[str, ...], int]:
    """The first drivers that understand a whole frame, and how many bytes came in."""
    port, octets = open_port(line), 0
    try:
        for _ in range(round(LISTEN_S / LOOK_S)):
            data = port.read(GULP, LOOK_S)
            octets += len(data)
            if fit := tuple(driver.name for driver in drivers if _understands(driver, data)):
                return fit, octets
    finally:
        port.close()
    return (), octets


def _understands(driver: StreamDriver, data: bytes) -> bool:
    try:
        return bool(driver.feed(data))
    except Exception:  # a driver of other hands
        return False


def _asked(
    open_port: Opener, askers: Iterable[type[SerialDriver]], pause: Callable[[float], None], octets: int
) -> Heard:
    asked: list[str] = []
    for kind in askers:
        port = open_port(kind.line)
        try:
            port.drain()
            asked.append(kind.name)
            if _answers(kind(), port, pause):
                return Heard((kind.name,), spelled(kind.line), tuple(asked), octets)
        finally:
            port.close()
    return Heard((), "", tuple(asked), octets)


def _answers(driver: SerialDriver, port: SerialPort, pause: Callable[[float], None]) -> bool:
    """Lead the driver's probe to its end. Raises BusFault."""
    answer: bytes | DriverError | None = None
    left_s = ASK_S
    try:
        conversation = Conversation(driver.probe())
        while (step := conversation.advance(answer)) is not None:
            left_s -= step.timeout_s if isinstance(step, Read) else 0
            if left_s < 0:
                conversation.close()
                return False
            answer = _performed(step, port, pause)
    except (Broken, NotImplementedError):
        return False
    return conversation.result is True


def _performed(step: Step, port: SerialPort, pause: Callable[[float], None]) -> bytes | DriverError:
    match step:
        case Pause(seconds):
            pause(seconds)
        case Write(data):
            port.write(data)
        case Read(count, timeout_s):
            data = port.read(count, timeout_s)
            return data if len(data) == count else NoAnswer(f"{len(data)} of {count} bytes")
    return b""
