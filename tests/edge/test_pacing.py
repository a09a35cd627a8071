"""The window, the tokens and the day's allowance, each against a plain account of the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.allowance import DAY_MS, OVERHEAD, Allowance
from edge.pace import Pace, pace_of
from edge.tokens import Tokens
from edge.window import Window
from edge.wiring import OfficePlan

HOUR = 3_600_000


def test_a_board_says_the_pace() -> None:
    assert pace_of(None) == Pace()
    plain = pace_of(OfficePlan("mqtt://x", "c.json"))
    assert (plain.publish_ms, plain.day_bytes, plain.brokers) == (60_000, 0, 1)
    assert (plain.retry_cap_ms, plain.health_ms) == (300_000, 60_000)
    office = OfficePlan("mqtt://x", "c.json", ("mqtt://y", "mqtt://z"), 300_000, True, 10**6, 20_000)
    there = pace_of(office)
    assert (there.publish_ms, there.day_bytes, there.brokers) == (300_000, 10**6, 3)
    assert (there.retry_cap_ms, there.health_ms) == (20_000, 3_600_000)


def test_a_window_doubles_at_first_and_then_grows_by_one_a_round() -> None:
    window, now = Window(Pace()), 0
    sizes = []
    for _ in range(7):
        sizes.append(window.size)
        for _ in range(window.size):
            window.acked(now, 1, now + 100)
        now += 200
    assert sizes == [2, 4, 8, 16, 32, 64, 64]
    window.acked(now, 1, now + 1_001)
    assert window.size == 32
    window.acked(now + 900, 1, now + 2_500)  # sent before the halving: it tells nothing new
    assert window.size == 32
    for _ in range(33):
        window.acked(now + 3_000, 1, now + 3_100)
    assert window.size == 33
    for step in range(1, 9):
        window.halve(now + 10_000 * step, now + 10_000 * step + 1)
    assert window.size == 2


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 90), st.booleans()), max_size=80), st.integers(1, 64))
def test_a_window_stays_between_its_limits(life: list[tuple[int, int, bool]], widest: int) -> None:
    window, now = Window(Pace(window=widest)), 0
    for took, messages, trouble in life:
        now += took
        window.halve(now, now) if trouble else window.acked(now - took, messages, now)
        assert min(2, widest) <= window.size <= widest


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 20)), max_size=40))
def test_tokens_never_let_more_through_than_burst_and_rate(wishes: list[tuple[int, int]]) -> None:
    tokens, now, taken = Tokens(20, 4.0, 0), 0, 0
    for pause, number in wishes:
        now += pause
        wait = tokens.wait_ms(number, now)
        if wait is not None:
            assert wait > now and tokens.wait_ms(number, wait) is None
            now = wait
        tokens.take(number, now)
        taken += number
        assert taken <= 20 + 4.0 * now / 1_000 + 1e-6


def test_without_a_limit_nothing_waits() -> None:
    allowance = Allowance(Pace(), 5)
    allowance.spend(10**9, 10)
    assert allowance.event_wait_ms(20) is allowance.live_wait_ms(20) is allowance.backlog_wait_ms(20) is None


def test_readings_leave_the_last_tenth_to_events_and_the_backlog_keeps_to_the_hour() -> None:
    allowance = Allowance(Pace(day_bytes=100_000), 0)
    assert allowance.backlog_wait_ms(1) is None
    allowance.spend(45_000 - OVERHEAD, HOUR, backlog=True)
    assert allowance.spent == 45_000
    wait = allowance.backlog_wait_ms(HOUR)
    assert wait == pytest.approx(12 * HOUR, abs=2)  # half of what is there for readings: at noon
    assert allowance.backlog_wait_ms(wait or 0) is None
    assert allowance.live_wait_ms(HOUR) is None
    allowance.spend(45_000 - OVERHEAD, 13 * HOUR)
    assert allowance.live_wait_ms(13 * HOUR) == allowance.backlog_wait_ms(13 * HOUR) == DAY_MS
    assert allowance.event_wait_ms(13 * HOUR) is None
    allowance.spend(10_000, 14 * HOUR)
    assert allowance.event_wait_ms(14 * HOUR) == DAY_MS
    assert allowance.event_wait_ms(DAY_MS) is allowance.live_wait_ms(DAY_MS) is None
    allowance.spend(100, DAY_MS + HOUR)
    assert allowance.spent == 100 + OVERHEAD


def test_a_quarter_of_the_hours_so_far_is_the_backlogs_own() -> None:
    allowance = Allowance(Pace(day_bytes=100_000), 0)
    allowance.spend(80_000, HOUR)
    assert allowance.backlog_wait_ms(HOUR) is None
    allowance.spend(5_625 - OVERHEAD, HOUR, backlog=True)
    assert allowance.backlog_wait_ms(HOUR) == pytest.approx(6 * HOUR, abs=2)


def test_the_backlogs_own_quarter_is_there_again_the_next_day() -> None:
    allowance = Allowance(Pace(day_bytes=100_000), 0)
    allowance.spend(80_000, HOUR, backlog=True)
    allowance.spend(80_000, DAY_MS + HOUR)
    assert allowance.backlog_wait_ms(DAY_MS + HOUR) is None


def test_a_run_that_begins_in_the_midst_of_a_day_has_what_is_left_of_it() -> None:
    assert Allowance(Pace(day_bytes=24_000), 3 * DAY_MS + 6 * HOUR).spent == 6_000
