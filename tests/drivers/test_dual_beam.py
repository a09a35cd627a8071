"""The dual beam: every walk through two beams, by enumeration, against what a passage is."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.dual_beam import DualBeam
from drivers.lines import Edge
from simulators.chips.dual_beam import BODY_US, FROM_BEAM_TO_BEAM_US
from simulators.chips.dual_beam import DualBeam as Gate

RING = ((0, 0), (1, 0), (1, 1), (0, 1))
INWARD = (("a", 1), ("b", 1), ("a", 0), ("b", 0))
LONGEST_US = FROM_BEAM_TO_BEAM_US * 5 + BODY_US


def counts(driver: DualBeam) -> tuple[int, int]:
    values = {reading.name: reading.value for reading in driver.close(0)}
    assert all(value == int(value) for value in values.values())
    return int(values["count.in"]), int(values["count.out"])


def walk(driver: DualBeam, states: list[tuple[int, int]], step_us: int = 50_000, from_us: int = 0) -> DualBeam:
    """Feed the edges that lead from state to state; neighbours differ in one beam."""
    for number, ((a, b), (next_a, next_b)) in enumerate(pairwise(states)):
        line, level = ("a", next_a) if a != next_a else ("b", next_b)
        driver.edge(Edge(from_us + number * step_us, line, level))
        assert (a != next_a) != (b != next_b)
    return driver


@pytest.mark.parametrize(
    ("path", "passages"),
    [
        ("00 10 11 01 00", (1, 0)),
        ("00 01 11 10 00", (0, 1)),
        ("00 10 00", (0, 0)),
        ("00 10 11 10 00", (0, 0)),
        ("00 10 11 01 11 10 00", (0, 0)),
        ("00 01 11 01 00", (0, 0)),
        ("00 10 11 10 11 01 00", (1, 0)),
        ("00 10 11 01 11 01 00", (1, 0)),
        ("00 10 11 01 00 10 11 01 00", (2, 0)),
        ("00 10 11 01 00 01 11 10 00", (1, 1)),
        ("00 10 00 10 11 01 00 01 00", (1, 0)),
    ],
)
def test_paths(path: str, passages: tuple[int, int]) -> None:
    states = [(int(state[0]), int(state[1])) for state in path.split()]
    assert counts(walk(DualBeam(), states)) == passages


def test_every_walk_of_twelve_steps() -> None:
    """A passage is a walk from whole to whole that went round the ring once: no other walk counts."""
    for steps in product((1, -1), repeat=12):
        place, since, wanted, states = 0, 0, [0, 0], [RING[0]]
        for step in steps:
            place, since = (place + step) % 4, since + step
            states.append(RING[place])
            if place == 0:
                wanted[0] += since == 4
                wanted[1] += since == -4
                since = 0
        assert counts(walk(DualBeam(), states)) == tuple(wanted)


@given(
    walks=st.lists(st.tuples(st.sampled_from(["in", "out"]), st.booleans(), st.integers(0, 20_000_000)), max_size=20),
    bounces=st.integers(0, 3),
)
def test_people_and_springs(walks: list[tuple[str, bool, int]], bounces: int) -> None:
    chip = Gate(lambda: 10**15)
    chip.bounces = bounces
    at_us = 0
    for way, returns, pause_us in walks:
        at_us += pause_us + LONGEST_US
        if returns:
            chip.turns_back(at_us, way)
        else:
            chip.passes(at_us, way)
    driver = DualBeam()
    for edge in chip.edges():
        driver.edge(edge)
    assert counts(driver) == (chip.true_count["in"], chip.true_count["out"])


@given(st.lists(st.tuples(st.integers(0, 10**8), st.sampled_from("ab"), st.integers(0, 1), st.booleans())))
def test_any_edges_give_counts_that_are_never_negative_nor_invented(edges: list[tuple[int, str, int, bool]]) -> None:
    driver = DualBeam()
    for at_us, line, level, lost in edges:
        if lost:
            driver.lost(1)
        driver.edge(Edge(at_us, line, level))
    inward, outward = counts(driver)
    assert 0 <= inward + outward <= len(edges) / 4


@pytest.mark.parametrize(("pause_us", "passages"), [(4_900_000, (1, 0)), (5_000_000, (0, 0)), (60_000_000, (0, 0))])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_passage_that_stands_still_is_forgotten(after: int, pause_us: int, passages: tuple[int, int]) -> None:
    driver, at_us = DualBeam(), 0
    for number, (line, level) in enumerate(INWARD):
        at_us += pause_us if number == after else 50_000
        driver.edge(Edge(at_us, line, level))
    assert counts(driver) == passages
    assert counts(walk(driver, [*RING, RING[0]], from_us=at_us + 50_000)) == (1, 0)


def test_the_timeout_can_be_set() -> None:
    slow = [*RING, RING[0]]
    assert counts(walk(DualBeam(timeout_s=1), slow, step_us=1_000_000)) == (0, 0)
    assert counts(walk(DualBeam(timeout_s=60), slow, step_us=10_000_000)) == (1, 0)


def test_a_long_quiet_between_people_is_no_timeout() -> None:
    driver = walk(DualBeam(), [*RING, RING[0]])
    assert counts(walk(driver, [*RING, RING[0]], from_us=10**12)) == (2, 0)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_loss_forgets_the_passage_under_way_and_not_the_next(after: int) -> None:
    driver = DualBeam()
    for number, (line, level) in enumerate(INWARD):
        if number == after:
            driver.lost(2)
        driver.edge(Edge(number * 50_000, line, level))
    assert counts(driver) == (0, 0)
    assert counts(walk(driver, [*RING, RING[0]], from_us=10**6)) == (1, 0)


def test_a_loss_between_people_costs_nobody() -> None:
    driver = walk(DualBeam(), [*RING, RING[0]])
    driver.lost(8)
    assert counts(walk(driver, [*RING, RING[0]], from_us=10**6)) == (2, 0)


def test_totals_go_on_over_windows_and_zero_is_a_reading() -> None:
    driver = walk(DualBeam(), [*RING, RING[0]])
    assert counts(driver) == (1, 0)
    values = {reading.name: reading.value for reading in driver.close(0)}
    assert values == {"count.in": 0, "count.out": 0, "count_total.in": 1, "count_total.out": 0}


def test_it_counts_people() -> None:
    assert DualBeam.counts_people


def test_a_beam_that_is_not_wired_is_a_mistake_of_the_program() -> None:
    with pytest.raises(KeyError):
        DualBeam().edge(Edge(0, "c", 1))


@pytest.mark.parametrize("levels", [(1, 0), (1, 1), (0, 1)])
def test_who_stands_in_the_beams_when_they_begin_to_be_watched_is_not_counted(levels: tuple[int, int]) -> None:
    driver = DualBeam()
    driver.begin(0, {"a": levels[0], "b": levels[1]})
    for line in ("a", "b"):
        driver.edge(Edge(50_000, line, 0))
    assert counts(driver) == (0, 0)
    assert counts(walk(driver, [*RING, RING[0]], from_us=10**6)) == (1, 0)


@pytest.mark.parametrize(("ends_s", "astray"), [(12, True), (14.9, True), (15.1, False), (60, False)])
def test_a_loss_shortly_before_the_end_of_a_window_doubts_the_next(ends_s: float, astray: bool) -> None:
    """Who was on the way then ends his passage there, and is not counted."""
    driver = DualBeam(timeout_s=5)
    driver.lost(3)
    assert driver.astray
    driver.edge(Edge(10_000_000, "a", 1))
    driver.close(round(ends_s * 1e6))
    assert driver.astray is astray
