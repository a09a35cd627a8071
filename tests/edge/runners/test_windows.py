"""Windows of drivers that look: exact at their boundaries, flagged when a look failed, whole for who counts people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.driver import I2CDriver
from drivers.dual_tube import DualTube
from drivers.errors import Nack
from drivers.lines import Edge
from drivers.loop import Loop
from drivers.reading import Flag, Quantity, Reading
from drivers.stream import StreamDriver
from drivers.talk import Pause, Read, Talk, Write
from drivers.window import Windowed
from edge.runners.seat import LOOKS_LOST, Seat
from edge.runners.streams import StreamRunner
from edge.runners.talks import I2CRunner
from edge.runners.voice import Terms
from edge.runners.window import BLIND, LATE_WINDOWS, LEAST_FOR_MEAN, Window
from simulators.clock import VirtualClock
from tests.edge.runners.hands import Bus, Wire, drive, failed, sampled, stamps
from tests.edge.runners.test_streams import Ticker, Ticks

WINDOW_MS = 10_000


class Folding(Windowed):
    """Counts what it folded, on the driver's own clock; gives losses on a channel."""

    measures = (Quantity.COUNT,)
    seen: list[int]
    closed: list[int]

    def begin(self) -> None:
        self.seen, self.closed, self.gone, self._count = [], [], 0, 0

    def fold(self) -> None:
        self.seen.append(self.at_us)
        self._count += 1

    def lost(self, looks: int) -> None:
        self.gone += looks

    def close(self, at_us: int) -> list[Reading]:
        counted, self._count = self._count, 0
        self.closed.append(at_us)
        return [Reading(Quantity.COUNT, float(counted))]


class Radar(Folding, I2CDriver):
    """Looks ten times a second; a look takes 30 ms."""

    name = "radar"
    default_address = 0x29
    addresses = (0x29,)

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def setup(self) -> Talk[None]:
        yield Write(b"\xaa")

    def read(self) -> Talk[list[Reading]]:
        yield Write(b"\x01")
        yield Pause(0.03)
        yield Read(1)
        self.fold()
        return [Reading(Quantity.DISTANCE, 1.0)]


class People(Radar):
    counts_people = True


def runner_on(driver: Radar, behave: Callable[[int, bytes | None, int], bytes] | None = None) -> I2CRunner:
    bus = Bus(behave) if behave else Bus()
    return I2CRunner(bus.open, [Seat("a", driver, WINDOW_MS, 1, Terms(window_ms=WINDOW_MS))])


def test_looks_stay_inside_and_windows_are_told_at_their_boundaries() -> None:
    driver = Radar()
    runner = runner_on(driver)
    events = drive(runner, VirtualClock(), 40)
    assert stamps(events) == [10_000, 20_000, 30_000, 40_000]
    assert {reading.quantity for event in sampled(events) for reading in event.readings} == {Quantity.COUNT}
    assert [event.readings[0].value for event in sampled(events)] == [100.0] * 4
    assert [event.readings[0].flags for event in sampled(events)] == [Flag.NONE] * 4
    assert driver.closed == [at * 1_000 for at in stamps(events)]
    assert runner.counters()["a"]["sampled"] == 4


@settings(max_examples=50)
@given(st.integers(0, 9_999), st.lists(st.integers(1, 4_000), min_size=1, max_size=60))
def test_a_look_belongs_to_the_window_in_which_it_began(start_ms: int, pauses_ms: list[int]) -> None:
    """However late the steps come."""
    driver = Radar()
    runner = runner_on(driver)
    now_ms, events = start_ms, []
    for pause_ms in pauses_ms:
        events += runner.step(now_ms)
        now_ms += pause_ms
    events += runner.step(now_ms) + runner.step(now_ms + 40) + runner.step(now_ms + 80)
    for event in sampled(events):
        inside = [at for at in driver.seen if event.at_ms - WINDOW_MS <= at // 1_000 < event.at_ms]
        assert event.readings[0].value == len(inside)


def test_a_look_that_failed_is_told_to_the_driver_and_flags_its_window() -> None:
    driver, clock = Radar(), VirtualClock()

    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if data == b"\x01" and 14_950 < clock.boot_ms() < 15_050:
            raise Nack("once")
        return bytes(count)

    runner = runner_on(driver, behave)
    events = drive(runner, clock, 40)
    assert [event.readings[0].flags for event in sampled(events)] == [Flag.NONE, Flag.WARMING, Flag.NONE, Flag.NONE]
    assert [event.readings[0].value for event in sampled(events)] == [100.0, 99.0, 100.0, 100.0]
    assert driver.gone == 1
    assert runner.counters()["a"][LOOKS_LOST] == runner.counters()["a"]["nack"] == 1


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(500, 30_000), st.integers(50, 30_000)), max_size=4))
def test_people_are_counted_only_over_windows_that_were_watched(script: list[tuple[int, int]]) -> None:
    driver, clock, ill, blind = People(), VirtualClock(), False, []

    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if ill:
            raise Nack("gone")
        return bytes(count)

    runner, events = runner_on(driver, behave), []
    for well_ms, ill_ms in script:
        events += drive(runner, clock, clock.boot_ms() / 1_000 + well_ms / 1_000 - 0.5)
        ill, since_ms = True, clock.boot_ms()
        events += drive(runner, clock, clock.boot_ms() / 1_000 + ill_ms / 1_000 - 0.5)
        ill = False
        blind.append((since_ms, clock.boot_ms()))
    events += drive(runner, clock, clock.boot_ms() / 1_000 + 40)
    for event in sampled(events):
        begin_ms = event.at_ms - WINDOW_MS
        for since_ms, until_ms in blind:
            dark_ms = min(until_ms, event.at_ms) - max(since_ms, begin_ms)
            assert dark_ms <= max(BLIND * WINDOW_MS, 1_000)
    told = sum(event.readings[0].value for event in sampled(events))
    assert told + driver._count == len(driver.seen), "nobody is lost"
    assert sampled(events)


def test_a_sensor_that_is_never_seen_says_why_once_a_window() -> None:
    def behave(address: int, data: bytes | None, count: int) -> bytes:
        raise Nack("nobody there")

    events = drive(runner_on(Radar(), behave), VirtualClock(), 120)
    assert not sampled(events)
    assert 11 <= len(failed(events)) <= 13
    assert {event.cause for event in failed(events)} == {"nack"}


def test_a_long_sleep_closes_a_few_windows_only() -> None:
    runner = runner_on(Radar())
    runner.step(0)
    runner.step(40)
    events = runner.step(1_000_001) + runner.step(1_000_001)
    assert len(stamps(events)) <= LATE_WINDOWS
    assert runner.counters()["a"]["missed"] >= 100 - LATE_WINDOWS - 1


def test_a_driver_whose_close_is_broken_is_contained() -> None:
    class Broken(Radar):
        def close(self, at_us: int) -> list[Reading]:
            raise KeyError("oops")

    events = drive(runner_on(Broken()), VirtualClock(), 40)
    assert {event.cause for event in failed(events)} == {"bug"}
    assert 3 <= len(failed(events)) <= 4


def test_without_a_window_the_looks_are_reported_and_none_pile_up() -> None:
    driver = Radar()
    runner = I2CRunner(Bus().open, [Seat("a", driver, 10_000, 1)])
    events = drive(runner, VirtualClock(), 7_300)
    assert {reading.quantity for event in sampled(events) for reading in event.readings} == {Quantity.DISTANCE}
    assert len(sampled(events)) == 731
    assert len(driver.closed) == 2


def test_who_must_have_a_window_has_one() -> None:
    class Must(Radar):
        must_window = True

    events = drive(I2CRunner(Bus().open, [Seat("a", Must(), 10_000, 1)]), VirtualClock(), 30)
    assert {reading.quantity for event in sampled(events) for reading in event.readings} == {Quantity.COUNT}


class Gate(Folding, Ticks):
    """A stream whose frames are looks."""

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def decode(self, frame: bytes) -> list[Reading]:
        self.fold()
        return [Reading(Quantity.VEHICLE_SPEED, float(frame[1]))]


def gate(clock: VirtualClock, driver: StreamDriver) -> tuple[StreamRunner, Wire, Ticker]:
    chip = Ticker(clock.boot_us)
    chip.each_ms = 400
    wire = Wire(chip)
    return StreamRunner("a", driver, WINDOW_MS, wire.open, Terms(window_ms=WINDOW_MS)), wire, chip


def test_frames_of_a_stream_stay_inside_its_window() -> None:
    clock, driver = VirtualClock(), Gate()
    runner, _, _ = gate(clock, driver)
    events = drive(runner, clock, 60)
    assert stamps(events) == list(range(10_000, 60_001, 10_000))
    assert {reading.quantity for event in sampled(events) for reading in event.readings} == {Quantity.COUNT}
    assert [event.readings[0].value for event in sampled(events)][1:] == [25.0] * 5
    assert [event.readings[0].flags for event in sampled(events)] == [Flag.NONE] * 6
    for event in sampled(events):
        inside = [at for at in driver.seen if event.at_ms - WINDOW_MS <= at // 1_000 < event.at_ms]
        assert len(inside) == event.readings[0].value


def test_a_frame_at_the_boundary_belongs_to_the_next_window() -> None:
    clock, driver = VirtualClock(), Gate()
    runner, _, chip = gate(clock, driver)
    chip.each_ms = 1_357  # the seventh after the setup (0.501 s) comes at 10 s sharp
    events = drive(runner, clock, 60)
    assert any(at % 10_000_000 == 0 for at in driver.seen)
    for event in sampled(events):
        inside = [at for at in driver.seen if event.at_ms - WINDOW_MS <= at // 1_000 < event.at_ms]
        assert len(inside) == event.readings[0].value


def test_damage_and_unplugging_flag_a_streams_window() -> None:
    clock, driver = VirtualClock(), Gate()
    runner, wire, chip = gate(clock, driver)
    drive(runner, clock, 24)
    chip._line += b"xyz"
    events = drive(runner, clock, 44)
    assert driver.gone == 1
    assert [event.readings[0].flags for event in sampled(events)] == [Flag.WARMING, Flag.NONE]
    wire.unplugged = True
    events = drive(runner, clock, 84)
    wire.unplugged = False
    events += drive(runner, clock, 130)
    flags = {event.at_ms: event.readings[0].flags for event in sampled(events)}
    assert flags == {50_000: Flag.WARMING, 90_000: Flag.WARMING, **dict.fromkeys((100_000, 110_000, 120_000, 130_000),
                                                                                 Flag.NONE)}  # fmt: skip
    assert {event.cause for event in failed(events)} == {"bus"}


def test_a_device_that_may_be_quiet_for_ever_has_whole_windows_of_nothing() -> None:
    class Quiet(Gate):
        silence_s = float("inf")
        counts_people = True

    clock = VirtualClock()
    runner, wire, chip = gate(clock, Quiet())
    drive(runner, clock, 1)
    chip._due_us = None  # nobody passes
    events = drive(runner, clock, 60)
    assert [event.readings[0].value for event in sampled(events)][1:] == [0.0] * 5
    assert not failed(events)
    wire.unplugged = True
    assert not sampled(drive(runner, clock, 100)), "but what nobody listened to is no nothing"


def test_who_is_astray_when_a_window_ends_makes_the_next_one_doubtful() -> None:
    class Astray(Gate):
        astray = False

    driver = Astray()
    window = Window(driver, WINDOW_MS)
    window.begin(0)
    window.lose(1)
    driver.astray = True
    assert [window.close(True, True).doubted for _ in range(2)] == [True, True]
    driver.astray = False
    assert [window.close(True, True).doubted for _ in range(2)] == [True, False]


@pytest.mark.parametrize(("kind", "axles_us"), [(DualTube, (0, 187_200)), (partial(Loop, loops=2), (0,))])
@pytest.mark.parametrize("vehicles", [LEAST_FOR_MEAN - 1, LEAST_FOR_MEAN])
def test_the_speed_of_a_few_does_not_leave(
    kind: Callable[[], DualTube | Loop], axles_us: tuple[int, ...], vehicles: int
) -> None:
    driver = kind()
    window = Window(driver, 300_000)
    window.begin(0)
    for number in range(1, vehicles + 1):
        for axle_us in axles_us:
            for line, after_us in (("a", 0), ("b", 72_000)):
                at_us = number * 10_000_000 + axle_us + after_us
                driver.edge(Edge(at_us, line, 1))
                driver.edge(Edge(at_us + 10_000, line, 0))
    said = window.close(True, True).readings or []
    assert any(reading.quantity is Quantity.VEHICLE_SPEED for reading in said) == (vehicles == LEAST_FOR_MEAN)


def test_lines_that_slept_through_many_windows_flag_the_next() -> None:
    window = Window(Gate(), WINDOW_MS)
    window.begin(0)
    assert window.catch_up(100 * WINDOW_MS) > 0
    assert window.close(True, True).doubted


class Resumed(Folding):
    """Takes over whatever an earlier life had counted."""

    def resume(self, state: Mapping[str, object]) -> None:
        self._count += int(str(state["open"]))


@pytest.mark.parametrize("begins_ms", [10_000, 14_000])
def test_what_an_earlier_life_had_counted_goes_into_the_first_whole_window_which_says_so(begins_ms: int) -> None:
    driver = Resumed()
    driver.begin()
    window = Window(driver, WINDOW_MS)
    window.begin(begins_ms)
    window.resume({"open": 3})
    if begins_ms % WINDOW_MS:
        assert window.close(True, True).readings is None
    closed, after = window.close(True, True), window.close(True, True)
    assert [reading.value for reading in closed.readings or []] == [3.0] and closed.doubted and closed.whole
    assert [reading.value for reading in after.readings or []] == [0.0] and not after.doubted
