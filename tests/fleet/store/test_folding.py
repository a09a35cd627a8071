"""Receipts that grew old become runs: every question gets the answer that it got before, and nothing comes in twice."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.record import Record, RecordKind
from fleet.store import folding, runs
from fleet.store.answers import Loss
from fleet.store.folding import Folding
from fleet.store.read import StoreReader
from fleet.store.retention import ByArrival, ByDate, Releasing
from fleet.store.shelf import HOUR_MS
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Records
from tests.fleet.store.lives import FAST
from tests.fleet.store.test_ageing import (
    BEGAN_MS,
    HOLDOVER,
    SYNCED,
    at_hours,
    chunk,
    clock,
    event,
    gap,
    hello,
    names,
    stories,
)

LATER_MS = BEGAN_MS + 1000 * HOUR_MS


def through(store: SqliteStore, part: Any) -> int:
    """All turns of one part of a pass; how many there were."""
    for turns in range(1, 10_000):
        store.db.execute("BEGIN IMMEDIATE")
        done = part.turn(store.db)
        store.db.execute("COMMIT")
        if done:
            return turns
    raise AssertionError("it does not end")


def age(store: SqliteStore, horizon_ms: int = LATER_MS) -> None:
    for part in (ByDate(horizon_ms), ByArrival(horizon_ms, 2 * LATER_MS), Releasing()):
        through(store, part)


def say(*records: Record, arrived_ms: int = BEGAN_MS) -> Records:
    return Records("pole-1", records, arrived_ms)


def answers(reader: StoreReader, upto: int) -> list[Any]:
    gaps = [reader.gaps(everything=everything) for everything in (False, True)]
    here = [reader.receipts("pole-1", 7, seq, seq) for seq in range(upto + 2)]
    return [gaps, reader.accounts(), reader.stock("pole-1"), here, reader.receipts("pole-1", 7, 0, upto),
            reader.readings_by_node(), reader.duplicated_rows(), reader.waiting_records()]  # fmt: skip


def seqs(store: SqliteStore) -> list[int]:
    return [seq for (seq,) in store.db.execute("SELECT seq FROM receipts ORDER BY seq")]


@pytest.fixture
def life() -> list[Record]:
    chunks = [chunk(seq, 1, at_hours(seq / 10, seq / 10)) for seq in range(3, 20)]
    return [names(1), clock(2, 1, (BEGAN_MS, SYNCED, 10)), *chunks, event(20), chunk(21, 1, at_hours(2))]


def test_what_nobody_needs_one_by_one_is_folded(store: SqliteStore, reader: StoreReader, life: list[Record]) -> None:
    store.commit([say(*life), hello(22, 22, 35)])
    age(store)
    before = answers(reader, 22)
    assert through(store, Folding(LATER_MS)) == 2
    assert (seqs(store), answers(reader, 22)) == ([20], before)
    assert store.db.execute("SELECT first, last, readings FROM runs").fetchall() == [(1, 19, 34), (21, 21, 1)]
    done = store.commit([say(*life)])
    assert (done.duplicates, done.rows, seqs(store), answers(reader, 22)) == (21, {}, [20], before)


def test_what_its_node_still_holds_is_not_folded(store: SqliteStore, life: list[Record]) -> None:
    store.commit([say(*life), hello(10, 22)])
    age(store)
    through(store, Folding(LATER_MS))
    assert seqs(store) == list(range(10, 22))


def test_what_is_young_has_rows_or_may_be_dated_anew_is_not_folded(store: SqliteStore) -> None:
    guess = [clock(1, 1, (BEGAN_MS, HOLDOVER, 10)), names(2), chunk(3, 1, at_hours(1)), chunk(4, 1, at_hours(900))]
    store.commit([say(*guess, arrived_ms=BEGAN_MS + 5 * HOUR_MS), hello(5, 5)])
    through(store, Folding(BEGAN_MS + 5 * HOUR_MS))
    assert seqs(store) == [1, 2, 3, 4]
    age(store, BEGAN_MS + 6 * HOUR_MS)
    through(store, Folding(BEGAN_MS + 6 * HOUR_MS))
    assert seqs(store) == [3, 4]
    store.commit([say(clock(5, 2, (BEGAN_MS, SYNCED, 10)))])
    age(store)
    through(store, Folding(LATER_MS))
    assert seqs(store) == [5], "their boot is over, so what was unripe is looked at again"


def test_it_goes_on_where_a_turn_ended(
    store: SqliteStore, reader: StoreReader, life: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "LOOKED_AT", 4)
    monkeypatch.setattr(runs, "LONGEST", 7)
    store.commit([say(*life), hello(22, 22), Records("pole-2", life, BEGAN_MS)])
    age(store)
    before = answers(reader, 22)
    assert through(store, Folding(LATER_MS)) == 7
    assert answers(reader, 22) == before
    assert store.db.execute("SELECT first, last FROM runs").fetchall() == [(1, 4), (5, 8), (9, 12), (13, 19), (21, 21)]
    assert store.db.execute("SELECT folded FROM journals").fetchall() == [(21,), (0,)]
    assert through(store, Folding(LATER_MS)) == 1, "nothing is looked at twice"


def test_a_hello_and_a_gap_in_the_midst_of_a_run(store: SqliteStore, reader: StoreReader, life: list[Record]) -> None:
    store.commit([say(*life), hello(22, 22, 35)])
    age(store)
    through(store, Folding(LATER_MS))
    store.commit([say(gap(22, 5, 8, 8))])
    assert reader.losses() == []
    assert reader.gaps(everything=True)[0].loss == Loss("pole-1", 7, 5, 8, 0, "journal full", 0, 4)
    (account,) = reader.accounts()
    assert (account.here, account.named) == (35, 0)
    other = SqliteStore(store.path.with_name("other.db"))
    other.commit([say(*[record for record in life if record.seq != 12]), hello(10, 10, 14)])
    through(other, Folding(LATER_MS))
    age(other)
    other.commit([hello(22, 22, 35)])
    through(other, Folding(LATER_MS))
    assert [(loss.first, loss.last) for loss in StoreReader(other.path).losses()] == [(12, 12)]


def test_one_look_up_finds_a_seq(store: SqliteStore, reader: StoreReader, life: list[Record]) -> None:
    store.commit([say(*life), hello(22, 22)])
    age(store)
    through(store, Folding(LATER_MS))
    asked: list[str] = []
    reader.db.set_trace_callback(asked.append)
    assert reader.receipts("pole-1", 7, 11, 11) == {11}
    reader.db.set_trace_callback(None)
    plans = [row[3] for sql in asked for row in reader.db.execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert [step for step in plans if "SCAN" in step and "json_each" not in step and "span" not in step] == []


@settings(max_examples=15, deadline=None)
@given(stories(), st.sampled_from([BEGAN_MS + 60 * HOUR_MS, LATER_MS]))
def test_nobody_can_tell_by_any_answer(story: tuple[list[Record], list[Record | int]], horizon_ms: int) -> None:
    told, what = story
    with TemporaryDirectory(dir=FAST) as folder:
        store = SqliteStore(Path(folder) / "readings.db")
        reader = StoreReader(store.path)
        records = [each for each in what if isinstance(each, Record)]
        store.commit([say(*records), hello(len(told) + 1, len(told) + 1, 99)])
        age(store, horizon_ms)
        before = answers(reader, len(told))
        through(store, Folding(horizon_ms))
        assert answers(reader, len(told)) == before
        done = store.commit([say(*records)])
        assert (done.duplicates, done.rows) == (len(records), {})
        assert answers(reader, len(told)) == before
        reader.close()
        store.close()


def test_what_came_after_it_had_been_missed_stays_found(
    store: SqliteStore, reader: StoreReader, life: list[Record]
) -> None:
    store.commit([say(*[record for record in life if record.seq != 5]), hello(22, 22)])
    assert [(loss.first, loss.last) for loss in reader.losses()] == [(5, 5)]
    store.commit([say(life[4])])
    assert (life[4].seq, reader.losses()) == (5, [])
    age(store)
    through(store, Folding(LATER_MS))
    assert (reader.losses(), seqs(store)) == ([], [20])


@pytest.mark.parametrize(("held", "found"), [(1050, True), (1061, False)])
def test_a_neighbour_is_looked_for_as_far_as_before(
    store: SqliteStore, reader: StoreReader, held: int, found: bool
) -> None:
    blank = [Record(7, seq, RecordKind.OPEN, 0, b"") for seq in range(4, held)]
    told = [names(1), clock(2, 1, (BEGAN_MS, SYNCED, 10)), *blank, gap(held, 3, 60, 5)]
    store.commit([say(*told), hello(held + 1, held + 1)])
    store.commit([say(chunk(held + 1, 1, at_hours(1)), arrived_ms=LATER_MS)])
    before = reader.gaps()
    assert (before[0].to_ms == BEGAN_MS + HOUR_MS) == found
    through(store, Folding(LATER_MS))
    assert (reader.gaps(), seqs(store)) == (before, [held + 1])
