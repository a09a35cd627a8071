"""Every kind of post: its board is one that `edge check` takes, and each of its sensors says what the city is like."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from drivers.reading import Flag, Quantity, Reading
from edge.board import check
from edge.events import Failed, Sampled
from edge.runners.roster import runners_for
from edge.wiring import Wiring
from simulators.boards import POSTS, board, post
from simulators.clock import VirtualClock
from simulators.post import Post
from simulators.street import MORNING_MS
from simulators.streets import spots
from simulators.world import World

SEED, LIVED_S, STEP_S = 7, 60, 0.05
FIRST_FIVE = ["air", "dust", "gate", "road", "mains"]


def wiring(number: int) -> Wiring:
    text = board(number, "pole-001", spots(SEED, number + 1)[number], "mqtt://127.0.0.1:1883")
    checked = check(text, str(Path("node.toml").absolute()), simulated=True)
    assert checked.mistakes == () and checked.wiring is not None
    return checked.wiring


@cache
def lived(number: int) -> tuple[dict[str, list[Reading]], list[Failed]]:
    """A minute of the morning: what each sensor said, and what failed."""
    clock, plan = VirtualClock(start_wall_ms=MORNING_MS), wiring(number)
    hung = Post(plan.sensors, World(SEED), spots(SEED, number + 1)[number], clock)
    runners = runners_for(plan.sensors, hung.ports)
    heard: dict[str, list[Reading]] = {sensor.name: [] for sensor in plan.sensors}
    failed: list[Failed] = []
    for _ in range(round(LIVED_S / STEP_S)):
        hung.feel()
        for event in [event for runner in runners for event in runner.step(clock.boot_ms())]:
            if isinstance(event, Sampled):
                heard[event.sensor] += event.readings
            elif isinstance(event, Failed):
                failed.append(event)
        clock.advance(STEP_S)
    for runner in runners:
        runner.close()
    return heard, failed


def test_the_kinds_take_turns() -> None:
    assert [post(number) for number in range(5)] == FIRST_FIVE
    assert len(POSTS) >= 8 and post(len(POSTS)) == post(0)


@pytest.mark.parametrize("number", range(len(POSTS)), ids=[kind for kind, _ in POSTS])
def test_everything_on_the_post_speaks_and_is_plausible(number: int) -> None:
    heard, failed = lived(number)
    for name, readings in heard.items():
        assert len(readings) >= 4, (name, failed)
        for reading in readings:
            assert reading.quantity.plausible(reading.value) and not reading.flags & ~Flag.WARMING, (name, reading)
    assert len(failed) <= 2, failed  # a device that is not ready yet


def newest(number: int, sensor: str) -> dict[str, float]:
    return {reading.name: reading.value for reading in lived(number)[0][sensor]}


def test_the_new_kinds_feel_their_own_world() -> None:
    kinds = {kind: number for number, (kind, _) in enumerate(POSTS)}
    weather = World(SEED).weather(MORNING_MS)
    assert abs(newest(kinds["weather"], "wind")["wind_speed"] - weather[Quantity.WIND_SPEED]) < 1.0
    assert newest(kinds["weather"], "light")["illuminance"] > 1_000
    assert 40 < newest(kinds["noise"], "noise")["laeq"] < 85
    assert newest(kinds["tubes"], "solar")["voltage"] < 5 < newest(kinds["parking"], "meter")["voltage"]
    counted = sum(r.value for r in lived(kinds["tubes"])[0]["tubes"] if r.name in ("count.ab.car", "count.ba.car"))
    assert counted > 0
