"""Real streaming drivers, their chips and the runner together: what is seen in a window is what passed."""

from __future__ import annotations

import pytest

from drivers.ld2450 import LD2450
from drivers.ops243 import OPS243
from drivers.reading import Flag
from drivers.stream import StreamDriver
from drivers.tfmini import TFmini
from edge.runners.streams import StreamRunner
from edge.runners.voice import Terms
from simulators.chips.ld2450 import LD2450 as PeopleRadar
from simulators.chips.ops243 import OPS243 as RoadRadar
from simulators.chips.serial_chip import SerialChip
from simulators.chips.tfmini import PASSING_CM
from simulators.chips.tfmini import TFmini as Lidar
from simulators.clock import VirtualClock
from tests.edge.runners.hands import Wire, drive, sampled

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
