"""The floor under the time: when it rises, who is refused by it, and how a wrong one gives way."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge import floor as floors
from edge.events import ClockTold
from edge.floor import FILE, MARGIN_MS, Floor, Kept
from edge.timekeeper import Timekeeper
from edge.timekeeping import DAY_MS, HOUR_MS
from edge.wire.clocks import LONGEST_SERVICE_MS, ClockQuality
from edge.wire.messages import Ack, State, to_json
from edge.wire.version import BUILT_MS
from simulators.clock import SOME_BOOT
from simulators.disk import MemoryDisk
from tests.edge.pole import Pole
from tests.edge.watches import (
    FLOOR,
    HOLDOVER,
    NEXT_BOOT,
    NOW_MS,
    SYNCED,
    TEN_YEARS_MS,
    UNKNOWN,
    boot_with,
    check,
    floor_of,
    records,
    said,
    set_wall,
    tell,
    watch,
)


def test_the_floor_rises_when_the_clock_was_steady_for_an_hour_and_no_oftener() -> None:
    pole = Pole(clock=watch(NOW_MS))
    written: list[int] = []
    for _ in range(5 * 12):
        pole.clock.advance(300)
        pole.live(1)
        floor = floor_of(pole.disk)
        if floor is not None and floor not in written:
            written.append(floor)
            assert 0 <= pole.clock.wall_ms() - floor - MARGIN_MS <= 310_000
    assert 4 <= len(written) <= 5 and all(b - a >= HOUR_MS for a, b in pairwise(written))
    pole.agent.finish()
    assert floor_of(pole.disk) == pole.clock.wall_ms() - MARGIN_MS - 10


def test_a_short_run_writes_no_floor() -> None:
    pole = Pole(clock=watch(NOW_MS))
    pole.live(5)
    pole.agent.finish()
    assert FILE not in pole.disk.names()


def test_after_a_power_cut_readings_are_dated_by_the_floor_and_mended_later() -> None:
    pole = boot_with(NOW_MS, 0, UNKNOWN)
    pole.live(3)
    assert said(pole) == (FLOOR, NOW_MS + 3_000)
    assert check(pole).state is State.UNKNOWN and "last that this node was sure of" in check(pole).reason
    tell(pole, "rtc", NOW_MS - 5 * HOUR_MS)
    assert said(pole)[0] is FLOOR  # a chip that is slow
    tell(pole, "rtc", NOW_MS + 5 * HOUR_MS)
    assert said(pole) == (HOLDOVER, NOW_MS + 5 * HOUR_MS + 2_000)
    for _ in range(3):
        pole.clock.advance(3_600)
        pole.live(1)
    assert floors.read(pole.disk) is not None
    assert NOW_MS + 3 * HOUR_MS - 2_000 < (floor_of(pole.disk) or 0) < NOW_MS + 3 * HOUR_MS + 20_000  # not by the chip


def test_without_any_source_the_floor_rises_with_the_time_since_boot() -> None:
    """So that the readings of a node that never learns the time do not fall on those of its last boot."""
    pole = boot_with(NOW_MS, 0, UNKNOWN)
    for _ in range(26):
        pole.clock.advance(3_600)
        pole.live(1)
    floor_ms = floor_of(pole.disk) or 0
    assert NOW_MS + 24 * HOUR_MS < floor_ms < NOW_MS + 27 * HOUR_MS
    assert len({record.offset_ms for record in records(pole.office)}) == 1
    second = Pole(disk=pole.disk, clock=watch(5_000, UNKNOWN))
    second.clock.boot_id = NEXT_BOOT
    assert second.agent.node.timekeeper.floor.at(second.clock.boot_ms()) >= floor_ms


def test_a_wrong_future_gives_way_when_two_agree() -> None:
    pole = boot_with(NOW_MS + TEN_YEARS_MS, NOW_MS, SYNCED)
    pole.live(2)
    assert said(pole)[0] is FLOOR
    assert check(pole).state is State.BAD and check(pole).reason.startswith("Kernel says that it is earlier")
    tell(pole, "rtc", pole.clock.wall_ms(), 500, "chip")
    assert said(pole)[0] is FLOOR  # a chip with a flat battery might say so too
    tell(pole, "gps", pole.clock.wall_ms() + 30_000)
    assert said(pole)[0] is FLOOR  # they do not agree
    tell(pole, "gps", pole.clock.wall_ms() + 700)
    assert said(pole) == (SYNCED, pole.clock.wall_ms()) and check(pole).state is State.GOOD
    assert abs((floor_of(pole.disk) or 0) - pole.clock.wall_ms()) < 2 * MARGIN_MS


def test_two_of_one_kind_are_one_voice() -> None:
    """All receivers of one make lose count of their weeks on the same day."""
    pole = boot_with(NOW_MS + TEN_YEARS_MS, 0, UNKNOWN)
    for who in ("mast", "roof"):
        tell(pole, "gps", NOW_MS + pole.clock.boot_ms(), who=who)
    assert said(pole)[0] is FLOOR


@pytest.mark.parametrize("believed", [SYNCED, UNKNOWN])
def test_a_wrong_future_gives_way_after_a_day(believed: ClockQuality) -> None:
    pole = boot_with(NOW_MS + TEN_YEARS_MS, NOW_MS, believed)
    turned: list[int] = []
    for _ in range(26):
        pole.clock.advance(3_600)
        pole.live(1)
        if said(pole)[0] is SYNCED:
            turned.append(pole.clock.boot_ms())
    if believed is UNKNOWN:
        assert turned == []  # that a kernel nobody vouches for is steady proves nothing
    else:
        assert DAY_MS <= turned[0] <= DAY_MS + 2 * HOUR_MS + 60_000
        assert said(pole) == (SYNCED, pole.clock.wall_ms())


def test_a_clock_that_wanders_below_the_floor_is_not_steady() -> None:
    pole = boot_with(NOW_MS + TEN_YEARS_MS, NOW_MS, SYNCED)
    for _ in range(30):
        pole.clock.advance(3_600)
        set_wall(pole, pole.clock.wall_ms() - HOUR_MS // 2, SYNCED)
        pole.live(1)
    assert {record.quality for record in records(pole.office)} == {FLOOR}


def test_the_next_run_of_a_boot_remembers_what_the_kernel_knew() -> None:
    pole = Pole(clock=watch(NOW_MS))
    for _ in range(70):
        pole.clock.advance(60)
        pole.live(1)
    pole.agent.finish()
    set_wall(pole, 0, UNKNOWN)
    pole.start()
    pole.live(1)
    assert said(pole)[0] is HOLDOVER and abs(said(pole)[1] - NOW_MS - pole.clock.boot_ms() + 50_000) < 100  # type: ignore[operator]
    pole.agent.finish()
    pole.start(NEXT_BOOT)
    pole.live(1)
    assert said(pole)[0] is FLOOR


def hours(pole: Pole, count: int, words: Callable[[int], dict[str, tuple[str, int]]]) -> None:
    """Each hour somebody tells: who, kind, and how far it is from what the test takes for right."""
    for hour in range(count):
        pole.clock.advance(3_600)
        for who, (kind, wrong_ms) in words(hour).items():
            pole.agent.inbox.put(
                ClockTold(who, pole.clock.boot_ms(), NOW_MS + pole.clock.boot_ms() + wrong_ms, 500, kind)
            )
        pole.live(2)


def test_a_word_that_was_said_once_is_not_said_for_a_day() -> None:
    """A receiver that told one wrong time and was silent ever since does not pull the floor down."""
    pole = boot_with(NOW_MS + TEN_YEARS_MS, 0, UNKNOWN)
    hours(pole, 40, lambda hour: {"watch": ("gps", 0)} if hour == 0 else {})
    assert said(pole)[0] is FLOOR and (floor_of(pole.disk) or 0) > NOW_MS + TEN_YEARS_MS
    assert check(pole).state is State.UNKNOWN
    hours(pole, 27, lambda hour: {"watch": ("gps", 0)})
    assert said(pole)[0] is HOLDOVER and (floor_of(pole.disk) or 0) < NOW_MS + DAY_MS * 4


@pytest.mark.parametrize("believed", [SYNCED, UNKNOWN])
def test_the_floor_does_not_rise_above_anybody_who_is_sure(believed: ClockQuality) -> None:
    """A receiver that lies ten years ahead is contradicted by the kernel, or by a second receiver: whoever is right,
    the floor stays beneath both."""
    pole = Pole(clock=watch(NOW_MS - 50_000, believed))
    set_wall(pole, NOW_MS + pole.clock.boot_ms(), believed)
    hours(pole, 8, lambda hour: {"mast": ("gps", TEN_YEARS_MS), "roof": ("gps", 40)})
    assert NOW_MS < (floor_of(pole.disk) or 0) < NOW_MS + pole.clock.boot_ms()
    assert check(pole).state is State.BAD


def test_two_receivers_that_take_turns_are_steady() -> None:
    pole = Pole(clock=watch(0, UNKNOWN))
    believed = set()
    for hour in range(4):
        hours(pole, 1, lambda _, who="ab"[hour % 2]: {who: ("gps", 0)})  # type: ignore[misc]
        believed.add(pole.agent.node.timekeeper.belief.who)
    assert believed == {"a", "b"}
    assert 0 < pole.clock.boot_ms() + NOW_MS - MARGIN_MS - (floor_of(pole.disk) or 0) < HOUR_MS + 10_000


def test_a_chip_that_was_believed_for_hours_does_not_vouch_for_who_is_sure() -> None:
    pole = Pole(clock=watch(0, UNKNOWN))
    hours(pole, 5, lambda _: {"chip": ("rtc", 0)})
    assert said(pole)[0] is HOLDOVER and floor_of(pole.disk) is None
    hours(pole, 1, lambda _: {"mast": ("gps", 0)})
    assert floor_of(pole.disk) is None
    hours(pole, 1, lambda _: {"mast": ("gps", 0)})
    assert floor_of(pole.disk) is not None


# A card that could not be read at the start.


def test_what_the_card_knew_is_recalled_when_it_can_be_read_again() -> None:
    disk = MemoryDisk()
    floors.write(disk, Kept(NOW_MS, SOME_BOOT, 10_000, NOW_MS - 10_000, 10))
    disk.fail("read_small", errno.EIO, times=9)
    keeper = Timekeeper(watch(0, UNKNOWN), disk)
    keeper.recall(50_000)
    assert keeper.floor == Floor(BUILT_MS, 50_000, False)
    disk.heal()
    keeper.recall(50_000)
    assert keeper.floor == Floor(NOW_MS, 10_000, True)
    keeper.look()
    assert (keeper.belief.quality, keeper.belief.offset_ms) == (HOLDOVER, NOW_MS - 10_000)


def test_what_is_recalled_takes_nothing_from_what_was_learnt_meanwhile() -> None:
    disk, clock = MemoryDisk(), watch(NOW_MS + DAY_MS)
    floors.write(disk, Kept(BUILT_MS, SOME_BOOT, 10_000, NOW_MS, 4_000))
    disk.fail("read_small", errno.EIO, times=9)
    keeper = Timekeeper(clock, disk)
    keeper.floor = Floor(NOW_MS, 50_000, True)
    keeper.look()
    disk.heal()
    keeper.recall(50_000)
    assert keeper.floor == Floor(NOW_MS, 50_000, True)
    clock.believed = UNKNOWN
    keeper.look()
    assert (keeper.belief.offset_ms, keeper.belief.uncertainty_ms) == (NOW_MS + DAY_MS - 50_000, 10)


class Stubborn(MemoryDisk):
    """Takes no small file but the boot's."""

    refused = 0

    def write_small(self, name: str, data: bytes) -> None:
        if name == FILE:
            self.refused += 1
            raise OSError(30, "read-only")
        super().write_small(name, data)


def test_a_disk_that_does_not_take_the_floor_is_asked_again_an_hour_later() -> None:
    disk = Stubborn()
    pole = Pole(disk=disk, clock=watch(NOW_MS))
    for _ in range(4 * 60):
        pole.clock.advance(60)
        pole.live(1)
    assert 2 <= disk.refused <= 4 and floor_of(disk) is None
    assert pole.agent.node.timekeeper.floor == Floor(BUILT_MS, 50_000, False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
KEYS = ("unix_ms", "boot_id", "at_ms", "offset_ms", "uncertainty_ms")
GOOD = {"unix_ms": NOW_MS, "boot_id": "a", "at_ms": 5, "offset_ms": None, "uncertainty_ms": 0}


@given(
    st.binary(max_size=30)
    | JSON.map(lambda tree: json.dumps(tree).encode())
    | st.tuples(st.sampled_from(KEYS), JSON).map(lambda one: json.dumps(GOOD | {one[0]: one[1]}).encode())
)
@example(json.dumps(GOOD | {"unix_ms": 5}).encode())
@example(json.dumps(GOOD | {"unix_ms": 2**62}).encode())
@example(json.dumps(GOOD | {"at_ms": -1}).encode())
@example(json.dumps(GOOD | {"unix_ms": True}).encode())
@example(json.dumps(GOOD | {"boot_id": SOME_BOOT, "offset_ms": 2**62}).encode())
def test_whatever_stands_in_the_file_the_node_starts(body: bytes) -> None:
    disk = MemoryDisk()
    disk.write_small(FILE, body)
    keeper = Timekeeper(watch(NOW_MS, UNKNOWN), disk)
    assert BUILT_MS <= keeper.floor.at(50_000) <= BUILT_MS + LONGEST_SERVICE_MS + DAY_MS
    keeper.look()
    assert keeper.belief.offset_ms is None or keeper.belief.offset_ms + 50_000 >= BUILT_MS


@given(
    st.builds(
        Kept,
        st.integers(BUILT_MS, BUILT_MS + LONGEST_SERVICE_MS),
        st.text(max_size=40),
        st.integers(0, 2**60),
        st.none() | st.integers(0, 2**60),
        st.integers(0, 2**60),
    )
)
def test_the_file_says_what_was_written(kept: Kept) -> None:
    disk = MemoryDisk()
    assert floors.write(disk, kept) and floors.read(disk) == kept


# Whatever happens.

MOVES = st.one_of(
    st.tuples(st.just("pass"), st.integers(1, 100_000)),
    st.tuples(st.just("wall"), st.tuples(st.sampled_from([0, 946_684_800_000, BUILT_MS, NOW_MS, NOW_MS + TEN_YEARS_MS,
                                                          NOW_MS - TEN_YEARS_MS, 4_070_908_800_000]),
                                         st.sampled_from([SYNCED, HOLDOVER, UNKNOWN]))),
    st.tuples(st.just("told"), st.tuples(st.sampled_from(["gps", "rtc"]), st.integers(0, 2 * NOW_MS))),
    st.tuples(st.just("office"), st.integers(-NOW_MS, 3 * NOW_MS)),
    st.tuples(st.just("again"), st.booleans()),
    st.tuples(st.just("card"), st.integers(BUILT_MS, BUILT_MS + LONGEST_SERVICE_MS)),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(MOVES, max_size=25))
def test_never_before_the_release_nor_below_what_is_written(
    moves: list[tuple[str, Any]],
) -> None:
    disk, clock = MemoryDisk(), watch(0, UNKNOWN)
    keeper = Timekeeper(clock, disk)
    for what, value in moves:
        now_ms = clock.boot_ms()
        if what == "pass":
            clock.advance(value)
        elif what == "wall":
            clock.start_wall_ms, clock.believed = value[0] - now_ms, value[1]
        elif what == "told":
            keeper.told(ClockTold("one", now_ms, value[1], 500, value[0]))
        elif what == "office":
            keeper.heard(to_json(Ack(1, -1, now_ms=value, echo_ms=keeper.asking(now_ms))), now_ms)
        elif what == "card":
            before_ms = keeper.floor.at(now_ms)
            keeper.vouched(value)
            assert min(before_ms, value - MARGIN_MS) <= keeper.floor.at(now_ms) <= before_ms
        else:
            keeper.end(now_ms)
            clock.boot_id = NEXT_BOOT if value else clock.boot_id
            keeper = Timekeeper(clock, disk)
        written = floor_of(disk)
        now_ms = keeper.look().boot_ms
        keeper.keep(now_ms)
        belief = keeper.belief
        if belief.offset_ms is None:
            assert belief.quality is UNKNOWN and not keeper.floor.known
            continue
        assert BUILT_MS <= belief.offset_ms + now_ms <= BUILT_MS + LONGEST_SERVICE_MS + DAY_MS
        assert belief.trusted is (belief.uncertainty_ms is not None)
        if belief.offset_ms + now_ms < (written or 0) - 1:  # only where the floor itself was found wrong
            assert belief.trusted and (floor_of(disk) or 0) < (written or 0)
