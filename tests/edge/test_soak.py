"""Long lives leave nothing behind: what an agent holds in memory after hours of troubles is what it held at first.

Time is virtual, everything else of the agent is real: once with its buses, runners and drivers and every second sensor
failing now and then, once with its uplink, journal and an office under a street's troubles, hour for hour the same.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from edge import commits, room
from simulators.story.plan import HOUR, MINUTE, Plan
from simulators.story.telling import Story
from simulators.story.troubles import EVERYBODY, Trouble
from tests.bench.day import Day
from tests.bench.forty import HEAD, i2c, lines, serial
from tests.edge.weight import Weight, weigh

EVERY = 'interval = "60s"'
BOARD = HEAD + "".join((
    i2c("air", "bme280", "i2c-1", 0x76, EVERY),
    i2c("damp", "sht31", "i2c-1", 0x44, EVERY),
    i2c("dust", "sps30", "i2c-1", 0x69, EVERY),
    i2c("room", "scd30", "i2c-1", 0x61, EVERY),
    serial("breath", "mhz19", 0, EVERY),
    lines("slip", "loop", "a = 24"),
    lines("pulse", "pulse_counter", "line = 19"),
    lines("hatch", "contact", "line = 26"),
))  # fmt: skip
MORE = 64  # objects: what is on its way at one moment and not at another
A_DAY = 24  # hours: then what is remembered of each hour of a day is full, too
HOURLY = (
    ("cut", 5, 20, ""), ("drop", 27, 0, ""), ("denied", 29, 5, ""), ("clock", 34, 4, "+10y"), ("full", 35, 4, ""),
    ("sick", 40, 3, "datasync"), ("sick", 44, 2, "pwrite"), ("sensor", 20, 10, "nack"), ("poison", 2, 0, "bytes"),
)  # fmt: skip
OF_OFFICE = (("weather", 6, 5, "doubled"), ("slow", 15, 3, ""), ("broker", 46, 2, "forgets"), ("refuse", 12, 2, ""))


@pytest.fixture(autouse=True)
def small_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is bounded is full within the hour, so that the next ones show what is not."""
    monkeypatch.setattr(commits, "MARKS", 20)
    monkeypatch.setattr(room, "cap_bytes", lambda *_: 128 << 10)


def no_heavier(weights: list[Weight], filled: int = 1) -> None:
    """So many hours fill the buffers; no later one adds to them."""
    most = max(weight.objects for weight in weights[filled : filled + 2]) + MORE
    size = max(weight.size for weight in weights[filled : filled + 2]) + MORE * 100
    assert all(each.objects <= most and each.size <= size for each in weights[filled + 2 :]), weights


class Soaked(Day):
    """A day that is weighed each hour."""

    def __init__(self, board: str) -> None:
        super().__init__(board)
        self.weights: list[Weight] = []
        self._hour = self.now_ms // HOUR

    def _chores(self, now_ms: int) -> None:
        super()._chores(now_ms)
        self.told.clear()
        if now_ms // HOUR > self._hour:
            self._hour = now_ms // HOUR
            self.weights.append(weigh(self.agent, *(bus.runner for bus in self.buses)))


def soaked(hours: int) -> list[Weight]:
    day = Soaked(BOARD)
    day.live(hours * 3_600)
    assert sum(map(len, day.failures.values())) > 20 * hours, "hardly anything befell it"
    return day.weights


@pytest.mark.once
def test_five_hours_on_its_buses() -> None:
    no_heavier(soaked(5))


@pytest.mark.deep
def test_three_days_on_its_buses() -> None:
    no_heavier(soaked(72), A_DAY)


def street(hours: int, folder: Path) -> list[Weight]:
    """Two poles and their office."""
    whats = [
        Trouble(hour * HOUR + at * MINUTE, kind, EVERYBODY, lasts * MINUTE, how, 1)
        for hour in range(hours)
        for kind, at, lasts, how in (*HOURLY, *OF_OFFICE)
    ]
    story = Story(Plan(5, 2, hours / 24), sorted(whats), folder)
    for pole in story.poles:
        story.timeline.at(0, pole.boot)
    weights = []
    for hour in range(1, hours + 1):
        story.timeline.run(hour * HOUR - 1)
        weights.append(weigh(*(pole.agent for pole in story.poles), story.office.collector))
    assert story.broker.dropped > hours and len(story.broker.connects) > 4 * hours, "hardly anything befell them"
    story.office.end()
    return weights


@pytest.mark.once
def test_five_hours_of_an_outage_after_the_other(tmp_path: Path) -> None:
    no_heavier(street(5, tmp_path))


@pytest.mark.deep
def test_three_days_of_an_outage_after_the_other(tmp_path: Path) -> None:
    no_heavier(street(72, tmp_path), A_DAY)


def test_what_grows_is_seen() -> None:
    class Hoard:
        def __init__(self) -> None:
            self.kept: list[list[int]] = []

    hoard, weights = Hoard(), []
    Hoard.__module__ = "edge.hoard"
    for _ in range(5):
        hoard.kept += [[each] for each in range(MORE // 2 + 1)]
        weights.append(weigh(hoard))
    with pytest.raises(AssertionError):
        no_heavier(weights)
