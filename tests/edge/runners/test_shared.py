"""Several units on one serial line, and files that the kernel keeps: side by side, none at the cost of another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from drivers.driver import FileDriver, SerialDriver
from drivers.ds18b20 import DS18B20
from drivers.errors import BusFault
from drivers.reading import Quantity, Reading
from drivers.talk import Pause, Read, Talk, Write
from edge.buses.port import FilePort
from edge.runners.seat import Seat
from edge.runners.talks import FileRunner, SerialRunner
from simulators.chips.ds18b20 import DS18B20 as Probe
from simulators.clock import VirtualClock
from tests.edge.runners.hands import drive, failed, one, sampled, stamps

ANSWER_MS = 20


class Unit(SerialDriver):
    """Asks its unit with its number, and takes two bytes."""

    name = "unit"
    measures = (Quantity.TEMPERATURE,)

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def read(self) -> Talk[list[Reading]]:
        yield Write(bytes([self.number]))
        answer = yield Read(2, 0.8)
        return one(float(answer[0]))


@dataclass
class Line:
    """An RS485 line: each unit that is not dead answers with its number, 20 ms after it was asked. Notes when."""

    clock: VirtualClock
    dead: set[int] = field(default_factory=set)
    asked_ms: list[int] = field(default_factory=list)
    ended_ms: list[int] = field(default_factory=list)
    _coming: list[tuple[int, bytes]] = field(default_factory=list)

    def open(self) -> Line:
        return self

    def write(self, data: bytes) -> None:
        now_ms = self.clock.boot_ms()
        assert not self._coming, "somebody asked before the other had his answer"
        self.asked_ms.append(now_ms)
        if data[0] not in self.dead:
            self._coming = [(now_ms + ANSWER_MS, data * 2)]

    def read(self, count: int, timeout_s: float) -> bytes:
        if not self._coming or self.clock.boot_ms() < self._coming[0][0]:
            return b""
        self.ended_ms.append(self.clock.boot_ms())
        return self._coming.pop()[1]

    def drain(self) -> None:
        self._coming.clear()

    def close(self) -> None:
        """Nothing is held."""


def test_units_on_one_line_are_asked_one_after_the_other_with_silence_between() -> None:
    clock = VirtualClock()
    line = Line(clock)
    runner = SerialRunner(line.open, [Seat(f"u{n}", Unit(n), 1_000) for n in range(1, 9)])
    events = drive(runner, clock, 60)
    assert not failed(events)
    for n in range(1, 9):
        told = sampled(events, f"u{n}")
        assert {event.readings[0].value for event in told} == {float(n)}
        assert len(told) == 61
    assert all(asked - ended >= 5 for ended, asked in zip(line.ended_ms, line.asked_ms[1:], strict=False))


def test_a_dead_unit_takes_a_tenth_of_the_line() -> None:
    clock = VirtualClock()
    line = Line(clock, {1})
    runner = SerialRunner(line.open, [Seat(f"u{n}", Unit(n), 1_000) for n in (1, 2, 3)])
    drive(runner, clock, 60)
    before = clock.boot_ms()
    events = drive(runner, clock, 660)
    tries = len(line.asked_ms) - len(line.ended_ms)
    assert runner.counters()["u1"]["timeout"] == tries
    assert all(len(stamps(events, name)) >= 590 for name in ("u2", "u3"))
    assert tries <= 5 + 660 / (0.8 + 9 * 0.8) + 1
    line.dead.clear()
    since = clock.boot_ms()
    assert stamps(drive(runner, clock, 672), "u1")[0] <= since + 10_000
    assert before < since


def test_one_device_alone_is_not_made_to_wait() -> None:
    clock = VirtualClock()
    line = Line(clock)
    runner = SerialRunner(line.open, [Seat("a", Unit(1), 1_000)])
    assert runner._silence_ms == 0
    assert stamps(drive(runner, clock, 10)) == list(range(0, 10_001, 1_000))


@dataclass
class File:
    """A file that takes its time."""

    chip: Probe
    clock: VirtualClock
    closed: list[str]

    def read(self, count: int) -> bytes:
        self.clock.advance(0.75)
        return self.chip.read(count)

    def write(self, data: bytes) -> None:
        self.chip.write(data)

    def close(self) -> None:
        self.closed.append("closed")


def folder(clock: VirtualClock, names: str) -> tuple[dict[str, Probe], Callable[[str], FilePort], list[str]]:
    chips, closed = {name: Probe(clock.boot_us) for name in names}, list[str]()

    def open_file(path: str) -> FilePort:
        if chips[path].faults.unplug:
            raise BusFault(f"there is no {path}")
        return File(chips[path], clock, closed)

    return chips, open_file, closed


def probes(names: str) -> list[Seat]:
    return [Seat(name, DS18B20(), 10_000, name) for name in names]


def test_thermometers_on_one_wire_are_read_in_turn() -> None:
    clock = VirtualClock()
    chips, open_file, closed = folder(clock, "abc")
    for n, name in enumerate("abc"):
        chips[name].feels[Quantity.TEMPERATURE] = 10.0 + n
    runner = FileRunner(open_file, probes("abc"))
    events = drive(runner, clock, 120)
    assert not failed(events)
    for n, name in enumerate("abc"):
        assert {event.readings[0].value for event in sampled(events, name)} == {10.0 + n}
        assert len(stamps(events, name)) >= 11
        assert all(8_000 <= q - p <= 12_500 for p, q in pairwise(stamps(events, name)[1:]))
    assert closed


def test_one_that_is_pulled_is_named_and_found_again() -> None:
    clock = VirtualClock()
    chips, open_file, _ = folder(clock, "ab")
    runner = FileRunner(open_file, probes("ab"))
    drive(runner, clock, 30)
    chips["a"].faults.unplug = True
    events = drive(runner, clock, 130)
    assert {event.cause for event in failed(events, "a")} == {"bus"}
    assert len(stamps(events, "b")) >= 9
    chips["a"].faults.unplug = False
    since = clock.boot_ms()
    assert stamps(drive(runner, clock, 150), "a")[0] <= since + 10_000


def test_what_a_file_can_not_do_is_the_drivers_mistake() -> None:
    class Odd(FileDriver):
        name = "odd"

        def read(self) -> Talk[list[Reading]]:
            yield Pause(0.1)
            yield "rubbish"  # type: ignore[misc]
            return []

    clock = VirtualClock()
    _, open_file, _ = folder(clock, "a")
    runner = FileRunner(open_file, [Seat("a", Odd(), 10_000, "a")])
    assert {event.cause for event in failed(drive(runner, clock, 3))} == {"bug"}
