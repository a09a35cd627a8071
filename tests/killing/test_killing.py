"""Agents, brokers and collectors are killed at random moments: nothing is lost, nothing is there twice."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.store.lives import FAST
from tests.killing.__main__ import ordeal
from tests.killing.town import Plan

BROKERS = ["nats", pytest.param("mosquitto", marks=pytest.mark.mosquitto)]


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory: a kill loses nothing there, and a disk that stands still is nobody's commit interval."""
    with tempfile.TemporaryDirectory(prefix="lantaarn-", dir=FAST) as folder:
        yield Path(folder)


@pytest.mark.once
@pytest.mark.parametrize("broker", BROKERS)
def test_six_kills_cost_no_reading_that_was_journalled(broker: str, memory: Path) -> None:
    plan = Plan(broker, kills=6, readings=3_000, nodes=2)
    said = ordeal(plan, memory)
    assert (said["lost"], said["duplicated_rows"], said["gaps"], said["fallen"]) == (0, 0, 0, [])
    assert (said["kills_agent"], said["kills_broker"], said["kills_collector"]) == (2, 2, 2)
    assert 0 <= said["sampled_minus_journalled"] <= said["kills_agent"] * said["one_commit_interval"], said
    assert said["stored"] == said["journalled"] >= plan.readings - said["sampled_minus_journalled"]
    assert said["whole"]


@pytest.mark.deep
@pytest.mark.parametrize("broker", BROKERS)
def test_a_hundred_kills_among_half_a_million_readings(broker: str, tmp_path: Path) -> None:
    said = ordeal(Plan(broker, kills=100, readings=500_000), tmp_path)
    assert said["whole"] and said["kills"] == 100 and said["broker_forgot"] > 5, said
