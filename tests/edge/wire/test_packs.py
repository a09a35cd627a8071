"""Chunks made one for the wire, and told apart again."""

from __future__ import annotations

import json
import sys
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire.cells import Strip, strips_of
from edge.wire.chunks import Cell, ChunkError, Column, Columns, Schema, decode_columns, encode
from edge.wire.clocks import ClockQuality
from edge.wire.codec import varint
from edge.wire.kept import first_copy, keep
from edge.wire.packs import MOST_IN_PACK, repack, shares
from edge.wire.record import Pack, Record, RecordError, RecordKind, pack, seqs, unpack

AIR = [Column("air", "temperature", "", 2), Column("air", "humidity", "", 2)]
SCHEMA = Schema((*AIR, Column("tube", "count", "in", 0)))
cells = st.builds(Cell, st.integers(0, 40), st.integers(0, 2), st.integers(-500, 500), st.sampled_from([0, 0, 0, 16]))
commits = st.lists(st.lists(cells, min_size=1, max_size=12), min_size=1, max_size=8)


def known(key: bytes) -> Schema | None:
    return SCHEMA if key == SCHEMA.key else None


def chunk(seq: int, some: list[Cell], boot: int = 1, quality: ClockQuality = ClockQuality.SYNCED) -> Record:
    return Record(7, seq, RecordKind.CHUNK, len(some), encode(SCHEMA, boot, quality, some))


def told(items: list[Record | Pack]) -> dict[int, object]:
    """What each seq says."""
    found: dict[int, object] = {}
    for item in items:
        if isinstance(item, Record):
            columns = decode_columns(known, item.body) if item.kind == RecordKind.CHUNK else None
            found[item.seq] = columns.strips if columns else item
        else:
            found |= dict(zip(seqs(item), shares(decode_columns(known, item.body), item.counts), strict=True))
    return found


@given(commits, st.lists(st.sampled_from([0, 41, 41, 41, 1000]), min_size=8, max_size=8), st.data())
def test_what_is_merged_is_told_apart_again(some: list[list[Cell]], steps: list[int], data: st.DataObject) -> None:
    records, at = [], 0
    for seq, (group, step) in enumerate(zip(some, steps, strict=False), 5):
        at += step
        boot = data.draw(st.sampled_from([1, 1, 1, 2]))
        records.append(chunk(seq, [cell._replace(at_ms=cell.at_ms + at) for cell in group], boot))
    packed = repack(records, known)
    assert [seq for item in packed for seq in seqs(item)] == [record.seq for record in records]
    assert told(unpack(pack(*packed))) == told(list(records))


def test_a_minute_of_commits_becomes_one_pack_of_half_the_size() -> None:
    places = [(second, column) for second in (0, 5_000) for column in range(3)]
    records = [chunk(seq, [Cell(seq * 10_000 + at, column, 2_000 + seq * at % 7) for at, column in places])
               for seq in range(6)]  # fmt: skip
    (merged,) = repack(records, known)
    assert isinstance(merged, Pack) and merged.counts == (6,) * 6 and merged.count == 36
    assert len(pack(merged)) < 0.55 * len(pack(*records))


def test_a_pack_holds_so_many_seqs_and_no_more() -> None:
    records = [chunk(seq, [Cell(10 * seq, 0, 1)]) for seq in range(MOST_IN_PACK + 2)]
    assert [len(seqs(item)) for item in repack(records, known)] == [MOST_IN_PACK, 2]
    assert [len(seqs(item)) for item in repack(records[:-1], known)] == [MOST_IN_PACK, 1]


def test_one_chunk_and_the_open_windows_behind_it_are_the_same_chunk() -> None:
    one, blank = chunk(1, [Cell(1, 0, 1)]), Record(7, 2, RecordKind.OPEN, 0, b"")
    assert repack([one, blank], known) == [Pack(7, 1, (1, 0), one.body)]


def test_nothing_is_nothing() -> None:
    assert repack([], known) == []


def test_other_records_and_unknown_schemas_stay_as_they_are() -> None:
    event = Record(7, 2, RecordKind.EVENT, 0, b"{}")
    one, other = chunk(1, [Cell(1, 0, 1)]), chunk(3, [Cell(5, 0, 1)])
    assert repack([one, event, other], known) == [one, event, other]
    assert repack([one, chunk(2, [Cell(5, 0, 1)])], lambda key: None) == [one, chunk(2, [Cell(5, 0, 1)])]


@pytest.mark.parametrize("counts", [(1, 1), (1, 3), (0, 2), (4, 0)])
def test_counts_that_do_not_fit_are_refused(counts: tuple[int, ...]) -> None:
    columns = Columns(1, ClockQuality.SYNCED, SCHEMA, 3, strips_of([Cell(1, 0, 1), Cell(2, 0, 1), Cell(3, 0, 1)]))
    with pytest.raises(ChunkError, match=r"^the counts of a pack do not fit its chunk$"):
        shares(columns, counts)


@pytest.mark.parametrize("counts", [(1, 1), (1, 0, 1), (0, 1, 1)])
def test_seqs_that_share_an_instant_are_refused(counts: tuple[int, ...]) -> None:
    columns = Columns(1, ClockQuality.SYNCED, SCHEMA, 2, strips_of([Cell(1, 0, 1), Cell(1, 1, 1)]))
    with pytest.raises(ChunkError, match=r"^two seqs of a pack share an instant$"):
        shares(columns, counts)


@pytest.mark.parametrize("counts", [(2, 0), (0, 2), (0, 0, 2, 0)])
def test_an_instant_of_one_seq_is_shared_with_none(counts: tuple[int, ...]) -> None:
    columns = Columns(1, ClockQuality.SYNCED, SCHEMA, 2, strips_of([Cell(1, 0, 1), Cell(1, 1, 1)]))
    assert shares(columns, counts) == [columns.strips if count else [] for count in counts]


def test_a_pack_holds_so_many_readings_and_no_more() -> None:
    full = [chunk(seq, [Cell(128 * seq + at, 0, at % 3) for at in range(128)]) for seq in range(32)]
    assert [len(seqs(item)) for item in repack(full, known)] == [32]
    assert [len(seqs(item)) for item in repack([*full, chunk(32, [Cell(9_999, 0, 1)])], known)] == [32, 1]


def test_a_wide_chunk_of_many_seqs_is_shared_out_in_one_walk() -> None:
    """1,024 columns, 4,096 seqs and 4,096 readings are 4,096 pieces of work, and not a thousand times as many."""
    wide = Schema(tuple(Column("s", "q", str(index), 0) for index in range(1024)))
    strips = [Strip(index, [1024 * row + index for row in range(4)], [0] * 4, [0] * 4) for index in range(1024)]
    columns = Columns(1, ClockQuality.SYNCED, wide, 4096, strips)
    steps = 0

    def step(frame: FrameType, event: str, argument: object) -> None:
        nonlocal steps
        steps += 1

    before = sys.getprofile()
    sys.setprofile(step)
    parts = shares(columns, [1] * 4096)
    sys.setprofile(before)
    assert [strip.column for part in parts for strip in part] == [*range(1024)] * 4
    assert steps < 200_000


def test_an_event_outlives_its_segment() -> None:
    event = Record(7, 20, RecordKind.EVENT, 0, b'{"what":"x"}')
    again = Record(7, 90, RecordKind.KEPT, 0, keep(event))
    assert first_copy(again) == event
    assert first_copy(Record(7, 300, RecordKind.KEPT, 0, keep(again))) == event


@pytest.mark.parametrize("body", [b"", b"\x05", b"\x05\x01chunk", b"\x63\x05late", b"\x05\x0f"])
def test_a_kept_record_that_repeats_nothing_is_refused(body: bytes) -> None:
    with pytest.raises(RecordError):
        first_copy(Record(7, 90, RecordKind.KEPT, 0, body))


@pytest.mark.parametrize(("seq", "counts"), [(-1, (1, 1)), (2**62, (1, 1)), (1, (1,)), (1, (1, -1)), (1, (1, 2**31))])
def test_packs_that_cannot_be_are_refused(seq: int, counts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"journal has epoch|two seqs or more"):
        Pack(7, seq, counts, b"")


def test_a_pack_of_more_seqs_than_a_payload_holds_is_refused() -> None:
    with pytest.raises(RecordError, match="at most 4096"):
        unpack(b"\x10" + bytes(4) + b"\x00" + b"\x00" + varint(4097) + b"\x01" * 4097 + b"\x00")
    (whole,) = unpack(b"\x10" + bytes(4) + b"\x00" + b"\x00" + varint(4096) + b"\x01" * 4096 + b"\x00")
    assert seqs(whole) == range(4096) and pack(whole)


@pytest.mark.parametrize("kind", [RecordKind.CHUNK, RecordKind.GAP, RecordKind.OPEN])
def test_only_events_and_gaps_are_kept(kind: RecordKind) -> None:
    body = json.dumps({"first": 1}).encode()
    if kind == RecordKind.GAP:
        assert first_copy(Record(7, 90, RecordKind.KEPT, 0, keep(Record(7, 20, kind, 0, body)))).body == body
    else:
        with pytest.raises(ValueError, match="are not kept"):
            keep(Record(7, 20, kind, 0, body))
