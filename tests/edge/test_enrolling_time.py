"""`edge enrol` and the time: it asks before it says a secret, and is told nothing but a later floor."""

from __future__ import annotations

import pytest

from edge.deskline import Unreachable
from edge.enrolling import Timing
from edge.floor import MARGIN_MS, Floor
from edge.wire.clocks import ClockQuality
from edge.wire.version import BUILT_MS
from tests.edge.clerk import Clerk
from tests.edge.signing import NOW_MS
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
