"""The pulse counter: what bounces is one, what is lost is not invented, zero is a reading."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.lines import Edge
from drivers.pulse_counter import PulseCounter
from drivers.reading import Reading
from edge.board import check
from simulators.chips.pulse_counter import CLOSED_US
from simulators.chips.pulse_counter import PulseCounter as Contact


def closed(driver: PulseCounter, at_us: int = 0) -> dict[str, float]:
    return {reading.name: reading.value for reading in driver.close(at_us)}


def fed(driver: PulseCounter, *edges: tuple[int, int]) -> PulseCounter:
    for at_us, level in edges:
        driver.edge(Edge(at_us, "line", level))
    return driver


def test_zero_is_a_reading() -> None:
    assert closed(PulseCounter()) == {"count": 0, "count_total": 0}


def test_windows_add_up_to_the_total() -> None:
    driver = PulseCounter()
    fed(driver, (0, 1), (50_000, 0), (100_000, 1), (150_000, 0))
    assert closed(driver) == {"count": 2, "count_total": 2}
    assert closed(driver) == {"count": 0, "count_total": 2}
    fed(driver, (900_000, 1))
    assert closed(driver) == {"count": 1, "count_total": 3}


@given(gaps=st.lists(st.integers(200_000, 10_000_000), max_size=30), bounces=st.integers(0, 5))
def test_every_passage_counts_once_however_the_contact_springs(gaps: list[int], bounces: int) -> None:
    chip = Contact(lambda: 10**12)
    chip.bounces = bounces
    at_us = 0
    for gap in gaps:
        at_us += gap + CLOSED_US
        chip.passes(at_us)
    driver = PulseCounter(debounce_ms=2)
    for edge in chip.edges():
        driver.edge(edge)
    assert closed(driver) == {"count": len(gaps), "count_total": len(gaps)}
    assert chip.true_count == len(gaps)


def test_without_debounce_every_spring_counts() -> None:
    chip = Contact(lambda: 10**12)
    chip.bounces = 3
    chip.passes(1_000)
    driver = PulseCounter(debounce_ms=0)
    for edge in chip.edges():
        driver.edge(edge)
    assert closed(driver)["count"] == 7  # four at closing, three more at opening


@given(edges=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 1))), lost=st.integers(0, 99))
def test_any_edges_in_any_order_count_no_more_than_activations(edges: list[tuple[int, int]], lost: int) -> None:
    driver = fed(PulseCounter(), *edges)
    driver.lost(lost)
    count = closed(driver)["count"]
    assert 0 <= count <= sum(level for _, level in edges)


def test_equal_times_are_a_spring() -> None:
    assert closed(fed(PulseCounter(), (5_000, 1), (5_000, 0), (5_000, 1)))["count"] == 1


def test_an_edge_that_comes_late_is_measured_like_an_early_one() -> None:
    assert closed(fed(PulseCounter(), (1_000_000, 1), (999_000, 1), (500_000, 1)))["count"] == 2


def test_counting_people_is_said() -> None:
    assert PulseCounter(counts="people").counts_people
    assert not PulseCounter().counts_people


@pytest.mark.parametrize(("counts", "window", "refused"), [("things", 10, 0), ("people", 10, 1), ("people", 300, 0)])
def test_a_board_that_counts_people_needs_long_windows(counts: str, window: int, refused: int) -> None:
    board = f"""
        node = {{ id = "pole-001" }}
        site = {{ name = "Stationsplein", latitude = 52.2, longitude = 6.9 }}
        [[sensor]]
        name = "door"
        driver = "pulse_counter"
        pins = {{ line = 17 }}
        window = "{window}s"
        settings = {{ counts = "{counts}" }}
    """
    mistakes = check(board, "node.toml").mistakes
    assert len(mistakes) == refused, mistakes
    assert not check(board, "node.toml", simulated=True).mistakes


def test_a_line_that_is_not_wired_is_a_mistake_of_the_program() -> None:
    with pytest.raises(KeyError):
        PulseCounter().edge(Edge(0, "a", 1))


def test_readings_are_numbers_without_channel() -> None:
    assert all(isinstance(reading, Reading) and not reading.channel for reading in PulseCounter().close(0))
