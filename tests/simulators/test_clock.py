"""Simulated time: paced by the machine's, or standing still until it is moved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import Clock
from edge.wire.clocks import ClockQuality
from simulators.clock import PacedClock, VirtualClock


def test_both_are_clocks() -> None:
    clocks: list[Clock] = [PacedClock(), VirtualClock()]
    assert all(len(clock.boot_id) == 32 and clock.said().quality is ClockQuality.SYNCED for clock in clocks)


def test_an_anchor_makes_the_same_boot_go_on() -> None:
    first = PacedClock(speed=60.0, start_wall_ms=1_000, boot_id="a" * 32)
    before = first.boot_ms()
    again = PacedClock(speed=60.0, start_wall_ms=1_000, boot_id="a" * 32, began_ns=first.began_ns)
    assert before <= again.boot_ms() <= first.boot_ms()
    assert again.wall_ms() >= 1_000 + before


def test_speed_runs_simulated_time_ahead() -> None:
    anchor = PacedClock().began_ns - 2_000_000_000
    slow, fast = PacedClock(1.0, began_ns=anchor), PacedClock(100.0, began_ns=anchor)
    assert slow.boot_ms() >= 2_000
    assert fast.boot_ms() >= 200_000
    assert fast.boot_us() // 1_000 >= 200_000
    assert (slow.real_s(500), fast.real_s(500), fast.real_s(-1)) == (0.5, 0.005, 0.0)


@pytest.mark.parametrize("speed", [0.0, -1.0])
def test_time_does_not_stand_or_turn(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        PacedClock(speed)


@given(st.lists(st.floats(0, 1e6), max_size=20))
def test_virtual_time_moves_when_told_and_only_forwards(steps: list[float]) -> None:
    clock = VirtualClock()
    for step in steps:
        before = clock.boot_us()
        clock.advance(step)
        assert clock.boot_us() - before == round(step * 1_000_000)
    assert clock.wall_ms() - clock.start_wall_ms == clock.boot_ms() == clock.boot_us() // 1_000
    with pytest.raises(ValueError, match="back"):
        clock.advance(-0.1)
    assert clock.real_s(1_000) == 0.0
