"""What an operator's card voids of the time that a node learnt: the floor, what was told, what the disk remembers."""

from __future__ import annotations

import errno
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge import floor as floors
from edge.events import Claimed, ClockTold
from edge.floor import MARGIN_MS, Floor, Kept, lowered
from edge.timekeeper import Timekeeper
from edge.timekeeping import DAY_MS
from edge.validity import Moment
from edge.wire.clocks import LONGEST_SERVICE_MS
from edge.wire.messages import Ack, to_json
from edge.wire.version import BUILT_MS
from simulators.clock import SOME_BOOT
from simulators.disk import MemoryDisk, PowerCut
from tests.edge.watches import FLOOR, NOW_MS, SYNCED, TEN_YEARS_MS, UNKNOWN, floor_of, watch

AHEAD = Kept(NOW_MS + TEN_YEARS_MS, SOME_BOOT, 10_000, NOW_MS + TEN_YEARS_MS - 10_000, 10)  # learnt in this boot
LOWERED = NOW_MS - MARGIN_MS


@given(
    st.integers(BUILT_MS, BUILT_MS + LONGEST_SERVICE_MS),
    st.none() | st.integers(BUILT_MS, BUILT_MS + LONGEST_SERVICE_MS),
    st.integers(0, TEN_YEARS_MS),
)
@example(BUILT_MS + 5, BUILT_MS, 0)
def test_a_card_raises_no_floor_and_lowers_none_below_its_own_time(
    unix_ms: int, vouched_ms: int | None, now_ms: int
) -> None:
    floor = Floor(unix_ms, 0, True)
    left = lowered(floor, vouched_ms, now_ms)
    assert BUILT_MS <= left.at(now_ms) <= floor.at(now_ms)
    if vouched_ms is None or floor.at(now_ms) <= vouched_ms - MARGIN_MS:
        assert left is floor
    else:
        assert left == Floor(max(BUILT_MS, vouched_ms - MARGIN_MS), now_ms, True)


def led_astray(disk: MemoryDisk) -> Timekeeper:
    """Started again in the boot in which it was told a time ten years ahead."""
    floors.write(disk, AHEAD)
    keeper = Timekeeper(watch(0, UNKNOWN), disk)
    keeper.look()
    assert keeper.belief.sure and keeper.moment().unix_ms == NOW_MS + TEN_YEARS_MS + 40_000
    return keeper


def test_a_card_voids_the_floor_the_memory_and_the_file() -> None:
    disk = MemoryDisk()
    keeper = led_astray(disk)
    assert keeper.vouched(NOW_MS)
    assert keeper.moment() == Moment(None, 0, LOWERED)
    assert floors.read(disk) == Kept(LOWERED, SOME_BOOT, 50_000)
    assert Timekeeper(watch(0, UNKNOWN), disk).floor == Floor(LOWERED, 50_000, True)
    assert not keeper.vouched(NOW_MS), "nothing is left to void"


def test_a_card_takes_the_voice_of_nobody_who_is_sure() -> None:
    keeper = Timekeeper(watch(NOW_MS + DAY_MS), MemoryDisk())
    keeper.look()
    before = keeper.moment()
    assert not keeper.vouched(NOW_MS) and keeper.moment() == before
    keeper.told(ClockTold("mast", 50_000, NOW_MS + DAY_MS, 500, "gps"))
    keeper.look()
    assert keeper.belief.quality is SYNCED


def test_what_the_desk_said_before_the_card_is_void() -> None:
    keeper = led_astray(MemoryDisk())
    keeper.vouched(NOW_MS)
    clock: Any = keeper._clock
    clock.advance(60)
    now_ms = clock.boot_ms()
    early = Claimed("granted", unix_ms=NOW_MS + TEN_YEARS_MS, at_ms=49_999)
    assert not keeper.hears(early, now_ms) and keeper.floor.unix_ms == LOWERED
    asked = keeper.asking(now_ms)
    keeper.vouched(NOW_MS + 1)
    ack = to_json(Ack(1, -1, now_ms=NOW_MS + TEN_YEARS_MS, echo_ms=asked))
    assert not keeper.heard(ack, now_ms), "that was asked before"
    assert keeper.would_ask(now_ms)
    assert keeper.hears(Claimed("granted", unix_ms=NOW_MS + 70_000, at_ms=now_ms), now_ms)
    assert keeper.floor == Floor(NOW_MS + 10_000, now_ms, True)


def test_the_desk_may_go_below_the_floor_if_it_was_asked_with_a_card() -> None:
    keeper = led_astray(MemoryDisk())
    for vouched_ms, lower in ((None, False), (NOW_MS + TEN_YEARS_MS, False), (NOW_MS, True)):
        told = Claimed("granted", unix_ms=NOW_MS + 70_000, at_ms=50_000, vouched_ms=vouched_ms)
        assert keeper.raised(told, 50_000) is lower
    assert keeper.floor == Floor(NOW_MS + 10_000, 50_000, True)


def test_a_floor_that_could_not_be_read_when_the_card_came_is_not_recalled() -> None:
    disk = MemoryDisk()
    floors.write(disk, AHEAD)
    disk.fail("read_small", errno.EIO, times=9)
    keeper = Timekeeper(watch(0, UNKNOWN), disk)
    assert not keeper.vouched(NOW_MS)
    disk.heal()
    keeper.recall(50_000)
    keeper.look()
    assert keeper.moment() == Moment(None, 0, LOWERED) and keeper.belief.quality is FLOOR


def test_a_disk_that_does_not_take_the_lower_floor_is_asked_again() -> None:
    disk = MemoryDisk()
    keeper = led_astray(disk)
    disk.fail("write_small", errno.ENOSPC)
    assert keeper.vouched(NOW_MS) and floors.read(disk) == AHEAD
    disk.heal()
    keeper.keep(50_000)
    assert floor_of(disk) == LOWERED


@pytest.mark.parametrize("mode", ["lost", "kept", "torn", "mixed"])
def test_the_power_may_go_while_the_floor_sinks(mode: str) -> None:
    whole = 0
    for steps in range(20):
        disk = MemoryDisk()
        keeper = led_astray(disk)
        disk.cut_after(steps)
        try:
            keeper.vouched(NOW_MS)
            whole += 1
        except PowerCut:
            disk.crash(mode, Random(steps))
            assert floors.read(disk) in (AHEAD, Kept(LOWERED, SOME_BOOT, 50_000))
            Timekeeper(watch(0, UNKNOWN), disk).vouched(NOW_MS)
        assert floor_of(disk) == LOWERED
    assert 0 < whole < 18
