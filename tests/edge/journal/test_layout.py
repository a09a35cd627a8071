"""Every byte of a header and of a record counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.journal.layout import (
    SECTOR,
    Entry,
    LayoutError,
    Mark,
    NewerFormat,
    RecordHeader,
    SegmentHeader,
    body_of,
    footprint,
    pack_records,
    pack_segment,
    unpack_record,
    unpack_segment,
)
from edge.wire.record import RecordKind

U32 = st.integers(0, 2**32 - 1)
U63 = st.integers(0, 2**63 - 1)
MARKS = st.builds(Mark, U63, U63, U63, U63, U63)
ENTRIES = st.builds(Entry, st.integers(1, 15), st.integers(0, 2**31 - 1), st.binary(max_size=2000))


def read_one(data: bytes) -> tuple[RecordHeader, bytes] | None:
    header = unpack_record(data)
    body = body_of(header, data) if header else None
    return (header, body) if header and body is not None else None


@given(U32, U32, U32, U63, MARKS)
def test_a_segment_header_comes_back(epoch: int, ordinal: int, salt: int, first: int, mark: Mark) -> None:
    header = SegmentHeader(epoch, ordinal, salt, first, mark)
    sector, use = pack_segment(header)
    assert len(sector) == SECTOR
    assert unpack_segment(sector) == (header, use)


@given(st.lists(ENTRIES, min_size=1, max_size=5), st.integers(1, 2**60), MARKS, U32, U32, U32)
def test_a_commit_comes_back(entries: list[Entry], first: int, mark: Mark, use: int, epoch: int, ordinal: int) -> None:
    mark = mark._replace(total=mark.total % 2**60)
    data = pack_records(entries, first, mark, use, epoch, ordinal)
    at, total = 0, mark.total
    for place, entry in enumerate(entries):
        header = unpack_record(data, at)
        assert header is not None
        total += entry.readings
        assert (header.kind, header.readings, body_of(header, data, at)) == entry
        assert (header.seq, header.place, header.batch) == (first + place, place, len(entries))
        assert (header.use, header.epoch, header.ordinal) == (use, epoch, ordinal)
        assert header.mark == mark._replace(total=total)
        assert header.before == total - entry.readings
        at += footprint(len(entry.body))
    assert at == len(data) and at % SECTOR == 0


@pytest.mark.parametrize("kind", list(RecordKind))
def test_a_record_with_any_byte_flipped_is_refused(kind: RecordKind) -> None:
    body = bytes(range(250)) * 3
    data = pack_records([Entry(kind, 12, body)], 9, Mark(100, 5, 50, 6, 50), 77, 3, 4)
    whole = read_one(data)
    assert whole is not None
    padding = 88 + len(body)
    for at in range(len(data)):
        for mask in (0x01, 0x80, 0xFF):
            broken = bytearray(data)
            broken[at] ^= mask
            assert read_one(bytes(broken)) == (whole if at >= padding else None)


def test_a_segment_header_with_any_byte_flipped_is_refused() -> None:
    header = SegmentHeader(1, 2, 3, 4, Mark(5, 6, 7, 8, 9))
    sector, use = pack_segment(header)
    for at in range(72):
        broken = bytearray(sector)
        broken[at] ^= 0x10
        with pytest.raises(LayoutError):
            unpack_segment(bytes(broken))
    assert unpack_segment(sector) == (header, use)


def test_a_segment_never_used_is_told_from_a_damaged_one() -> None:
    assert unpack_segment(bytes(SECTOR)) is None
    with pytest.raises(LayoutError):
        unpack_segment(bytes(SECTOR - 1) + b"x")


def test_a_newer_format_is_known_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.journal.layout.VERSION", 2)
    sector, _ = pack_segment(SegmentHeader(1, 2, 3, 4, Mark()))
    monkeypatch.undo()
    with pytest.raises(NewerFormat):
        unpack_segment(sector)


@given(st.binary(max_size=700), st.integers(0, 600))
def test_any_bytes_are_either_a_record_or_none(data: bytes, at: int) -> None:
    assert unpack_record(data, at) is None
