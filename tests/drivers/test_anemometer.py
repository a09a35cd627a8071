"""A cup anemometer: means and gusts, from a breath to a hurricane."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.anemometer import Anemometer
from drivers.bounce import Bounce
from drivers.lines import Edge
from drivers.reading import Quantity
from simulators.chips.anemometer import Anemometer as Cups
from tests.drivers.lines_bench import closed, fed, watched

S = 1_000_000
VECTORS = Path(__file__).parents[1] / "vectors"
RAW = {v["id"]: v for v in json.loads((VECTORS / "vectors-serial.json").read_text())}


def turned(driver: Anemometer, hz: float, from_us: int, to_us: int, duty: float = 0.3) -> Anemometer:
    period_us = S / hz
    for number in range(round((to_us - from_us) / period_us)):
        at_us = from_us + number * period_us
        fed(driver, (round(at_us), 1), (round(at_us + duty * period_us), 0))
    return driver


def test_pub_101_raw() -> None:
    vector = RAW["pub-101"]
    driver = Anemometer()
    driver.begin(0, {"line": 0})
    turned(driver, vector["input"]["closures"] / vector["input"]["seconds"], 0, 10 * S)
    said = closed(driver, vector["input"]["seconds"] * S)
    assert said["wind_speed"] * 3.6 == pytest.approx(vector["expected"]["wind_kmh"], abs=vector["tolerance"])


@pytest.mark.parametrize(
    ("settings", "kmh"),
    [({}, 2.4), ({"profile": "davis"}, 2.25 * 1.609344), ({"kmh_per_hz": 3.0}, 3.0)],
)
@pytest.mark.parametrize("hz", [0.5, 1, 10, 49, 51, 60, 90, 99])
def test_profiles_up_to_a_hurricane(settings: dict[str, float | str], kmh: float, hz: float) -> None:
    """Faster than 50 a second, the contact rests for less than its debounce time, and counts all the same."""
    driver = Anemometer(**settings)
    driver.begin(0, {"line": 0})
    said = closed(turned(driver, hz, 0, 60 * S, 0.5), 60 * S)
    assert said["wind_speed"] * 3.6 == pytest.approx(hz * kmh, rel=0.02)


def test_calm_is_zero() -> None:
    driver = Anemometer()
    driver.begin(0, {"line": 0})
    assert closed(driver, 60 * S) == {"wind_speed": 0, "wind_speed.max": 0}
    assert closed(Anemometer(), 60 * S) == {"wind_speed": 0, "wind_speed.max": 0}


def test_a_gust_is_the_best_three_seconds() -> None:
    driver = Anemometer()
    driver.begin(0, {"line": 0})
    turned(driver, 5, 0, 30 * S)
    turned(driver, 20, 30 * S, 33 * S)
    turned(driver, 5, 33 * S, 60 * S)
    said = closed(driver, 60 * S)
    assert said["wind_speed"] * 3.6 == pytest.approx((57 * 5 + 3 * 20) / 60 * 2.4, rel=0.01)
    assert said["wind_speed.max"] * 3.6 == pytest.approx(20 * 2.4, rel=0.03)
    assert closed(driver, 120 * S)["wind_speed.max"] == 0


def test_a_gust_across_a_loss_is_not_guessed() -> None:
    driver = Anemometer()
    driver.begin(0, {"line": 0})
    turned(driver, 20, 0, 2 * S)
    driver.lost(50)
    turned(driver, 20, 2 * S, 4 * S)
    assert closed(driver, 60 * S)["wind_speed.max"] * 3.6 == pytest.approx(40 / 3 * 2.4, rel=0.05)


@given(wind=st.floats(0, 30), bounces=st.integers(0, 1))
def test_springs_are_no_wind(wind: float, bounces: int) -> None:
    chip, driver = Cups(lambda: 10**12), Anemometer()
    chip.bounces, chip.feels[Quantity.WIND_SPEED] = bounces, wind
    chip.live(0, 60 * S)
    driver.begin(0, {"line": 0})
    said = closed(watched(driver, chip), 60 * S)
    assert said["wind_speed"] == pytest.approx(wind, abs=0.012)
    assert said["wind_speed.max"] >= said["wind_speed"]


@given(st.lists(st.tuples(st.integers(0, 60 * S), st.integers(0, 1)), max_size=300))
def test_any_edges_give_a_wind_that_can_be(edges: list[tuple[int, int]]) -> None:
    driver = Anemometer()
    driver.begin(0, {"line": 0})
    fed(driver, *sorted(edges))
    said = closed(driver, 60 * S)
    assert 0 <= said["wind_speed"] <= said["wind_speed.max"] <= 101 * 2.4 / 3.6


def test_another_line_is_a_mistake_of_the_program() -> None:
    with pytest.raises(KeyError):
        Anemometer().edge(Edge(0, "a", 1))


def test_closures_follow_each_other_by_the_bounce_at_least() -> None:
    """A spring that rests for long enough to look like a closure is none so soon after the last."""
    bounce = Bounce(2_000, 10_000)
    edges = ((0, 1), (3_000, 0), (6_000, 1), (10_000, 0), (13_000, 1))
    assert [bounce.counts(*edge) for edge in edges] == [True, False, False, False, True]
