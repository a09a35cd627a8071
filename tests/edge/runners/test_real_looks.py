"""Real streaming drivers, their chips and the runner together: what is seen in a window is what passed."""

from __future__ import annotations

import pytest

from drivers.ld2450 import LD2450
from drivers.ops243 import OPS243
from drivers.reading import Flag
from drivers.stream import StreamDriver
from drivers.tfmini import TFmini
from edge.events import Event
from edge.runners.streams import StreamRunner
from edge.runners.voice import Terms
from simulators.chips.ld2450 import LD2450 as PeopleRadar
from simulators.chips.ops243 import OPS243 as RoadRadar
from simulators.chips.serial_chip import SerialChip
from simulators.chips.tfmini import PASSING_CM
from simulators.chips.tfmini import TFmini as Lidar
from simulators.clock import VirtualClock
from tests.edge.runners.hands import Wire, drive, failed, sampled

WINDOW_MS = 10_000
Said = dict[str, tuple[float, Flag]]


def run(driver: StreamDriver, chip: SerialChip, clock: VirtualClock, seconds: float) -> list[Said]:
    """The windows that leave the runner."""
    runner = StreamRunner("a", driver, WINDOW_MS, Wire(chip).open, Terms(window_ms=WINDOW_MS))
    events = drive(runner, clock, seconds)
    return [{r.name: (r.value, r.flags) for r in window.readings} for window in sampled(events)]


class UnderTheSky(Lidar):
    """Only who passes sends light back."""

    def spoken(self) -> bytes:
        self.strength = 1450
        near = super().spoken()[2] == PASSING_CM
        self.strength = 1450 if near else 20
        return super().spoken()


@pytest.mark.parametrize("kind", [Lidar, UnderTheSky])
def test_a_lidar_counts_before_a_wall_and_under_the_sky(kind: type[Lidar]) -> None:
    """A look that met nothing is a look: nobody is given up for it."""
    clock = VirtualClock()
    chip = kind(clock.boot_us)
    for second in (3, 5, 7):
        chip.passes(second * 1_000_000)
    first, *_ = run(TFmini(), chip, clock, 21)
    assert first["count"] == (3, Flag.NONE)


def test_walkers_and_vehicles_are_counted_through_the_runner() -> None:
    clock = VirtualClock()
    people = PeopleRadar(clock.boot_us)
    for second, way in ((3, "in"), (5, "out"), (7, "in")):
        people.passes(second * 1_000_000, way)
    first, *_ = run(LD2450(), people, clock, 21)
    assert (first["count.in"][0], first["count.out"][0]) == (2, 1)
    clock = VirtualClock()
    road = RoadRadar(clock.boot_us)
    for second, way in ((3, "in"), (6, "out")):
        road.passes(second * 1_000_000, way)
    first, *_ = run(OPS243(), road, clock, 21)
    assert (first["count.in"][0], first["count.out"][0]) == (1, 1)


def test_a_road_radar_that_lost_its_power_counts_again_within_seconds() -> None:
    clock = VirtualClock()
    road = RoadRadar(clock.boot_us)
    driver = OPS243()
    runner = StreamRunner("a", driver, WINDOW_MS, Wire(road).open, Terms(window_ms=WINDOW_MS))
    drive(runner, clock, 5)
    road.faults.brown_out()
    for second in (7, 12, 14):
        road.passes(second * 1_000_000, "in", 50.0)
    counts = {r.name: r.value for window in sampled(drive(runner, clock, 31)) for r in window.readings
              if r.name == "count_total.in.from_50"}  # fmt: skip
    assert counts == {"count_total.in.from_50": 3}  # the one by which it was noticed too


def quiet_road() -> tuple[VirtualClock, RoadRadar, Wire, StreamRunner]:
    """A radar that does not know zeros, with windows of people."""
    clock = VirtualClock()
    road = RoadRadar(clock.boot_us)
    wire = Wire(road)
    runner = StreamRunner("a", OPS243(zeros=False), 300_000, wire.open, Terms(window_ms=300_000))
    return clock, road, wire, runner


def counts(events: list[Event]) -> list[tuple[int, float, float]]:
    """When, how many in the window, and in all, of the inbound direction."""
    found = [(window.at_ms, {r.name: r.value for r in window.readings}) for window in sampled(events)]
    return [(at_ms, said["count.in"], said["count_total.in"]) for at_ms, said in found]


def test_a_silent_road_is_a_count_of_zero_and_who_passed_at_the_boundary_is_not_lost() -> None:
    clock, road, _, runner = quiet_road()
    road.passes(298_700_000, "in")  # still in the beam when the first window ends, and nobody after it
    assert counts(drive(runner, clock, 1_201)) == [(300_000, 0, 0), (600_000, 1, 1), (900_000, 0, 1), (1_200_000, 0, 1)]


def test_what_was_counted_before_an_outage_waits_for_a_window_that_was_heard() -> None:
    clock, road, wire, runner = quiet_road()
    clock.advance(200)
    road.passes(250_000_000, "in")  # in a part of a window
    drive(runner, clock, 310)
    wire.unplugged = True
    assert not counts(drive(runner, clock, 890)), "nobody listened, and that is no zero"
    wire.unplugged = False
    told = counts(drive(runner, clock, 1_501))
    assert [count for _, count, _ in told] == [1, 0]
    assert all(total == 1 for _, _, total in told)


@pytest.mark.parametrize("kind", [Lidar, UnderTheSky])
def test_the_counters_of_a_window_do_not_tell_when_somebody_passed(kind: type[Lidar]) -> None:
    """A look that met nothing is an error of the stream; its number stands still as long as somebody is there."""
    seen = []
    for passes in (False, True):
        clock = VirtualClock()
        chip = kind(clock.boot_us)
        if passes:
            chip.passes(3_000_000)
        runner = StreamRunner("a", TFmini(), WINDOW_MS, Wire(chip).open, Terms(window_ms=WINDOW_MS))
        drive(runner, clock, 6)
        seen.append(runner.counters())
    assert seen[0] == seen[1]


def test_a_part_of_a_window_counts_nobody_however_long_the_device_may_be_silent() -> None:
    clock, road, wire, runner = quiet_road()
    clock.advance(280)
    road.passes(290_000_000, "in")
    road.passes(895_000_000, "in")
    assert [(at_ms, count) for at_ms, count, _ in counts(drive(runner, clock, 601))] == [(600_000, 1)]
    wire.unplugged = True
    drive(runner, clock, 880)
    wire.unplugged = False
    assert counts(drive(runner, clock, 901)) == [], "twenty seconds are no window"
    assert counts(drive(runner, clock, 1_201)) == [(1_200_000, 1, 2)]


def test_an_empty_sky_is_no_silence() -> None:
    clock = VirtualClock()
    runner = StreamRunner("a", TFmini(), WINDOW_MS, Wire(UnderTheSky(clock.boot_us)).open, Terms(window_ms=WINDOW_MS))
    events = drive(runner, clock, 31)
    assert not failed(events)
    assert [event.readings[0].value for event in sampled(events)] == [0.0, 0.0, 0.0]
