"""However a journal is packed, and however often: the same receipts and rows. And kept records, and open windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.cells import Cell
from edge.wire.chunks import encode
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.jsontext import to_json
from edge.wire.kept import keep
from edge.wire.messages import GapRecord
from edge.wire.packs import repack
from edge.wire.record import Pack, Record, RecordKind, pack, unpack
from edge.wire.topics import up
from fleet.collect import Incoming, kept
from fleet.store.answers import Unread
from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Parcel, Records, State
from tests.fleet.store.lives import FAST, SCHEMAS, digest

KNOWN = {schema.key: schema for schema in SCHEMAS}
Items = Sequence[Record | Pack]


def chunk(seq: int, boot: int = 1, schema: int = 0, width: int = 2) -> Record:
    cells = [Cell(seq * 1000 + 10 * n, n % width, 100 * seq + n, n % 3) for n in range(1 + seq % 4)]
    return Record(7, seq, RecordKind.CHUNK, len(cells), encode(SCHEMAS[schema], boot, ClockQuality.SYNCED, cells))


def clock(seq: int, boot: int = 1, offset: int | None = 10**12) -> Record:
    return Record(7, seq, RecordKind.CLOCK, 0, to_json(ClockRecord(boot, "b" * 32, offset, ClockQuality.SYNCED)))


def names(seq: int, schema: int = 0) -> Record:
    return Record(7, seq, RecordKind.SCHEMA, 0, SCHEMAS[schema].encode())


def event(seq: int, text: str = '{"at_ms":1,"what":"door"}') -> Record:
    return Record(7, seq, RecordKind.EVENT, 0, text.encode())


def say(*items: Record | Pack) -> Records:
    return Records("pole-1", items, 1000)


@st.composite
def journals(draw: st.DrawFn) -> list[Record]:
    """One journal, every part of which can be read: what it means does not depend on how it travels."""
    drawn = draw(st.lists(st.sampled_from("ccccccCknso"), max_size=20))
    made: dict[str, Callable[[int], Record]] = {
        "c": chunk,
        "C": lambda seq: chunk(seq, 2, 1),
        "k": lambda seq: clock(seq, draw(st.integers(1, 2)), draw(st.integers(0, 10**6))),
        "n": lambda seq: names(seq, draw(st.integers(0, 1))),
        "s": event,
        "o": lambda seq: Record(7, seq, RecordKind.OPEN, 0, b""),
    }
    records = [made[each](seq) for seq, each in enumerate(drawn, 1)]
    for _ in range(draw(st.integers(0, 3)) if records else 0):
        old = draw(st.sampled_from(records))
        if old.kind in (RecordKind.EVENT, RecordKind.KEPT):
            records.append(Record(7, len(records) + 1, RecordKind.KEPT, 0, keep(old)))
    return [*records, names(len(records) + 1), names(len(records) + 2, 1)]


@st.composite
def posts(draw: st.DrawFn) -> tuple[list[Record], list[Items]]:
    """A journal, and messages that hold all of it at least once, packed or not, in any order."""
    records = draw(journals())
    edges = st.tuples(st.integers(0, len(records)), st.integers(0, len(records)))
    spans = [(min(pair), max(pair)) for pair in draw(st.lists(edges, max_size=8))]
    whole = draw(st.lists(st.integers(0, len(records)), max_size=4).map(sorted))
    spans += zip([0, *whole], [*whole, len(records)], strict=True)
    posts: list[Items] = []
    for low, high in draw(st.permutations(spans)):
        some = records[low:high]
        if some:
            posts.append(repack(some, KNOWN.get, draw(st.sampled_from([4, 4096]))) if draw(st.booleans()) else some)
    return records, posts


def told(parcels: Sequence[Parcel], cuts: Sequence[int] = ()) -> dict[str, list[object]]:
    with TemporaryDirectory(dir=FAST) as folder:
        path = Path(folder) / "readings.db"
        store = SqliteStore(path)
        edges = [0, *sorted(cut for cut in cuts if cut < len(parcels)), len(parcels)]
        for start, end in pairwise(edges):
            store.commit(parcels[start:end])
        facts = digest(store, path)
        reader = StoreReader(path)
        assert reader.duplicated_rows() == 0
        reader.close()
        store.close()
        return facts


@settings(max_examples=60)
@given(posts(), st.lists(st.integers(1, 8), max_size=3))
def test_the_tables_do_not_depend_on_how_a_journal_was_packed(
    post: tuple[list[Record], list[Items]], cuts: list[int]
) -> None:
    records, messages = post
    travelled = [Records("pole-1", unpack(pack(*items)), 1000) for items in messages]
    assert told(travelled, cuts) == told([say(record) for record in records])


def packed(first: int, last: int) -> Pack:
    (item,) = repack([chunk(seq) for seq in range(first, last + 1)], KNOWN.get)
    assert isinstance(item, Pack)
    return item


def receipts(store: SqliteStore) -> list[tuple[int, int, int]]:
    return store.db.execute("SELECT seq, readings, state FROM receipts WHERE kind=1 ORDER BY seq").fetchall()


def test_what_is_here_of_a_pack_is_skipped(store: SqliteStore, path: Path) -> None:
    store.commit([say(clock(1), names(2), chunk(4))])
    done = store.commit([say(packed(3, 6))])
    assert (done.acks[0].upto, done.duplicates, done.rows) == (6, 1, {"pole-1": 4 + 2 + 3})
    assert receipts(store) == [(seq, chunk(seq).count, State.STORED) for seq in (3, 4, 5, 6)]
    done = store.commit([say(packed(3, 6)), say(packed(5, 8))])
    assert (done.acks[0].upto, done.duplicates, done.rows) == (8, 6, {"pole-1": 4 + 1})


def test_a_pack_without_its_schema_is_kept_once_and_asked_for(store: SqliteStore, path: Path) -> None:
    store.commit([say(clock(1))])
    (ack,) = store.commit([say(packed(3, 6))]).acks
    assert (ack.ranges, ack.resend_schema) == (((3, 6),), (SCHEMAS[0].key.hex(),))
    reader = StoreReader(path)
    assert (reader.unread()["pole-1"], reader.waiting_readings(State.RAW)) == (Unread(raw=4), 4 + 1 + 2 + 3)
    assert store.db.execute("SELECT count(*) FROM raw").fetchone() == (1,)
    (ack,) = store.commit([say(chunk(5))]).acks
    assert ack.resend_schema == (SCHEMAS[0].key.hex(),)
    store.commit([say(names(2))])
    assert (reader.unread(), reader.stored_readings()) == ({}, 4 + 1 + 2 + 3)


def spoilt(item: Pack, counts: tuple[int, ...]) -> Pack:
    return replace(item, counts=counts)


@pytest.mark.parametrize("counts", [(4, 1, 2, 4), (4, 1, 2, 2)])
@pytest.mark.parametrize("schema_first", [True, False])
def test_a_pack_that_does_not_fit_is_quarantined_for_all_its_seqs(
    store: SqliteStore, path: Path, counts: tuple[int, ...], schema_first: bool
) -> None:
    bad = say(spoilt(packed(3, 6), counts))
    for parcel in (say(names(2)), bad) if schema_first else (bad, say(names(2))):
        (ack,) = store.commit([parcel]).acks
    assert ack.ranges == ((2, 6),)
    assert [state for _, _, state in receipts(store)] == [State.QUARANTINED] * 4
    assert StoreReader(path).unread()["pole-1"] == Unread(quarantined=4)
    (row,) = store.db.execute("SELECT body, seq, counts FROM raw").fetchall()
    assert row == (packed(3, 6).body, 3, f"[{', '.join(map(str, counts))}]")


def test_a_pack_that_is_no_chunk_is_quarantined(store: SqliteStore, path: Path) -> None:
    done = store.commit([say(clock(1), replace(packed(2, 5), body=b"no chunk"))])
    assert (done.acks[0].upto, done.quarantined) == (5, 4)


def test_a_poisonous_pack_can_be_set_aside(store: SqliteStore, path: Path) -> None:
    store.commit([say(names(1), chunk(3))])
    (parcel,) = kept(Incoming(up("pole-1", "record"), pack(packed(2, 5)), 1000), "it raised")
    assert isinstance(parcel, Records)
    done = store.quarantine(parcel, "it raised")
    assert (done.acks[0].upto, done.quarantined, done.duplicates) == (5, 3, 1)
    assert [state for _, _, state in receipts(store)] == [2, 0, 2, 2]


@pytest.mark.parametrize("first", [True, False])
def test_a_kept_record_is_filed_under_the_seq_it_repeats(store: SqliteStore, path: Path, first: bool) -> None:
    again = Record(7, 9, RecordKind.KEPT, 0, keep(event(3)))
    for record in (again, event(3)) if first else (event(3), again):
        done = store.commit([say(record)])
    assert (done.acks[0].ranges, done.duplicates) == (((3, 3), (9, 9)), int(first))
    sql = "SELECT seq, receipts.kind, body FROM receipts LEFT JOIN events ON receipt=id ORDER BY seq"
    assert store.db.execute(sql).fetchall() == [(3, 5, event(3).body.decode()), (9, 8, None)]


def test_a_kept_record_that_is_set_aside_does_not_stand_for_what_it_repeats(store: SqliteStore, path: Path) -> None:
    store.quarantine(say(Record(7, 9, RecordKind.KEPT, 0, keep(event(3)))), "it raised")
    store.commit([say(event(3))])
    sql = "SELECT seq, body FROM receipts JOIN events ON receipt=id"
    assert store.db.execute(sql).fetchall() == [(3, event(3).body.decode())]


def test_a_kept_gap_is_a_gap(store: SqliteStore, path: Path) -> None:
    gap = Record(7, 5, RecordKind.GAP, 0, to_json(GapRecord(1, 4, 60, "journal full")))
    (ack,) = store.commit([say(Record(7, 9, RecordKind.KEPT, 0, keep(gap)))]).acks
    assert (ack.upto, ack.ranges) == (5, ((9, 9),))
    (loss,) = StoreReader(path).losses()
    assert (loss.first, loss.last, loss.readings) == (1, 4, 60)


def test_a_kept_record_that_repeats_nothing_is_quarantined(store: SqliteStore, path: Path) -> None:
    done = store.commit([say(Record(7, 1, RecordKind.KEPT, 0, b"\x09\x05{}"), Record(7, 2, RecordKind.KEPT, 0, b""))])
    assert (done.acks[0].upto, done.quarantined) == (2, 2)


def test_an_open_window_is_a_receipt_and_nothing_else(store: SqliteStore, path: Path) -> None:
    (ack,) = store.commit([say(Record(7, 1, RecordKind.OPEN, 0, b'{"door": 3}'))]).acks
    assert ack.upto == 1
    assert store.db.execute("SELECT kind, readings, state FROM receipts").fetchall() == [(7, 0, 0)]
    assert [store.db.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("events", "raw")] == [(0,)] * 2
