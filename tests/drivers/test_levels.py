"""Levels: energies are averaged, not levels; the histogram is bounded and finds the percentiles."""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.levels import Levels
from drivers.reading import Flag, Quantity

VECTORS = Path(__file__).parent.parent / "vectors" / "vectors-serial.json"
SECOND = 1_000_000
levels_db = st.lists(st.floats(0.0, 150.0), min_size=1, max_size=30)


def closed(levels: list[float]) -> dict[Quantity, float]:
    window = Levels()
    for number, level in enumerate(levels):
        window.add(level, number * SECOND)
    return {reading.quantity: reading.value for reading in window.close()}


def test_the_published_window() -> None:
    (vector,) = [v for v in json.loads(VECTORS.read_text()) if v["id"] == "pub-100"]
    found, expected = closed(vector["input"]["levels_db"]), vector["expected"]
    assert found[Quantity.LAEQ] == pytest.approx(expected["laeq"], abs=vector["tolerance"])
    assert found[Quantity.LA10] == pytest.approx(expected["l10"], abs=vector["tolerance"])
    assert found[Quantity.LA90] == pytest.approx(expected["l90"], abs=vector["tolerance"])


def test_a_minute_of_noise_outweighs_an_hour_of_quiet() -> None:
    found = closed([80.0] * 60 + [50.0] * 3_600)
    assert found[Quantity.LAEQ] == pytest.approx(62.4, abs=0.05)
    assert (found[Quantity.LA10], found[Quantity.LA90]) == (50.0, 50.0)


@given(levels_db)
def test_energy_mean_lies_between_the_mean_and_the_loudest(levels: list[float]) -> None:
    laeq = closed(levels)[Quantity.LAEQ]
    assert statistics.fmean(levels) - 1e-6 <= laeq <= max(levels) + 1e-6


@given(levels_db)
def test_percentiles_are_those_of_the_sorted_looks(levels: list[float]) -> None:
    found, ordered = closed(levels), sorted(levels)
    for share, quantity in ((0.9, Quantity.LA10), (0.1, Quantity.LA90)):
        rank = share * (len(ordered) - 1)
        low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
        assert found[quantity] == pytest.approx(low + (high - low) * (rank % 1), abs=0.051)


@given(st.floats(0.0, 150.0), st.integers(1, 50))
def test_a_steady_tone_is_itself(level: float, looks: int) -> None:
    found = closed([level] * looks)
    assert found[Quantity.LAEQ] == pytest.approx(level, abs=1e-9)
    assert found[Quantity.LA10] == found[Quantity.LA90] == pytest.approx(level, abs=0.051)


@given(levels_db, levels_db)
def test_a_window_knows_nothing_of_the_one_before(first: list[float], second: list[float]) -> None:
    window = Levels()
    for number, level in enumerate(first):
        window.add(level, number, Flag.RANGE)
    window.close()
    for number, level in enumerate(second, len(first)):
        window.add(level, number)
    found = window.close()
    assert {reading.quantity: reading.value for reading in found} == closed(second)
    assert not any(reading.flags for reading in found)


def test_no_look_no_reading() -> None:
    assert Levels().close() == []


def test_a_look_counts_once() -> None:
    window = Levels()
    for level, at_us in ((50.0, 5), (90.0, 5), (90.0, 4)):
        window.add(level, at_us)
    assert window.close()[0].value == pytest.approx(50.0)
    window.add(90.0, 5)
    assert window.close() == []


def test_what_is_flagged_flags_the_window() -> None:
    window = Levels()
    window.add(60.0, 1)
    window.add(121.0, 2, Flag.RANGE)
    assert {reading.flags for reading in window.close()} == {Flag.RANGE}


@pytest.mark.parametrize("level", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="no sound level"):
        Levels().add(level, 1)


def test_memory_is_bounded_however_long_the_window() -> None:
    window = Levels()
    for number in range(-500, 200_000, 7):
        window.add(number / 1_000, number + 500)
    assert len(window._histogram) <= 1_501
