"""The city is one city: the same for everyone who asks, plausible, with its two peaks."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.reading import Quantity
from simulators.chance import poisson, smooth, unit
from simulators.streets import MIDDLE, geojson, spots, streets
from simulators.world import HOUR_MS, LOCAL_MS, World

MONDAY_MS = 1_780_272_000_000 - LOCAL_MS  # 2026-06-01 00:00 local time
moments = st.integers(MONDAY_MS, MONDAY_MS + 400 * 24 * HOUR_MS)
seeds = st.integers(0, 1_000)


@settings(max_examples=60, deadline=None)
@given(seeds, moments)
def test_everything_felt_is_plausible_and_the_same_twice(seed: int, at_ms: int) -> None:
    spot = spots(seed, 12)[seed % 12]
    felt = World(seed).feels(spot, at_ms)
    assert felt == World(seed).feels(spot, at_ms)
    for quantity, value in felt.items():
        assert quantity.plausible(value), (quantity, value)


@settings(max_examples=40, deadline=None)
@given(seeds, moments, st.integers(1, 7_200_000), st.integers(1, 7_200_000))
def test_windows_of_passages_join_without_gap_or_double(seed: int, at_ms: int, first: int, second: int) -> None:
    world, spot = World(seed), spots(seed, 1)[0]
    middle, end = at_ms + first, at_ms + first + second
    whole = list(world.passages(spot, "people", at_ms, end))
    halves = [*world.passages(spot, "people", at_ms, middle), *world.passages(spot, "people", middle, end)]
    assert whole == halves
    assert all(before.at_ms <= after.at_ms for before, after in pairwise(whole))


def test_the_day_has_a_morning_and_an_evening_peak_and_a_calm_weekend() -> None:
    world = World(1)
    rush = [world.rush(MONDAY_MS + hour * HOUR_MS) for hour in range(24)]
    assert max(rush[6:11]) == max(rush[8], rush[9]) > 2 * rush[5]
    assert max(rush) == rush[17] > 1.5 * rush[14] > 3 * rush[2]
    assert world.rush(MONDAY_MS + (5 * 24 + 17) * HOUR_MS) < 0.7 * rush[17]


def test_traffic_is_in_the_air() -> None:
    world, spot = World(3), spots(3, 1)[0]
    peak, night = (world.air(spot, MONDAY_MS + hour * HOUR_MS) for hour in (17, 3))
    assert peak[Quantity.NO2] > 1.5 * night[Quantity.NO2]
    assert peak[Quantity.PM2_5] > night[Quantity.PM2_5]


def test_seeds_make_different_cities_around_one_middle() -> None:
    assert streets(1) != streets(2)
    for feature in geojson(1)["features"]:
        for longitude, latitude in feature["geometry"]["coordinates"]:
            assert abs(latitude - MIDDLE[0]) < 0.03 and abs(longitude - MIDDLE[1]) < 0.05


def test_chance_is_fair_enough() -> None:
    draws = [unit("fair", number) for number in range(4_000)]
    assert 0.48 < sum(draws) / len(draws) < 0.52
    counts = [poisson(7.0, "fair", number) for number in range(2_000)]
    assert 6.8 < sum(counts) / len(counts) < 7.2
    assert all(abs(smooth(step / 10, "x") - smooth((step + 1) / 10, "x")) < 0.4 for step in range(500))
