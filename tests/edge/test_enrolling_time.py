"""`edge enrol` and the time: it asks before it says a secret, and is told nothing but a later floor."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge import floor as floors
from edge.deskline import Unreachable
from edge.enrolling import Timing, floor_of, keep_floor
from edge.floor import MARGIN_MS, Floor, Kept
from edge.journal.disk import FolderDisk
from edge.validity import Moment
from edge.wire.clocks import ClockQuality
from edge.wire.version import BUILT_MS
from tests.edge.clerk import Clerk
from tests.edge.signing import DAY_MS, NOW_MS
from tests.edge.test_enrolling import Bench, clock


@pytest.mark.parametrize("quality", [ClockQuality.UNKNOWN, ClockQuality.FLOOR])
def test_who_cannot_know_the_time_asks_before_it_says_a_secret(quality: ClockQuality) -> None:
    bench = Bench()
    bench.clock = clock(ClockQuality.UNKNOWN, 0)
    claimed = bench.enrol()
    assert (claimed.outcome, claimed.unix_ms, claimed.at_ms) == ("granted", NOW_MS, 50_000)
    assert [now.unix_ms for now in bench.moments] == [None, NOW_MS], "the claim is judged by the time that was told"
    assert bench.timing.floor == Floor(NOW_MS - MARGIN_MS, 50_000, True)


def test_the_time_that_is_told_raises_the_floor_or_nothing() -> None:
    for told_ms in (0, BUILT_MS - 1, NOW_MS - 1, 1 << 60, -5):
        bench = Bench(Clerk(told_ms))
        bench.clock, bench.floor = clock(ClockQuality.UNKNOWN, 0), Floor(NOW_MS, 50_000, True)
        timing = Timing(bench.clock, bench.floor)
        assert not timing.hear(told_ms)
        assert timing.floor == bench.floor and timing.told is None


def test_an_office_that_is_not_sure_of_the_time_may_still_sign() -> None:
    bench = Bench()
    bench.clerk.unsure = True
    bench.clock = clock(ClockQuality.UNKNOWN, 0)
    claimed = bench.enrol()
    assert (claimed.outcome, claimed.unix_ms) == ("granted", None)
    assert [now.unix_ms for now in bench.moments] == [None, None]


def test_what_was_told_of_the_time_is_told_on_even_when_the_claim_fails() -> None:
    bench = Bench()
    bench.clock = clock(ClockQuality.UNKNOWN, 0)

    def lost() -> None:
        raise Unreachable("network", "Gone.")

    bench.clerk.before = lost
    assert (bench.enrol().outcome, bench.enrol().unix_ms) == ("unreachable", NOW_MS)


AHEAD = Floor(NOW_MS + 400 * DAY_MS, 50_000, True)


def test_a_card_with_a_token_lowers_a_floor_that_lies_ahead() -> None:
    """Before anything is said: the desk's certificate seems to have ended for who believes that floor."""
    bench = Bench()
    bench.clock, bench.floor, bench.written_ms = clock(ClockQuality.UNKNOWN, 0), AHEAD, NOW_MS - DAY_MS
    claimed = bench.enrol()
    assert (claimed.outcome, claimed.unix_ms, claimed.vouched_ms) == ("granted", NOW_MS, NOW_MS - DAY_MS)
    assert bench.moments[0] == Moment(None, 0, NOW_MS - DAY_MS - MARGIN_MS)
    assert bench.timing.floor == Floor(NOW_MS - MARGIN_MS, 50_000, True)


@pytest.mark.parametrize("token", ["", "the-token"])
def test_nothing_else_lowers_it(token: str) -> None:
    """Neither a card whose token was used, nor one that does not say when it was written, nor the office's word."""
    bench = Bench()
    bench.clock, bench.floor, bench.token = clock(ClockQuality.UNKNOWN, 0), AHEAD, token
    bench.written_ms = None if token else NOW_MS
    claimed = bench.enrol()
    assert (claimed.unix_ms, bench.timing.floor) == (None, AHEAD)
    assert [now.floor_ms for now in bench.moments] == [AHEAD.unix_ms] * 2


def test_the_lower_floor_is_written_down_beside_the_journal(tmp_path: Path) -> None:
    disk, told = FolderDisk(tmp_path), clock(ClockQuality.UNKNOWN, 0)
    floors.write(disk, Kept(AHEAD.unix_ms, told.boot_id, 40_000, AHEAD.unix_ms, 10))
    disk.close()
    timing = Timing(told, floor_of(tmp_path, told))
    timing.vouched(NOW_MS)
    keep_floor(tmp_path, timing)
    assert floor_of(tmp_path, told).at(50_000) > NOW_MS + DAY_MS, "nobody told the time"
    assert timing.hear(NOW_MS + 5_000)
    keep_floor(tmp_path, timing)
    assert floors.read(FolderDisk(tmp_path)) == Kept(NOW_MS + 5_000 - MARGIN_MS, told.boot_id, 50_000)
