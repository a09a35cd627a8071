"""The arithmetic of when: properties over all instants and intervals."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.runners.timetable import (
    Attendance,
    OncePerInterval,
    back_off_ms,
    next_multiple,
    sensor_cap_ms,
    whole_ms,
)

NOW = st.integers(0, 10**12)
INTERVAL = st.integers(1, 10**7)


@given(NOW, INTERVAL)
def test_the_next_multiple_is_the_first_one_later(now: int, interval: int) -> None:
    due = next_multiple(now, interval)
    assert due % interval == 0
    assert now < due <= now + interval


@given(st.integers(1, 10**6), INTERVAL)
def test_back_off_starts_at_a_second_never_shrinks_and_is_capped(failures: int, interval: int) -> None:
    cap = sensor_cap_ms(interval)
    wait = back_off_ms(failures, cap)
    assert 1_000 <= wait <= max(interval, 60_000)
    assert wait <= back_off_ms(failures + 1, cap) <= 2 * wait


def test_back_off_doubles() -> None:
    assert [back_off_ms(n, 60_000) for n in range(1, 9)] == [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]


@given(st.floats(0.000_001, 1_000), st.floats(0, 0.999))
def test_a_pause_is_never_short_on_a_clock_of_whole_milliseconds(seconds: float, into_ms: float) -> None:
    ends = math.floor(into_ms) + whole_ms(seconds)
    assert ends - into_ms >= seconds * 1_000 * (1 - 1e-12)
    assert whole_ms(seconds) <= seconds * 1_000 + 2


@given(INTERVAL, st.lists(st.integers(0, 10**8), min_size=1).map(sorted))
def test_attended_and_missed_add_up_to_the_instants_that_passed(interval: int, times: list[int]) -> None:
    attendance = Attendance(interval)
    missed = sum(attendance.began(now) for now in times)
    slots = {now // interval for now in times}
    assert len(slots) + missed == max(slots) - min(slots) + 1


@given(INTERVAL, st.lists(st.integers(0, 10**8), min_size=1).map(sorted))
def test_once_per_interval(interval: int, times: list[int]) -> None:
    once = OncePerInterval(interval)
    said = [now for now in times if once.may(now)]
    assert said[0] == times[0]
    assert all(later - sooner >= interval for sooner, later in pairwise(said))
