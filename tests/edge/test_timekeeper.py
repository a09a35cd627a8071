"""A whole agent through wrong times: what it tells the office of its clock, what it writes down, whom it refuses."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edge import plain
from edge.timekeeping import DAY_MS, HOUR_MS
from edge.wire.chunks import Cell, Schema, decode
from edge.wire.clocks import LONGEST_SERVICE_MS
from edge.wire.messages import State
from edge.wire.record import RecordKind
from edge.wire.version import BUILT_MS
from tests.edge.pole import Pole, cells, events
from tests.edge.watches import (
    HOLDOVER,
    NOW_MS,
    SYNCED,
    TEN_YEARS_MS,
    UNKNOWN,
    boot_with,
    check,
    records,
    rest,
    said,
    set_wall,
    tell,
    watch,
)

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


def test_what_a_kernel_said_before_it_lost_its_source_contradicts_nobody() -> None:
    pole = Pole(clock=watch(NOW_MS))
    pole.live(2)
    pole.clock.believed = UNKNOWN
    tell(pole, "gps", pole.clock.wall_ms() + 60_000, 500)
    assert said(pole) == (HOLDOVER, pole.clock.wall_ms() + 60_000) and check(pole).state is State.GOOD


def test_a_leap_second_that_is_announced_is_told() -> None:
    pole = Pole(clock=watch(NOW_MS))
    pole.clock.leap = "this day (UTC) will have one second more"
    assert check(pole).reason.endswith("by kernel. This day (UTC) will have one second more.")


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
