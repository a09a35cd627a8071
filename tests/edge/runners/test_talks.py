"""Talks on an I2C bus: in time, side by side, and none at the cost of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalog
from drivers.driver import I2CDriver
from drivers.errors import BusFault, Nack, NotReady
from drivers.reading import Flag, Reading
from drivers.talk import Pause, Read, Step, Talk, Write, WriteRead
from edge.runners.seat import Seat
from edge.runners.talks import I2CRunner
from simulators import shelf
from simulators.chips.chip import I2CChip
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from tests.edge.runners.hands import Bus, Plain, Says, Steps, drive, failed, one, sampled, stamps

CHIPS = ("bme280", "sht31", "scd4x", "sps30")


def street_bus(clock: VirtualClock) -> SimulatedI2C:
    chips = [shelf.chip(name)(clock.boot_us) for name in CHIPS]
    return SimulatedI2C({chip.address: chip for chip in chips if isinstance(chip, I2CChip)})


def real_seats(interval_ms: int = 10_000) -> list[Seat]:
    found = []
    for name in CHIPS:
        driver = catalog.driver(name)()
        assert isinstance(driver, I2CDriver)
        found.append(Seat(name, driver, interval_ms, driver.default_address))
    return found


def test_real_drivers_share_a_bus_and_their_time_stamps() -> None:
    clock = VirtualClock(now_us=3_217_000)
    bus = street_bus(clock)
    runner = I2CRunner(lambda: bus, real_seats())
    events = drive(runner, clock, 305)
    assert not failed(events)
    for name in CHIPS:
        first, *later = stamps(events, name)
        assert first < 10_000
        assert later == list(range(10_000, 300_001, 10_000))
    counters = runner.counters()
    for name in CHIPS:
        readings = sum(len(event.readings) for event in sampled(events, name))
        assert counters[name] == {"sampled": readings, "missed": 0}


def test_a_pause_blocks_nobody() -> None:
    clock = VirtualClock()
    slow = Steps([Write(b"s"), Pause(8.0), Read(1)])
    runner = I2CRunner(Bus().open, [Seat("slow", slow, 10_000, 1), Seat("quick", Plain(), 1_000, 2)])
    events = drive(runner, clock, 30)
    assert stamps(events, "quick") == list(range(0, 30_001, 1_000))
    assert stamps(events, "slow") == [0, 10_000, 20_000]


def test_what_a_device_needs_to_work_is_given_in_full() -> None:
    clock = VirtualClock()
    heard: list[int] = []

    def behave(address: int, data: bytes | None, count: int) -> bytes:
        clock.advance(0.004)
        heard.append(clock.now_us)
        return bytes(count)

    runner = I2CRunner(Bus(behave).open, [Seat("a", Plain(), 10_000, 1), Seat("b", Plain(), 10_000, 2)])
    drive(runner, clock, 1)
    asked, answered = heard[1], heard[4]
    assert answered - 4_000 - asked >= 15_000


STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(Write, st.binary(max_size=3)),
    st.builds(Read, st.integers(1, 4)),
    st.builds(WriteRead, st.binary(max_size=2), st.integers(1, 4)),
    st.builds(Pause, st.floats(0, 2)),
)


@given(st.lists(st.tuples(st.integers(1, 2), st.lists(STEPS, max_size=6)), min_size=2, max_size=5))
def test_talks_with_one_device_never_interleave_and_none_starves(talks: list[tuple[int, list[Step]]]) -> None:
    spoken: list[tuple[int, int]] = []

    def talk_of(number: int, address: int, steps: list[Step]) -> Says:
        def talk() -> Talk[list[Reading]]:
            spoken.append((address, number))
            for step in steps:
                yield step
                spoken.append((address, number))
            spoken.append((address, -number))
            return one()

        return Says(talk)

    seats = [Seat(str(n), talk_of(n, a, steps), 60_000, a) for n, (a, steps) in enumerate(talks, 1)]
    events = drive(I2CRunner(Bus().open, seats), VirtualClock(), 200, steps=500)
    assert not failed(events)
    assert Counter(event.sensor for event in sampled(events)) == {seat.name: 4 for seat in seats}
    for address in (1, 2):
        speaking = 0
        for number in (number for at, number in spoken if at == address):
            assert speaking in (0, abs(number))
            speaking = 0 if number < 0 else number


def test_failures_back_off_set_up_again_and_recover_in_line() -> None:
    clock = VirtualClock()
    broken = True

    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if broken and address == 1 and data == b"\x01":
            raise Nack("nobody")
        return bytes(count)

    bus = Bus(behave)
    runner = I2CRunner(bus.open, [Seat("ill", Plain(), 10_000, 1), Seat("well", Plain(), 1_000, 2)])
    events = drive(runner, clock, 200)
    told = [event.at_ms for event in failed(events, "ill")]
    assert told == [0, 1_000, 3_000, 7_000, *range(11_000, 200_000, 12_000)]
    assert runner.breakers() == {"ill": "open", "well": "closed"}
    tries = 4 + len(range(11_000, 200_500, 4_000))
    assert bus.heard.count((1, b"\xaa", 0)) == runner.counters()["ill"]["nack"] == tries
    assert stamps(events, "well") == list(range(0, 200_001, 1_000))
    broken = False
    events = drive(runner, clock, 300)
    assert stamps(events, "ill") == [203_000, *range(210_000, 300_001, 10_000)]
    assert bus.heard.count((1, b"\xaa", 0)) == tries + 1
    assert runner.breakers()["ill"] == "closed"


def test_not_ready_is_patience_before_it_is_setup() -> None:
    bus, answers = Bus(), iter([True, True, False, True, True, True, True, False])

    def talk() -> Talk[list[Reading]]:
        yield Read(1)
        if next(answers):
            raise NotReady("not yet")
        return one()

    drive(I2CRunner(bus.open, [Seat("a", Says(talk), 10_000, 1)]), VirtualClock(), 18)
    assert [data for _, data, _ in bus.heard].count(b"\xaa") == 2  # at first, and after three in a row


def test_whom_a_setup_does_not_help_is_given_longer_each_time() -> None:
    """One that needs half a minute for its first measurement gets there, and is not reset every three seconds."""
    clock, setups = VirtualClock(), list[int]()

    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if data == b"\xaa":
            setups.append(clock.boot_ms())
        return bytes(count)

    def talk() -> Talk[list[Reading]]:
        yield Read(1)
        raise NotReady("not yet")

    drive(I2CRunner(Bus(behave).open, [Seat("a", Says(talk), 10_000, 1)]), clock, 60)
    waits = [later - earlier for earlier, later in pairwise(setups)]
    assert len(waits) >= 3 and waits[0] <= 4_500, waits
    assert all(before < after for before, after in pairwise(waits)), waits


def endless_writes() -> Talk[list[Reading]]:
    while True:
        yield Write(b"x")


def endless_pauses() -> Talk[list[Reading]]:
    while True:
        yield Pause(1.0)


def stubborn() -> Talk[list[Reading]]:
    while True:
        try:
            yield Write(b"x")
        except BaseException:
            continue


def raises() -> Talk[list[Reading]]:
    yield Write(b"x")
    raise ZeroDivisionError("oops")


def yields_rubbish() -> Talk[list[Reading]]:
    yield "rubbish"  # type: ignore[misc]
    return one()


def pauses_backwards() -> Talk[list[Reading]]:
    yield Pause(-1.0)
    return one()


def pauses_for_ever() -> Talk[list[Reading]]:
    yield Pause(float("inf"))
    return one()


def returns_rubbish() -> Talk[list[Reading]]:
    yield Write(b"x")
    return [3]  # type: ignore[list-item]


def returns_nothing_at_all() -> Talk[list[Reading]]:
    yield Write(b"x")
    return None  # type: ignore[return-value]


def returns_nan() -> Talk[list[Reading]]:
    yield Write(b"x")
    return one(float("nan"))


def is_no_generator() -> Talk[list[Reading]]:
    return one()  # type: ignore[return-value]


def raises_at_once() -> Talk[list[Reading]]:
    raise KeyError("not even a generator")


BUGS: list[Callable[[], Talk[list[Reading]]]] = [
    *(endless_writes, endless_pauses, stubborn, raises, yields_rubbish, pauses_backwards, pauses_for_ever),
    *(returns_rubbish, returns_nothing_at_all, returns_nan, is_no_generator, raises_at_once),
]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a stubborn one says so when it dies
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_driver_with_a_bug_is_named_and_harms_nobody(bug: Callable[[], Talk[list[Reading]]]) -> None:
    seats = [Seat("bug", Says(bug), 10_000, 1), Seat("well", Plain(), 1_000, 2)]
    runner = I2CRunner(Bus().open, seats)
    events = drive(runner, VirtualClock(), 240, steps=3_000)
    assert {event.cause for event in failed(events)} == {"bug"}
    assert not sampled(events, "bug")
    assert stamps(events, "well") == list(range(0, 240_001, 1_000))
    assert len(failed(events)) <= 4 + 24
    assert runner.counters()["bug"]["bug"] <= 4 + 60


def test_a_port_that_raises_something_foreign_is_contained() -> None:
    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if address == 1:
            raise RuntimeError("a library's own trouble")
        if address == 2:
            raise OSError(5, "Input/output error")
        return bytes(count)

    seats = [Seat(name, Plain(), 10_000, at) for at, name in enumerate(("foreign", "oserror", "well"), 1)]
    events = drive(I2CRunner(Bus(behave).open, seats), VirtualClock(), 50)
    assert {event.cause for event in failed(events, "foreign")} == {"bug"}
    assert {event.cause for event in failed(events, "oserror")} == {"bus"}
    assert stamps(events, "well") == [0, 10_000, 20_000, 30_000, 40_000, 50_000]


def test_a_faulty_transfer_reopens_the_bus_under_everybody_and_spoils_only_its_own_talk() -> None:
    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if address == 1 and count:
            raise BusFault("a line is held low")
        return bytes(count)

    bus = Bus(behave)
    runner = I2CRunner(bus.open, [Seat("ill", Plain(), 9_000, 1), Seat("b", Plain(), 1_000, 2)])
    events = drive(runner, VirtualClock(), 60)
    assert stamps(events, "b") == list(range(0, 60_001, 1_000))
    assert bus.opened == 1 + runner.counters()["ill"]["bus"]


@given(st.integers(1, 500))
def test_a_bus_that_is_not_there_is_said_once_an_interval_and_used_soon_after_it_comes(gone_s: int) -> None:
    clock, bus = VirtualClock(), Bus(refuse=BusFault("there is no such bus"))
    runner = I2CRunner(bus.open, [Seat("a", Plain(), 10_000, 1), Seat("b", Plain(), 60_000, 2)])
    events = drive(runner, clock, gone_s, steps=3_000)
    for name, interval in (("a", 10), ("b", 60)):
        told = failed(events, name)
        assert len(told) in (1 + gone_s // interval, gone_s // interval) if gone_s >= interval else len(told) == 1
        assert {(event.cause, event.text) for event in told} == {("bus", "there is no such bus")}
        assert all(q.at_ms - p.at_ms >= interval * 1_000 for p, q in pairwise(told))
    assert bus.opened <= gone_s / 4 + 4
    bus.refuse = None
    events = drive(runner, clock, gone_s + 10)
    for name in ("a", "b"):
        assert stamps(events, name)[0] <= (gone_s + 6) * 1_000
        assert all(event.at_ms < stamps(events, name)[0] for event in failed(events, name))


def test_a_late_step_makes_no_burst() -> None:
    clock = VirtualClock()
    runner = I2CRunner(Bus().open, [Seat("a", Plain(), 1_000, 1)])
    drive(runner, clock, 10)
    clock.advance(7)  # at 17.5 s
    events = drive(runner, clock, 20)
    assert stamps(events) == [17_500, 18_000, 19_000, 20_000]
    assert runner.counters()["a"]["missed"] == 6


def test_readings_are_warming_for_a_while_after_each_setup() -> None:
    class Warm(Plain):
        warm_up_s = 25.0

    clock = VirtualClock()
    ill = False

    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if ill:
            raise Nack("out")
        return bytes(count)

    runner = I2CRunner(Bus(behave).open, [Seat("a", Warm(), 10_000, 1)])
    flags = [event.readings[0].flags for event in sampled(drive(runner, clock, 45))]
    assert flags == [Flag.WARMING] * 3 + [Flag.NONE] * 2
    ill = True
    drive(runner, clock, 50)
    ill = False
    flags = [event.readings[0].flags for event in sampled(drive(runner, clock, 90))]
    assert flags == [Flag.WARMING] * 3 + [Flag.NONE] * 2


def test_asked_out_of_turn() -> None:
    clock = VirtualClock()
    runner = I2CRunner(Bus().open, [Seat("a", Plain(), 60_000, 1), Seat("b", Plain(), 60_000, 2)])
    drive(runner, clock, 5)
    runner.ask("b")
    runner.ask("nobody")
    events = drive(runner, clock, 61)
    assert stamps(events, "b") == [5_500, 60_000]
    assert stamps(events, "a") == [60_000]


@given(st.data())
def test_whatever_a_bus_does_every_sensor_that_can_be_read_is_read(data: st.DataObject) -> None:
    """A bus on which some addresses fail at random, and a clock that oversleeps at random."""
    ill = data.draw(st.sets(st.integers(1, 5), max_size=4))
    outcome = st.sampled_from([None, Nack("n"), BusFault("b"), RuntimeError("r")])

    def behave(address: int, _: bytes | None, count: int) -> bytes:
        clock.advance(data.draw(st.sampled_from([0.0, 0.0004, 0.006])))
        if address in ill and (error := data.draw(outcome)):
            raise error
        return bytes(count)

    clock = VirtualClock()
    runner = I2CRunner(Bus(behave).open, [Seat(str(n), Plain(), 10_000, n) for n in range(1, 6)])
    events = drive(runner, clock, 30, steps=300)
    for number in {1, 2, 3, 4, 5} - ill:
        assert [at // 10_000 for at in stamps(events, str(number))] == [0, 1, 2, 3]
    for name, counters in runner.counters().items():
        assert counters["sampled"] == len(sampled(events, name))
        failures = sum(n for cause, n in counters.items() if cause not in ("sampled", "missed"))
        assert failures >= len(failed(events, name)) >= bool(failures)
