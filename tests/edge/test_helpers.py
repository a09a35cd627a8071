"""A pole with helper chips, in virtual time: the agent's runners, and each part failing without disturbing the others.

Two BME280 with one address behind a mux, a rain gauge on an expander, a dust sensor on a serial bridge, and a climate
sensor on the bus itself.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from drivers.reading import Quantity
from edge.buses.pump import Pump
from edge.buses.thread import BusThread
from edge.events import Event, Failed, Happened, Sampled
from edge.runners.roster import runners_for
from edge.shared import shared
from edge.survey import survey
from edge.wiring import BusPlan, SensorPlan
from simulators.chips.chip import Chip
from simulators.chips.lines_chip import LinesChip
from simulators.clock import PacedClock, VirtualClock
from simulators.i2c import SimulatedI2C
from simulators.post import Post
from simulators.streets import spots
from simulators.world import World

BUS = "/dev/i2c-1"
EAST, WEST, PLAIN, RAIN, DUST = "east", "west", "plain", "rain", "dust"
PLANS = (
    SensorPlan(EAST, "bme280", "i2c", f"{BUS}/0x70.2", 0x76, interval_ms=1_000),
    SensorPlan(WEST, "bme280", "i2c", f"{BUS}/0x70.5", 0x76, interval_ms=1_000),
    SensorPlan(PLAIN, "sht31", "i2c", BUS, 0x44, interval_ms=1_000),
    SensorPlan(RAIN, "pulse_counter", "gpio", f"{BUS}/0x20", pins={"line": 9}, interval_ms=10_000, bias="pull_up",
               active_low=True),
    SensorPlan(DUST, "sds011", "uart", f"{BUS}/0x4d.b", interval_ms=1_000),
)  # fmt: skip
EVERY_MS = {EAST: 1_000, WEST: 1_000, PLAIN: 1_000, RAIN: 10_000, DUST: 1_000}


class HandPump:
    """Looks when the clock is turned."""

    def __init__(self, look: Callable[[], None], every_ms: int, pumps: list[HandPump]) -> None:
        self.look, self.every_ms, self._pumps = look, every_ms, pumps
        pumps.append(self)

    def stop(self) -> None:
        if self in self._pumps:
            self._pumps.remove(self)


class Pole:
    """The post, the runners, and what they said: `said` by sensor, (when, values or cause)."""

    def __init__(self, reset_wired: bool = True) -> None:
        self.clock = VirtualClock(now_us=5_000_000)
        plan = BusPlan(BUS, reset_pin=27 if reset_wired else None)
        self.post = Post(PLANS, World(1), spots(1, 1)[0], self.clock, [plan])
        self.pumps: list[HandPump] = []
        self.ports = shared(self.post.ports, self.clock, self._pump)
        self.runners = runners_for(PLANS, self.ports)
        self.good: dict[str, list[int]] = {plan.name: [] for plan in PLANS}
        self.values: dict[str, dict[Quantity, float]] = {}
        self.flagged: list[int] = []
        self.failed: list[Failed] = []
        self.happened: list[Happened] = []

    def _pump(self, look: Callable[[], None], every_ms: int) -> Pump:
        return HandPump(look, every_ms, self.pumps)

    @property
    def bus(self) -> SimulatedI2C:
        found = self.post.ports.i2c(BUS)
        assert isinstance(found, SimulatedI2C)
        return found

    def pulses(self, count: int) -> None:
        """So many, 100 ms each, from now on."""
        chip = self.post.chips[RAIN]
        assert isinstance(chip, LinesChip)
        for number in range(count):
            chip.plan(self.clock.now_us + 200_000 * number + 1_000, "line", 1)
            chip.plan(self.clock.now_us + 200_000 * number + 101_000, "line", 0)

    def live(self, seconds: float) -> None:
        for _ in range(round(seconds * 50)):
            self.clock.advance(0.020)
            for pump in list(self.pumps):
                pump.look()
            for runner in self.runners:
                due = runner.next_due_ms()
                if runner.fd is not None or (due is not None and due <= self.clock.boot_ms()):
                    for event in runner.step(self.clock.boot_ms()):
                        self._hear(event)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Sampled):
            self.good[event.sensor].append(event.at_ms)
            self.values[event.sensor] = {reading.quantity: reading.value for reading in event.readings}
            self.flagged += [event.at_ms] if event.sensor == RAIN and any(r.flags for r in event.readings) else []
        elif isinstance(event, Failed):
            self.failed.append(event)
        elif isinstance(event, Happened):
            self.happened.append(event)

    def undisturbed(self, names: set[str], since_ms: int) -> None:
        assert not {event.sensor for event in self.failed if event.at_ms >= since_ms} & names
        for name in names:
            stamps = [at_ms for at_ms in self.good[name] if at_ms >= since_ms]
            assert len(stamps) >= (self.clock.boot_ms() - since_ms) // EVERY_MS[name] - 1, name
            assert all(after - before <= 1.5 * EVERY_MS[name] for before, after in pairwise(stamps)), name


def test_everything_is_read_and_apart() -> None:
    pole = Pole()
    for name, celsius in ((EAST, 7.0), (WEST, 31.0)):
        pole.post.chips[name].feels[Quantity.TEMPERATURE] = celsius
    pole.live(1)
    pole.pulses(17)
    pole.live(14)
    pole.undisturbed(set(EVERY_MS), 5_000)
    assert pole.values[EAST][Quantity.TEMPERATURE] == pytest.approx(7.0, abs=0.01)
    assert pole.values[WEST][Quantity.TEMPERATURE] == pytest.approx(31.0, abs=0.01)
    assert pole.values[RAIN][Quantity.COUNT_TOTAL] == 17
    assert pole.values[DUST][Quantity.PM2_5] == pytest.approx(
        pole.post.chips[DUST].feels[Quantity.PM2_5], abs=0.06
    )
    assert not pole.failed
    at_rest = [address for address, _ in pole.bus.reach()]
    assert at_rest == [0x70, 0x44, 0x20, 0x4D], "no channel is left open"


def test_one_runner_for_a_bus_with_its_segments() -> None:
    assert next(set(runner.sensors) for runner in Pole().runners) == {EAST, WEST, PLAIN}


def stuck(chip: Chip) -> None:
    chip.faults.sda_stuck, chip.faults.sda_clocks = True, 1_000


def gone(chip: Chip) -> None:
    chip.faults.unplug = True


def browned_out(chip: Chip) -> None:
    chip.faults.brown_out()


@pytest.mark.parametrize(
    ("place", "fault", "suffers"),
    [
        (EAST, stuck, {EAST}),
        (EAST, gone, {EAST}),
        (f"{BUS}/0x70", gone, {EAST, WEST}),
        (f"{BUS}/0x70", browned_out, set()),
        (f"{BUS}/0x20", gone, {RAIN}),
        (f"{BUS}/0x20", browned_out, {RAIN}),
        (f"{BUS}/0x4d", gone, {DUST}),
        (f"{BUS}/0x4d", browned_out, {DUST}),
        (DUST, gone, {DUST}),
        (PLAIN, gone, {PLAIN}),
    ],
)
def test_each_fails_without_the_others(place: str, fault: Callable[[Chip], None], suffers: set[str]) -> None:
    pole = Pole()
    pole.live(12)
    began_ms = pole.clock.boot_ms()
    chip = pole.post.chips.get(place) or pole.post.helpers[place]
    fault(chip)
    pole.live(20)
    assert {event.sensor for event in pole.failed if event.at_ms > began_ms} == suffers
    pole.undisturbed(set(EVERY_MS) - suffers, began_ms)
    chip.faults.calm()
    ended_ms = pole.clock.boot_ms()
    pole.pulses(3)
    pole.live(35)
    for name in suffers:
        assert [at for at in pole.good[name] if ended_ms < at <= ended_ms + 22_000], name
    pole.undisturbed(set(EVERY_MS), ended_ms + 22_000 - 22_000 % 10_000)


def test_rain_during_a_power_cut_of_the_expander_is_no_false_rain() -> None:
    pole = Pole()
    pole.live(1)
    pole.pulses(5)
    pole.live(12)
    pole.post.helpers[f"{BUS}/0x20"].faults.brown_out()
    pole.pulses(4)
    pole.live(20)
    pole.pulses(3)
    pole.live(20)
    assert 8 <= pole.values[RAIN][Quantity.COUNT_TOTAL] <= 12


def test_without_a_reset_wire_clocks_free_a_segment_and_with_it_the_bus() -> None:
    pole = Pole(reset_wired=False)
    pole.live(5)
    pole.post.chips[EAST].faults.sda_stuck = True  # lets go after nine clocks
    pole.live(20)
    assert [event.details["outcome"] for event in pole.happened] == ["freed after 9 clocks and a STOP"]
    ended_ms = pole.clock.boot_ms()
    pole.live(12)
    pole.undisturbed(set(EVERY_MS), ended_ms)


def test_a_scan_looks_behind_muxes_that_answer(tmp_path: Path) -> None:
    pole = Pole()
    pole.live(2)
    answer = survey(pole.ports, pole.clock.advance, PLANS, True, tmp_path)
    buses: Any = answer["i2c"]
    told = {bus["bus"]: bus["found"] for bus in buses}
    assert [row["address"] for row in told[BUS]] == [0x20, 0x44, 0x4D, 0x70]
    assert [row["drivers"] for row in told[BUS]] == [["mcp23017"], [], ["sc16is752"], ["tca9548a"]]
    assert told[BUS][1]["held_by"] == "sensor plain (sht31)"
    behind = {bus: [row["address"] for row in rows] for bus, rows in told.items() if rows and bus != BUS}
    assert behind == {f"{BUS}/0x70.2": [0x76], f"{BUS}/0x70.5": [0x76]}
    assert told[f"{BUS}/0x70.2"][0]["sensor"] == EAST


def test_with_real_threads() -> None:
    """The same in real time, ten times as fast: pumps, bus threads and pipes; until everything was read once."""
    clock = PacedClock(10.0)
    post = Post(PLANS, World(1), spots(1, 1)[0], clock)
    events: queue.Queue[Event] = queue.Queue()
    threads = [BusThread(runner, clock, events.put) for runner in runners_for(PLANS, shared(post.ports, clock))]
    for thread in threads:
        thread.start()
    seen: set[str] = set()
    while seen != set(EVERY_MS):
        event = events.get(timeout=20)
        seen |= {event.sensor} if isinstance(event, Sampled) else set()
    assert all(thread.stop(5.0) for thread in threads)
