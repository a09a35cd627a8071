"""`edge record`: what a sensor really says, written down so that tests can play it back (`sim replay`).

One device is set up and read as its driver reads it, and every step on the wire becomes a line of a transcript; so do
the bytes of a stream as they came, and the edges of lines. Under them stands what the driver made of them. A file that
was recorded on hardware says so in its head, and counts as a proof; one from a pseudo terminal or another make-believe
says that instead.

Transcripts are published, so what names people or their things is not recorded: a driver whose bytes do says why in
`private`, and is refused. Looks at people passing are recorded only where those who passed had agreed.
Times in a transcript count from its beginning: it does not tell how long the node had been running.
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import TypeVar

from drivers.driver import Driver, FileDriver, I2CDriver, SerialDriver, TalkDriver
from drivers.errors import DriverError, NoAnswer, NotReady
from drivers.lines import Edge, LinesDriver
from drivers.reading import Flag, Reading
from drivers.stream import StreamDriver
from drivers.talk import Pause, Read, Step, Talk, Write, WriteRead
from drivers.window import Windowed
from edge.buses.port import PortOpener, SerialPort
from edge.clock import Clock
from edge.runners.conversation import BUG, Broken, Conversation
from edge.runners.lines import Watched, plain
from edge.runners.roster import driver_for
from edge.runners.table import WrongStep
from edge.runners.talks import Cabinet, i2c_answer
from edge.wiring import SensorPlan

T = TypeVar("T")
BEGIN_US = 1_000_000  # where the time of a transcript begins
PIECE_S, LOOK_S = 0.25, 0.05
GULP = 4_095
SPARE = 5  # readings that may fail beyond those that were wanted
SILENCES = 3  # of a stream that gives no reading, before it is given up


class Unrecordable(Exception):
    """The sensor can not, or must not, be recorded; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A transcript, how many readings in it were good, and what went wrong."""

    text: str
    good: int
    causes: Counter[str]


@dataclass(frozen=True, slots=True)
class Length:
    """How much is recorded: so many readings, or for so many seconds where those are not 0."""

    readings: int = 1
    seconds: float = 0.0


def origin(plan: SensorPlan, root: Path = Path("/")) -> str:
    """Whether the bytes come from hardware, as the head of a transcript says it."""
    device = PurePath(plan.bus)
    if plan.bus_kind == "i2c":
        name = next((part for part in device.parts if part.startswith("i2c-")), device.name)
        real = (root / "sys/class/i2c-dev" / name).exists()
    elif plan.bus_kind == "uart":
        path = root / str(device).lstrip("/")
        real = "://" in plan.bus or not str(path.resolve()).startswith(str(root / "dev/pts"))
    else:
        real = plan.bus.startswith(("/dev/", "/sys/"))
    return "recorded on hardware" if real else "recorded from a simulated device"


def host_model(root: Path = Path("/")) -> str:
    """What the device tree calls this computer; else its architecture."""
    try:
        return (root / "proc/device-tree/model").read_text().strip("\0 \n")
    except OSError:
        return platform.machine()


def check(plan: SensorPlan, agreed: bool) -> Driver:
    """The driver of a sensor that may be recorded. Raises Unrecordable."""
    if plan.bus_kind == "host":
        raise Unrecordable(f"{plan.name} is the node itself: nothing is said on any wire")
    driver = driver_for(plan)
    if driver.private:
        raise Unrecordable(f"{plan.name} must not be recorded: {driver.private}")
    if isinstance(driver, Windowed) and driver.counts_people and not agreed:
        raise Unrecordable(f"{plan.name} sees people pass: record it only with those who agreed, and say --agreed")
    return driver


def record(
    plan: SensorPlan, ports: PortOpener, clock: Clock, pause: Callable[[float], None], length: Length = Length(),
    agreed: bool = False, where: str = "recorded on hardware", host: str = "",
) -> Recording:  # fmt: skip
    """Read the sensor and write down what was said. Raises Unrecordable, BusFault when its port can not be had."""
    driver = check(plan, agreed)
    day = datetime.fromtimestamp(clock.wall_ms() / 1_000, UTC).date()
    head = [f"# Source: {where}: {driver.title or driver.name}, {day}, {host or host_model()}", f"driver {driver.name}"]
    if plan.settings:
        head.append(f"settings {json.dumps(plan.settings, ensure_ascii=False)}")
    if isinstance(driver, Windowed) and plan.window_ms and not length.seconds:
        length = Length(seconds=plan.window_ms / 1_000)
    scribe = Scribe(driver, clock, pause)
    if isinstance(driver, LinesDriver):
        scribe.watch(driver, plan, ports, length)
    elif isinstance(driver, StreamDriver):
        scribe.hear(driver, ports.serial(plan.bus, driver.line), plan, length)
    elif isinstance(driver, TalkDriver):
        scribe.converse(driver, plan, ports, length)
    return Recording("\n".join([*head, *scribe.lines]) + "\n", scribe.good, scribe.causes)


class Scribe:
    """Writes down one life of a driver, part by part."""

    def __init__(self, driver: Driver, clock: Clock, pause: Callable[[float], None]) -> None:
        self.lines: list[str] = []
        self.good = 0
        self.causes: Counter[str] = Counter()
        self._driver, self._clock, self._pause = driver, clock, pause
        self._base_us = clock.boot_us() - BEGIN_US

    def converse(self, driver: TalkDriver, plan: SensorPlan, ports: PortOpener, length: Length) -> None:
        """Probe, setup, and readings; after a failure the device is set up anew, as the agent does."""
        perform, close = _performer(driver, plan, ports)
        try:
            if isinstance(driver, I2CDriver):
                self._probe(driver, perform)
            ready, tries = False, 0
            pace_s = _pace_s(driver, plan)
            while not self._done(length, tries):
                tries += 1
                ready = ready or self._talk("setup", driver.setup(), perform) is None
                if ready and (cause := self._read(driver, perform)) is not None:
                    ready = cause == NotReady.cause
                self._pause(pace_s)
            self._close_window(plan)
            if plan.rest and driver.can_rest:
                self._talk("rest", driver.rest(), perform)
        finally:
            close()

    def hear(self, driver: StreamDriver, port: SerialPort, plan: SensorPlan, length: Length) -> None:
        """Bytes as they came, piece by piece."""
        try:
            port.drain()
            perform = _serial_performer(port)
            self._talk("setup", driver.setup(), perform)
            last_us, good = self._now_us(), 0
            while not self._done(length, 0) and self._now_us() - last_us < SILENCES * 1e6 * max(driver.silence_s, 20.0):
                if heard := port.read(GULP, PIECE_S):
                    self._piece(driver, heard)
                if self.good > good:
                    last_us, good = self._now_us(), self.good
                if driver.lost_setup:
                    driver.lost_setup = False
                    self._talk("setup", driver.setup(), perform)
            self._close_window(plan)
        finally:
            port.close()

    def watch(self, driver: LinesDriver, plan: SensorPlan, ports: PortOpener, length: Length) -> None:
        """Edges for one window, or for the seconds wanted. Raises Unrecordable when the kernel dropped some."""
        lines = {offset: line for line, offset in plan.pins.items()}
        watched = Watched(ports.lines(plan.bus, tuple(lines), plan.bias, plan.active_low))
        try:
            levels = watched.levels(lines)
            driver.begin(self._begin("watch"), levels)
            self.lines += [f"l {line} {level}" for line, level in levels.items()]
            until_us = self._now_us() + round((length.seconds or plan.interval_ms / 1_000) * 1e6)
            while self._now_us() < until_us:
                self._pause(LOOK_S)
                self._edges(driver, watched, lines)
            self._told([driver.close(self._begin("close"))])
        finally:
            watched.close()

    def _edges(self, driver: LinesDriver, watched: Watched, lines: dict[int, str]) -> None:
        while watched.port.wait_edge_events(0):
            for event in watched.port.read_edge_events():
                if watched.gap(event):
                    raise Unrecordable("edges came faster than they could be taken: try again with fewer of them")
                watched.expected = event.global_seqno + 1
                at_us = event.timestamp_ns // 1_000 + watched.offset_us - self._base_us
                edge = Edge(at_us, lines[event.line_offset], 1 if plain(event.event_type) == 1 else 0)
                self.lines.append(f"e {edge.at_us} {edge.line} {edge.level}")
                driver.edge(edge)

    def _now_us(self) -> int:
        return self._clock.boot_us() - self._base_us

    def _begin(self, part: str) -> int:
        self._driver.at_us = at_us = self._now_us()
        self.lines.append(f"> {part} @{at_us}")
        return at_us

    def _done(self, length: Length, tries: int) -> bool:
        if length.seconds:
            return self._now_us() - BEGIN_US >= length.seconds * 1e6
        return self.good >= length.readings or tries >= length.readings + SPARE

    def _probe(self, driver: I2CDriver, perform: Callable[[Step], bytes]) -> None:
        mark, answer = len(self.lines), list[bool]()
        try:
            if self._talk("probe", driver.probe(), perform, answer.append) is None:
                self.lines.append(f"= {str(answer[0] is True).lower()}")
        except Unrecordable:  # a guest may have no probe
            del self.lines[mark:]

    def _read(self, driver: TalkDriver, perform: Callable[[Step], bytes]) -> str | None:
        found: list[list[Reading]] = []
        cause = self._talk("read", driver.read(), perform, found.append)
        self._told(found)
        return cause

    def _talk(
        self, part: str, talk: Talk[T], perform: Callable[[Step], bytes], take: Callable[[T], object] | None = None
    ) -> str | None:
        """Lead a talk and write it down; the cause of its failure. What it gave goes to `take`."""
        self._begin(part)
        conversation = Conversation(talk)
        answer: bytes | DriverError | None = None
        try:
            while (step := conversation.advance(answer)) is not None:
                answer = self._step(step, perform)
        except Broken as broken:
            if broken.cause == BUG:
                raise Unrecordable(f"{broken.text}: that is a fault of the driver {self._driver.name}") from broken
            self.causes[broken.cause] += 1
            self.lines.append(f"! {broken.cause}")
            return broken.cause
        if take is not None:
            take(conversation.result)
        return None

    def _step(self, step: Step, perform: Callable[[Step], bytes]) -> bytes | DriverError:
        if isinstance(step, Pause):
            self.lines.append(f"p {_milliseconds(step.seconds)}")
            self._pause(step.seconds)
            return b""
        try:
            answer = perform(step)
        except DriverError as error:
            self.lines.append(f"{_failed(step)} !{error.cause}")
            return error
        self.lines.append(_done(step, answer))
        return answer

    def _piece(self, driver: StreamDriver, heard: bytes) -> None:
        self._begin("hear")
        self.lines.append(f"s {heard.hex()}")
        before = driver.errors.copy()
        found = [readings for readings in driver.feed(heard) if readings]
        fresh = driver.errors - before
        self.causes += fresh
        self.lines += [f"! {cause}" for cause in fresh.elements()]
        self._told(found)

    def _told(self, found: Iterable[list[Reading]]) -> None:
        for number, readings in enumerate(found):
            self.lines += ["--"] if number else []
            self.lines += [_spelled(reading) for reading in readings]
            self.good += 1

    def _close_window(self, plan: SensorPlan) -> None:
        if plan.window_ms and isinstance(self._driver, Windowed):
            self._told([self._driver.close(self._begin("close"))])


def _performer(
    driver: TalkDriver, plan: SensorPlan, ports: PortOpener
) -> tuple[Callable[[Step], bytes], Callable[[], None]]:
    """What to do with each step of a talk, and how to let go in the end. Raises BusFault."""
    if isinstance(driver, I2CDriver):
        bus, address = ports.i2c(plan.bus), driver.default_address if plan.address is None else plan.address
        return lambda step: i2c_answer(bus, address, step), bus.close
    if isinstance(driver, SerialDriver):
        port = ports.serial(plan.bus, driver.line)
        port.drain()
        return _serial_performer(port), port.close
    assert isinstance(driver, FileDriver)
    cabinet = Cabinet(ports.files)
    return lambda step: cabinet.perform(plan.bus, step), cabinet.close


def _serial_performer(port: SerialPort) -> Callable[[Step], bytes]:
    def perform(step: Step) -> bytes:
        if isinstance(step, Write):
            port.write(step.data)
            return b""
        if not isinstance(step, Read):
            raise WrongStep(f"a serial port has no {type(step).__name__}")
        answer = port.read(step.count, step.timeout_s)
        if len(answer) < step.count:
            raise NoAnswer(f"{len(answer)} of {step.count} bytes within {step.timeout_s:g} s")
        return answer

    return perform


def _pace_s(driver: TalkDriver, plan: SensorPlan) -> float:
    looks = isinstance(driver, Windowed) and plan.window_ms
    return driver.window_look_s if looks and isinstance(driver, Windowed) else driver.interval_min_s


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1e6) / 1_000:.3f}".rstrip("0").rstrip(".")


def _done(step: Step, answer: bytes) -> str:
    """A step and its answer, as a transcript has it."""
    match step:
        case Write(data):
            return f"w {data.hex()}"
        case Read(count, _):
            return f"r {answer.hex()}" + ("" if len(answer) == count else f" /{count}")
        case WriteRead(data, _):
            return f"x {data.hex()} {answer.hex()}"
    raise WrongStep(f"{type(step).__name__} is not for the bus")


def _failed(step: Step) -> str:
    """A step that was not answered."""
    match step:
        case Read(count, _):
            return f"r /{count}"
        case WriteRead(data, count):
            return f"x {data.hex()} {bytes(count).hex()}"
    return _done(step, b"")


def _spelled(reading: Reading) -> str:
    flags = [flag.name.lower() for flag in Flag if flag in reading.flags and flag.name]
    return " ".join(["=", reading.name, repr(float(reading.value)), *flags])
