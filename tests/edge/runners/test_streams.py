"""Devices that talk unasked: one frame an interval, silence, garbage, unplugging."""

from __future__ import annotations

from itertools import pairwise
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers import catalog
from drivers.reading import Flag, Quantity, Reading
from drivers.stream import Incomplete, StreamDriver
from drivers.talk import Pause, Read, Talk, Write
from edge.runners.streams import StreamRunner
from simulators import shelf
from simulators.chips.serial_chip import SerialChip
from simulators.clock import VirtualClock
from tests.edge.runners.hands import Wire, drive, failed, sampled, stamps


class Ticks(StreamDriver):
    """Frames are `T` and a byte."""

    name = "ticks"
    measures = (Quantity.COUNT,)
    longest = 2
    start = b"T"

    def setup(self) -> Talk[None]:
        yield Write(b"go")
        yield Pause(0.5)
        yield Write(b"!")

    def frame(self, buffer: bytearray) -> int:
        if len(buffer) < 2:
            raise Incomplete
        return 2

    def decode(self, frame: bytes) -> list[Reading]:
        return [Reading(Quantity.COUNT, float(frame[1]))]


class Ticker(SerialChip):
    """Says a frame each `each_ms` once it heard `go` and `!`."""

    name = "ticker"
    spans = resolves = rests = MappingProxyType[Any, Any]({})
    each_ms = 1_000

    def power_on(self) -> None:
        self.heard, self.number = b"", 0
        self._due_us = None

    def hear(self, data: bytes) -> None:
        self.heard += data
        if data == b"!":
            self._due_us = self.now_us() + self.each_ms * 1_000

    def frame_due(self) -> tuple[bytes, int | None]:
        self.number += 1
        return b"T" + bytes([self.number % 256]), self.each_ms * 1_000


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def ticking(clock: VirtualClock, interval_ms: int = 10_000) -> tuple[StreamRunner, Wire, Ticker]:
    chip = Ticker(clock.boot_us)
    wire = Wire(chip)
    return StreamRunner("a", Ticks(), interval_ms, wire.open), wire, chip


@pytest.mark.parametrize("name", ["sds011", "pms5003"])
def test_real_drivers_and_their_chips(name: str, clock: VirtualClock) -> None:
    driver = catalog.driver(name)()
    chip = shelf.chip(name)(clock.boot_us)
    assert isinstance(driver, StreamDriver)
    assert isinstance(chip, SerialChip)
    runner = StreamRunner("dust", driver, 10_000, Wire(chip).open)
    events = drive(runner, clock, 300)
    assert not failed(events)
    assert 30 <= len(sampled(events)) <= 31
    assert runner.counters()["dust"]["sampled"] == sum(len(event.readings) for event in sampled(events))


def test_the_first_frame_at_once_then_the_newest_at_each_due_instant(clock: VirtualClock) -> None:
    runner, _, chip = ticking(clock)
    events = drive(runner, clock, 40)
    assert chip.heard == b"go!"
    ages = [at % 10_000 for at in stamps(events)[1:]]
    assert len(ages) == 4
    assert all(9_000 <= age < 10_000 for age in ages)
    values = [event.readings[0].value for event in sampled(events)]
    assert values == [1, 9, 19, 29, 39]


@settings(max_examples=30)
@given(st.integers(100, 30_000), st.integers(1_000, 60_000))
def test_no_frame_is_told_twice_and_silence_is_told_only_of_the_silent(each_ms: int, interval_ms: int) -> None:
    clock = VirtualClock()
    runner, _, chip = ticking(clock, interval_ms)
    chip.each_ms = each_ms
    events = drive(runner, clock, 300, steps=30_000)
    assert len(set(stamps(events))) == len(stamps(events))
    if each_ms + 100 < 5_000:
        assert not failed(events)
        if each_ms + 100 < interval_ms:
            assert len(sampled(events)) >= 300_000 // interval_ms - 1
    if each_ms > 5_100:
        assert failed(events)


def test_silence_is_a_timeout_each_interval_and_setup_is_tried_again(clock: VirtualClock) -> None:
    runner, _, chip = ticking(clock)
    drive(runner, clock, 20)
    chip.power_on()  # it lost its power, and talks only when told to
    events = drive(runner, clock, 60)
    assert [event.cause for event in failed(events)][:1] == ["timeout"]
    assert chip.heard == b"go!"
    assert sampled(events)
    chip.hear = lambda data: None  # type: ignore[method-assign]
    chip.power_on()
    silent = failed(drive(runner, clock, 260))
    assert 12 <= len(silent) <= 20
    assert all(10_000 <= q.at_ms - p.at_ms <= 16_000 for p, q in pairwise(silent))


def test_unplugged_and_back_within_ten_seconds(clock: VirtualClock) -> None:
    runner, wire, chip = ticking(clock)
    drive(runner, clock, 20)
    wire.unplugged = True
    chip.power_on()
    events = drive(runner, clock, 320)
    assert {event.cause for event in failed(events)} == {"bus"}
    assert 29 <= len(failed(events)) <= 31
    wire.unplugged = False
    assert stamps(drive(runner, clock, 330))[0] < 330_000


def test_never_there_never_read(clock: VirtualClock) -> None:
    runner, wire, _ = ticking(clock)
    wire.unplugged = True
    events = drive(runner, clock, 100, steps=200)
    assert len(failed(events)) == 11 - 1 or len(failed(events)) == 11
    assert wire.opened <= 30


def test_a_port_that_opens_and_breaks_at_once_is_not_hammered(clock: VirtualClock) -> None:
    runner, wire, chip = ticking(clock)

    def broken() -> bytes:
        raise OSError(5, "Input/output error")

    chip.say = broken  # type: ignore[method-assign]
    events = drive(runner, clock, 100, steps=200)
    assert {event.cause for event in failed(events)} == {"bus"}
    assert len(failed(events)) <= 11
    assert wire.opened <= 30


def test_damage_is_counted_and_never_a_value(clock: VirtualClock) -> None:
    runner, _, chip = ticking(clock)
    drive(runner, clock, 20)
    chip._line += b"xyz"
    events = drive(runner, clock, 40)
    chip._due_us = None
    chip._line += b"T"  # half a frame, and then silence
    events += drive(runner, clock, 42)
    counters = runner.counters()["a"]
    assert (counters["framing"], counters["truncated"]) == (1, 1)
    assert len(sampled(events)) == 2


def test_a_setup_that_reads_is_a_bug_and_the_frames_still_count(clock: VirtualClock) -> None:
    class Reads(Ticks):
        def setup(self) -> Talk[None]:
            yield Write(b"go")
            yield Write(b"!")
            yield Read(1)

    chip = Ticker(clock.boot_us)
    events = drive(StreamRunner("a", Reads(), 10_000, Wire(chip).open), clock, 20)
    assert {event.cause for event in failed(events)} == {"bug"}


def test_a_driver_that_can_not_be_fed_is_contained(clock: VirtualClock) -> None:
    class Chokes(Ticks):
        def feed(self, data: bytes) -> list[list[Reading]]:
            raise IndexError("off the end")

    chip = Ticker(clock.boot_us)
    runner = StreamRunner("a", Chokes(), 10_000, Wire(chip).open)
    events = drive(runner, clock, 50, steps=2_000)
    assert {event.cause for event in failed(events)} == {"bug"}
    assert len(failed(events)) <= 6


def test_warming(clock: VirtualClock) -> None:
    class Warm(Ticks):
        warm_up_s = 15.0

    events = drive(StreamRunner("a", Warm(), 10_000, Wire(Ticker(clock.boot_us)).open), clock, 40)
    flags = [event.readings[0].flags for event in sampled(events)]
    assert flags == [Flag.WARMING, Flag.WARMING, Flag.NONE, Flag.NONE, Flag.NONE]


def test_asked_for_the_next_frame(clock: VirtualClock) -> None:
    runner, _, _ = ticking(clock, 60_000)
    drive(runner, clock, 5)
    runner.ask("a")
    assert len(sampled(drive(runner, clock, 8))) == 1


def test_a_port_that_served_again_is_not_punished_for_former_faults(clock: VirtualClock) -> None:
    runner, wire, _ = ticking(clock, 1_000)
    for minute in range(1, 10):
        drive(runner, clock, minute * 60)
        wire.unplugged = True
        runner.step(clock.boot_ms())
        wire.unplugged = False
        assert stamps(drive(runner, clock, minute * 60 + 4)), "1 s until the door is tried, and a frame each second"
