"""Readings are kept for so long and no longer: a clock that jumps, late comers, and an account that still adds up."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.cells import Cell
from edge.wire.chunks import encode
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.jsontext import to_json
from edge.wire.record import Record, RecordKind
from fleet.store import retention
from fleet.store.read import StoreReader
from fleet.store.retention import HOUR_MS
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Records, State, StoreError
from fleet.store.tables import VERSION
from tests.fleet.store.lives import FAST, SCHEMAS

SINCE_THIRD = ("folded", "told_ms", "peak", "peak_ms", "boot_id", "greeted_ms", "greeted_next")
BEGAN_MS = 472_223 * HOUR_MS  # an hour's beginning
KEEP_MS = 10 * HOUR_MS
SCHEMA = SCHEMAS[0]
NAMES = Record(7, 2, RecordKind.SCHEMA, 0, SCHEMA.encode())
Hour = list[float]


def clock(offset_ms: int | None, quality: ClockQuality = ClockQuality.SYNCED, seq: int = 1) -> Record:
    return Record(7, seq, RecordKind.CLOCK, 0, to_json(ClockRecord(1, "b" * 32, offset_ms, quality)))


def chunk(seq: int, cells: list[Cell]) -> Record:
    return Record(7, seq, RecordKind.CHUNK, len(cells), encode(SCHEMA, 1, ClockQuality.SYNCED, cells))


def at(hour: float, steps: int = 2000, flags: int = 0, column: int = 0) -> Cell:
    return Cell(int(hour * HOUR_MS), column, steps, flags)


def say(*records: Record, arrived_ms: int = BEGAN_MS) -> Records:
    return Records("pole-1", records, arrived_ms)


def open_store(path: Path) -> SqliteStore:
    return SqliteStore(path, KEEP_MS)


def tidy(store: SqliteStore, hour: float, sure: bool = True) -> int:
    """All turns that are due; how many there were."""
    turns = 1
    while store.tidy(BEGAN_MS + int(hour * HOUR_MS), sure):
        turns += 1
    return turns


def hours(store: SqliteStore) -> dict[tuple[int, int], Hour]:
    """What is final of them, and what is not."""
    sql = """SELECT series, hour, sum(count), sum(sum), min(low), max(high), max(flags)
             FROM all_hours GROUP BY series, hour"""
    return {(series, hour): facts for series, hour, *facts in store.db.execute(sql)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "readings.db"


@pytest.fixture
def store(path: Path) -> SqliteStore:
    store = open_store(path)
    store.commit([say(clock(BEGAN_MS), NAMES)])
    return store


@pytest.fixture
def reader(store: SqliteStore, path: Path) -> StoreReader:
    return StoreReader(path)


def test_a_store_that_is_told_nothing_keeps_everything(path: Path) -> None:
    store = SqliteStore(path)
    store.commit([say(clock(BEGAN_MS), NAMES, chunk(3, [at(0)]))])
    assert not store.tidy(BEGAN_MS * 2) and StoreReader(path).stored_readings() == 1


def test_a_clock_that_jumps_ends_what_is_too_old_and_nothing_else(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([say(chunk(3, [at(0.1, 100), at(0.2, 300, 2)]), chunk(4, [at(0.9, 50, 1)]), chunk(5, [at(1.5, 7)]))])
    tidy(store, 10.99)
    assert reader.stored_readings() == 4
    tidy(store, 11)
    assert list(hours(store).values()) == [[3, 450.0, 50, 300, 3]]
    assert (reader.stored_readings(), reader.receipted_readings(), reader.readings_by_node()) == (1, 1, {"pole-1": 4})
    tidy(store, 11_000)
    assert reader.stored_readings() == 0 and len(hours(store)) == 2
    assert reader.duplicated_rows() == 0 and reader.losses() == []


def test_a_receipt_that_reaches_into_a_young_hour_stays_whole(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([say(chunk(3, [at(0.99), at(1.01)]))])
    tidy(store, 11)
    assert reader.stored_readings() == 2
    tidy(store, 12)
    assert reader.stored_readings() == 0 and len(hours(store)) == 2


def test_what_comes_late_is_added_to_its_hour(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([say(chunk(3, [at(0.1, 100)]))])
    tidy(store, 20)
    store.commit([say(chunk(4, [at(0.2, 300, 4), at(0.3, 20, 1)]), chunk(3, [at(0.1, 100)]))])
    assert [point.count for point in reader.points(1, BEGAN_MS, BEGAN_MS + HOUR_MS, 1)] == [3]
    assert [line.whole is not None for line in reader.export()] == [True, False, False]
    tidy(store, 21)
    assert list(hours(store).values()) == [[3, 420.0, 20, 300, 5]]
    assert (reader.stored_readings(), reader.duplicated_rows()) == (0, 0)


def test_a_receipt_whose_rows_went_speaks_for_no_rows_that_are_given_their_numbers_later(store: SqliteStore) -> None:
    store.commit([say(chunk(3, [at(0.1, 100)]))])
    tidy(store, 20)
    assert store.db.execute("SELECT first_row FROM receipts WHERE seq=3").fetchall() == [(None,)]


def test_undated_rows_and_guesses_are_as_old_as_their_arrival(store: SqliteStore, reader: StoreReader) -> None:
    guess, late = clock(BEGAN_MS, ClockQuality.FLOOR, 6), BEGAN_MS + 30 * HOUR_MS
    other = Record(7, 7, RecordKind.CHUNK, 1, encode(SCHEMA, 2, ClockQuality.UNKNOWN, [at(0.1)]))
    store.commit([Records("pole-2", [NAMES, guess, chunk(3, [at(0.1)]), other], late)])
    tidy(store, 40)
    assert reader.stored_readings() == 2
    tidy(store, 41)
    assert reader.stored_readings() == 0
    assert store.db.execute("SELECT hour, dated, sure, count FROM loose ORDER BY dated").fetchall() == [
        (0, 0, 0, 1), (BEGAN_MS // HOUR_MS, 1, 0, 1)]  # fmt: skip


def test_it_goes_on_where_a_turn_ended(
    store: SqliteStore, reader: StoreReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MOST_ROWS", 2)
    monkeypatch.setattr(retention, "LOOKED_AT", 3)
    cells = [[at(0.1 + seq / 100, seq), at(0.1 + seq / 100, 9, column=1)] for seq in range(12)]
    store.commit([say(*[chunk(3 + n, some) for n, some in enumerate(cells)], chunk(30, [at(0.5)] * 3))])
    store.commit([say(chunk(40, [at(0.2), at(5)]))])
    assert tidy(store, 12) > 12
    assert reader.stored_readings() == 2 and sum(hour[0] for hour in hours(store).values()) == 27


def test_many_rows_of_one_moment_that_must_stay_stop_nothing(
    store: SqliteStore, reader: StoreReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "LOOKED_AT", 2)
    store.commit([say(chunk(3, [at(0.5)] * 5 + [at(2)]), chunk(4, [at(0.6)]))])
    tidy(store, 11)
    assert reader.stored_readings() == 6


def test_a_new_office_goes_on(path: Path, store: SqliteStore) -> None:
    store.commit([say(chunk(3, [at(0.1)]))])
    store.close()
    again = open_store(path)
    tidy(again, 20)
    assert StoreReader(path).stored_readings() == 0


def test_a_turn_that_fails_leaves_everything(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([say(chunk(3, [at(0.1), at(0.2)]))])
    store.db.execute("CREATE TRIGGER t BEFORE DELETE ON readings BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(StoreError):
        store.tidy(BEGAN_MS + 20 * HOUR_MS)
    assert reader.stored_readings() == reader.receipted_readings() == 2 and hours(store) == {}
    store.db.execute("DROP TRIGGER t")
    tidy(store, 21)
    assert reader.stored_readings() == 0


def test_exports_and_points_read_hours_where_rows_are_gone(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([say(chunk(3, [at(0.1, 100, 1), at(0.2, 201, 4)]), chunk(4, [at(1.5, 7, 2)]))])
    tidy(store, 11)
    hour, row = list(reader.export())
    assert (hour.t_ms, hour.steps, hour.decimals, hour.clock) == (BEGAN_MS, 15050, 4, None) and hour.whole
    assert (hour.whole.count, hour.whole.low, hour.whole.high, hour.whole.sum) == (2, 100, 201, 301.0)
    assert (row.steps, row.whole) == (7, None)
    assert list(reader.export(from_ms=BEGAN_MS + 1)) == [row]
    assert [point.flags for point in reader.points(1, BEGAN_MS, BEGAN_MS + 2 * HOUR_MS, 1)] == [1 | 2 | 4]
    old, young = reader.points(1, BEGAN_MS, BEGAN_MS + 2 * HOUR_MS, 2)
    assert (old.value, old.count, old.rolled, young.value, young.rolled) == (1.505, 2, True, 0.07, False)
    assert reader.first_ms(1, 0) == BEGAN_MS and reader.first_ms(1, BEGAN_MS + 5) == BEGAN_MS + 5
    assert reader.first_ms(1, BEGAN_MS + HOUR_MS) == BEGAN_MS + int(1.5 * HOUR_MS)


CELLS = st.lists(st.builds(at, st.integers(0, 60).map(lambda n: n / 10), st.integers(-50, 50),
                           st.sampled_from([0, 1, 2, 8]), st.integers(0, 1)), min_size=1, max_size=5)  # fmt: skip


@settings(max_examples=25)
@given(st.lists(CELLS, max_size=12), st.data())
def test_whenever_it_is_done_nothing_is_lost_or_counted_twice(chunks: list[list[Cell]], data: st.DataObject) -> None:
    records = [chunk(seq, cells) for seq, cells in enumerate(chunks, 3)]
    with TemporaryDirectory(dir=FAST) as folder:
        path, hour = Path(folder) / "readings.db", 0.0
        store, reader = open_store(path), StoreReader(path)
        store.commit([say(clock(BEGAN_MS), NAMES)])
        for record in data.draw(st.permutations([*records, *records[:3]])):
            hour += data.draw(st.sampled_from([0, 0, 1, 5]))
            store.commit([say(record)])
            store.tidy(BEGAN_MS + int(hour * HOUR_MS))
        assert reader.readings_by_node().get("pole-1", 0) == sum(len(cells) for cells in chunks)
        assert reader.stored_readings() == reader.receipted_readings()
        tidy(store, 1000)
        assert totals(store) == expected(chunks) and reader.stored_readings() == 0
        reader.close()
        store.close()


def totals(store: SqliteStore) -> dict[tuple[str, int], list[float]]:
    sql = "SELECT quantity, hour, count, sum, low, high, flags FROM hours JOIN series ON id=series"
    return {(quantity, hour): facts for quantity, hour, *facts in store.db.execute(sql)}


def expected(chunks: list[list[Cell]]) -> dict[tuple[str, int], list[float]]:
    found: dict[tuple[str, int], list[Cell]] = defaultdict(list)
    for cell in (cell for cells in chunks for cell in cells):
        found[SCHEMA.columns[cell.column].quantity, (BEGAN_MS + cell.at_ms) // HOUR_MS].append(cell)
    facts = {}
    for key, cells in found.items():
        steps, flags = [cell.steps for cell in cells], 0
        for cell in cells:
            flags |= cell.flags
        facts[key] = [len(cells), float(sum(steps)), min(steps), max(steps), flags]
    return facts


def columns(store: SqliteStore) -> list[tuple[str, ...]]:
    sql = "SELECT m.name, c.name, c.type, c.pk FROM sqlite_schema m JOIN pragma_table_info(m.name) c ORDER BY 1, 2"
    return store.db.execute(sql).fetchall()


def test_an_older_store_is_taken_over(path: Path, store: SqliteStore) -> None:
    later = Record(7, 9, RecordKind.CHUNK, 1, encode(SCHEMAS[1], 1, ClockQuality.SYNCED, [at(0.5)]))
    store.commit([say(chunk(3, [at(0.1)]), later)])
    tables = columns(store)
    for sql in ("DROP VIEW all_hours", "DROP TABLE loose", "DROP TABLE shelf", "DROP TABLE runs",
                "DROP TABLE copies", "DROP TABLE steps", "DROP TABLE hours",
                "DROP TABLE boots", "DROP TABLE clones",
                *[f"ALTER TABLE journals DROP COLUMN {name}" for name in SINCE_THIRD],
                "ALTER TABLE raw DROP COLUMN receipts", "ALTER TABLE raw DROP COLUMN seq",
                "ALTER TABLE raw DROP COLUMN counts", "ALTER TABLE journals DROP COLUMN said",
                "PRAGMA user_version=1"):  # fmt: skip
        store.db.execute(sql)
    store.close()
    again = open_store(path)
    assert again.db.execute("PRAGMA user_version").fetchone() == (VERSION,) and columns(again) == tables
    again.commit([say(Record(7, 10, RecordKind.SCHEMA, 0, SCHEMAS[1].encode()))])
    assert again.db.execute("SELECT state FROM receipts WHERE seq=9").fetchone() == (State.STORED,)
    tidy(again, 20)
    assert StoreReader(path).stored_readings() == 0
    assert [hour[0] for hour in hours(again).values()] == [2]


def test_a_store_of_another_version_is_not_read_until_it_was_taken_over(path: Path, store: SqliteStore) -> None:
    store.db.execute("PRAGMA user_version=2")
    with pytest.raises(sqlite3.OperationalError, match="taken over by `fleet serve`"):
        StoreReader(path).nodes()


def undated(seq: int, arrived_ms: int) -> Records:
    return say(Record(7, seq, RecordKind.CHUNK, 1, encode(SCHEMA, 9, ClockQuality.UNKNOWN, [at(0.1)])),
               arrived_ms=arrived_ms)  # fmt: skip


def hour(number: float) -> int:
    return BEGAN_MS + int(number * HOUR_MS)


WRONG: dict[str, tuple[list[int], dict[float, int]]] = {
    "an office that woke up in 1970": ([5, hour(30)], {29.5: 0, 40: 0, 41: 2}),
    "and nothing came since": ([5], {1000: 0}),
    "an office that was ten years ahead for a while": ([hour(1), hour(90_000), hour(30)], {12: 1, 40: 1, 41: 3}),
    "an office whose clock went back": ([hour(30), hour(1), hour(31)], {40: 0, 41: 2, 42: 3}),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_has_no_date_is_as_old_as_what_it_came_with(path: Path, what: str) -> None:
    came, expected = WRONG[what]
    store, reader = open_store(path), StoreReader(path)
    store.commit([say(NAMES, arrived_ms=5)])
    for seq, arrived_ms in enumerate(came, 3):
        store.commit([undated(seq, arrived_ms)])
    for when, gone in expected.items():
        tidy(store, when)
        assert reader.stored_readings() == len(came) - gone, when


def test_an_office_whose_clock_goes_back_has_nothing_to_do(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([say(chunk(3, [at(0.1)])), say(chunk(4, [at(20)]))])
    tidy(store, 11)
    assert reader.stored_readings() == 1
    assert not store.tidy(BEGAN_MS - 1000 * HOUR_MS) and not store.tidy(hour(11))
    tidy(store, 31)
    assert reader.stored_readings() == 0


def test_what_is_dated_long_after_it_came_is_as_old_as_its_arrival(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([say(chunk(3, [at(80_000)])), say(chunk(4, [at(20)]))])
    tidy(store, 11)
    assert reader.stored_readings() == 1 and [key[1] - BEGAN_MS // HOUR_MS for key in hours(store)] == [80_000]
    assert reader.duplicated_rows() == 0
