"""A rain gauge: tips are millimetres, springs are not rain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.lines import Edge
from drivers.rain import Rain
from drivers.reading import Quantity
from simulators.chips.rain import Rain as Gauge
from tests.drivers.lines_bench import closed, fed, watched

VECTORS = Path(__file__).parents[1] / "vectors"
RAW = {v["id"]: v for v in json.loads((VECTORS / "vectors-serial.json").read_text())}


def tipped(driver: Rain, tips: int, from_us: int = 0) -> Rain:
    for number in range(tips):
        at_us = from_us + number * 2_000_000
        fed(driver, (at_us, 1), (at_us + 60_000, 0))
    return driver


def test_pub_102_raw() -> None:
    vector = RAW["pub-102"]
    said = closed(tipped(Rain(), vector["input"]["tips"]))
    assert said["rain"] == pytest.approx(vector["expected"]["rain_mm"], abs=vector["tolerance"])
    assert said["count_total"] == 10


@pytest.mark.parametrize(
    ("settings", "mm"),
    [({}, 0.2794), ({"profile": "davis"}, 0.2), ({"profile": "davis_inch"}, 0.254), ({"mm_per_tip": 0.21}, 0.21)],
)
def test_what_a_tip_is_worth(settings: dict[str, float | str], mm: float) -> None:
    assert closed(tipped(Rain(**settings), 3))["rain"] == pytest.approx(3 * mm)


def test_windows_and_the_total() -> None:
    driver = tipped(Rain(profile="davis"), 2)
    assert closed(driver) == {"rain": 0.4, "count_total": 2}
    assert closed(driver) == {"rain": 0, "count_total": 2}
    assert closed(tipped(driver, 1, 10**9)) == {"rain": 0.2, "count_total": 3}


@given(st.integers(0, 20), st.floats(0, 200))
def test_springs_are_no_rain(bounces: int, mm_h: float) -> None:
    chip, driver = Gauge(lambda: 10**12), Rain()
    chip.bounces, chip.feels[Quantity.RAIN] = bounces, mm_h
    chip.live(0, 600_000_000)
    assert closed(watched(driver, chip))["count_total"] == chip.true_count


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 1))))
def test_never_more_than_activations(edges: list[tuple[int, int]]) -> None:
    driver = Rain(debounce_ms=0)
    fed(driver, *edges)
    assert closed(driver)["count_total"] == sum(level for _, level in edges)


def test_another_line_is_a_mistake_of_the_program() -> None:
    with pytest.raises(KeyError):
        Rain().edge(Edge(0, "a", 1))
