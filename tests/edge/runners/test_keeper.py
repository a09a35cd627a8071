"""What an open window holds: told on the grid of the commits and with each window's readings, taken over at a start."""

from __future__ import annotations

import pytest

from drivers.pulse_counter import PulseCounter
from drivers.reading import Flag, Reading
from drivers.stream import StreamDriver
from edge.buses.thread import BusThread
from edge.clock import SystemClock
from edge.events import Event, Happened, Opened, Sampled
from edge.runners.keeper import UNFIT, Keeper
from edge.runners.runner import Counting
from edge.runners.seat import Seat
from edge.runners.streams import StreamRunner
from edge.runners.talks import I2CRunner
from edge.runners.voice import Terms
from edge.runners.window import Window
from simulators.clock import VirtualClock
from tests.edge.runners.hands import Bus, Plain, Wire, drive, failed, sampled
from tests.edge.runners.test_streams import Ticker
from tests.edge.runners.test_windows import WINDOW_MS, Gate, People, Radar

pytestmark = pytest.mark.once
COMMIT_MS = 4_000


class Counted(Gate):
    opens = ("_count",)


class Watcher(Radar):
    opens = ("_count",)


def runner(driver: StreamDriver, clock: VirtualClock, commit_ms: int = COMMIT_MS) -> StreamRunner:
    chip = Ticker(clock.boot_us)
    chip.each_ms = 400
    return StreamRunner("a", driver, WINDOW_MS, Wire(chip).open, Terms(window_ms=WINDOW_MS, commit_ms=commit_ms))


def opened(events: list[Event]) -> list[Opened]:
    return [event for event in events if isinstance(event, Opened)]


def test_it_is_told_at_multiples_of_the_commit_interval_and_only_news() -> None:
    clock = VirtualClock(now_us=1_000_000)
    events = drive(runner(Counted(), clock), clock, 29)
    assert [event.at_ms for event in opened(events)] == [1_000, 4_000, 8_000, 12_000, 16_000, 24_000, 28_000]
    assert [event.at_ms for event in sampled(events)] == [10_000, 20_000], "with these it is told as well"
    states = [event.state["open"]["_count"] for event in opened(events)[1:]]
    assert all(isinstance(count, int) and count <= 25 for count in states)
    silent = drive(runner(Counted(), VirtualClock(), commit_ms=0), VirtualClock(), 29)
    assert not opened(silent)


def test_what_comes_after_a_window_goes_with_its_readings() -> None:
    clock = VirtualClock()
    seat = Seat("a", Watcher(), WINDOW_MS, 1, Terms(WINDOW_MS, commit_ms=COMMIT_MS))
    for made in (runner(Counted(), clock), I2CRunner(Bus().open, [seat])):
        events = drive(made, clock, clock.boot_ms() / 1_000 + 31)
        assert len(sampled(events)) >= 3
        assert all(event.opened == {} for event in sampled(events)), "nothing is counted in the window that begins"


def test_nobody_keeps_nothing() -> None:
    events = drive(runner(Counted(), VirtualClock(), commit_ms=0), VirtualClock(), 31)
    assert {event.opened for event in sampled(events)} <= {None}


def test_what_was_left_goes_into_the_next_whole_window() -> None:
    for people in (False, True):
        clock = VirtualClock(now_us=3_000_000)
        driver = Counted()
        driver.counts_people = people
        made = runner(driver, clock)
        assert isinstance(made, Counting)
        made.leave("a", {"open": {"_count": 1_000}})
        events = sampled(drive(made, clock, 40))
        assert [event.at_ms for event in events] == [20_000, 30_000, 40_000]
        first = events[0].readings[0]
        assert 1_030 <= first.value <= 1_043 and first.flags == Flag.WARMING
        assert [event.readings[0].flags for event in events[1:]] == [Flag.NONE, Flag.NONE]


def test_totals_alone_hold_back_no_window() -> None:
    window = Window(driver := PulseCounter(), WINDOW_MS)
    keeper = Keeper("a", window, COMMIT_MS)
    keeper.leave({"total": {"_total": 5}})
    window.begin(3_000)
    assert [type(event) for event in keeper.step(3_000)] == [Opened]
    closed = window.close(True, True)
    assert closed.readings is not None and [reading.value for reading in closed.readings] == [0.0, 5.0]
    assert driver.state() == {"total": {"_total": 5}}


def test_it_may_be_left_late_and_is_added() -> None:
    clock = VirtualClock()
    made = runner(Counted(), clock)
    drive(made, clock, 24)
    made.leave("a", {"open": {"_count": 1_000}})
    [event] = sampled(drive(made, clock, 34))
    assert event.readings[0].value == 1_025 and event.readings[0].flags == Flag.WARMING


def test_what_does_not_fit_is_told_and_not_taken() -> None:
    keeper = Keeper("a", Window(Counted(), WINDOW_MS), COMMIT_MS)
    keeper.leave({"open": {"_count": -1}})
    told, now = keeper.step(5_000)
    assert told == Happened(UNFIT, 5_000, {"sensor": "a", "why": "what was counted is no count"})
    assert now == Opened("a", 5_000, {}), "what was left is out of date in any case"
    assert keeper.step(5_001) == [] and keeper.due_ms(None) == 8_000 and keeper.due_ms(6_000) == 6_000


def test_who_has_no_window_is_left_nothing() -> None:
    clock = VirtualClock()
    for made in (StreamRunner("a", Gate(), WINDOW_MS, Wire(Ticker(clock.boot_us)).open),
                 I2CRunner(Bus().open, [Seat("a", Plain(), WINDOW_MS, 1)])):  # fmt: skip
        made.leave("a", {"open": {"_count": 1}})
        assert made.opened(0) == []


def test_a_driver_that_can_not_say_what_it_holds_is_contained() -> None:
    class Broken(Watcher):
        def state(self) -> dict[str, dict[str, float]]:  # type: ignore[override]
            raise KeyError("oops")

    for driver in (Broken(),):
        made = I2CRunner(Bus().open, [Seat("a", driver, WINDOW_MS, 1, Terms(WINDOW_MS, commit_ms=COMMIT_MS))])
        events = drive(made, VirtualClock(), 30)
        assert {event.cause for event in failed(events)} == {"bug"} and not opened(events)


def test_the_last_words_of_a_bus_thread_are_what_its_windows_hold() -> None:
    driver = People()
    driver.opens = ("_count",)
    said: list[Event] = []
    seat = Seat("a", driver, 600_000, 1, Terms(600_000, commit_ms=600_000))
    thread = BusThread(I2CRunner(Bus().open, [seat]), SystemClock(), said.append)
    thread.start()
    while not driver.seen:
        thread.wake()
    assert thread.stop(5.0)
    assert opened(said)[-1].state == {"open": {"_count": len(driver.seen)}}
    assert not any(isinstance(event, Sampled) for event in said)


def test_a_driver_that_fails_at_the_end_keeps_no_port_open() -> None:
    class Mute(People):
        def state(self) -> dict[str, dict[str, float]]:  # type: ignore[override]
            raise KeyError("oops")

    thread = BusThread(
        I2CRunner(Bus().open, [Seat("a", Mute(), 600_000, 1, Terms(600_000, commit_ms=600_000))]), SystemClock(),
        lambda event: None,
    )  # fmt: skip
    thread.start()
    assert thread.stop(5.0)


def test_readings_are_what_they_were() -> None:
    """The cumulative twin is that of the state, not of the window."""
    driver = PulseCounter()
    driver.resume({"open": {"_window": 2}, "total": {"_total": 40}})
    assert [(reading.name, reading.value) for reading in driver.close(0)] == [("count", 2.0), ("count_total", 42.0)]
    assert isinstance(driver.close(1)[0], Reading)
