"""Who is believed about the time: never a source from before the floor, never a worse one than there is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.events import ClockTold
from edge.floor import WANDER_PPM
from edge.timekeeping import (
    APART_MS,
    DAY_MS,
    FRESH_MS,
    HEARD_MS,
    Belief,
    best,
    doubted,
    earliest,
    fresh,
    offset,
    quarrel,
)
from edge.wire.clocks import ClockQuality, ClockRecord, credible
from edge.wire.messages import from_json
from edge.wire.record import RecordKind
from edge.wire.version import BUILT_MS
from simulators.clock import VirtualClock
from tests.edge.pole import Pole

NOW_MS = 10**8
TOLD = st.builds(
    ClockTold, st.sampled_from("abcd"), st.integers(0, NOW_MS), st.integers(0, 4 * 10**12),
    st.integers(0, 5_000), st.sampled_from(["gps", "rtc"]),
)  # fmt: skip


def agree(one: ClockTold, other: ClockTold) -> bool:
    first, second = offset(one, NOW_MS), offset(other, NOW_MS)
    apart_ms = abs(first.offset_ms - second.offset_ms)
    return apart_ms <= APART_MS + first.uncertainty_ms + second.uncertainty_ms


@given(st.lists(TOLD, max_size=8))
def test_the_best_is_no_worse_than_any(told: list[ClockTold]) -> None:
    chosen = best(told, NOW_MS, BUILT_MS)
    sane = [one for one in told if credible(one.unix_ms - one.at_ms + NOW_MS)]
    assert (chosen is None) == (not sane)
    if chosen is None:
        return
    gps = [one for one in sane if one.kind == "gps" and NOW_MS - one.at_ms <= HEARD_MS]
    assert not gps or chosen.kind == "gps"
    sure = [one for one in sane if one.kind == "gps"]
    chips = [one for one in sane if all(agree(one, other) for other in sure)]
    for one in gps or [*sure, *chips]:
        assert chosen.uncertainty_ms <= offset(one, NOW_MS).uncertainty_ms
    assert chosen.kind == "gps" or all(abs(chosen.offset_ms - (one.unix_ms - one.at_ms)) <= APART_MS
                                       + chosen.uncertainty_ms + offset(one, NOW_MS).uncertainty_ms for one in sure)
    assert NOW_MS + chosen.offset_ms >= BUILT_MS


def test_a_receiver_that_has_long_been_silent_does_not_outrank_a_clock_chip() -> None:
    gps = ClockTold("gps", 0, 1_800_000_000_000, 1_000, "gps")
    chip = ClockTold("chip", 30 * 86_400_000, 1_800_000_000_000 + 30 * 86_400_000 - 200_000, 2_000, "rtc")
    for now_ms, wanted in ((HEARD_MS, "gps"), (chip.at_ms, "chip")):
        chosen = best([gps, chip], now_ms, BUILT_MS)
        assert chosen is not None and chosen.sensor == wanted


@given(TOLD, st.integers(0, 10**7))
def test_a_word_grows_old(told: ClockTold, later_ms: int) -> None:
    young, old = offset(told, told.at_ms), offset(told, told.at_ms + later_ms)
    assert young.uncertainty_ms == told.uncertainty_ms
    assert old.uncertainty_ms - young.uncertainty_ms == later_ms * WANDER_PPM // 1_000_000
    assert young.offset_ms == old.offset_ms == told.unix_ms - told.at_ms


def clock_records(pole: Pole) -> list[ClockRecord]:
    found = [record.body for _, record in sorted(pole.office.records.items()) if record.kind == RecordKind.CLOCK]
    return [from_json(ClockRecord, body) for body in found]


def clocks(pole: Pole) -> list[dict[str, Any]]:
    told: Any = pole.ask({"ask": "status"})[0]["clocks"]
    return list(told)


@pytest.mark.parametrize("kind", ["gps", "rtc"])
def test_a_node_whose_kernel_knows_nothing_believes_its_clock_chip(kind: str) -> None:
    pole = Pole(clock=VirtualClock(50_000_000, 0, believed=ClockQuality.UNKNOWN))
    pole.live(3)
    assert pole.health()["clock"].state.value == "unknown"
    unix_ms = 1_767_225_600_000 + pole.clock.boot_ms()
    pole.agent.inbox.put(ClockTold("watch", pole.clock.boot_ms(), unix_ms, 500, kind))
    pole.live(3)
    record = clock_records(pole)[-1]
    assert (record.offset_ms, record.quality) == (1_767_225_600_000, ClockQuality.HOLDOVER)
    assert pole.health()["clock"].reason == "The clock is holdover, within 500 ms, by watch."
    (row,) = clocks(pole)
    assert (row["sensor"], row["kind"], row["unix_ms"], row["uncertainty_ms"]) == ("watch", kind, unix_ms, 500)
    assert row["age_ms"] == 3_000


def test_a_synchronised_kernel_wins_and_a_chip_with_an_empty_battery_is_not_believed() -> None:
    for believed, unix_ms in ((ClockQuality.SYNCED, 1_800_000_000_000), (ClockQuality.UNKNOWN, 946_684_800_000)):
        pole = Pole(clock=VirtualClock(50_000_000, believed=believed))
        pole.agent.inbox.put(ClockTold("watch", pole.clock.boot_ms(), unix_ms, 500, "rtc"))
        pole.live(3)
        record = clock_records(pole)[-1]
        assert (record.offset_ms, record.quality) == (pole.clock.start_wall_ms, believed)


def test_the_newest_word_of_each_is_kept() -> None:
    pole = Pole()
    for second in range(5):
        pole.clock.advance(1)
        told = ClockTold("watch", pole.clock.boot_ms(), 1_800_000_000_000 + second, 1, "gps")
        pole.agent.inbox.put(told)
        pole.settle()
    (row,) = (row for row in clocks(pole) if row["sensor"] == "watch")
    assert row["unix_ms"] == 1_800_000_000_004


YEAR_MS = 365 * DAY_MS
START_MS = BUILT_MS + YEAR_MS


def word(kind: str, unix_ms: int, at_ms: int = 0, error_ms: int = 500, who: str = "") -> ClockTold:
    return ClockTold(who or kind, at_ms, unix_ms, error_ms, kind)


@pytest.mark.parametrize("sure", ["gps", "fleet", "kernel"])
@pytest.mark.parametrize("wrong_ms", [YEAR_MS, -YEAR_MS // 2, 300_000, -300_000])
def test_a_chip_that_contradicts_who_was_sure_is_not_believed_however_long_ago_that_was(
    sure: str, wrong_ms: int
) -> None:
    """It may have been set by anybody, and an outage of the office for a day must not hand it the clock."""
    for days in (0, 1, 2, 10):
        now_ms = days * DAY_MS
        chip = word("rtc", START_MS + now_ms + wrong_ms, now_ms)
        chosen = best([word(sure, START_MS), chip], now_ms, BUILT_MS)
        assert chosen is not None and (chosen.kind, chosen.offset_ms) == (sure, START_MS)
    alone = best([chip], now_ms, BUILT_MS)
    assert alone is not None and alone.kind == "rtc"


def test_a_chip_within_what_was_known_takes_over_when_that_grew_old() -> None:
    told = [word("fleet", START_MS, error_ms=60), word("rtc", START_MS + DAY_MS + 5_000, DAY_MS)]
    for now_ms, kind in ((DAY_MS, "fleet"), (DAY_MS + 1, "rtc")):
        chosen = best(told, now_ms, BUILT_MS)
        assert chosen is not None and chosen.kind == kind


def test_of_two_sure_words_the_newer_rank_goes_by_what_they_admit() -> None:
    told = [word("fleet", START_MS, error_ms=60), word("kernel", START_MS + YEAR_MS, error_ms=61)]
    chosen = best(told, 0, BUILT_MS)
    assert chosen is not None and chosen.kind == "fleet"
    chosen = best([*told, word("gps", START_MS - 7, error_ms=900)], HEARD_MS, BUILT_MS)
    assert chosen is not None and chosen.kind == "gps"
    chosen = best([*told, word("gps", START_MS - 7, error_ms=900)], HEARD_MS + 1, BUILT_MS)
    assert chosen is not None and chosen.kind == "fleet"


def test_who_is_silent_for_two_hours_contradicts_no_longer() -> None:
    early, late = word("gps", START_MS), word("fleet", START_MS + DAY_MS, FRESH_MS)
    for now_ms, kinds in ((FRESH_MS, ["gps"]), (FRESH_MS + 1, [])):
        assert [one.kind for one in fresh(doubted([early], now_ms, START_MS + DAY_MS), now_ms)] == kinds
        assert (quarrel([early, late], now_ms) is not None) is bool(kinds)


@given(
    st.lists(st.tuples(st.sampled_from(["gps", "fleet"]), st.integers(0, 2 * FRESH_MS), st.integers(-10**9, 10**9),
                       st.integers(0, 5_000)), max_size=4),
    st.integers(-10**9, 10**9), st.integers(0, 5_000), st.sampled_from(["gps", "kernel", "rtc", "floor"]),
)  # fmt: skip
def test_the_earliest_is_earlier_than_all_who_are_sure(
    words: list[tuple[str, int, int, int]], off_ms: int, error_ms: int, kind: str
) -> None:
    now_ms = 2 * FRESH_MS
    sure = [word(one, START_MS + at_ms + wrong_ms, at_ms, error) for one, at_ms, wrong_ms, error in words]
    belief = Belief(START_MS + off_ms, ClockQuality.HOLDOVER, error_ms, kind, kind)
    least_ms = earliest(belief, sure, now_ms)
    if kind in ("rtc", "floor"):
        assert least_ms is None
        return
    limits = [START_MS + off_ms - error_ms + now_ms]
    limits += [offset(one, now_ms).offset_ms - offset(one, now_ms).uncertainty_ms + now_ms
               for one in sure if one.at_ms >= now_ms - FRESH_MS]  # fmt: skip
    assert least_ms == min(limits)


def test_nobody_who_cannot_be_right_holds_the_floor_down() -> None:
    belief = Belief(START_MS, ClockQuality.SYNCED, 10, "kernel", "kernel")
    assert earliest(belief, [word("gps", START_MS - 1024 * 7 * DAY_MS)], 0) == START_MS - 10
    for early_ms, least_ms in ((0, BUILT_MS - 500), (1, START_MS + FRESH_MS - 10)):
        assert earliest(belief, [word("gps", BUILT_MS - early_ms, FRESH_MS)], FRESH_MS) == least_ms
    assert earliest(Belief(None, ClockQuality.UNKNOWN), [], 0) is None
    assert earliest(Belief(START_MS, ClockQuality.UNKNOWN, None, "kernel", "kernel"), [], 0) is None
    assert earliest(Belief(START_MS, ClockQuality.HOLDOVER, None, "gps", "gps"), [], 5) == START_MS + 5


@pytest.mark.parametrize("field", ["boot", "at_ms"])
def test_a_clock_record_of_a_boot_that_cannot_be_is_refused(field: str) -> None:
    good: dict[str, Any] = {"boot": 0, "boot_id": "a", "offset_ms": None, "quality": ClockQuality.UNKNOWN, "at_ms": 0}
    assert ClockRecord(**good).boot == 0
    with pytest.raises(ValueError, match="never negative"):
        ClockRecord(**good | {field: -1})
