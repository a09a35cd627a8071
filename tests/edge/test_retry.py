"""When and where a node tries again: alone, and with ten thousand others."""

from __future__ import annotations

from collections import Counter
from heapq import heapify, heappop, heappush
from itertools import repeat
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.pace import Pace
from edge.retry import Retry, Turns

luck = st.floats(0, 1, exclude_max=True)
BIN_S = 10


@given(st.lists(luck, min_size=1, max_size=40))
def test_before_the_first_session_full_jitter_doubles_up_to_the_cap(draws: list[float]) -> None:
    left = iter(draws)
    retry = Retry(Pace(), lambda: next(left))
    for attempt, draw in enumerate(draws):
        most = 1_000 * 2**attempt
        assert retry.delay_ms(False) == int(draw * most if most < 300_000 else 150_000 + draw * 150_000)


@given(luck, luck, luck)
def test_after_a_session_the_wait_is_what_is_left_of_one_and_after_a_failure_a_whole_one(
    which: float, place: float, third: float
) -> None:
    draws = iter([which, place, third])
    retry = Retry(Pace(retry_cap_ms=60_000), lambda: next(draws))
    first, second = retry.delay_ms(True), retry.delay_ms(False)
    assert 0 <= first <= 60_000 and (first <= 30_000 or which >= 2 / 3)
    assert second == int(30_000 + third * 30_000)


def test_what_is_left_is_spread_as_renewal_theory_says() -> None:
    """The chance to wait longer than t, for waits even from c/2 to c: 1 - t/(0.75 c), then (c - t)^2 / (0.75 c^2)."""
    random = Random(4).random
    waits = sorted(Retry(Pace(retry_cap_ms=1_000_000), random).delay_ms(True) / 1e6 for _ in range(20_000))
    for at, wait in enumerate(waits):
        beyond = 1 - wait / 0.75 if wait <= 0.5 else (1 - wait) ** 2 / 0.75
        assert abs(beyond - (1 - at / len(waits))) < 0.015


def knocks(nodes: int, cap_ms: int, away_ms: int, seed: int) -> tuple[list[int], int]:
    """All attempts of a fleet that lost its broker at 0, by the second, and when the last one is back."""
    pace = Pace(retry_cap_ms=cap_ms)
    fleet = [Retry(pace, Random(seed * nodes + node).random) for node in range(nodes)]
    due = [(retry.delay_ms(True), node) for node, retry in enumerate(fleet)]
    heapify(due)
    seen: list[int] = []
    while due:
        at_ms, node = heappop(due)
        seen.append(at_ms)
        if at_ms < away_ms:
            heappush(due, (at_ms + fleet[node].delay_ms(False), node))
    return seen, seen[-1]


def fair(nodes: int, cap_ms: int, away_s: int, seed: int = 1) -> None:
    seen, last_ms = knocks(nodes, cap_ms, away_s * 1_000, seed)
    peak = max(Counter(at_ms // (BIN_S * 1_000) for at_ms in seen).values()) / BIN_S
    assert peak <= 2 * nodes / (cap_ms / 1_000)
    assert last_ms <= away_s * 1_000 + cap_ms + 60_000


@pytest.mark.parametrize("away_s", [0, 5, 120, 600])
def test_ten_thousand_nodes_knock_evenly_and_are_back_within_the_cap(away_s: int) -> None:
    fair(10_000, 300_000, away_s)


@pytest.mark.deep
@pytest.mark.parametrize("away_s", [0, 1, 30, 299, 300, 301, 1_800, 3_600])
@pytest.mark.parametrize("seed", range(10))
def test_so_they_do_whatever_the_outage(away_s: int, seed: int) -> None:
    fair(10_000, 300_000, away_s, seed)


def test_a_single_broker_is_always_that_one() -> None:
    turns = Turns(Pace())
    for _ in range(5):
        assert not turns.lost(None) and turns.broker == 0
    assert turns.home_ms(7) is None


@given(st.lists(st.sampled_from([None, 0, 59_999, 60_000, 10**7]), max_size=30), st.integers(2, 4))
def test_a_broker_is_left_when_it_failed_twice_running(lives: list[int | None], brokers: int) -> None:
    turns, failures, broker = Turns(Pace(brokers=brokers)), 0, 0
    for lasted in lives:
        assert not turns.lost(lasted)
        failures = 1 if (lasted or 0) >= 60_000 else failures + 1
        if failures == 2:
            broker, failures = (broker + 1) % brokers, 0
        assert turns.broker == broker
        assert (turns.home_ms(5) is None) == (broker == 0)


def test_the_way_home_is_tried_less_often_while_it_is_shut() -> None:
    turns = Turns(Pace(brokers=2))
    for _ in repeat(None, 2):
        turns.lost(None)
    waits = []
    for _ in range(5):
        waits.append(turns.home_ms(0))
        turns.go_home()
        assert turns.broker == 0 and turns.lost(None) and turns.broker == 1
    assert waits == [600_000, 1_200_000, 2_400_000, 4_800_000, 4_800_000]
    turns.go_home()
    assert not turns.lost(70_000) and turns.broker == 0  # it was home, and lost that session


def test_the_office_says_how_long_its_nodes_may_take_and_the_board_how_long_at_most() -> None:
    retry = Retry(Pace(retry_cap_ms=60_000), lambda: 0.9)
    retry.told(None)
    assert retry.cap_ms == 60_000
    for told, kept in ((5_000, 5_000), (300_000, 60_000), (0, 1_000), (-7, 1_000)):
        retry.told(told)
        assert retry.cap_ms == kept
        assert retry.delay_ms(True) <= kept


def test_who_goes_back_to_a_broker_that_was_well_had_a_session_in_this_run() -> None:
    retry = Retry(Pace(), lambda: 0.25)
    assert retry.soon_ms() == 250
    assert retry.delay_ms(False) == 187_500  # half the cap and a quarter of the rest: not the first steps of a new node


def test_a_proven_session_at_home_makes_the_next_look_early_again_and_a_short_one_does_not() -> None:
    turns = Turns(Pace(brokers=2))
    for lasted, look in ((59_999, 1_200_000), (60_000, 600_000)):
        turns.lost(None)
        turns.lost(None)
        turns.go_home()
        turns.lost(None)
        turns.go_home()
        turns.lost(lasted)
        turns.lost(None)
        while not turns.broker:
            turns.lost(None)
        assert turns.home_ms(0) == look
        turns = Turns(Pace(brokers=2))


def test_a_proven_session_elsewhere_says_nothing_of_the_first_broker() -> None:
    turns = Turns(Pace(brokers=2))
    turns.lost(None)
    turns.lost(None)
    turns.go_home()
    assert turns.lost(None) and turns.broker == 1
    assert not turns.lost(10**7) and turns.broker == 1
    assert turns.home_ms(0) == 1_200_000


def test_after_a_look_for_the_first_the_others_are_left_like_any_broker() -> None:
    turns = Turns(Pace(brokers=3))
    for _ in range(4):
        turns.lost(None)
    assert turns.broker == 2
    turns.go_home()
    assert turns.lost(None) and turns.broker == 2
    assert not turns.lost(None) and turns.broker == 2
    assert not turns.lost(None) and turns.broker == 0
