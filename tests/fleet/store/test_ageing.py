"""Readings that grow old before their date is known, or get another one later, end in the hour of their final date.

Two stores are told the same in the same order: one keeps everything, the other next to nothing. Whatever was rolled up,
dated anew, let go from the shelf and folded in between, both say the same of every hour, receipt and loss.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.cells import Cell
from edge.wire.chunks import encode
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.jsontext import to_json
from edge.wire.messages import GapRecord, Hello
from edge.wire.record import Record, RecordKind
from fleet.store.read import StoreReader
from fleet.store.retention import ByDate
from fleet.store.shelf import HOUR_MS
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Greeting, Parcel, Records
from tests.fleet.store.lives import FAST, SCHEMAS

BEGAN_MS = 472_224 * HOUR_MS
KEEP_MS = 10 * HOUR_MS
SYNCED, HOLDOVER, FLOOR, UNKNOWN = ClockQuality
Clock = tuple[int | None, ClockQuality, int | None]

DATES = """SELECT epoch, seq, boot, sensor||quantity, t_ms, steps, flags, offset_ms IS NOT NULL
  FROM readings JOIN receipts ON receipts.id=receipt JOIN series ON series.id=series"""
HOURS = """SELECT sensor||quantity, hour, 0, 0, count, sum, low, high, flags
    FROM all_hours JOIN series ON series.id=series
  UNION ALL SELECT sensor||quantity, hour, epoch, boot, count, sum, low, high, flags
    FROM loose JOIN series ON series.id=series WHERE dated=0"""


def clock(seq: int, boot: int, said: Clock) -> Record:
    return Record(7, seq, RecordKind.CLOCK, 0, to_json(ClockRecord(boot, f"{boot:032}", *said)))


def chunk(seq: int, boot: int, cells: list[Cell]) -> Record:
    return Record(7, seq, RecordKind.CHUNK, len(cells), encode(SCHEMAS[0], boot, UNKNOWN, cells))


def at_hours(*hours: float) -> list[Cell]:
    """A reading each, so many hours after the boot."""
    return [Cell(int(hour * HOUR_MS), place % 2, 100 * place) for place, hour in enumerate(hours)]


def event(seq: int) -> Record:
    return Record(7, seq, RecordKind.EVENT, 0, b'{"at_ms":1,"what":"door"}')


def names(seq: int) -> Record:
    return Record(7, seq, RecordKind.SCHEMA, 0, SCHEMAS[0].encode())


def gap(seq: int, first: int, last: int, readings: int) -> Record:
    return Record(7, seq, RecordKind.GAP, 0, to_json(GapRecord(first, last, readings, "journal full")))


def hello(lowest: int, upcoming: int, total: int = 0) -> Greeting:
    return Greeting("pole-1", Hello("pole-1", "b" * 32, 7, lowest, upcoming, "", total, [], lowest - 1), BEGAN_MS)


def summed(store: SqliteStore) -> dict[Any, list[float]]:
    """Every reading, by series and hour; by the hour since its boot where nobody dated it."""
    found: dict[Any, list[float]] = {}
    rows = [(name, t_ms // HOUR_MS, *((0, 0) if dated else (epoch, boot)), 1, steps, steps, steps, flags)
            for epoch, _, boot, name, t_ms, steps, flags, dated in store.db.execute(DATES)]  # fmt: skip
    for *key, count, total, low, high, flags in [*rows, *store.db.execute(HOURS)]:
        known = found.setdefault(tuple(key), [0, 0, low, high, 0])
        doubts = int(known[4]) | int(flags)
        known[:] = known[0] + count, known[1] + total, min(known[2], low), max(known[3], high), doubts
    return found


OFFSETS = st.sampled_from([None, BEGAN_MS, BEGAN_MS + HOUR_MS // 2, BEGAN_MS + HOUR_MS + 1, BEGAN_MS - 3 * HOUR_MS])
CLOCKS: st.SearchStrategy[Clock] = st.tuples(OFFSETS, st.sampled_from([SYNCED, SYNCED, HOLDOVER, FLOOR, UNKNOWN]),
                                             st.sampled_from([None, 10, 2 * HOUR_MS]))  # fmt: skip
CELLS = st.lists(st.builds(Cell, st.integers(0, 40).map(lambda n: n * HOUR_MS // 10), st.integers(0, 1),
                           st.integers(-50, 50), st.sampled_from([0, 1, 2, 8])), min_size=1, max_size=4)  # fmt: skip


@st.composite
def lives(draw: st.DrawFn) -> list[Record]:
    """A journal of one to three boots, each of which tells its clock before its chunks, and again."""
    told = [names(1)]
    for boot in range(1, draw(st.integers(1, 3)) + 1):
        told.append(clock(len(told) + 1, boot, draw(CLOCKS)))
        for what in draw(st.lists(st.sampled_from("cccckeg"), max_size=7)):
            seq = len(told) + 1
            if what == "c":
                told.append(chunk(seq, boot, draw(CELLS)))
            elif what == "g":
                told.append(gap(seq, draw(st.integers(1, seq - 1)), seq - 1, 0))
            else:
                told.append(clock(seq, boot, draw(CLOCKS)) if what == "k" else event(seq))
    return told


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Record], list[Record | int]]:
    """A life, and what happens in which order: records that come, perhaps twice, and hours that pass."""
    told = draw(lives())
    missing = draw(st.sets(st.sampled_from(told), max_size=2))
    some: list[Record | int] = [record for record in told if record not in missing or record.seq == 1]
    again = draw(st.lists(st.sampled_from(told), max_size=4))
    return told, draw(st.permutations([*some, *again, *draw(st.lists(st.sampled_from([1, 30, 500]), max_size=6))]))


def go_through(stores: list[SqliteStore], told: list[Record], story: list[Record | int]) -> None:
    now_ms, came = BEGAN_MS + 20 * HOUR_MS, set[int]()
    for what in [*story, 50]:
        if isinstance(what, Record):
            came.add(what.seq)
            commit(stores, [Records("pole-1", [what], now_ms)])
        else:
            now_ms += what * HOUR_MS
            settled = next(seq for seq in range(1, len(told) + 2) if seq not in came)
            commit(stores, [hello(settled, len(told) + 1)])
            while stores[1].tidy(now_ms):
                pass


def commit(stores: list[SqliteStore], parcels: list[Parcel]) -> None:
    first, second = (store.commit(parcels) for store in stores)
    assert first == second


def agree(kept: StoreReader, aged: StoreReader, told: list[Record]) -> None:
    assert aged.losses() == kept.losses()
    assert aged.accounts() == kept.accounts()
    assert aged.readings_by_node() == kept.readings_by_node()
    assert aged.receipts("pole-1", 7, 0, len(told)) == kept.receipts("pole-1", 7, 0, len(told))
    stock = aged.stock("pole-1")
    assert (stock.rows, stock.in_hours, stock.strays) == (stock.receipted, stock.rolled, 0)


@settings(max_examples=15, deadline=None)
@given(stories())
def test_every_reading_ends_in_the_hour_of_its_final_date(story: tuple[list[Record], list[Record | int]]) -> None:
    told, what = story
    with TemporaryDirectory(dir=FAST) as folder:
        paths = [Path(folder) / name for name in ("kept.db", "aged.db")]
        stores = [SqliteStore(paths[0]), SqliteStore(paths[1], KEEP_MS)]
        readers = [StoreReader(path) for path in paths]
        go_through(stores, told, what)
        assert summed(stores[1]) == summed(stores[0])
        agree(readers[0], readers[1], told)
        again = [Records("pole-1", [each for each in what if isinstance(each, Record)], BEGAN_MS)]
        commit(stores, [*again])
        assert summed(stores[1]) == summed(stores[0])
        for store, reader in zip(stores, readers, strict=True):
            reader.close()
            store.close()


@pytest.mark.deep
@pytest.mark.timeout(900)
@settings(max_examples=2000, deadline=None)
@given(stories())
def test_every_reading_ends_in_its_hour_in_thousands_of_lives(story: tuple[list[Record], list[Record | int]]) -> None:
    test_every_reading_ends_in_the_hour_of_its_final_date.hypothesis.inner_test(story)  # type: ignore[attr-defined]


def test_hours_under_a_date_that_was_final_stay_where_they_are(store: SqliteStore) -> None:
    """As a store of an earlier version left them: without what they were made of."""
    store.commit([Records("pole-1", [names(1), clock(2, 1, (BEGAN_MS, HOLDOVER, 10)), chunk(3, 1, at_hours(1))], 5)])
    ByDate(2 * BEGAN_MS).turn(store.db)
    before = summed(store)
    assert StoreReader(store.path).stored_readings() == 0
    store.db.execute("DELETE FROM shelf")
    store.commit([Records("pole-1", [clock(4, 1, (BEGAN_MS + 5 * HOUR_MS, SYNCED, 10))], 5)])
    ByDate(2 * BEGAN_MS).turn(store.db)
    assert summed(store) == before
    assert store.db.execute("SELECT offset_ms FROM receipts WHERE seq=3").fetchall() == [(BEGAN_MS,)]


def near(offset_hours: int, quality: ClockQuality) -> Clock:
    return BEGAN_MS + offset_hours * HOUR_MS, quality, 10


LATE: dict[str, tuple[list[Record], int, Record]] = {
    "a clock that ran on by itself is corrected": (
        [names(1), clock(2, 1, near(0, HOLDOVER)), chunk(3, 1, at_hours(1))], 0, clock(4, 1, near(5, SYNCED))),
    "what the node let go of comes from its card": (
        [names(1), clock(2, 1, near(0, SYNCED)), chunk(4, 1, at_hours(1)), event(5)], 6, clock(3, 1, near(5, SYNCED))),
    "somebody knew before it was forgotten": (
        [names(1), clock(3, 1, near(0, FLOOR)), chunk(4, 1, at_hours(1)), clock(5, 2, near(0, SYNCED))], 6,
        clock(2, 1, near(5, SYNCED))),
    "a clock of an earlier boot is told again in the next": (
        [names(1), clock(2, 2, near(0, HOLDOVER)), chunk(3, 2, at_hours(1)), clock(4, 1, near(0, SYNCED))], 0,
        clock(5, 2, near(5, SYNCED))),
    "the clock before it comes after the one behind it": (
        [names(1), chunk(3, 1, at_hours(1)), clock(4, 1, near(0, SYNCED)), clock(5, 2, near(0, SYNCED))], 6,
        clock(2, 1, near(5, SYNCED))),
    "the very next number is still to come": (
        [names(1), clock(2, 1, near(0, SYNCED)), chunk(4, 1, at_hours(1))], 0, clock(3, 1, near(5, SYNCED))),
    "of a gap one half came": (
        [names(1), clock(2, 1, near(0, SYNCED)), event(4), chunk(5, 1, at_hours(1)), gap(6, 3, 4, 0)], 0,
        clock(3, 1, near(5, SYNCED))),
    "a boot that nobody could date": (
        [names(1), clock(2, 1, (None, UNKNOWN, None)), chunk(3, 1, at_hours(1))], 0, clock(4, 1, near(5, SYNCED))),
}  # fmt: skip


@pytest.mark.parametrize("what", LATE)
def test_what_grew_old_moves_when_its_clock_comes(what: str, tmp_path: Path) -> None:
    told, lowest, late = LATE[what]
    stores = [SqliteStore(tmp_path / "kept.db"), SqliteStore(tmp_path / "aged.db", KEEP_MS)]
    commit(stores, [Records("pole-1", told, BEGAN_MS), *([hello(lowest, lowest)] if lowest else [])])
    while stores[1].tidy(BEGAN_MS + 1000 * HOUR_MS):
        pass
    assert StoreReader(stores[1].path).stored_readings() == 0
    assert summed(stores[1]) == summed(stores[0])
    before = summed(stores[0])
    commit(stores, [Records("pole-1", [late], BEGAN_MS)])
    assert summed(stores[1]) == summed(stores[0]) != before


def test_what_is_final_leaves_the_shelf_and_what_never_was_dated_stays_undated(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "readings.db", KEEP_MS)
    boots = [clock(2, 1, near(0, HOLDOVER)), chunk(3, 1, at_hours(1)), clock(4, 2, (None, UNKNOWN, None)),
             chunk(5, 2, at_hours(1)), clock(6, 3, (None, UNKNOWN, None)), chunk(7, 3, at_hours(1, 1.5))]  # fmt: skip
    store.commit([Records("pole-1", [names(1), *boots], BEGAN_MS)])
    while store.tidy(BEGAN_MS + 100 * HOUR_MS):
        pass
    counted = "SELECT boot, dated, sure, count FROM loose ORDER BY series, boot"
    assert store.db.execute("SELECT count(*) FROM shelf").fetchone() == (1,), "the last boot goes on"
    assert store.db.execute(counted).fetchall() == [(2, 0, 1, 1), (3, 0, 0, 1), (3, 0, 0, 1)]
    reader = StoreReader(store.path)
    lines = [(line.dated, line.t_ms, line.whole.count) for line in reader.export(quantity="temperature") if line.whole]
    assert lines == [(False, HOUR_MS, 1), (False, HOUR_MS, 1), (True, BEGAN_MS + HOUR_MS, 1)], "boots are not mixed"
    assert reader.stock("pole-1").undated_in_hours == 3 and reader.points(1, 0, 5 * HOUR_MS) == []


def test_an_hour_of_which_some_is_final_and_some_is_not_is_one_line(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "readings.db", KEEP_MS)
    cells = [Cell(HOUR_MS, 0, 7, 1), Cell(HOUR_MS + 1, 0, -3, 4), Cell(HOUR_MS + 2, 0, 90, 2)]
    told = [names(1), clock(2, 1, near(0, SYNCED)), chunk(3, 1, cells[:1]), clock(4, 2, near(0, HOLDOVER))]
    store.commit([Records("pole-1", [*told, chunk(5, 2, cells[1:])], BEGAN_MS)])
    while store.tidy(BEGAN_MS + 100 * HOUR_MS):
        pass
    (line,) = StoreReader(store.path).export()
    assert line.whole and (line.whole.count, line.whole.low, line.whole.high, line.whole.sum) == (3, -3, 90, 94.0)
    assert (line.flags, line.dated, line.steps, line.decimals) == (7, True, 3133, 4)
