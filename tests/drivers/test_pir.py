"""A PIR: somebody or nobody, for which share of the time, and never how many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.lines import Edge
from drivers.pir import PIR
from drivers.reading import Quantity
from simulators.chips.pir import PIR as Street
from tests.drivers.lines_bench import closed, fed, watched

S = 1_000_000


def window(hold_s: float, *edges: tuple[int, int]) -> dict[str, float]:
    driver = PIR(hold_s=hold_s)
    driver.begin(0, {"line": 0})
    fed(driver, *edges)
    return closed(driver, 100 * S)


def test_nobody() -> None:
    assert window(5) == {"presence": 0, "occupancy": 0}


@pytest.mark.parametrize(
    ("edges", "share"),
    [
        (((10 * S, 1), (12 * S, 0)), 0.07),
        (((10 * S, 1), (12 * S, 0), (16 * S, 1), (18 * S, 0)), 0.13),
        (((10 * S, 1), (12 * S, 0), (20 * S, 1), (22 * S, 0)), 0.14),
        (((98 * S, 1), (99 * S, 0)), 0.02),
        (((10 * S, 1),), 0.90),
    ],
)
def test_movement_and_its_hold(edges: tuple[tuple[int, int], ...], share: float) -> None:
    assert window(5, *edges) == {"presence": 1, "occupancy": pytest.approx(share)}


def test_a_hold_goes_on_into_the_next_window() -> None:
    driver = PIR(hold_s=10)
    driver.begin(0, {"line": 0})
    fed(driver, (97 * S, 1), (98 * S, 0))
    assert closed(driver, 100 * S)["occupancy"] == pytest.approx(0.03)
    assert closed(driver, 200 * S) == {"presence": 1, "occupancy": pytest.approx(0.08)}
    assert closed(driver, 300 * S) == {"presence": 0, "occupancy": 0}


def test_who_moves_when_it_begins_is_there() -> None:
    driver = PIR()
    driver.begin(50 * S, {"line": 1})
    assert closed(driver, 100 * S) == {"presence": 1, "occupancy": 1}
    driver.begin(150 * S, {"line": 0})
    assert closed(driver, 200 * S)["occupancy"] == pytest.approx(0.55)


@given(st.lists(st.tuples(st.integers(0, 100 * S), st.integers(0, 1)), max_size=60), st.floats(0, 100))
def test_any_edges_give_a_share(edges: list[tuple[int, int]], hold_s: float) -> None:
    said = window(hold_s, *edges)
    assert 0 <= said["occupancy"] <= 1
    assert said["presence"] == (said["occupancy"] > 0)


def test_a_crowd_is_one_movement() -> None:
    chip, driver = Street(lambda: 10**12), PIR()
    for number in range(10):
        chip.passes(S + number * 100_000)
    driver.begin(0, {"line": 0})
    assert closed(watched(driver, chip), 100 * S) == {"presence": 1, "occupancy": pytest.approx(0.075)}


def test_it_never_counts() -> None:
    assert not {Quantity.COUNT, Quantity.COUNT_TOTAL} & set(PIR.measures)


def test_another_line_is_a_mistake_of_the_program() -> None:
    with pytest.raises(KeyError):
        PIR().edge(Edge(0, "a", 1))


def test_when_somebody_was_there_is_for_long_windows() -> None:
    assert PIR.counts_people
