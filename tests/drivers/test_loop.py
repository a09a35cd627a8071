"""Loops: one or two, presence or pulse; counts, the occupied share, direction and speed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.lines import Edge
from drivers.loop import PEOPLE_MEAN, Loop
from drivers.reading import Quantity
from simulators.chips.loop import Loop as Road
from tests.drivers.lines_bench import closed, fed, names, only, watched

LATER = 10**12


def road(loops: int = 1, mode: str = "presence", kmh: float = 36.0) -> Road:
    chip = Road(lambda: LATER)
    chip.loops, chip.mode, chip.kmh = loops, mode, kmh
    return chip


@pytest.mark.parametrize("mode", ["presence", "pulse"])
@given(passages=st.lists(st.sampled_from(["in", "out"]), max_size=20), bounces=st.integers(0, 3))
def test_one_loop_counts_all(mode: str, passages: list[str], bounces: int) -> None:
    chip, driver = road(1, mode), Loop(mode=mode)
    chip.bounces = bounces
    driver.begin(0, {"a": 0})
    for number, way in enumerate(passages):
        chip.passes((number + 1) * 3_000_000, way)
    said = closed(watched(driver, chip), 100_000_000)
    assert (said["count"], said["count_total"]) == (len(passages), len(passages))
    assert said.get("occupancy") == (
        pytest.approx(chip.occupied_us / 1e8, abs=0.001) if mode == "presence" else None
    )


@pytest.mark.parametrize("mode", ["presence", "pulse"])
@given(passages=st.lists(st.sampled_from(["ab", "ba"]), max_size=20), kmh=st.floats(10, 130))
def test_two_loops_tell_direction_and_speed(mode: str, passages: list[str], kmh: float) -> None:
    chip, driver = road(2, mode, kmh), Loop(mode=mode, loops=2)
    for number, way in enumerate(passages):
        chip.passes((number + 1) * 6_000_000, way)
    said = closed(watched(driver, chip), LATER)
    for way, count in chip.true_ways.items():
        assert (said[f"count.{way}"], said[f"count_total.{way}"]) == (count, count)
        assert said.get(f"vehicle_speed.{way}") == (pytest.approx(kmh, rel=1e-3) if count else None)


def test_what_is_wired_and_measured_hangs_on_the_settings() -> None:
    assert Loop().lines == Loop.lines == ("a",)
    assert Loop(loops=2).lines == ("a", "b")
    assert Quantity.VEHICLE_SPEED in Loop(loops=2).measures and Quantity.VEHICLE_SPEED not in Loop().measures
    assert Quantity.OCCUPANCY not in Loop(mode="pulse").measures
    assert Loop().measures == Loop.measures
    with pytest.raises(KeyError):
        Loop().edge(Edge(0, "b", 1))


def test_a_vehicle_that_stands_there_already_occupies_and_is_not_counted() -> None:
    driver = Loop()
    driver.begin(0, {"a": 1})
    fed(driver, (2_500_000, 0), line="a")
    assert closed(driver, 10_000_000) == {"count": 0, "count_total": 0, "occupancy": 0.25}


def test_who_stands_for_many_windows_occupies_all_of_them() -> None:
    driver = Loop()
    driver.begin(0, {"a": 0})
    fed(driver, (5_000_000, 1), line="a")
    assert [closed(driver, at * 10_000_000)["occupancy"] for at in (1, 2, 3)] == [0.5, 1, 1]


def test_who_touches_one_loop_only_is_not_counted_and_spoils_nobody() -> None:
    chip, driver = road(2), Loop(loops=2)
    fed(driver, (0, 1), (500_000, 0), line="a")
    chip.passes(10_000_000, "ab")
    said = closed(watched(driver, chip), LATER)
    assert only(said, "count", "vehicle_speed") == {"count.ab": 1, "vehicle_speed.ab": pytest.approx(36)}


@pytest.mark.parametrize(("kmh", "counts"), [(3.1, 1), (2.9, 0), (199, 1), (202, 0)])
def test_the_limits_of_speed(kmh: float, counts: int) -> None:
    chip, driver = road(2, "pulse", kmh), Loop(loops=2, mode="pulse")
    chip.passes(0, "ab")
    assert sum(only(closed(watched(driver, chip), LATER), "count").values()) == counts


def test_a_loss_forgets_who_is_between_the_loops() -> None:
    driver = Loop(loops=2)
    fed(driver, (0, 1), line="a")
    driver.lost(3)
    fed(driver, (250_000, 1), line="b")
    assert not only(closed(driver, LATER), "count")


def test_a_bicycle_path() -> None:
    assert not Loop().counts_people and PEOPLE_MEAN == 5
    driver, chip = Loop(loops=2, counts="people"), road(2)
    assert driver.counts_people
    for number in range(2 * PEOPLE_MEAN - 1):
        chip.passes(number * 6_000_000, "ab" if number % 2 == 0 else "ba")
    assert names(closed(watched(driver, chip), LATER), "vehicle_speed") == {"vehicle_speed.ab"}


def is_astray(driver: Loop) -> bool:
    return driver.astray


@pytest.mark.parametrize("headway_us", [1_500_000, 2_900_000])
def test_after_a_loss_no_direction_is_turned_round(headway_us: int) -> None:
    """Of dense traffic from a to b one hit on a is lost: nobody goes from b to a until the loops were quiet."""
    driver = Loop(loops=2)
    driver.lost(1)
    for number in range(5):
        at_us = 10_000_000 + number * headway_us
        fed(driver, *([] if number == 0 else [(at_us, 1), (at_us + 400_000, 0)]), line="a")
        fed(driver, (at_us + 180_000, 1), (at_us + 580_000, 0), line="b")
    assert is_astray(driver)
    assert not any(only(closed(driver, 10_600_000 + 4 * headway_us), "count").values())
    assert is_astray(driver), "and the next window begins in doubt"
    fed(driver, (60_000_000, 1), (60_400_000, 0), line="a")
    fed(driver, (60_180_000, 1), (60_580_000, 0), line="b")
    assert not is_astray(driver)
    assert only(closed(driver, 70_000_000), "count") == {"count.ab": 1}


def test_quiet_loops_are_no_longer_astray_when_the_window_ends() -> None:
    driver = Loop(loops=2)
    driver.lost(1)
    fed(driver, (10_000_000, 1), line="a")
    closed(driver, 20_000_000)
    assert not is_astray(driver)
    single = Loop()
    single.lost(1)
    assert not single.astray
