"""Whom a node believes about the time, rule by rule, on both sides of each bound; and what it keeps on its disk."""

from __future__ import annotations

import pytest

from edge import floor as floors
from edge.events import ClockTold
from edge.floor import FILE, MARGIN_MS, Floor, Kept
from edge.timekeeper import ROUND_TRIP_MS, Timekeeper
from edge.timekeeping import (
    AGREE_MS,
    APART_MS,
    DAY_MS,
    FRESH_MS,
    HEARD_MS,
    HOUR_MS,
    NOBODY,
    PATIENCE_MS,
    Belief,
    Doubts,
    Offset,
    agreed,
    believe,
    best,
    doubted,
    kernels,
    offset,
    quarrel,
    refusal,
)
from edge.timex import Said
from edge.wire.clocks import LONGEST_SERVICE_MS, ClockQuality
from edge.wire.messages import Ack, to_json
from edge.wire.version import BUILT_MS
from simulators.clock import SOME_BOOT, VirtualClock
from simulators.disk import MemoryDisk
from tests.edge.watches import FLOOR, HOLDOVER, NEXT_BOOT, NOW_MS, SYNCED, UNKNOWN, watch

LAST_MS = BUILT_MS + LONGEST_SERVICE_MS
TOO_EARLY = "earlier than a time that this node was sure of"


def word(kind: str, unix_ms: int, at_ms: int = 0, error_ms: int = 500, who: str = "") -> ClockTold:
    return ClockTold(who or kind, at_ms, unix_ms, error_ms, kind)


# One word.


@pytest.mark.parametrize(
    ("at_ms", "now_ms", "wandered_ms"),
    [(0, 10**7, 1_000), (10**7, 0, 0), (5, 5, 0), (0, 9_999, 0), (0, 10_000, 1), (0, 10**13, 10**9)],
)
def test_a_word_is_worth_less_by_100_ppm_of_its_age(at_ms: int, now_ms: int, wandered_ms: int) -> None:
    assert offset(word("gps", 10**13, at_ms), now_ms) == Offset("gps", "gps", 10**13 - at_ms, 500 + wandered_ms, at_ms)


def test_the_kernels_word_admits_that_it_was_interrupted() -> None:
    assert kernels(Said(NOW_MS, SYNCED, 12), 5, 300) == ClockTold("kernel", 5, NOW_MS, 312, "kernel")
    assert kernels(Said(NOW_MS, SYNCED, 12), 5) == ClockTold("kernel", 5, NOW_MS, 12, "kernel")


def test_only_what_lies_between_the_floor_and_the_end_of_service_is_believed() -> None:
    never = "no time in which this release can live"
    assert [refusal(ms, NOW_MS) for ms in (BUILT_MS - 1, BUILT_MS, NOW_MS - 1, NOW_MS, LAST_MS, LAST_MS + 1)] == [
        never, TOO_EARLY, TOO_EARLY, "", "", never]  # fmt: skip


def test_a_word_is_refused_by_what_it_means_now() -> None:
    late = word("gps", LAST_MS - DAY_MS, 2 * DAY_MS)
    assert best([late], 3 * DAY_MS, BUILT_MS) is not None
    assert best([late], 3 * DAY_MS + 1, BUILT_MS) is None


@pytest.mark.parametrize(("kind", "lasts_ms"), [("gps", HEARD_MS), ("kernel", DAY_MS), ("fleet", DAY_MS)])
def test_how_long_a_word_goes_before_a_surer_clock_chip(kind: str, lasts_ms: int) -> None:
    told = [word(kind, NOW_MS, 1_000, 900), word("rtc", NOW_MS, 1_000, 2)]
    for now_ms, wanted in ((1_000 + lasts_ms, kind), (1_001 + lasts_ms, "rtc")):
        chosen = best(told, now_ms, BUILT_MS)
        assert chosen is not None and chosen.kind == wanted


@pytest.mark.parametrize(("beyond_ms", "kind"), [(0, "rtc"), (1, "gps")])
def test_a_chip_contradicts_beyond_a_second_and_what_both_admit(beyond_ms: int, kind: str) -> None:
    now_ms = HEARD_MS + 10_000
    apart_ms = APART_MS + 500 + now_ms // 10_000 + 2
    chip = word("rtc", NOW_MS + now_ms + apart_ms + beyond_ms, now_ms, 2)
    chosen = best([word("gps", NOW_MS), chip], now_ms, BUILT_MS)
    assert chosen is not None and chosen.kind == kind


# What is believed.

AT_MS = 50_000
SOMETIME = Floor(NOW_MS, AT_MS, True)
NEVER = Floor(BUILT_MS, AT_MS, False)
LATE, EARLY = word("kernel", NOW_MS + 9, AT_MS, 11), word("kernel", NOW_MS - 9, AT_MS, 11)
GPS = word("gps", NOW_MS + 77, AT_MS, 500, "mast")


@pytest.mark.parametrize(
    ("kernel", "quality", "told", "floor", "belief"),
    [
        (LATE, SYNCED, [GPS], SOMETIME, Belief(NOW_MS + 9 - AT_MS, SYNCED, 11, "kernel", "kernel")),
        (EARLY, SYNCED, [GPS], SOMETIME, Belief(NOW_MS + 77 - AT_MS, HOLDOVER, 500, "mast", "gps")),
        (EARLY, SYNCED, [], NEVER, Belief(NOW_MS - 9 - AT_MS, SYNCED, 11, "kernel", "kernel")),
        (LATE, HOLDOVER, [], SOMETIME, Belief(NOW_MS + 9 - AT_MS, HOLDOVER, 11, "kernel", "kernel")),
        (LATE, UNKNOWN, [GPS], SOMETIME, Belief(NOW_MS + 77 - AT_MS, HOLDOVER, 500, "mast", "gps")),
        (LATE, UNKNOWN, [], SOMETIME, Belief(NOW_MS + 9 - AT_MS, UNKNOWN, None, "kernel", "kernel")),
        (EARLY, UNKNOWN, [], SOMETIME, Belief(NOW_MS - AT_MS, FLOOR, None, "floor", "floor")),
        (EARLY, HOLDOVER, [], SOMETIME, Belief(NOW_MS - AT_MS, FLOOR, None, "floor", "floor")),
        (word("kernel", 5, AT_MS), SYNCED, [], NEVER, NOBODY),
    ],
)
def test_who_is_believed(
    kernel: ClockTold, quality: ClockQuality, told: list[ClockTold], floor: Floor, belief: Belief
) -> None:
    assert believe(kernel, quality, told, floor) == belief


def test_a_step_is_what_lies_beyond_a_second_and_what_is_admitted() -> None:
    before = Belief(NOW_MS, SYNCED, 10, "kernel", "kernel")
    for by_ms, error_ms, stepped in ((1_010, 10, False), (1_011, 10, True), (-1_011, 10, True), (1_000, None, False),
                                     (1_001, None, True), (1_400, 500, False)):  # fmt: skip
        after = Belief(NOW_MS + by_ms, HOLDOVER, error_ms, "mast", "gps")
        assert after.stepped(before) is stepped
    assert NOBODY.stepped(before) and before.stepped(NOBODY) and not NOBODY.stepped(NOBODY)


# Who disagrees, and who overrules the floor.


def test_who_says_what_the_floor_says_does_not_doubt_it() -> None:
    told = [word("gps", NOW_MS + wrong_ms, AT_MS) for wrong_ms in (-1, 0, 1)]
    assert [one.offset_ms for one in doubted(told, AT_MS, NOW_MS)] == [NOW_MS - 1 - AT_MS]
    assert doubted([word("gps", BUILT_MS, AT_MS)], AT_MS, NOW_MS) != []
    assert doubted([word("gps", BUILT_MS - 1, AT_MS)], AT_MS, NOW_MS) == []


def said_by(kind: str, offset_ms: int, error_ms: int, at_ms: int = 0) -> Offset:
    return Offset(kind, kind, offset_ms, error_ms, at_ms)


def test_two_agree_within_ten_seconds_and_what_both_admit() -> None:
    one, near = said_by("gps", 0, 700), said_by("fleet", AGREE_MS + 1_000, 300)
    assert agreed([one, near]) is near and agreed([near, one]) is near
    assert agreed([one, said_by("fleet", AGREE_MS + 1_001, 300)]) is None
    assert agreed([one, said_by("gps", 0, 1)]) is None
    assert agreed([one]) is None


def test_two_agree_only_while_both_are_heard() -> None:
    words = [said_by("gps", 0, 1, 1_000), said_by("fleet", 0, 2, 5_000)]
    assert Doubts().weigh(words, 1_000 + FRESH_MS) is words[0]
    assert Doubts().weigh(words, 1_001 + FRESH_MS) is None


@pytest.mark.parametrize(("first_ms", "newest_ms", "gives_way"), [(7, 7, False), (7, 6 + PATIENCE_MS, False),
                                                                  (7, 7 + PATIENCE_MS, True)])  # fmt: skip
def test_one_overrules_the_floor_when_a_day_lies_between_two_words_of_the_same(
    first_ms: int, newest_ms: int, gives_way: bool
) -> None:
    """However long ago that was, and however long it was silent in between."""
    doubts, newest = Doubts(), said_by("gps", 5, 1, newest_ms)
    assert doubts.weigh([said_by("gps", 5, 1, first_ms)], 10 * PATIENCE_MS) is None
    assert (doubts.weigh([newest], 11 * PATIENCE_MS) is newest) is gives_way


@pytest.mark.parametrize(("wandered_ms", "gives_way"), [(AGREE_MS + 30, True), (AGREE_MS + 31, False)])
def test_the_same_is_within_ten_seconds_and_what_is_admitted(wandered_ms: int, gives_way: bool) -> None:
    doubts, after = Doubts(), said_by("gps", wandered_ms, 30, PATIENCE_MS)
    assert doubts.weigh([said_by("gps", 0, 1)], 0) is None
    assert (doubts.weigh([after], PATIENCE_MS) is after) is gives_way


def test_who_says_something_else_in_between_begins_anew() -> None:
    doubts = Doubts()
    for now_ms, said in ((0, True), (HOUR_MS, False), (2 * HOUR_MS, True), (PATIENCE_MS, True)):
        assert doubts.weigh([said_by("gps", 5, 1, now_ms)] if said else [], now_ms) is None


def test_of_two_steady_ones_the_surer_overrules() -> None:
    doubts = Doubts()
    told = (("a", 0, 40), ("b", 10**6, 30), ("c", 2 * 10**6, 50))
    assert doubts.weigh([Offset(who, "gps", at, error) for who, at, error in told], 0) is None
    words = [Offset(who, "gps", at, error, PATIENCE_MS) for who, at, error in told]
    assert doubts.weigh(words, PATIENCE_MS) is words[1]


def test_the_two_who_disagree_most_are_named() -> None:
    told = [word("gps", NOW_MS + wrong_ms, 0, 100, who) for who, wrong_ms in (("c", 9_000), ("b", 0), ("a", 4_000))]
    worst = quarrel(told, 0)
    assert worst is not None and [one.sensor for one in worst] == ["b", "c"]
    for apart_ms, error_ms in ((APART_MS + 800, 400), (APART_MS, 0)):
        pair = [word("gps", NOW_MS, 0, error_ms, "a"), word("fleet", NOW_MS + apart_ms, 0, error_ms, "b")]
        assert quarrel(pair, 0) is None
        assert quarrel([pair[0], word("fleet", NOW_MS + apart_ms + 1, 0, error_ms, "b")], 0) is not None
    assert quarrel([], 0) is None
    alike = [word("gps", NOW_MS + wrong_ms, who=who) for who, wrong_ms in (("a", 0), ("b", 10**6), ("c", 10**6))]
    twice = quarrel(alike, 0)
    assert twice is not None and [one.sensor for one in twice] == ["a", "b"]


# The floor.


def test_a_floor_rises_with_the_time_since_boot_but_for_what_a_crystal_wanders() -> None:
    floor = Floor(NOW_MS, AT_MS, True)
    assert [floor.at(ms) - NOW_MS for ms in (0, AT_MS, AT_MS + 1, AT_MS + 10**10)] == [0, 0, 1, 10**10 - 10**6]


@pytest.mark.parametrize(
    ("boot_id", "now_ms", "at_ms"),
    [(SOME_BOOT, 60_000, 50_000), (SOME_BOOT, 50_000, 50_000), (SOME_BOOT, 49_999, 49_999), (NEXT_BOOT, 60_000, 60_000),
     (NEXT_BOOT, 7, 7)],
)  # fmt: skip
def test_within_a_boot_a_floor_has_risen_since_it_was_kept(boot_id: str, now_ms: int, at_ms: int) -> None:
    disk = MemoryDisk()
    floors.write(disk, Kept(NOW_MS, SOME_BOOT, 50_000))
    assert floors.begin(floors.read(disk), boot_id, now_ms) == Floor(NOW_MS, at_ms, True)
    keeper = Timekeeper(VirtualClock(now_ms * 1_000, 0, boot_id, UNKNOWN), disk)
    assert keeper.floor == Floor(NOW_MS, at_ms, True)


@pytest.mark.parametrize("wrong", [{"boot_id": 5}, {"at_ms": 2**60 + 1}, {"uncertainty_ms": 2**60 + 1},
                                   {"at_ms": 1.5}, {"offset_ms": 1.5}, {"offset_ms": "1"}])  # fmt: skip
def test_a_file_that_cannot_be_is_as_none(wrong: dict[str, object]) -> None:
    disk, kept = MemoryDisk(), Kept(NOW_MS, "a", 2**60, 1, 2**60)
    assert floors.write(disk, kept) and floors.read(disk) == kept
    tree = {"unix_ms": NOW_MS, "boot_id": "a", "at_ms": 5, "offset_ms": None, "uncertainty_ms": 0} | wrong
    disk.write_small(FILE, str(tree).replace("'", '"').replace("None", "null").encode())
    assert floors.read(disk) is None


class Counting(MemoryDisk):
    """Counts how often a small file is written."""

    written = 0

    def write_small(self, name: str, data: bytes) -> None:
        self.written += 1
        super().write_small(name, data)


def keeper_at(wall_ms: int, disk: MemoryDisk, error_ms: int = 25) -> tuple[Timekeeper, VirtualClock]:
    clock = watch(wall_ms)
    clock.error_ms = error_ms
    keeper = Timekeeper(clock, disk)
    keeper.look()
    return keeper, clock


def after(clock: VirtualClock, keeper: Timekeeper, ms: int) -> int:
    clock.now_us += ms * 1_000
    keeper.look()
    return clock.boot_ms()


def test_the_floor_is_kept_after_exactly_an_hour_of_the_same() -> None:
    disk = Counting()
    keeper, clock = keeper_at(NOW_MS, disk)
    keeper.keep(after(clock, keeper, HOUR_MS - 1))
    assert disk.written == 0
    keeper.keep(after(clock, keeper, 1))
    unix_ms = NOW_MS + HOUR_MS - 25 - MARGIN_MS
    assert floors.read(disk) == Kept(unix_ms, SOME_BOOT, 50_000 + HOUR_MS, NOW_MS - 50_000, 25)
    assert keeper.floor == Floor(unix_ms, 50_000 + HOUR_MS, True)
    keeper.keep(after(clock, keeper, HOUR_MS - 1))
    assert disk.written == 1
    keeper.keep(after(clock, keeper, 1))
    assert disk.written == 2


def test_an_hour_that_a_chip_filled_counts_for_nothing() -> None:
    """The receiver was heard, a chip was surer for a while, the receiver is heard again."""
    disk, clock = Counting(), watch(0, UNKNOWN)
    keeper = Timekeeper(clock, disk)
    for wait_ms, kinds in ((0, ("gps", "rtc")), (HEARD_MS + 1, ()), (HOUR_MS, ("gps",)), (HOUR_MS - 1, ("gps",))):
        clock.now_us += wait_ms * 1_000
        for kind in kinds:
            keeper.told(word(kind, NOW_MS + clock.boot_ms(), clock.boot_ms(), 2 if kind == "rtc" else 500))
        keeper.look()
        keeper.keep(clock.boot_ms())
    assert disk.written == 0
    keeper.keep(after(clock, keeper, 1))
    assert disk.written == 1


def test_at_the_end_the_floor_is_kept_once_more_if_it_rose_by_a_minute() -> None:
    disk = Counting()
    keeper, clock = keeper_at(NOW_MS, disk)
    keeper.end(after(clock, keeper, HOUR_MS // 6 - 1))
    assert disk.written == 0
    keeper.end(after(clock, keeper, 1))
    keeper.end(clock.boot_ms())
    keeper.end(after(clock, keeper, MARGIN_MS - 1))
    assert disk.written == 1
    keeper.end(after(clock, keeper, 1))
    assert disk.written == 2


def test_a_guess_is_not_kept_as_an_offset() -> None:
    disk = MemoryDisk()
    floors.write(disk, Kept(NOW_MS, NEXT_BOOT, 50_000))
    clock = watch(0, UNKNOWN)
    keeper = Timekeeper(clock, disk)
    keeper.keep(after(clock, keeper, HOUR_MS + 1_000))
    kept = floors.read(disk)
    assert kept is not None and kept.unix_ms > NOW_MS and (kept.offset_ms, kept.uncertainty_ms) == (None, 0)


def test_what_the_kernel_knew_is_its_word_in_the_next_run() -> None:
    disk = MemoryDisk()
    floors.write(disk, Kept(NOW_MS - MARGIN_MS, SOME_BOOT, 50_000, NOW_MS - 50_000, 25))
    keeper = Timekeeper(watch(0, UNKNOWN), disk)
    assert keeper.look().boot_ms == 50_000
    assert keeper.belief == Belief(NOW_MS - 50_000, HOLDOVER, 25, "kernel", "kernel")


def test_a_floor_that_gives_way_falls_below_all_that_is_possible() -> None:
    disk = MemoryDisk()
    floors.write(disk, Kept(NOW_MS + 9 * DAY_MS, NEXT_BOOT, 50_000))
    keeper, _ = keeper_at(NOW_MS, disk)
    keeper.told(word("gps", NOW_MS, 50_000, 500))
    keeper.look()
    assert keeper.floor == Floor(NOW_MS - 25 - MARGIN_MS, 50_000, True)


# The office, and what people see.


def test_the_office_is_asked_again_after_an_hour_without_the_time() -> None:
    keeper = Timekeeper(watch(0, UNKNOWN), MemoryDisk())
    assert keeper.would_ask(50_000) and keeper.asking(50_000) == 50_000
    assert [keeper.would_ask(50_000 + ms) for ms in (0, HOUR_MS - 1, HOUR_MS)] == [False, False, True]


def ack(now_ms: int | None, echo_ms: int | None) -> bytes:
    return to_json(Ack(1, -1, now_ms=now_ms, echo_ms=echo_ms))


def test_only_an_answer_in_time_to_a_question_is_a_word() -> None:
    keeper = Timekeeper(watch(0, UNKNOWN), MemoryDisk())
    nothing = (b'{"epoch":1,"upto":-1,"echo_ms":null,"now_ms":5}', b'{"epoch":1}', b'{"echo_ms":"never"}',
               ack(None, 50_000), ack(NOW_MS, 49_999))  # fmt: skip
    assert not any(keeper.heard(payload, 50_000) for payload in (*nothing, ack(NOW_MS, 50_000)))
    keeper.asking(50_000)
    assert not any(keeper.heard(payload, 50_000) for payload in nothing)
    assert keeper.heard(ack(NOW_MS, 50_000), 50_000 + ROUND_TRIP_MS)
    keeper.asking(70_000)
    assert not keeper.heard(ack(NOW_MS, 70_000), 70_000) and keeper.refused == 0  # not for the first time
    for number in (1, 2):
        keeper.asking(80_000)
        assert not keeper.heard(ack(NOW_MS, 80_000), 80_001 + ROUND_TRIP_MS) and keeper.refused == number


def test_whose_word_is_the_first_is_told() -> None:
    keeper = Timekeeper(watch(0, UNKNOWN), MemoryDisk())
    assert [keeper.told(word("gps", NOW_MS, 50_000, who=who)) for who in ("a", "a", "b")] == [True, False, True]


def test_the_wall_is_what_is_believed() -> None:
    keeper, clock = keeper_at(NOW_MS, MemoryDisk())
    clock.now_us += 5_000_000
    assert keeper.wall_ms() == NOW_MS + 5_000
    assert keeper.line(55_000) == {"quality": "synced", "unix_ms": NOW_MS + 5_000, "uncertainty_ms": 25,
                                   "who": "kernel", "floor_ms": BUILT_MS + 5_000, "leap": "", "refused": 0}  # fmt: skip
    assert Timekeeper(watch(0, UNKNOWN), MemoryDisk()).line(0)["leap"] == ""


def test_who_is_refused_is_judged_by_what_the_word_means_now() -> None:
    keeper = Timekeeper(watch(0, UNKNOWN), MemoryDisk())
    keeper.told(word("gps", LAST_MS - 10_000, 50_000))
    assert [keeper.rows(ms)[0]["refused"] != "" for ms in (50_000, 60_000, 60_001)] == [False, False, True]


class Interrupted(VirtualClock):
    """Something takes three seconds whenever it looks at the wall."""

    def said(self) -> Said:
        self.now_us += 3_000_000
        return super().said()


def test_a_look_that_was_interrupted_is_less_sure() -> None:
    keeper = Timekeeper(Interrupted(50_000_000, NOW_MS), MemoryDisk())
    keeper.look()
    assert keeper.belief.uncertainty_ms == 10 + 1_500
