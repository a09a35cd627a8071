"""Flags say doubt and change nothing: each kind is raised when it must be, and only then."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.catalog import driver
from drivers.reading import Flag, Quantity, Reading
from edge.quality import ENOUGH, MAY_STAND_STILL, NEW_LEVEL, SMALLEST_SPIKE, Watch

INTERVAL = 10_000
HOUR = 3_600_000
quantities = st.sampled_from(list(Quantity))
floats = st.floats(allow_nan=True, allow_infinity=True)


def judged(values: list[float], quantity: Quantity = Quantity.TEMPERATURE, still_ms: int = HOUR) -> list[Flag]:
    watch = Watch(INTERVAL, still_ms)
    times = range(INTERVAL, INTERVAL * (len(values) + 1), INTERVAL)
    return [watch.judge(Reading(quantity, v), t, t) for v, t in zip(values, times, strict=True)]


@given(quantities, floats)
def test_range_is_flagged_exactly_when_the_world_cannot_be_so(quantity: Quantity, value: float) -> None:
    (flags,) = judged([value], quantity)
    assert (Flag.RANGE in flags) == (not (math.isfinite(value) and quantity.low <= value <= quantity.high))


@given(quantities, st.integers(0, 2000), st.integers(1, 1000))
def test_stuck_comes_after_standing_still_for_longer_than_allowed(quantity: Quantity, count: int, still: int) -> None:
    watch = Watch(INTERVAL, still * INTERVAL)
    flags = Flag.NONE
    for step in range(count + 1):
        flags = watch.judge(Reading(quantity, 1.0), step * INTERVAL, step * INTERVAL)
    assert (Flag.STUCK in flags) == (count > still and quantity not in MAY_STAND_STILL)


def test_clean_air_has_a_nox_index_of_one_for_days() -> None:
    watch = Watch(INTERVAL, INTERVAL)
    flags = [watch.judge(Reading(Quantity.NOX_INDEX, 1.0), step * INTERVAL, step * INTERVAL) for step in range(20)]
    assert set(flags) == {Flag.NONE}


@pytest.mark.parametrize("name", ["bh1750", "veml7700", "tsl2591", "ltr390"])
def test_a_light_sensor_may_stand_for_a_winters_night_and_no_longer(name: str) -> None:
    hour_ms = 3_600_000
    for quantity in driver(name).measures:
        watch = Watch(hour_ms, round(driver(name).still_s * 1_000))
        flags = [watch.judge(Reading(quantity, 0.0), hour * hour_ms, hour * hour_ms) for hour in range(24)]
        assert Flag.STUCK not in flags[16]
        assert Flag.STUCK in flags[23]


def test_the_smallest_movement_ends_stuck() -> None:
    watch = Watch(INTERVAL, HOUR)
    reading = Reading(Quantity.TEMPERATURE, 20.0)
    watch.judge(reading, 0, 0)
    assert watch.judge(reading, HOUR + 1, HOUR + 1) == Flag.STUCK
    assert watch.judge(Reading(Quantity.TEMPERATURE, 20.000001), HOUR + 2, HOUR + 2) == Flag.NONE
    assert watch.judge(reading, HOUR + 3, HOUR + 3) == Flag.NONE


def test_still_for_ever_is_allowed_where_the_driver_says_so() -> None:
    assert judged([20.0] * 5000, still_ms=0) == [Flag.NONE] * 5000


@given(st.lists(st.floats(15.0, 18.0), min_size=ENOUGH, max_size=40), st.floats(45.0, 80.0))
def test_one_jump_is_a_spike_and_what_follows_is_judged_by_what_was_before(calm: list[float], high: float) -> None:
    assert judged([*calm, high, calm[-1]])[-2:] == [Flag.SPIKE, Flag.NONE]


@given(st.lists(st.floats(15.0, 18.0), min_size=ENOUGH, max_size=40), st.floats(60.0, 80.0), st.integers(3, 20))
def test_a_level_that_stays_is_believed(calm: list[float], level: float, stays: int) -> None:
    flags = judged([*calm, *[level] * stays])[len(calm):]
    assert flags == [Flag.SPIKE] * (NEW_LEVEL - 1) + [Flag.NONE] * (stays - NEW_LEVEL + 1)


def test_jumping_about_is_no_new_level() -> None:
    flags = judged([20.0] * 10 + [60.0, -20.0, 90.0, -50.0, 60.0, 100.0])
    assert flags[10:] == [Flag.SPIKE] * 6


@given(st.sampled_from(sorted(SMALLEST_SPIKE, key=str)), st.lists(st.floats(0, 1), min_size=2, max_size=60))
def test_moving_less_than_the_smallest_spike_is_never_one(quantity: Quantity, parts: list[float]) -> None:
    middle = (quantity.low + quantity.high) / 2
    values = [middle + SMALLEST_SPIKE[quantity] * part for part in parts]
    assert Flag.SPIKE not in Flag(sum(judged(values, quantity, still_ms=0)))


def test_a_jump_that_is_usual_here_is_none() -> None:
    restless = [0.0, 400.0] * 20
    assert Flag.SPIKE not in judged([*restless, 900.0], Quantity.PM2_5)[-10:-1]
    assert judged([0.0, 4.0] * 20 + [900.0], Quantity.PM2_5)[-1] == Flag.SPIKE


def test_after_a_long_silence_nothing_is_a_jump() -> None:
    watch = Watch(INTERVAL, HOUR)
    for step in range(20):
        watch.judge(Reading(Quantity.TEMPERATURE, 20.0 + step / 100), step * INTERVAL, step * INTERVAL)
    assert watch.judge(Reading(Quantity.TEMPERATURE, -10.0), 24 * HOUR, 24 * HOUR) == Flag.NONE


@given(st.integers(0, 10 * INTERVAL))
def test_stale_is_older_than_one_and_a_half_interval(age: int) -> None:
    flags = Watch(INTERVAL, HOUR).judge(Reading(Quantity.CO2, 400.0), 1_000_000, 1_000_000 + age)
    assert (Flag.STALE in flags) == (age * 2 > 3 * INTERVAL)


@given(quantities, st.lists(floats, max_size=40), st.sampled_from(list(Flag)))
def test_flags_of_the_driver_are_kept_and_no_value_makes_it_fail(
    quantity: Quantity, values: list[float], flag: Flag
) -> None:
    watch = Watch(INTERVAL, HOUR)
    for step, value in enumerate(values):
        assert flag in watch.judge(Reading(quantity, value, flags=flag), step * INTERVAL, step * INTERVAL)
