"""Crashes of the real journal and of the small files beside it: nothing lost, nothing wrong, everything opens."""

from __future__ import annotations

from dataclasses import replace
from zlib import crc32

import pytest

from edge.journal import layout
from edge.wire.chunks import Column, Schema
from edge.wire.kept import keep
from edge.wire.record import Record, RecordKind
from simulators.crash import files
from simulators.crash.book import Book, Telling, gap_of, unnamed
from simulators.crash.enumerator import TARGETS, Tally, enumerate_lives, enumerated
from simulators.crash.files import FilesJudge
from simulators.crash.life import live
from simulators.crash.plan import REAL, plan
from simulators.crash.replay import told
from simulators.crash.states import LIES, Fault, Part, State
from simulators.recording import Synced, Told
from tests.edge.journal.life import gaps_in

pytestmark = pytest.mark.once
SEED = 7


def sound(tally: Tally, states: int) -> None:
    assert not tally.first, "\n".join(f"{name}: {fault.verdict}: {fault.what[:300]}" for name, fault in tally.first)
    assert tally.whole and tally.states >= states and not tally.faults
    assert set(tally.lying) == {"states"} and tally.lying["states"] > states // 20


def test_nothing_is_lost_wherever_the_power_goes() -> None:
    tally = enumerate_lives("journal", 2_000, SEED)
    sound(tally, 2_000)
    assert set(tally.by_mode) == {"lost", "kept", "mixed", "torn", "lied", "lied and mixed"}


def test_nor_of_the_small_files() -> None:
    sound(enumerate_lives("files", 2_000, SEED), 2_000)


@pytest.mark.deep
@pytest.mark.parametrize("seed", [SEED, 8, 9])
def test_twenty_thousand_states(seed: int) -> None:
    sound(enumerate_lives("journal", 20_000, seed, jobs=2), 20_000)


@pytest.mark.deep
def test_two_hundred_thousand_states() -> None:
    sound(enumerate_lives("journal", 200_000, SEED, jobs=2), 200_000)


def test_the_same_seed_gives_the_same_states_whoever_opens_them() -> None:
    alone, crew = enumerate_lives("files", 800, 3), enumerate_lives("files", 800, 3, jobs=2)
    assert alone == crew
    first, second = ([state.files for _, state, _ in TARGETS["files"](seed, 0, 0, REAL)] for seed in (3, 4))
    assert first != second


def test_lives_are_what_they_are_meant_to_be() -> None:
    """They fill up, give up, restart, declare anew; and each begins where the cut before it ended."""
    parts = [part for number in range(6) for part in live(plan(SEED, number))]
    kinds = {record.kind for part in parts for record in part.book.records.values()}
    gaps = [gap for part in parts for gap in gaps_in(part.book.records.values())]
    assert kinds >= {RecordKind.CHUNK, RecordKind.SCHEMA, RecordKind.CLOCK, RecordKind.GAP, RecordKind.EVENT}
    assert len({str(gap["why"]) for gap in gaps}) >= 2
    assert any(not part.files for part in parts) and sum(bool(part.files) for part in parts) > 2
    assert all(isinstance(step, Synced) for part in parts for step, after in zip(part.log, part.log[1:], strict=False)
               if isinstance(after, Told) and not isinstance(step, Told) and step[0] != "epoch.json"
               and not type(step).__name__.startswith("Small"))  # fmt: skip


# The judge's words.


def test_a_fault_is_counted_and_told_once_it_is_found() -> None:
    name, state, judge = next(TARGETS["journal"](SEED, 0, 0, REAL))
    tally = Tally()
    tally.count(name, state, [Fault("lost", 3, "x")] * 9)
    tally.count(name, replace(state, lied=2), [Fault("lost_unnamed", 1, "y")])
    assert tally.faults == {"lost": 27} and tally.lying == {"states": 1, "lost_unnamed": 1}
    assert len(tally.first) == 5 and not tally.whole and judge.judged(state) == []


def test_a_new_epoch_where_something_was_committed_is_wrong() -> None:
    *_, (_, state, judge) = TARGETS["journal"](SEED, 0, 0, REAL)
    empty = {name: content for name, content in state.files.items() if not name.endswith(".journal")}
    verdicts = {fault.verdict for fault in judge.judged(replace(state, files=empty))}
    assert verdicts == {"lost", "wrong"}


def test_what_cannot_be_opened_is_told() -> None:
    *_, (_, state, judge) = TARGETS["journal"](SEED, 0, 0, REAL)
    fixed = layout._SEGMENT.size
    newer = {name: content[:4] + b"\2" + content[5:fixed] for name, content in state.files.items() if "segment" in name}
    signed = {name: (head + crc32(head).to_bytes(4, "little")).ljust(8_192, b"\0") for name, head in newer.items()}
    (fault,) = judge.judged(replace(state, files=signed))
    assert fault.verdict == "unopenable" and "newer version" in fault.what


def test_the_small_files_are_read_as_the_node_reads_them() -> None:
    part = files.part_of(SEED, 0)
    schema = Schema((Column("air", "pm10", "", 2),)).encode().hex().encode()
    boot, floor = b'{"ordinal": 5, "boot_id": "a", "clean": true}', b'{"unix_ms": 99}'
    told_by = Telling(small={"boot.json": (boot,), "floor.json": (floor,), "schemas.json": (b'["' + schema + b'"]',)})
    state = State(part, 0, "lost", {"boot.json": b'{"ordinal": 2, "boot_id": "a", "clean": true}'}, told_by)
    faults = FilesJudge().judged(state)
    assert [fault.verdict for fault in faults][:2] == ["wrong", "wrong"]
    assert "numbered" in faults[0].what and "sank" in faults[1].what and faults[2].verdict == "lost"


def test_a_kept_gap_names_what_the_first_one_named() -> None:
    gap = Record(1, 5, RecordKind.GAP, 0, b'{"first":2,"last":4,"readings":9,"why":"full"}')
    kept = Record(1, 9, RecordKind.KEPT, 0, keep(gap))
    named = gap_of(kept)
    assert named is not None and (named.first, named.last) == (2, 4)
    assert unnamed(range(1, 11), [kept], [(6, 8)]) == [1, 5, 10]


def test_the_book_knows_a_strange_record() -> None:
    book, record = Book(), Record(1, 3, RecordKind.CHUNK, 7, b"x")
    book.enter([record], 10)
    assert book.totals == {3: 17}
    assert book.strange([record, replace(record, seq=4), replace(record, body=b"y")]) == [4, 3]


def test_a_state_is_told_in_words() -> None:
    for name, state, _ in TARGETS["journal"](SEED, 0, LIES, REAL):
        text = told(name, state, [])
        assert f"state {name}" in text and "nothing is wrong with it" in text and "told by then" in text
        assert ("syncs lied" in text) is bool(state.lied)
    assert "lost 3: gone" in told(name, state, [Fault("lost", 3, "gone")])


def test_a_life_is_opened_as_a_whole() -> None:
    tally = enumerated(1, "files", SEED, 0)
    assert tally.lying == {"states": 0} and tally.states == len(list(TARGETS["files"](SEED, 1, 0, REAL)))
    assert isinstance(files.part_of(SEED, 1), Part)
