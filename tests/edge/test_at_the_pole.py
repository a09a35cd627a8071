"""What a technician does at the pole, on simulated chips: read without an agent, read and scan beside a running one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from drivers.errors import BusFault
from edge.agent import Agent
from edge.asks import Asks, ask
from edge.buses.port import I2CPort, PortOpener
from edge.events import Stop
from edge.live import read_once
from edge.shared import SharedBuses, shared
from edge.survey import survey
from edge.wiring import JournalPlan, SensorPlan, Site, Wiring
from simulators.chips.bme280 import BME280
from simulators.chips.sht31 import SHT31
from simulators.clock import PacedClock
from simulators.disk import MemoryDisk
from simulators.i2c import SimulatedI2C
from tests.edge.pole import no_lines, no_serial

BUS = "/dev/i2c-77"
AIR = SensorPlan("air", "sht31", "i2c", BUS, 0x44, interval_ms=1_000)
GONE = SensorPlan("gone", "sht31", "i2c", BUS, 0x45, interval_ms=1_000)


class Post:
    """A bus with an SHT31 on the board and a BME280 that nobody knows of yet; counts how often it is opened."""

    def __init__(self) -> None:
        self.clock = PacedClock(1.0, 1_767_225_600_000)
        chips = {0x44: SHT31(self.clock.boot_us), 0x76: BME280(self.clock.boot_us)}
        self.bus = SimulatedI2C(chips)
        self.opened = 0
        self.ports = PortOpener(self.open, no_serial, no_lines)

    def open(self, bus: str) -> I2CPort:
        if bus != BUS:
            raise BusFault(f"there is no {bus}")
        self.opened += 1
        return self.bus

    def pause(self, seconds: float) -> None:
        threading.Event().wait(seconds)


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def running(post: Post, tmp_path: Path) -> Iterator[Path]:
    wiring = Wiring("pole-001", Site(), None, JournalPlan("journal", 500, 4 * 2**20), (AIR, GONE))
    agent = Agent(wiring, post.clock, MemoryDisk(), post.ports, None, Random(1).random)
    asks = Asks(tmp_path, agent.inbox.put)
    asks.begin()
    agent.start()
    loop = threading.Thread(target=agent.run)
    loop.start()
    yield tmp_path
    agent.inbox.put(Stop())
    loop.join(30)
    agent.finish()
    asks.end()


def found(answer: object) -> dict[int, dict[str, object]]:
    tree = json.loads(json.dumps(answer))
    (bus,) = [bus for bus in tree["i2c"] if bus["bus"] == BUS]
    return {row["address"]: row for row in bus["found"]}


def test_a_reading_without_an_agent(post: Post) -> None:
    air, gone = read_once([AIR, GONE], post.ports, post.clock)
    assert [reading.name for reading in air.readings] == ["temperature", "humidity"] and not air.failures
    assert gone.cause == "nack" and not gone.readings


def test_a_reading_on_a_bus_that_is_not_there(post: Post) -> None:
    (air,) = read_once([replace(AIR, bus="/dev/i2c-78")], post.ports, post.clock)
    assert air.cause == "bus" and "/dev/i2c-78" in air.error


def test_a_counter_says_that_it_counts_over_windows(post: Post) -> None:
    gate = SensorPlan("gate", "pulse_counter", "gpio", "/dev/gpiochip0", None, {"line": 4}, 300_000)
    (patient,) = read_once([gate], post.ports, post.clock, patience_ms=300)
    assert patient.failures and not patient.readings


def test_a_scan_without_an_agent_names_what_fits(post: Post) -> None:
    answer = survey(post.ports, post.pause, [AIR])
    rows = found(answer)
    assert "sht31" in str(rows[0x44]["drivers"]) and rows[0x44]["sensor"] == "air"
    assert rows[0x76]["drivers"] == ["bme280"] and rows[0x76]["sensor"] == ""


def test_beside_a_running_agent_the_bus_is_opened_once(post: Post, running: Path) -> None:
    for _ in range(3):
        answer = ask(running, {"ask": "read", "sensor": "air"})
        sensors = answer["sensors"]
        assert isinstance(sensors, list) and [r["name"] for r in sensors[0]["readings"]] == ["temperature", "humidity"]
    rows = found(ask(running, {"ask": "scan"}))
    assert rows[0x76]["drivers"] == ["bme280"]
    assert rows[0x44]["held_by"] == "sensor air (sht31)" and rows[0x44]["drivers"] == []
    both = ask(running, {"ask": "read", "sensor": None})["sensors"]
    assert isinstance(both, list) and [bool(one["error"]) for one in both] == [False, True]
    assert post.opened == 1


def test_a_shared_bus_is_one_until_somebody_closes_it() -> None:
    post = Post()
    buses = SharedBuses(post.open)
    one = buses(BUS)
    assert buses(BUS) is one and post.opened == 1
    one.close()
    with pytest.raises(BusFault, match="closed"):
        one.transfer(0x44, b"", 0)
    two = buses(BUS)
    assert two is not one and post.opened == 2
    two.transfer(0x44, b"", 0)
    with pytest.raises(BusFault):
        shared(post.ports, PacedClock()).i2c("/dev/i2c-1")
