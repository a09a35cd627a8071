"""Two tubes: what rolled over them, by direction, class and speed; and nothing about anybody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.dual_tube import PEOPLE_MEAN, DualTube
from drivers.lines import Edge
from drivers.setting import Row
from simulators.chips.dual_tube import DualTube as Road
from tests.drivers.lines_bench import closed, names, only, watched

LATER = 10**12
THINGS = {
    "bicycle": ((0.0, 1.05), (8.0, 35.0)),
    "motorcycle": ((0.0, 1.45), (20.0, 120.0)),
    "car": ((0.0, 2.6), (15.0, 130.0)),
    "truck": ((0.0, 4.2, 5.5), (15.0, 90.0)),
}
CARS: list[Row] = [{"name": "car", "low_m": 1.8, "high_m": 3.2, "reach_m": 4.0, "person": False}]
VECTORS = Path(__file__).parents[1] / "vectors"
RAW = {v["id"]: v for v in json.loads((VECTORS / "vectors-serial.json").read_text())}


def road(gap_m: float = 1.0) -> Road:
    chip = Road(lambda: LATER)
    chip.gap_m = gap_m
    return chip


def test_pub_103_raw() -> None:
    vector = RAW["pub-103"]
    driver = DualTube(gap_m=vector["input"]["gap_m"])
    for hit in vector["input"]["events"]:
        driver.edge(Edge(hit["t_us"], hit["tube"].lower(), 1))
    wanted = vector["expected"]["vehicles"][0]
    said = closed(driver)
    assert only(said, "count") == {f"count.ab.{wanted['class']}": 1}
    assert said["vehicle_speed.ab"] == pytest.approx(wanted["speed_kmh"], abs=vector["tolerance"])


@given(
    things=st.lists(
        st.tuples(st.sampled_from(sorted(THINGS)), st.sampled_from(["ab", "ba"]), st.floats(0, 1)), max_size=12
    ),
    bounces=st.integers(0, 3),
    gap_m=st.sampled_from([0.3, 1.0, 2.0]),
)
def test_everything_is_counted_once_as_what_it_is(
    things: list[tuple[str, str, float]], bounces: int, gap_m: float
) -> None:
    chip, driver = road(gap_m), DualTube(gap_m=gap_m)
    chip.bounces = bounces
    speeds: dict[str, list[float]] = {"ab": [], "ba": []}
    for number, (kind, way, place) in enumerate(things):
        axles_m, (slow, fast) = THINGS[kind]
        kmh = slow + (fast - slow) * place
        if kind != "bicycle":
            speeds[way].append(kmh)
        chip.rolls((number + 1) * 5_000_000, way, axles_m, kmh, kind)
    said = closed(watched(driver, chip), 10**9)
    assert only(said, "count") == {f"count.{key}": count for key, count in chip.true_count.items() if count}
    for way, kmhs in speeds.items():
        mean = sum(kmhs) / len(kmhs) if kmhs else None
        assert said.get(f"vehicle_speed.{way}") == (pytest.approx(mean, rel=1e-3) if mean else None)


def test_cyclists_side_by_side_are_told_apart() -> None:
    chip = road()
    for later_us in (0, 60_000, 130_000):
        chip.rolls(1_000_000 + later_us, "ab", (0.0, 1.05), 18.0, "bicycle")
    assert only(closed(watched(DualTube(), chip), LATER), "count") == {"count.ab.bicycle": 3}


def test_wheels_closer_than_the_gap() -> None:
    chip = road(2.0)
    chip.rolls(1_000_000, "ba", (0.0, 1.05), 20.0, "bicycle")
    assert only(closed(watched(DualTube(gap_m=2.0), chip), LATER), "count") == {"count.ba.bicycle": 1}


def test_a_car_with_a_trailer_is_a_truck_and_counts_once() -> None:
    chip = road()
    chip.rolls(0, "ab", (0.0, 2.6, 6.2), 50.0, "truck")
    said = closed(watched(DualTube(), chip), LATER)
    assert only(said, "count") == {"count.ab.truck": 1}
    assert said["vehicle_speed.ab"] == pytest.approx(50)


def test_a_car_that_follows_is_no_trailer() -> None:
    chip = road()
    chip.rolls(0, "ab", (0.0, 2.6), 50.0, "car")
    chip.rolls(500_000, "ab", (0.0, 2.6), 50.0, "car")
    assert only(closed(watched(DualTube(), chip), LATER), "count") == {"count.ab.car": 2}


@pytest.mark.parametrize("cut", range(0, 700_000, 20_000))
def test_a_window_that_ends_under_a_truck_counts_it_once(cut: int) -> None:
    chip, driver = road(), DualTube()
    chip.rolls(0, "ab", (0.0, 4.2, 5.5), 50.0, "truck")
    edges = chip.edges()
    for edge in [edge for edge in edges if edge.at_us < cut]:
        driver.edge(edge)
    first = closed(driver, cut)
    for edge in [edge for edge in edges if edge.at_us >= cut]:
        driver.edge(edge)
    second = closed(driver, 10**8)
    assert only(first, "count_total") in ({}, {"count_total.ab.truck": 1})
    assert only(second, "count_total") == {"count_total.ab.truck": 1}


def test_what_fits_no_class_is_other_and_a_lone_axle_is_too() -> None:
    for axles_m in ((0.0, 0.5), (0.0,), (0.0, 1.75)):
        chip = road()
        chip.rolls(0, "ab", axles_m, 30.0, "other")
        said = closed(watched(DualTube(), chip), LATER)
        assert only(said, "count") == {"count.ab.other": 1}, axles_m
        assert not names(said, "vehicle_speed"), "nobody knows whether it is a person"


def test_one_tube_alone_counts_nothing() -> None:
    driver = DualTube()
    for number in range(50):
        driver.edge(Edge(number * 300_000, "a", 1))
    assert not only(closed(driver, LATER), "count", "vehicle_speed")


def test_bicycles_are_people() -> None:
    assert DualTube().counts_people and DualTube.counts_people
    assert DualTube(classes=[{"name": "fiets", "low_m": 0.9, "high_m": 1.25}]).counts_people
    assert not DualTube(classes=CARS).counts_people


def test_without_a_class_of_persons_what_fits_none_is_not_told() -> None:
    chip, driver = road(), DualTube(classes=CARS)
    chip.rolls(0, "ab", (0.0, 1.05), 18.0, "bicycle")
    chip.rolls(5_000_000, "ab", (0.0, 2.6), 50.0, "car")
    said = closed(watched(driver, chip), LATER)
    assert names(said, "count") == {"count.ab.car", "count.ba.car"}
    assert only(said, "count", "vehicle_speed") == {"count.ab.car": 1, "vehicle_speed.ab": pytest.approx(50)}


@pytest.mark.parametrize(("persons", "told"), [(1, False), (PEOPLE_MEAN - 1, False), (PEOPLE_MEAN, True)])
def test_few_persons_have_no_speed(persons: int, told: bool) -> None:
    chip = road()
    for number in range(persons):
        chip.rolls(number * 5_000_000, "ab", (0.0, 1.05), 18.0, "bicycle")
    said = closed(watched(DualTube(), chip), LATER)
    assert names(said, "vehicle_speed") == ({"vehicle_speed.ab.bicycle"} if told else set())
    if told:
        assert said["vehicle_speed.ab.bicycle"] == pytest.approx(18, rel=1e-3)


def test_zero_is_a_reading_and_a_speed_is_not() -> None:
    said = closed(DualTube())
    assert set(said) == {
        f"{q}.{way}.{name}"
        for q in ("count", "count_total")
        for way in ("ab", "ba")
        for name in ("bicycle", "motorcycle", "car", "truck", "other")
    }
    assert set(said.values()) == {0}


@given(st.lists(st.tuples(st.integers(0, 3_000_000), st.sampled_from("ab"), st.integers(0, 1)), max_size=200))
def test_no_more_axles_than_pairs_of_hits_in_any_storm(steps: list[tuple[int, str, int]]) -> None:
    driver, at_us, hits = DualTube(), 0, {"a": 0, "b": 0}
    for step_us, line, level in steps:
        at_us += step_us
        hits[line] += level
        driver.edge(Edge(at_us, line, level))
    said = closed(driver, at_us + LATER)
    assert 0 <= sum(only(said, "count").values()) <= min(hits.values())
    assert all(value >= 0 for value in said.values())
    assert all(value <= 161 for name, value in said.items() if name.startswith("vehicle_speed"))


@pytest.mark.parametrize("missing", range(4))
def test_after_a_loss_no_direction_is_turned_round(missing: int) -> None:
    """A car of which one hit is lost, then nine at a good pace: all but at most one are counted, and none backwards."""
    chip, driver = road(), DualTube()
    for number in range(10):
        chip.passes(number * 2_000_000, "ab")
    hits = 0
    for edge in chip.edges():
        hits += edge.level
        if edge.level and hits == missing + 1:
            driver.lost(1)
        else:
            driver.edge(edge)
    said = only(closed(driver, LATER), "count")
    assert set(said) == {"count.ab.car"} and said["count.ab.car"] >= 8


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"classes": []}, "1 to 16 rows"),
        ({"classes": [{"name": "car"}]}, "low_m"),
        ({"classes": [{"name": "a car", "low_m": 1, "high_m": 2}]}, "a-z"),
        ({"classes": [{"name": "car", "low_m": 2, "high_m": 2}]}, "not less than 2"),
        ({"gap_m": 0}, "between"),
    ],
)
def test_tables_that_can_not_be(wrong: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        DualTube(**wrong)  # type: ignore[arg-type]


def test_a_tube_that_is_not_there_is_a_mistake_of_the_program() -> None:
    with pytest.raises(KeyError):
        DualTube().edge(Edge(0, "c", 1))
