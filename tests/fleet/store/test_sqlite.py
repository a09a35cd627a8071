"""The store's file: settings that took, errors that leave nothing behind, and what people count by."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.wire.cells import Cell
from edge.wire.chunks import encode
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.jsontext import to_json
from edge.wire.messages import GapRecord, Hello
from edge.wire.messages import State as Answer
from edge.wire.record import Record, RecordKind
from edge.wire.version import BUILT_MS
from fleet.facts import all_facts
from fleet.health import checks
from fleet.store import ingest, memory, tables
from fleet.store.answers import Loss, Unread
from fleet.store.losses import FORSAKEN, GONE
from fleet.store.read import StoreReader
from fleet.store.retention import DAY_MS
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Greeting, PoisonError, Records, State, StoreError
from fleet.store.tables import VERSION, open_writer
from tests.fleet.store.lives import SCHEMAS

SCHEMA = SCHEMAS[0]


def chunk(seq: int, boot: int = 1) -> Record:
    cells = [Cell(seq * 1000, 0, 2000 + seq), Cell(seq * 1000, 1, 5000, 6)]
    return Record(7, seq, RecordKind.CHUNK, 2, encode(SCHEMA, boot, ClockQuality.SYNCED, cells))


def clock(seq: int, offset: int | None, quality: ClockQuality = ClockQuality.SYNCED) -> Record:
    return Record(7, seq, RecordKind.CLOCK, 0, to_json(ClockRecord(1, "b" * 32, offset, quality)))


def names(seq: int) -> Record:
    return Record(7, seq, RecordKind.SCHEMA, 0, SCHEMA.encode())


def say(*records: Record) -> list[Records]:
    return [Records("pole-1", records, 1000)]


def test_the_settings_that_promises_rest_on(store: SqliteStore, path: Path) -> None:
    found = {name: store.db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert found == {"journal_mode": "wal", "synchronous": 2}
    assert oct(path.stat().st_mode & 0o777) == "0o600"


def test_a_store_of_a_newer_fleet_is_not_touched(path: Path, store: SqliteStore) -> None:
    store.db.execute(f"PRAGMA user_version={VERSION + 1}")
    store.close()
    with pytest.raises(ValueError, match="newer fleet"):
        open_writer(path)


def test_readings_are_found_by_series_time_and_arrival(store: SqliteStore, reader: StoreReader) -> None:
    store.commit(say(clock(1, 1_000_000), names(2), chunk(3), chunk(4)))
    humidity, temperature = reader.series("pole-1")
    assert (temperature.quantity, temperature.unit, temperature.last_value) == ("temperature", "°C", 20.04)
    assert (humidity.quantity, humidity.last_flags) == ("humidity", 6)
    points = reader.points(temperature.id, 1_000_000, 1_010_000, 10)
    assert [(point.t_ms, point.value) for point in points] == [(1_003_000, 20.03), (1_004_000, 20.04)]
    (thin,) = reader.points(temperature.id, 1_000_000, 1_010_000, 1)
    assert (thin.low, thin.high, thin.count) == (20.03, 20.04, 2)
    assert [line.steps for line in reader.tail("pole-1", 2)] == [2004, 5000]
    assert [line.steps for line in reader.tail(after_row=3)] == [5000]
    assert [line.steps for line in reader.export(quantity="temperature", from_ms=1_004_000)] == [2004]
    assert reader.readings_by_node() == {"pole-1": 4} and temperature.interval_ms == 1000


@pytest.mark.parametrize(
    ("after_ms", "arrived_ms", "quality"),
    [(DAY_MS, BUILT_MS, 0), (DAY_MS + 1, BUILT_MS, 3), (DAY_MS + 1, BUILT_MS - 1, 0), (-1, BUILT_MS, 0)],
    ids=["as clocks differ", "it was measured after it came", "the office itself was in 1970", "before"],
)
def test_nothing_is_measured_after_it_arrived(
    store: SqliteStore, reader: StoreReader, after_ms: int, arrived_ms: int, quality: int
) -> None:
    offset_ms = arrived_ms + after_ms - 3000
    store.commit([Records("pole-1", (clock(1, offset_ms), names(2), chunk(3)), arrived_ms)])
    assert [(line.t_ms, line.clock) for line in reader.export()] == [(arrived_ms + after_ms, quality)] * 2


def test_what_has_no_clock_is_undated_until_it_comes(store: SqliteStore, reader: StoreReader) -> None:
    store.commit(say(names(2), chunk(3)))
    assert (reader.undated_readings(), reader.tail()[0].dated, reader.tail()[0].clock) == ({"pole-1": 2}, False, 3)
    store.commit(say(clock(4, 1_000_000)))
    assert (reader.undated_readings(), reader.tail()[0].dated, reader.tail()[0].t_ms) == ({}, True, 1_003_000)


def test_what_a_record_only_claims_to_hold_is_not_undated(store: SqliteStore, reader: StoreReader) -> None:
    claims = [replace(chunk(2), count=2**31 - 1), replace(chunk(3), count=2**31 - 1, body=b"?")]
    store.commit(say(*claims))
    assert (reader.undated_readings(), reader.unread()["pole-1"].quarantined) == ({}, 1)
    store.commit(say(names(4)))
    assert reader.undated_readings() == {"pole-1": 2}


@pytest.mark.parametrize("schema_first", [True, False])
def test_a_chunk_that_holds_more_than_its_record_says_is_quarantined(store: SqliteStore, schema_first: bool) -> None:
    """What a payload may hold is weighed by what its records say: who says less may not bring more."""
    done = store.commit(say(*[names(1)] * schema_first, replace(chunk(2), count=1)))
    assert (done.acks[0].ranges or done.acks[0].upto) and done.quarantined == 1
    why = "a chunk of 2 readings, and its record says 1"
    assert store.db.execute("SELECT why, body FROM raw").fetchall() == [(why, chunk(2).body)]


def test_what_has_no_schema_is_kept_acked_and_asked_for(store: SqliteStore, reader: StoreReader) -> None:
    (ack,) = store.commit(say(clock(1, 5), chunk(3))).acks
    assert (ack.upto, ack.ranges, ack.resend_schema) == (1, ((3, 3),), (SCHEMA.key.hex(),))
    assert (reader.stored_readings(), reader.waiting_readings(State.RAW)) == (0, 2)
    (again,) = store.commit(say(chunk(3))).acks
    assert again.resend_schema == (SCHEMA.key.hex(),)
    (ack,) = store.commit(say(names(2))).acks
    assert (ack.upto, ack.resend_schema) == (3, ())
    assert (reader.stored_readings(), reader.waiting_readings(State.RAW)) == (2, 0)


def test_what_cannot_be_read_is_quarantined_and_acked(store: SqliteStore, reader: StoreReader) -> None:
    bad = Record(7, 1, RecordKind.CHUNK, 5, b"no chunk of ours")
    done = store.commit(say(bad))
    assert (done.acks[0].upto, done.quarantined) == (1, 1)
    assert (reader.waiting_readings(State.QUARANTINED), reader.unread("pole-1")) == (5, {"pole-1": Unread(0, 1, 0)})
    assert store.db.execute("SELECT body FROM raw").fetchone() == (b"no chunk of ours",)


def test_gaps_count_only_what_did_not_arrive(store: SqliteStore, reader: StoreReader) -> None:
    gap = Record(7, 9, RecordKind.GAP, 0, to_json(GapRecord(3, 5, 6, "journal full")))
    (ack,) = store.commit(say(clock(1, 5), names(2), gap)).acks
    assert (ack.upto, ack.ranges) == (5, ((9, 9),))
    assert reader.losses() == [Loss("pole-1", 7, 3, 5, 6, "journal full", 3)]
    store.commit(say(chunk(4)))
    assert reader.losses("pole-1") == [Loss("pole-1", 7, 3, 5, 4, "journal full", 2, 1)]
    assert reader.losses("pole-2") == []


def test_a_hole_that_a_hello_shows_is_named(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([*say(clock(1, 5)), Greeting("pole-1", Hello("pole-1", "b" * 32, 7, 4, 9), 1000)])
    assert reader.losses("pole-1") == [Loss("pole-1", 7, 2, 3, None, GONE, 2)]
    assert reader.waiting_records("pole-1") == {"pole-1": 5}
    store.commit(say(names(2), chunk(3), chunk(5)))
    assert reader.losses() == []
    assert reader.waiting_records() == {"pole-1": 4}


def test_after_an_error_nothing_of_the_batch_is_there_and_the_next_try_succeeds(
    store: SqliteStore, reader: StoreReader
) -> None:
    store.db.execute("CREATE TRIGGER full BEFORE INSERT ON readings BEGIN SELECT RAISE(ABORT, 'full'); END")
    before = store.db
    with pytest.raises(PoisonError, match="full"):
        store.commit(say(clock(1, 5), names(2), chunk(3)))
    assert store.db is not before
    assert reader.nodes() == [] and reader.db.execute("SELECT count(*) FROM receipts").fetchone() == (0,)
    store.db.execute("DROP TRIGGER full")
    (ack,) = store.commit(say(clock(1, 5), names(2), chunk(3))).acks
    assert (ack.upto, reader.stored_readings(), reader.duplicated_rows()) == (3, 2, 0)


def test_a_disk_that_is_full_is_not_the_message_s_fault(store: SqliteStore, reader: StoreReader) -> None:
    (pages,) = store.db.execute("PRAGMA page_count").fetchone()
    store.db.execute(f"PRAGMA max_page_count={pages}")
    many = say(clock(1, 5), names(2), *[chunk(seq) for seq in range(3, 400)])
    with pytest.raises(StoreError, match="full") as raised:
        store.commit(many)
    assert not isinstance(raised.value, PoisonError)
    assert store.commit(many).acks[0].upto == 399
    assert reader.stored_readings() == 2 * 397


def test_a_row_that_is_there_twice_is_counted(store: SqliteStore, reader: StoreReader) -> None:
    store.commit(say(clock(1, 5), names(2), chunk(3)))
    assert reader.duplicated_rows() == 0
    store.db.execute(
        "INSERT INTO readings(series, t_ms, steps, flags, receipt) SELECT series, t_ms, steps, 0, 99 FROM readings"
    )
    assert reader.duplicated_rows() == 4


def test_there_is_nothing_to_read_before_the_first_commit(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        StoreReader(tmp_path / "none.db").nodes()


@pytest.mark.parametrize("question", ["undated_readings", "newest_clocks", "waiting_records"])
def test_questions_about_one_node_do_not_read_every_receipt(
    store: SqliteStore, reader: StoreReader, question: str
) -> None:
    store.commit(say(clock(1, 5), names(2), chunk(3)))
    asked: list[str] = []
    reader.db.set_trace_callback(asked.append)
    getattr(reader, question)("pole-1")
    reader.db.set_trace_callback(None)
    plan = [row[3] for row in reader.db.execute(f"EXPLAIN QUERY PLAN {asked[0]}")]
    assert [step for step in plan if step.startswith("SCAN")] == []


def test_a_hole_is_named_by_an_office_that_was_just_started(path: Path, store: SqliteStore) -> None:
    store.commit(say(clock(1, 5)))
    store.close()
    SqliteStore(path).commit([hello(7, 9, lowest=4)])
    assert StoreReader(path).losses() == [Loss("pole-1", 7, 2, 3, None, GONE, 2)]


def test_at_each_hello_the_schemas_that_are_awaited_are_asked_for_again(path: Path, store: SqliteStore) -> None:
    store.commit(say(clock(1, 5), chunk(3)))
    store.close()
    store = SqliteStore(path)
    assert store.commit([hello(7, 9)]).acks[0].resend_schema == (SCHEMA.key.hex(),)
    store.commit(say(names(2)))
    assert store.commit([hello(7, 9)]).acks[0].resend_schema == ()


def test_what_was_given_up_without_an_ack_waits_for_its_gap_record(store: SqliteStore, reader: StoreReader) -> None:
    store.commit(say(clock(1, 5)))
    said = Hello("pole-1", "b" * 32, 7, 6, 9, acked=2)
    (ack,) = store.commit([Greeting("pole-1", said, 1000)]).acks
    assert (ack.upto, reader.losses()) == (2, [Loss("pole-1", 7, 2, 2, None, GONE, 1)])
    gap = Record(7, 9, RecordKind.GAP, 0, to_json(GapRecord(3, 5, 6, "journal full")))
    (ack,) = store.commit(say(gap)).acks
    assert (ack.upto, [loss.readings for loss in reader.losses()]) == (5, [6, None])


def old(seq: int) -> Records:
    return Records("pole-1", [Record(7, seq, RecordKind.EVENT, 0, b"{}")], 1000)


def hello(epoch: int, upcoming: int, lowest: int = 1) -> Greeting:
    return Greeting("pole-1", Hello("pole-1", "b" * 32, epoch, lowest, upcoming), 1000)


def test_what_an_old_journal_still_held_is_missing_once_a_new_one_begins(
    store: SqliteStore, reader: StoreReader
) -> None:
    store.commit([hello(7, 100), *[old(seq) for seq in range(1, 11)]])
    assert (reader.losses(), reader.waiting_records()) == ([], {"pole-1": 89})
    store.commit([hello(77, 1)])
    assert reader.losses() == [Loss("pole-1", 7, 11, 99, None, FORSAKEN, 89)]
    assert reader.waiting_records() == {"pole-1": 0}
    (facts,) = all_facts(reader, ["pole-1"])
    gaps = next(check for check in checks(facts, 2000) if check.name == "gaps")
    assert (gaps.state, gaps.reason) == (Answer.BAD, f"89 records are missing: {FORSAKEN}.")


def test_a_late_hello_of_the_old_journal_does_not_make_it_the_new_one(store: SqliteStore, reader: StoreReader) -> None:
    for _ in range(2):
        store.commit([hello(7, 100)])
        store.commit([hello(77, 5)])
    assert reader.losses() == [Loss("pole-1", 7, 1, 99, None, FORSAKEN, 99)]
    assert reader.waiting_records() == {"pole-1": 4}


def test_a_card_that_was_pulled_may_be_read_later(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([hello(7, 8)])
    store.commit([hello(77, 1)])
    store.commit([old(3), old(4)])
    assert [(loss.first, loss.last) for loss in reader.losses()] == [(1, 2), (5, 7)]
    store.commit([old(seq) for seq in range(1, 8)])
    assert reader.losses() == []


def test_a_card_that_is_put_back_is_the_journal_again(store: SqliteStore, reader: StoreReader) -> None:
    for greeting in (hello(7, 8), hello(77, 3), hello(7, 9)):
        store.commit([greeting])
    assert reader.losses() == [Loss("pole-1", 77, 1, 2, None, FORSAKEN, 2)]
    assert reader.waiting_records() == {"pole-1": 8}


def test_what_was_heard_last_in_one_batch_decides(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([hello(7, 8)])
    store.commit([hello(77, 3), old(9), hello(77, 4)])
    assert [loss.epoch for loss in reader.losses()] == [7]


def test_the_same_journal_after_a_new_start_is_the_same_journal(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([hello(7, 8), hello(7, 12)])
    assert (reader.losses(), reader.waiting_records()) == ([], {"pole-1": 11})


def test_a_node_was_last_heard_when_its_newest_word_came(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([Records("pole-1", [clock(1, 5)], 2000)])
    store.commit([Records("pole-1", [names(2)], 1000), Records("pole-1", [chunk(3)], 9000, rescued=True)])
    assert reader.nodes()[0].last_ms == 2000


def test_a_node_that_was_heard_at_a_clock_that_was_ahead_is_heard_now(store: SqliteStore, reader: StoreReader) -> None:
    for arrived_ms, last_ms in [(10**12, 10**12), (2000, 2000), (302_000, 302_000), (2000, 302_000), (1999, 1999)]:
        store.commit([Records("pole-1", [names(2)], arrived_ms)])
        store.commit([Records("pole-1", [chunk(3)], 9000, rescued=True)])
        assert reader.nodes()[0].last_ms == last_ms


def test_what_is_remembered_is_bounded_and_nothing_hangs_on_it(
    store: SqliteStore, reader: StoreReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "MOST_KEPT", 3)
    told = [Records(f"pole-{n}", [clock(1, 5), names(2), chunk(3)], 1000) for n in range(10)]
    for parcel in [*told, *told]:
        store.commit([parcel])
        assert len(store.memory.nodes) <= 4 and len(store.memory.settled) <= 4
    assert (reader.stored_readings(), len(reader.nodes())) == (20, 10)


@pytest.mark.parametrize("error", [OSError(5, "input/output error"), MemoryError()])
def test_a_machine_that_fails_is_not_the_message_s_fault(
    store: SqliteStore, reader: StoreReader, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ingest, "decode_columns", raising(error))
        with pytest.raises(StoreError) as raised:
            store.commit(say(clock(1, 5), names(2), chunk(3)))
    assert not isinstance(raised.value, PoisonError)
    assert (reader.nodes(), store.commit(say(clock(1, 5), names(2), chunk(3))).acks[0].upto) == ([], 3)


def raising(error: Exception) -> Callable[..., object]:
    def work(*_: object) -> object:
        raise error

    return work


def test_a_second_writer_is_waited_for_and_then_nothing_is_half_done(store: SqliteStore, reader: StoreReader) -> None:
    store.db.execute("PRAGMA busy_timeout=1")
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked") as raised:
        store.commit(say(clock(1, 5), names(2), chunk(3)))
    assert not isinstance(raised.value, PoisonError) and reader.nodes() == []
    other.execute("ROLLBACK")
    assert store.commit(say(clock(1, 5), names(2), chunk(3))).acks[0].upto == 3
    other.close()


def test_after_a_commit_nobody_heard_of_the_same_again_is_acked_the_same(path: Path, store: SqliteStore) -> None:
    first = store.commit([*say(clock(1, 5), names(2), chunk(3)), hello(7, 9)])
    again = SqliteStore(path)  # the collector died between commit and ack, and left its connection as it was
    after = again.commit([*say(clock(1, 5), names(2), chunk(3)), hello(7, 9)])
    assert (after.acks, after.duplicates, after.rows) == (first.acks, 3, {})


def test_a_card_is_read_without_becoming_the_journal_that_is_written(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([hello(7, 8), hello(77, 3)])
    store.commit([Records("pole-1", [Record(7, 9, RecordKind.EVENT, 0, b"{}")], 1000, rescued=True)])
    store.quarantine(Records("pole-1", [Record(7, 10, RecordKind.EVENT, 0, b"{}")], 1000, rescued=True), "why")
    assert [account.epoch for account in reader.accounts() if account.current] == [77]
    store.quarantine(Records("pole-1", [Record(7, 11, RecordKind.EVENT, 0, b"{}")], 1000), "why")
    assert [account.epoch for account in reader.accounts() if account.current] == [7]


def test_a_setting_that_does_not_take_is_said_at_the_start(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tables.SETTINGS, "busy_timeout", -5)
    with pytest.raises(ValueError, match="busy_timeout is 0, it must be -5"):
        SqliteStore(path)


def test_who_reads_cannot_write(store: SqliteStore, reader: StoreReader) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.db.execute("DELETE FROM receipts")
