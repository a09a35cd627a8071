"""A door: open or shut, for how long, and how often it was opened."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contact import Contact
from drivers.lines import Edge
from simulators.chips.contact import Contact as Door
from tests.drivers.lines_bench import closed, fed, watched

S = 1_000_000


def test_a_day_at_the_door() -> None:
    driver = Contact()
    driver.begin(0, {"line": 0})
    assert closed(driver, 100 * S) == {"presence": 0, "occupancy": 0, "count": 0, "count_total": 0}
    fed(driver, (110 * S, 1), (130 * S, 0), (190 * S, 1))
    assert closed(driver, 200 * S) == {"presence": 1, "occupancy": pytest.approx(0.3), "count": 2, "count_total": 2}
    assert closed(driver, 300 * S) == {"presence": 1, "occupancy": 1, "count": 0, "count_total": 2}
    fed(driver, (301 * S, 0))
    assert closed(driver, 400 * S)["presence"] == 0


def test_a_door_that_stands_open_when_the_node_starts_is_open_and_was_not_opened() -> None:
    driver = Contact()
    driver.begin(50 * S, {"line": 1})
    assert closed(driver, 100 * S) == {"presence": 1, "occupancy": 1, "count": 0, "count_total": 0}


def test_shut_while_nobody_watched() -> None:
    driver = Contact()
    driver.begin(0, {"line": 1})
    driver.lost(0)
    driver.begin(10 * S, {"line": 0})
    assert closed(driver, 20 * S) == {"presence": 0, "occupancy": 0.5, "count": 0, "count_total": 0}


@given(st.lists(st.integers(200_000, 60 * S), max_size=30), st.integers(0, 5))
def test_openings_count_once_however_the_contact_springs(gaps: list[int], bounces: int) -> None:
    chip, driver, at_us = Door(lambda: 10**12), Contact(), 0
    chip.bounces = bounces
    driver.begin(0, {"line": 0})
    for number, gap in enumerate(gaps):
        at_us += gap
        chip.comes_to(at_us, 1 - number % 2)
    said = closed(watched(driver, chip), at_us + S)
    assert said["count"] == chip.true_count == (len(gaps) + 1) // 2
    assert said["presence"] == len(gaps) % 2


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 1)), max_size=60))
def test_any_edges_give_a_share_and_no_more_than_activations(edges: list[tuple[int, int]]) -> None:
    driver = Contact()
    fed(driver, *edges)
    said = closed(driver, 10**9)
    assert 0 <= said["occupancy"] <= 1 and said["presence"] in (0, 1)
    assert said["count"] <= sum(level for _, level in edges)


def test_another_line_is_a_mistake_of_the_program() -> None:
    with pytest.raises(KeyError):
        Contact().edge(Edge(0, "a", 1))


def test_an_edge_that_the_levels_already_told_opens_nothing() -> None:
    driver = Contact()
    driver.begin(50 * S, {"line": 1})
    fed(driver, (50 * S, 1))
    assert closed(driver, 100 * S)["count"] == 0
