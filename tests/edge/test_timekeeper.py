"""A whole agent through wrong times: what it tells the office of its clock, what it writes down, whom it refuses."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import floor as floors
from edge import plain
from edge.events import Arrived, ClockTold
from edge.floor import FILE, MARGIN_MS, Floor, Kept
from edge.timekeeper import OFFICE_MS, ROUND_TRIP_MS, Timekeeper
from edge.timekeeping import DAY_MS, HOUR_MS
from edge.wire.chunks import Cell, Schema, decode
from edge.wire.clocks import LONGEST_SERVICE_MS, ClockQuality, ClockRecord
from edge.wire.messages import Ack, CheckResult, Hello, State, from_json, to_json
from edge.wire.record import RecordKind
from edge.wire.version import BUILT_MS
from simulators.clock import VirtualClock
from simulators.disk import MemoryDisk
from tests.edge.loopback import Office
from tests.edge.pole import Pole, cells, events

SYNCED, HOLDOVER, FLOOR, UNKNOWN = ClockQuality
NOW_MS = BUILT_MS + 2 * 365 * DAY_MS
TEN_YEARS_MS = 3_652 * DAY_MS
NEXT_BOOT = "0" * 31 + "2"


def watch(wall_ms: int, believed: ClockQuality = SYNCED, boot_s: int = 50) -> VirtualClock:
    """A clock that says so now, `boot_s` after boot."""
    return VirtualClock(boot_s * 1_000_000, wall_ms - boot_s * 1_000, believed=believed)


def records(office: Office) -> list[ClockRecord]:
    found = [record.body for _, record in sorted(office.records.items()) if record.kind == RecordKind.CLOCK]
    return [from_json(ClockRecord, body) for body in found]


def said(pole: Pole) -> tuple[ClockQuality, int | None]:
    """What the newest clock record makes of this moment."""
    record = records(pole.office)[-1]
    return record.quality, None if record.offset_ms is None else record.offset_ms + pole.clock.boot_ms()


def set_wall(pole: Pole, wall_ms: int, believed: ClockQuality) -> None:
    pole.clock.start_wall_ms, pole.clock.believed = wall_ms - pole.clock.boot_ms(), believed


def check(pole: Pole) -> CheckResult:
    return pole.health()["clock"]


def tell(pole: Pole, kind: str, wall_ms: int, error_ms: int = 500, who: str = "watch") -> None:
    pole.agent.inbox.put(ClockTold(who, pole.clock.boot_ms(), wall_ms, error_ms, kind))
    pole.live(2)


def rest(pole: Pole) -> None:
    """Let what was read last be committed."""
    pole.clock.advance(1)
    pole.settle()


def floor_of(disk: MemoryDisk) -> int | None:
    kept = floors.read(disk)
    return None if kept is None else kept.unix_ms


# Nobody knows.


@pytest.mark.parametrize("wall_ms", [0, 946_684_800_000, BUILT_MS - DAY_MS, BUILT_MS + LONGEST_SERVICE_MS + 10**6,
                                     4_070_908_800_000])  # fmt: skip
def test_a_clock_that_cannot_be_right_dates_nothing_until_somebody_speaks(wall_ms: int) -> None:
    """1970, a flat battery, the year 2099: by a kernel that nobody vouches for, and by a clock chip."""
    for believed in (UNKNOWN, SYNCED):
        pole = Pole(clock=watch(wall_ms, believed))
        pole.live(3)
        assert said(pole) == (UNKNOWN, None)
        tell(pole, "rtc", wall_ms + 3_000)
        assert said(pole) == (UNKNOWN, None)
        tell(pole, "gps", wall_ms + 5_000, who="mast")
        assert said(pole) == (UNKNOWN, None)
        assert check(pole).state is State.UNKNOWN and "Nobody has set the clock" in check(pole).reason
        refused = {row["sensor"]: row["refused"] for row in pole.agent.node.timekeeper.rows(pole.clock.boot_ms())}
        assert refused == dict.fromkeys(("watch", "mast"), "no time in which this release can live")
        set_wall(pole, NOW_MS, SYNCED)
        pole.live(2)
        assert said(pole) == (SYNCED, NOW_MS + 2_000)
        tell(pole, "gps", NOW_MS + 2_000, who="mast")
        assert check(pole).reason == "The clock is synced, within 10 ms, by kernel."
        rest(pole)
        assert cells(pole.office) == pole.sampled


def test_a_kernel_that_nobody_vouches_for_dates_readings_and_says_so() -> None:
    pole = Pole(clock=watch(NOW_MS, UNKNOWN))
    pole.live(2)
    assert said(pole) == (UNKNOWN, NOW_MS + 2_000)
    assert check(pole).state is State.UNKNOWN and "Nobody vouches" in check(pole).reason
    set_wall(pole, NOW_MS + TEN_YEARS_MS, UNKNOWN)
    pole.live(2)
    assert {record.quality for record in records(pole.office)} == {UNKNOWN}


# Somebody knew.


@pytest.mark.parametrize("step_ms", [TEN_YEARS_MS, -TEN_YEARS_MS, 3_600_000, -3_600_000, 51, -51])
def test_a_step_of_a_clock_that_follows_nobody_is_never_the_truth(step_ms: int) -> None:
    """The kernel was synchronised, lost its source, and somebody set it by hand."""
    pole = Pole(clock=watch(NOW_MS))
    pole.live(2)
    set_wall(pole, NOW_MS + 2_000 + step_ms, UNKNOWN)
    pole.live(3)
    assert said(pole) == (HOLDOVER, NOW_MS + 5_000)
    assert "holdover" in check(pole).reason and check(pole).state is State.GOOD


@pytest.mark.parametrize("step_ms", [TEN_YEARS_MS, HOUR_MS, -HOUR_MS, -10 * 60_000, 51, -51])
def test_a_step_while_synchronised_counts_from_that_commit_on(step_ms: int) -> None:
    pole = Pole(clock=watch(NOW_MS))
    pole.live(3)
    before = len(records(pole.office))
    set_wall(pole, NOW_MS + 3_000 + step_ms, SYNCED)
    pole.live(3)
    told = records(pole.office)
    assert len(told) == before + 1 and said(pole) == (SYNCED, NOW_MS + 6_000 + step_ms)
    assert told[-2].offset_ms == told[-1].offset_ms - step_ms  # type: ignore[operator]
    noted = [event for event in events(pole.office) if event.what == "clock stepped"]
    assert [event.details["by_ms"] for event in noted] == ([step_ms] if abs(step_ms) > 1_010 else [])


def test_a_synchronised_clock_that_goes_to_before_this_release_is_not_followed() -> None:
    pole = Pole(clock=watch(NOW_MS))
    pole.live(2)
    set_wall(pole, NOW_MS - TEN_YEARS_MS, SYNCED)
    pole.live(2)
    assert said(pole) == (HOLDOVER, NOW_MS + 4_000)
    assert all((record.offset_ms or NOW_MS) + 50_000 >= BUILT_MS for record in records(pole.office))


def test_a_leap_second_loses_nothing_and_orders_by_the_time_since_boot() -> None:
    pole = Pole(clock=watch(NOW_MS))
    pole.live(5)
    set_wall(pole, pole.clock.wall_ms() - 1_000, SYNCED)  # the kernel says 23:59:59 once more
    pole.live(5)
    rest(pole)
    assert cells(pole.office) == pole.sampled == pole.agent.node.counters()["journalled"]
    offsets = {record.offset_ms for record in records(pole.office)}
    assert len(offsets) == 2 and max(offsets, key=int) - min(offsets, key=int) == 1_000  # type: ignore[arg-type, operator]
    moments = [(cell.column, cell.at_ms) for cell in all_cells(pole)]
    assert len(moments) == len(set(moments))


def all_cells(pole: Pole) -> Iterator[Cell]:
    schemas = {}
    for record in pole.office.records.values():
        if record.kind == RecordKind.SCHEMA:
            schemas[Schema.decode(record.body).key] = Schema.decode(record.body)
    for record in pole.office.records.values():
        if record.kind == RecordKind.CHUNK:
            yield from decode(schemas.get, record.body).cells


def test_the_uncertainty_grows_while_nobody_speaks_and_is_told() -> None:
    pole = Pole(clock=watch(NOW_MS))
    pole.live(2)
    pole.clock.believed = UNKNOWN
    for _ in range(30):
        pole.clock.advance(8 * 3_600)
        pole.live(1)
    told = [record.uncertainty_ms or 0 for record in records(pole.office) if record.quality is HOLDOVER]
    assert told == sorted(told) and 3 <= len(told) <= 8  # not one for every commit
    assert 80_000 < pole.agent.node.timekeeper.belief.uncertainty_ms < 90_000  # type: ignore[operator]
    assert check(pole).state is State.BAD and "within 86 s" in check(pole).reason and check(pole).remedy


def test_a_kernel_that_is_let_alone_competes_with_the_others() -> None:
    pole = Pole(clock=watch(NOW_MS, HOLDOVER))
    pole.clock.error_ms = 8_000
    pole.live(2)
    assert said(pole) == (HOLDOVER, NOW_MS + 2_000)
    tell(pole, "gps", NOW_MS + 2_300, 200)
    assert said(pole) == (HOLDOVER, NOW_MS + 4_300)
    before = len(records(pole.office))
    tell(pole, "gps", NOW_MS + 4_100, 200)
    assert len(records(pole.office)) == before  # within what it admits: no news
    assert pole.agent.node.timekeeper.belief.who == "watch"


# Who disagrees.


def test_two_who_are_sure_and_disagree_are_named() -> None:
    pole = Pole(clock=watch(NOW_MS))
    pole.live(1)
    tell(pole, "gps", pole.clock.wall_ms() + 1_400, 500)
    assert check(pole).state is State.GOOD
    tell(pole, "gps", pole.clock.wall_ms() + 90_000, 500)
    assert check(pole).state is State.BAD
    assert check(pole).reason == "Kernel and watch both seem sure and are 90 s apart; kernel is believed."
    tell(pole, "gps", pole.clock.wall_ms() - 1024 * 7 * DAY_MS, 500)  # it lost count of its weeks
    assert check(pole).state is State.BAD and "days apart" in check(pole).reason
    assert said(pole)[0] is SYNCED
    tell(pole, "gps", pole.clock.wall_ms(), 500)
    assert check(pole).state is State.GOOD
    tell(pole, "rtc", pole.clock.wall_ms() + 10**6, 500, "chip")  # chips may be wrong
    assert check(pole).state is State.GOOD


def test_a_leap_second_that_is_announced_is_told() -> None:
    pole = Pole(clock=watch(NOW_MS))
    pole.clock.leap = "this day (UTC) will have one second more"
    assert check(pole).reason.endswith("by kernel. This day (UTC) will have one second more.")


# The floor.


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


def boot_with(floor_ms: int, wall_ms: int, believed: ClockQuality) -> Pole:
    disk = MemoryDisk()
    floors.write(disk, Kept(floor_ms, "f" * 32, 10**6, floor_ms, 10))
    return Pole(disk=disk, clock=watch(wall_ms, believed))


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


# The office's word.


class Asked:
    """A pole without a clock whose hellos are answered by the test."""

    def __init__(self, wall_ms: int = 0, believed: ClockQuality = UNKNOWN, disk: MemoryDisk | None = None) -> None:
        self.pole = Pole(disk=disk, clock=watch(wall_ms, believed))
        self.pole.live(1)

    @property
    def sent_ms(self) -> int:
        return from_json(Hello, self.pole.office.said["hello"][-1]).sent_ms or 0

    def answer(self, now_ms: int | None, echo_ms: int | None, late_ms: int = 0, epoch: int = 1) -> None:
        self.pole.clock.advance(late_ms / 1_000)
        self.pole.agent.inbox.put(Arrived("ack", to_json(Ack(epoch, -1, now_ms=now_ms, echo_ms=echo_ms))))
        self.pole.settle()
        self.pole.live(1)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, ROUND_TRIP_MS - 1_000), st.integers(0, 10_000))
def test_the_offices_word_is_right_within_what_it_admits(way_ms: int, answered_ms: int) -> None:
    """However the way is shared between there and back."""
    asked = Asked()
    began_ms, sent_ms = NOW_MS - asked.sent_ms, asked.sent_ms
    heard_ms = max(asked.pole.clock.boot_ms(), sent_ms + way_ms)
    there_ms = sent_ms + (heard_ms - sent_ms) * answered_ms // 10_000
    asked.answer(began_ms + there_ms, sent_ms, heard_ms - asked.pole.clock.boot_ms())
    belief = asked.pole.agent.node.timekeeper.belief
    assert belief.quality is HOLDOVER and belief.who == "office"
    assert abs(belief.offset_ms - began_ms) <= belief.uncertainty_ms + 1  # type: ignore[operator]
    assert belief.uncertainty_ms <= (heard_ms - sent_ms) // 2 + OFFICE_MS + 1  # type: ignore[operator]
    assert said(asked.pole)[0] is HOLDOVER


@pytest.mark.parametrize("now_ms", [0, -(2**52), 2**52, BUILT_MS - 60_000, BUILT_MS + LONGEST_SERVICE_MS + 60_000])
def test_a_hostile_answer_is_refused_and_counted(now_ms: int) -> None:
    asked = Asked()
    asked.answer(now_ms, asked.sent_ms)
    keeper = asked.pole.agent.node.timekeeper
    assert (said(asked.pole), keeper.refused) == ((UNKNOWN, None), 1)
    asked.answer(NOW_MS, asked.sent_ms)
    assert said(asked.pole) == (UNKNOWN, None)  # one answer for each question


def test_what_answers_no_question_of_ours_is_no_word() -> None:
    asked = Asked()
    sent_ms = asked.sent_ms
    for now_ms, echo_ms in ((NOW_MS, None), (None, sent_ms), (NOW_MS, sent_ms - 1), (NOW_MS, 0)):
        asked.answer(now_ms, echo_ms)
    asked.pole.agent.inbox.put(Arrived("ack", b'{"echo_ms":"never"}'))
    asked.pole.agent.inbox.put(Arrived("ack", b"{}"))
    asked.pole.agent.inbox.put(Arrived("ack", to_json(Ack(1, -1, now_ms=10**30, echo_ms=sent_ms))))
    asked.pole.live(1)
    assert said(asked.pole) == (UNKNOWN, None)
    asked.answer(NOW_MS, sent_ms)
    assert said(asked.pole)[0] is HOLDOVER


def test_an_answer_that_took_too_long_is_no_answer_and_the_office_is_asked_again() -> None:
    asked = Asked()
    first_ms = asked.sent_ms
    asked.answer(NOW_MS, first_ms, ROUND_TRIP_MS + 1)
    assert (said(asked.pole), asked.pole.agent.node.timekeeper.refused) == ((UNKNOWN, None), 1)
    asked.pole.clock.advance(3_600)
    for _ in range(70):
        if asked.sent_ms == first_ms:
            asked.pole.live(1)
    asked.answer(NOW_MS, asked.sent_ms)
    assert said(asked.pole)[0] is HOLDOVER


def test_who_knows_the_time_asks_but_once_a_session_unless_somebody_disagrees() -> None:
    asked = Asked(NOW_MS, SYNCED)
    first_ms = asked.sent_ms
    asked.pole.clock.advance(7_200)
    asked.pole.live(61)
    assert asked.sent_ms == first_ms and said(asked.pole)[0] is SYNCED
    tell(asked.pole, "gps", asked.pole.clock.wall_ms() + 60_000)
    asked.pole.live(61)
    assert asked.sent_ms > first_ms
    asked.answer(asked.pole.clock.wall_ms() + 60_000, asked.sent_ms)
    assert check(asked.pole).state is State.BAD and said(asked.pole)[0] is SYNCED


def test_the_office_helps_a_kernel_over_a_floor_that_was_wrong() -> None:
    disk = MemoryDisk()
    floors.write(disk, Kept(NOW_MS + TEN_YEARS_MS, "f" * 32, 10**6))
    asked = Asked(NOW_MS, SYNCED, disk)
    assert said(asked.pole)[0] is FLOOR
    asked.answer(asked.pole.clock.wall_ms(), asked.sent_ms)
    assert said(asked.pole) == (SYNCED, asked.pole.clock.wall_ms())


# What people see.


def test_the_status_tells_what_is_believed_and_how_sure_it_is() -> None:
    pole = Pole(clock=watch(NOW_MS))
    pole.live(1)
    (answer,) = pole.ask({"ask": "status"})
    told = answer["clock"]
    assert isinstance(told, dict) and told["quality"] == "synced" and told["who"] == "kernel"
    assert (told["unix_ms"], told["uncertainty_ms"], told["refused"]) == (pole.clock.wall_ms(), 10, 0)
    assert told["floor_ms"] >= BUILT_MS
    lost = Pole(clock=watch(0, UNKNOWN))
    (answer,) = lost.ask({"ask": "status"})
    told = answer["clock"]
    assert isinstance(told, dict) and (told["quality"], told["unix_ms"]) == ("unknown", None)
    assert lost.agent.node.timekeeper.wall_ms() == 0


# Whatever happens.

MOVES = st.one_of(
    st.tuples(st.just("pass"), st.integers(1, 100_000)),
    st.tuples(st.just("wall"), st.tuples(st.sampled_from([0, 946_684_800_000, BUILT_MS, NOW_MS, NOW_MS + TEN_YEARS_MS,
                                                          NOW_MS - TEN_YEARS_MS, 4_070_908_800_000]),
                                         st.sampled_from([SYNCED, HOLDOVER, UNKNOWN]))),
    st.tuples(st.just("told"), st.tuples(st.sampled_from(["gps", "rtc"]), st.integers(0, 2 * NOW_MS))),
    st.tuples(st.just("office"), st.integers(-NOW_MS, 3 * NOW_MS)),
    st.tuples(st.just("again"), st.booleans()),
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


# Time zones and summer time.


@contextmanager
def zone(name: str) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()


def test_no_time_zone_and_no_summer_time_changes_a_byte() -> None:
    """Through the hours in which Amsterdam goes to summer time and back, in zones far apart."""
    lives = set()
    for name in ("UTC", "Europe/Amsterdam", "Pacific/Kiritimati", "America/St_Johns", "XXX-3:30YYY,0/0,300/0"):
        with zone(name):
            written = b""
            for wall_ms in (1_774_745_995_000, 1_792_889_995_000):
                pole = Pole(clock=watch(wall_ms))
                pole.live(10)
                written += b"".join(record.body for _, record in sorted(pole.office.records.items()))
            lives.add(written)
    assert len(lives) == 1


def test_the_event_of_a_step_says_by_how_much() -> None:
    pole = Pole(clock=watch(NOW_MS))
    pole.live(1)
    set_wall(pole, NOW_MS + DAY_MS, SYNCED)
    pole.live(1)
    (event,) = [event for event in events(pole.office) if event.what == "clock stepped"]
    assert event.details == {"by_ms": DAY_MS - 1_000, "before": "kernel", "now": "kernel"}


def test_the_status_in_plain_print_says_the_time_and_who_was_refused() -> None:
    pole = Pole(clock=watch(NOW_MS))
    tell(pole, "rtc", 10**17, who="chip")
    printed = plain.status(pole.ask({"ask": "status"})[0])
    assert "time: 2028-01-01 00:00:02 UTC, synced, within 10 ms, by kernel" in printed
    assert "100000000000000000 ms" in printed and "no time in which this release can live" in printed
    lost = Pole(clock=watch(0, UNKNOWN))
    assert "time: unknown; it is 2026-01-01 00:00:00 or later" in plain.status(lost.ask({"ask": "status"})[0])
    guess = boot_with(NOW_MS, 0, UNKNOWN)
    assert "UTC, floor, a guess, by floor" in plain.status(guess.ask({"ask": "status"})[0])
