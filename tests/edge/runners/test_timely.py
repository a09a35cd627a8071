"""When a sensor is asked beside its interval: looks, naps, warm-ups by quantity; and clocks that are told."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import Nack, NoAnswer
from drivers.reading import Flag, Quantity, Reading
from drivers.sds011 import SDS011, WORK, command
from drivers.talk import Pause, Read, Talk, Write
from drivers.timepiece import Timepiece, Told
from edge.events import ClockTold
from edge.runners.seat import REST_FAILED, Seat
from edge.runners.streams import StreamRunner
from edge.runners.talks import I2CRunner
from edge.runners.voice import Terms
from simulators.chips.sds011 import SDS011 as Dust
from simulators.clock import VirtualClock
from tests.edge.runners.hands import Bus, Plain, Wire, drive, failed, one, sampled, stamps

REST = Terms(rest=True)


class Often(Plain):
    """Must be asked each second, whatever it is reported."""

    look_s = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def read(self) -> Talk[list[Reading]]:
        self.asked.append(self.at_us // 1_000)
        yield Read(1)
        return one(float(len(self.asked)))


def test_a_sensor_that_must_be_asked_often_is_and_the_newest_is_reported() -> None:
    driver = Often()
    runner = I2CRunner(Bus().open, [Seat("gas", driver, 10_000, 1)])
    events = drive(runner, VirtualClock(), 60)
    assert driver.asked == list(range(0, 60_001, 1_000))
    assert [(event.at_ms, event.readings[0].value) for event in sampled(events)] == [
        (at, at / 1_000 + 1) for at in range(0, 60_001, 10_000)
    ]


def test_a_look_that_fails_costs_no_report_and_no_complaint_each_second() -> None:
    ill = False

    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if ill:
            raise Nack("no")
        return bytes(count)

    clock, driver = VirtualClock(), Often()
    runner = I2CRunner(Bus(behave).open, [Seat("gas", driver, 10_000, 1)])
    drive(runner, clock, 5)
    ill = True
    events = drive(runner, clock, 6)
    ill = False
    events += drive(runner, clock, 20)
    assert stamps(events) == [10_000, 20_000]
    ill = True
    assert len(failed(drive(runner, clock, 120))) <= 11


class Sleepy(Plain):
    """Wears out while it is awake; needs 8 s to be warm."""

    can_rest = True
    warm_up_s = 8.0

    def __init__(self) -> None:
        super().__init__()
        self.did: list[tuple[str, int]] = []

    def setup(self) -> Talk[None]:
        self.did.append(("wake", self.at_us // 1_000))
        yield Write(b"\xaa")
        yield Pause(0.5)

    def read(self) -> Talk[list[Reading]]:
        self.did.append(("read", self.at_us // 1_000))
        yield Read(2)
        return one()

    def rest(self) -> Talk[None]:
        self.did.append(("rest", self.at_us // 1_000))
        yield Write(b"\x55")


def test_who_wears_sleeps_between_readings_and_is_warm_at_each() -> None:
    driver = Sleepy()
    events = drive(I2CRunner(Bus().open, [Seat("a", driver, 60_000, 1, REST)]), VirtualClock(), 200)
    assert stamps(events)[1:] == [60_000, 120_000, 180_000]
    assert [event.readings[0].flags for event in sampled(events)] == [Flag.WARMING, *[Flag.NONE] * 3]
    assert [what for what, _ in driver.did][:6] == ["wake", "read", "rest", "wake", "read", "rest"]
    awake = [at for what, at in driver.did if what == "wake"]
    assert all(60_000 - 12_000 <= at % 60_000 <= 60_000 - 8_500 for at in awake[1:]), "early enough, and no earlier"
    assert not failed(events)


@settings(max_examples=40)
@given(st.integers(2, 120), st.floats(0, 100))
def test_a_resting_sensor_is_read_at_every_instant_and_only_when_warm(interval_s: int, warm_s: float) -> None:
    driver = Sleepy()
    driver.warm_up_s = warm_s
    clock = VirtualClock()
    events = drive(I2CRunner(Bus().open, [Seat("a", driver, interval_s * 1_000, 1, REST)]), clock, 400)
    assert stamps(events)[1:] == list(range(interval_s * 1_000, 400_001, interval_s * 1_000))
    for event in sampled(events)[1:]:
        assert event.readings[0].flags == Flag.NONE or event.at_ms < 1_000 * warm_s + 1_000
    naps = sum(what == "rest" for what, _ in driver.did)
    assert bool(naps) == (interval_s - warm_s - 0.5 - 1 >= 5.6) or abs(interval_s - warm_s - 7) < 1


def test_a_rest_that_fails_is_counted_and_harms_nothing() -> None:
    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if data == b"\x55":
            raise Nack("no")
        return bytes(count)

    runner = I2CRunner(Bus(behave).open, [Seat("a", Sleepy(), 60_000, 1, REST)])
    events = drive(runner, VirtualClock(), 200)
    assert stamps(events)[1:] == [60_000, 120_000, 180_000]
    assert not failed(events)
    assert runner.counters()["a"][REST_FAILED] == 4
    assert runner.breakers() == {"a": "closed"}


def test_asked_out_of_turn_it_is_woken() -> None:
    clock, driver = VirtualClock(), Sleepy()
    runner = I2CRunner(Bus().open, [Seat("a", driver, 60_000, 1, REST)])
    drive(runner, clock, 20)
    runner.ask("a")
    events = drive(runner, clock, 70)
    assert 20_500 <= stamps(events)[0] <= 21_500 and stamps(events)[1:] == [60_000]
    assert driver.did[-1][0] == "rest"


def test_without_leave_nobody_sleeps() -> None:
    for terms, can in ((Terms(), True), (REST, False)):
        driver = Sleepy()
        driver.can_rest = can  # type: ignore[misc]
        drive(I2CRunner(Bus().open, [Seat("a", driver, 60_000, 1, terms)]), VirtualClock(), 200)
        assert not [what for what, _ in driver.did if what == "rest"]


class Laser(SDS011):
    """Fine dust that may sleep."""

    can_rest: ClassVar[bool] = True

    def rest(self) -> Talk[None]:
        yield Write(command(WORK, 0))


def test_a_stream_sleeps_too() -> None:
    clock = VirtualClock()
    chip = Dust(clock.boot_us)
    runner = StreamRunner("dust", Laser(), 120_000, Wire(chip).open, REST)
    drive(runner, clock, 20)
    assert not chip.working if hasattr(chip, "working") else True
    events = drive(runner, clock, 500)
    assert not failed(events)
    assert len(sampled(events)) == 4
    for event in sampled(events):
        assert event.readings[0].flags == Flag.NONE
        assert -1_500 <= event.at_ms - round(event.at_ms, -4) <= 0


def test_each_quantity_has_its_own_warm_up_and_a_driver_keeps_its_flags() -> None:
    class Both(Plain):
        warm_up_s = 15.0
        warm_ups_s = MappingProxyType({Quantity.HUMIDITY: 35.0, Quantity.PRESSURE: 0.0})

        def read(self) -> Talk[list[Reading]]:
            yield Read(1)
            pressure = Reading(Quantity.PRESSURE, 101_325.0, flags=Flag.RANGE)
            return [*one(), Reading(Quantity.HUMIDITY, 50.0), pressure]

    events = drive(I2CRunner(Bus().open, [Seat("a", Both(), 10_000, 1)]), VirtualClock(), 50)
    for event in sampled(events):
        warm = Flag.WARMING if event.at_ms < 15_000 else Flag.NONE
        late = Flag.WARMING if event.at_ms < 35_000 else Flag.NONE
        assert [reading.flags for reading in event.readings] == [warm, late, Flag.RANGE]


def test_a_device_that_was_found_as_it_was_left_warms_up_no_second_time() -> None:
    class Warm(Plain):
        warm_up_s = 100.0
        kept = True

        def setup(self) -> Talk[bool | None]:  # type: ignore[override]
            yield Read(1)
            return self.kept

    ill = False

    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if ill:
            raise NoAnswer("once")
        return bytes(count)

    clock, driver = VirtualClock(), Warm()
    runner = I2CRunner(Bus(behave).open, [Seat("a", driver, 10_000, 1)])
    flags = [event.readings[0].flags for event in sampled(drive(runner, clock, 110))]
    assert flags == [Flag.WARMING] * 10 + [Flag.NONE] * 2, "that it was running says not for how long"
    for driver.kept, expected in ((True, Flag.NONE), (False, Flag.WARMING)):
        ill = True
        drive(runner, clock, clock.boot_ms() // 1_000 + 20)
        ill = False
        events = drive(runner, clock, clock.boot_ms() // 1_000 + 20)
        assert {event.readings[0].flags for event in sampled(events)} == {expected}


class Watch(Timepiece, Plain):
    """A clock chip."""

    def read(self) -> Talk[list[Reading]]:
        yield Pause(0.1)
        yield Read(2)
        self.told = Told(1_700_000_000_000 + self.at_us // 1_000, 500, "rtc")
        return []


def test_a_clock_that_told_the_time_is_heard_once_a_reading_at_its_instant() -> None:
    driver = Watch()
    events = drive(I2CRunner(Bus().open, [Seat("rtc", driver, 10_000, 1)]), VirtualClock(), 30)
    told = [event for event in events if isinstance(event, ClockTold)]
    assert told == [ClockTold("rtc", at, 1_700_000_000_000 + at, 500, "rtc") for at in (0, 10_000, 20_000, 30_000)]
    assert driver.told is None
