"""Real sockets at real brokers that restart: they knock evenly, and all are back in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.network.storm import Plan, peak, storm

BROKERS = ["nats", pytest.param("mosquitto", marks=pytest.mark.mosquitto)]


@pytest.mark.once
@pytest.mark.parametrize("broker", BROKERS)
def test_two_hundred_sockets(broker: str, tmp_path: Path) -> None:
    said = storm(Plan(broker, nodes=200, cap_s=60, down_s=5, speed=15), tmp_path)
    assert said["even"] and said["in_time"], said
    assert 200 <= said["knocks"] <= 400, said


@pytest.mark.deep
@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("down_s", [0, 10, 120])
def test_a_thousand_sockets(broker: str, down_s: int, tmp_path: Path) -> None:
    said = storm(Plan(broker, down_s=down_s), tmp_path)
    assert said["even"] and said["in_time"], said


def test_a_peak_is_the_fullest_bin() -> None:
    assert peak([0, 1, 999, 1000, 5000], 1000) == 3
    assert peak([], 1000) == 0
