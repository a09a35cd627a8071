"""The node's own counters against the store's sums: it adds up, something is missing, or more came than was told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge.wire.chunks import encode
from edge.wire.clocks import ClockQuality
from edge.wire.jsontext import to_json
from edge.wire.messages import Health, Hello, State
from edge.wire.record import Record, RecordKind
from fleet.store.read import StoreReader
from fleet.store.retention import HOUR_MS
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Greeting, Refused, Vitals
from fleet.store.tellings import COUNTER
from fleet.verify import journal_check, stock_checks
from tests.fleet.store.lives import SCHEMAS
from tests.fleet.store.test_losses import FULL, LEAP, gap
from tests.fleet.store.test_packs import chunk, clock, names, packed, say
from tests.fleet.store.test_retention import BEGAN_MS, at

GOOD, BAD, UNKNOWN = State.GOOD, State.BAD, State.UNKNOWN
HELD = sum(chunk(seq).count for seq in range(3, 7))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "readings.db"


@pytest.fixture
def store(path: Path) -> SqliteStore:
    store = SqliteStore(path, 10 * HOUR_MS)
    store.commit([say(clock(1), names(2), packed(3, 6))])
    return store


@pytest.fixture
def reader(store: SqliteStore, path: Path) -> StoreReader:
    return StoreReader(path)


def hello(total: int, upcoming: int, lowest: int = 1, epoch: int = 7) -> Greeting:
    return Greeting("pole-1", Hello("pole-1", "b" * 32, epoch, lowest, upcoming, readings_total=total, acked=0), 1000)


def judged(reader: StoreReader) -> tuple[State, str]:
    check = journal_check(reader.accounts("pole-1")[0])
    assert bool(check.remedy) == (check.state is not GOOD)
    return check.state, check.reason


def test_before_a_hello_nobody_can_say(store: SqliteStore, reader: StoreReader) -> None:
    assert judged(reader) == (UNKNOWN, "10 here, 0 named in gaps; its node has not said how many it took.")
    store.commit([hello(0, 7)])
    assert judged(reader)[0] is UNKNOWN


def test_what_is_here_and_what_is_named_add_up(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([hello(HELD, 7)])
    assert judged(reader) == (GOOD, "It adds up: 10 taken, 10 here, 0 named in gaps.")
    store.commit([say(gap(9, 7, 8, 60, FULL)), hello(HELD + 60, 10)])
    assert judged(reader) == (GOOD, "It adds up: 70 taken, 10 here, 60 named in gaps.")
    store.commit([say(chunk(7))])
    assert judged(reader)[0] is GOOD


def test_what_is_not_here_and_not_named_is_missing(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([hello(HELD + 5, 7)])
    assert judged(reader) == (BAD, "Missing: 5 readings that no gap names: 15 taken, 10 here, 0 named in gaps.")


def test_more_than_told(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([hello(HELD - 3, 7)])
    assert judged(reader) == (BAD, "More than told: 3 readings too many: 7 taken, 10 here, 0 named in gaps.")


def test_what_is_still_to_come_is_not_missing(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([hello(HELD + 5, 9)])
    assert judged(reader)[0] is UNKNOWN and judged(reader)[1].startswith("2 records are still to come, 5 readings")


def test_what_the_node_let_go_of_unsaid_is_missing(store: SqliteStore, reader: StoreReader) -> None:
    said = Hello("pole-1", "b" * 32, 7, 9, 9, readings_total=HELD + 5)
    store.commit([Greeting("pole-1", said, 1000)])
    assert judged(reader)[0] is BAD and judged(reader)[1].startswith("Missing: 2 records never came")


def test_an_old_journal_that_was_not_drained_is_missing(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([hello(HELD + 5, 9)])
    store.commit([hello(0, 1, epoch=8)])
    assert judged(reader)[0] is BAD
    assert [(account.epoch, account.current) for account in reader.accounts()] == [(7, False), (8, True)]


def test_a_gap_that_reaches_beyond_the_hello_may_hold_what_is_left(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([hello(HELD + 5, 9), say(gap(12, 7, 11, 8, FULL))])
    assert judged(reader)[0] is GOOD
    store.commit([hello(HELD + 9, 9)])
    assert judged(reader)[0] is BAD


def test_what_a_disk_forgot_after_the_office_had_it_is_no_surplus(store: SqliteStore, reader: StoreReader) -> None:
    left = HELD - chunk(6).count - chunk(5).count
    store.commit([hello(HELD, 7)])
    store.commit([say(gap(LEAP, 5, LEAP - 1)), hello(left, LEAP + 1)])
    forgot = HELD - left
    state, words = judged(reader)
    told = f"It adds up: {left} taken, {left} here, 0 named in gaps, {forgot} here that its disk then lost; at 1970"
    assert state is GOOD and words.startswith(told) and words.endswith("a card that forgot.")


def test_a_late_hello_does_not_speak_for_now(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([hello(HELD, 7)])
    store.commit([hello(2, 4)])
    assert judged(reader)[0] is GOOD


def health(seq: int, total: int) -> Record:
    return Record(7, seq, RecordKind.HEALTH, 0, to_json(Health(5, [], {COUNTER: total})))


def test_a_health_record_after_the_hello_is_heard_too(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([hello(HELD, 7), say(chunk(7), health(9, HELD + chunk(7).count + 4))])
    assert judged(reader)[0] is GOOD, "a record before it is still to come"
    store.commit([say(chunk(8))])
    assert chunk(8).count == 1
    assert judged(reader)[0] is BAD and judged(reader)[1].startswith("Missing: 3 readings")
    store.commit([say(Record(7, 10, RecordKind.HEALTH, 0, b"[]"))])
    assert judged(reader)[0] is GOOD


def restarted(total: int, upcoming: int, boot: str = "c", at_ms: int = 2000) -> Greeting:
    said = Hello("pole-1", boot * 32, 7, 1, upcoming, readings_total=total, acked=0, sent_ms=50)
    return Greeting("pole-1", said, at_ms)


def vitals(total: int, at_ms: int = 60, arrived_ms: int = 3000) -> Vitals:
    return Vitals("pole-1", Health(at_ms, [], {COUNTER: total}), arrived_ms)


def test_what_was_taken_since_the_hello_is_told_with_its_moment(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([restarted(HELD, 7), vitals(HELD + 7), vitals(HELD + 3, arrived_ms=2500), vitals(99, at_ms=49)])
    (account,) = reader.accounts()
    assert (account.told_ms, account.in_flight, account.as_of_ms) == (2000, 7, 3000)
    state, words = judged(reader)
    assert state is GOOD and words.endswith("7 taken since and not here at 1970-01-01T00:00:03.000Z.")
    store.commit([say(chunk(7))])
    assert reader.accounts()[0].in_flight == 7 - chunk(7).count
    store.commit([restarted(HELD + 7, 20)])
    assert reader.accounts()[0].in_flight == 0 and judged(reader)[0] is UNKNOWN


def test_what_is_missing_already_is_not_in_flight_as_well(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([restarted(HELD + 5, 7), vitals(HELD + 7)])
    assert reader.accounts()[0].in_flight == 2 and judged(reader)[1].startswith("Missing: 5 readings that no gap names")


def test_what_an_abandoned_journal_had_taken_is_missing(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([restarted(HELD, 7), vitals(HELD + 7)])
    store.commit([hello(0, 1, epoch=8)])
    store.commit([vitals(3)])
    old, new = reader.accounts()
    assert (old.in_flight, new.in_flight, old.current, new.current) == (7, 3, False, True)
    assert judged(reader)[0] is BAD and judged(reader)[1].startswith("Missing: 7 readings that its node had counted")


def test_what_a_disk_forgot_before_the_office_had_it_is_missing(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([restarted(HELD, 7, "b"), vitals(HELD + 9)])
    left = HELD - chunk(6).count
    store.commit([say(gap(LEAP, 6, LEAP - 1)), restarted(left, LEAP + 1, at_ms=4000)])
    (account,) = reader.accounts()
    assert (account.stepped_ms, account.erased, account.forgotten, account.in_flight) == (4000, 9, chunk(6).count, 0)
    assert judged(reader)[0] is BAD and judged(reader)[1].startswith("Missing: 9 readings that its node had counted")
    store.commit([say(gap(2 * LEAP, LEAP + 1, 2 * LEAP - 1)), restarted(left - 1, 2 * LEAP + 1, "d", 5000)])
    (account,) = reader.accounts()
    assert (account.stepped_ms, account.erased) == (5000, 9), "what was forgotten the first time weighs nothing"


def test_a_count_that_steps_back_is_told_though_all_is_here(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([restarted(HELD, 7, "b"), restarted(4, 5, "c", 4000)])
    (account,) = reader.accounts()
    assert (account.told, account.stepped_ms, account.erased) == (HELD, 4000, 0)
    state, words = judged(reader)
    assert state is GOOD and "at 1970-01-01T00:00:04.000Z its count stepped back: an older copy" in words


def test_a_late_hello_of_the_same_boot_is_no_step_back(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([restarted(HELD, 7), vitals(HELD + 5), restarted(HELD, 7), restarted(3, 4)])
    (account,) = reader.accounts()
    assert (account.stepped_ms, account.in_flight, account.told) == (None, 5, HELD)


def answers(reader: StoreReader) -> dict[str, State]:
    return {check.name: check.state for check in stock_checks(reader.stock("pole-1"))}


WELL = {"rows": GOOD, "duplicates": GOOD, "readable": GOOD}


def test_rows_and_receipts_agree(store: SqliteStore, reader: StoreReader) -> None:
    assert answers(reader) == WELL
    store.db.execute("DELETE FROM readings WHERE id=2")
    assert answers(reader) == WELL | {"rows": BAD}


def test_a_row_of_nobody_is_seen_though_the_sums_agree(store: SqliteStore, reader: StoreReader) -> None:
    store.db.execute("UPDATE readings SET receipt=4711, t_ms=5 WHERE id=2")
    (rows, *_) = stock_checks(reader.stock("pole-1"))
    assert rows.state is BAD and rows.reason == "10 rows for 10 readings in receipts; 1 rows belong to no receipt."


def test_a_row_that_is_there_twice_is_seen(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([say(replace(chunk(5), seq=8))])
    assert (answers(reader), reader.stock("pole-1").twice) == (WELL | {"duplicates": BAD}, chunk(5).count)
    assert reader.duplicated_rows() == chunk(5).count


def test_a_mean_may_share_the_moment_of_the_last_it_stands_for(store: SqliteStore, reader: StoreReader) -> None:
    from drivers.reading import Flag

    thinned = [cell._replace(flags=int(Flag.THINNED)) for cell in [at(0.1)]]
    for seq, cells in ((8, [at(0.1)]), (9, thinned)):
        store.commit([say(Record(7, seq, 1, 1, encode(SCHEMAS[0], 1, ClockQuality.SYNCED, cells)))])
    assert answers(reader) == WELL and reader.duplicated_rows() == 0


def test_hours_and_receipts_agree(store: SqliteStore, reader: StoreReader) -> None:
    while store.tidy(BEGAN_MS * 2):
        pass
    store.commit([hello(HELD, 7)])
    assert (reader.stock("pole-1").rolled, answers(reader), judged(reader)[0]) == (HELD, WELL, GOOD)
    store.db.execute("UPDATE hours SET count=count+1")
    assert answers(reader)["rows"] is BAD


def test_what_cannot_be_read_is_told(store: SqliteStore, reader: StoreReader) -> None:
    other = Record(7, 8, RecordKind.CHUNK, 1, encode(SCHEMAS[1], 1, ClockQuality.SYNCED, [at(0)]))
    store.commit([say(other)])
    assert answers(reader) == WELL | {"readable": UNKNOWN}
    store.commit([say(Record(7, 9, RecordKind.CHUNK, 4, b"?")), Refused("pole-1", "record", b"?", "why", 1)])
    stock = reader.stock("pole-1")
    assert (stock.raw, stock.raw_records, stock.refused) == (1, 1, 1)
    assert (stock.quarantined, stock.quarantined_records) == (4, 1)
    assert answers(reader) == WELL | {"readable": BAD}
