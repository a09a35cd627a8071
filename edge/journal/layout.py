"""What lies where in a segment file.

A segment is a row of 512-byte sectors: one for its header, then records, each beginning on a sector of its own, so
that no committed sector is ever written again. All numbers are little-endian.

    header   magic, version, epoch, ordinal, salt, first seq, and how the journal stood before this segment; crc
    record   magic, crc of the header, crc of the body, use, epoch, kind, place in and size of its commit, readings,
             length, ordinal, seq, and how the journal stands with this record; then the body

`ordinal` numbers the uses of segments and never repeats. `use` is the crc of the segment's header. Segments are
recycled, and a commit may fail or be torn by a power cut, so a file may hold whole, valid records that no longer
count: those of a former use carry another `use`, and so do those of a failed entry to this segment, because the
header's `salt` is a crc over the first commit's bodies.

Every record says how the journal stands (`Mark`), so the newest one is all that has to be found at start.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from zlib import crc32

SECTOR = 512
VERSION = 1
LARGEST_COMMIT = 256 * 1024  # bytes; after a power cut nothing of the last commit lies further behind the end
LARGEST_BATCH = 0xFFFF  # records in a commit

_SEGMENT_MAGIC = b"LtrS"
_RECORD_MAGIC = b"LtrR"
_SEGMENT = struct.Struct("<4sIIII6Q")
_COVERED = struct.Struct("<IIIBxHHxxIII6Q")  # by the crc of a record's header
_RECORD = struct.Struct("<4sI" + _COVERED.format[1:])
_CRC = struct.Struct("<I")
_COVERED_FROM = 8
_USE_AT = 12
_KIND_AT = 20
_HEADER_END = _RECORD.size


class LayoutError(ValueError):
    """These bytes are not what they should be: empty, torn, worn, or not ours."""


class NewerFormat(LayoutError):
    """A whole header, of a version that this program does not know."""


class Mark(NamedTuple):
    """How the journal stands. Readings are counted from the beginning of the epoch."""

    total: int = 0  # readings ever taken
    acked: int = 0  # every seq up to here is with the office
    acked_total: int = 0  # readings in them
    lowest: int = 1  # every seq below is with the office or named in a gap
    released: int = 0  # readings in them


class SegmentHeader(NamedTuple):
    epoch: int
    ordinal: int
    salt: int
    first: int  # seq of its first record
    mark: Mark  # before its first record


class RecordHeader(NamedTuple):
    body_crc: int
    use: int
    epoch: int
    kind: int
    place: int  # within its commit
    batch: int  # records in its commit
    readings: int
    length: int  # bytes of the body
    ordinal: int
    seq: int
    total: int
    acked: int
    acked_total: int
    lowest: int
    released: int

    @property
    def mark(self) -> Mark:
        return Mark(*self[10:])

    @property
    def before(self) -> int:
        """Readings taken before this record."""
        return self.total - self.readings


class Entry(NamedTuple):
    """A record to be: what kind, how many readings, and its bytes."""

    kind: int
    readings: int
    body: bytes


def footprint(length: int) -> int:
    """Bytes on the disk of a record with a body of `length` bytes."""
    return -(-(_HEADER_END + length) // SECTOR) * SECTOR


def footprints(entries: Iterable[Entry]) -> int:
    """Bytes on the disk of them all."""
    return sum(footprint(len(entry.body)) for entry in entries)


def salt(entries: Sequence[Entry]) -> int:
    """What tells this entry to a segment from an earlier one that failed."""
    crc = 0
    for entry in entries:
        crc = crc32(entry.body, crc)
    return crc


def pack_segment(header: SegmentHeader) -> tuple[bytes, int]:
    """The header's sector and the `use` that records in this segment carry."""
    fixed = _SEGMENT.pack(_SEGMENT_MAGIC, VERSION, *header[:4], *header.mark)
    use = crc32(fixed)
    return (fixed + _CRC.pack(use)).ljust(SECTOR, b"\0"), use


def unpack_segment(sector: bytes) -> tuple[SegmentHeader, int] | None:
    """The header and its `use`; None for a segment never used. Raises LayoutError."""
    if not any(sector):
        return None
    if len(sector) != SECTOR or sector[:4] != _SEGMENT_MAGIC:
        raise LayoutError("no segment header")
    (use,) = _CRC.unpack_from(sector, _SEGMENT.size)
    if crc32(sector[: _SEGMENT.size]) != use:
        raise LayoutError("a damaged segment header")
    _, version, epoch, ordinal, salted, first, *mark = _SEGMENT.unpack_from(sector)
    if version != VERSION:
        raise NewerFormat(f"format {version}")
    return SegmentHeader(epoch, ordinal, salted, first, Mark(*mark)), use


def pack_records(entries: Sequence[Entry], first: int, mark: Mark, use: int, epoch: int, ordinal: int) -> bytes:
    """One commit as it lies on the disk; `mark` is how things stand with it, but for the total before it."""
    parts: list[bytes] = []
    total = mark.total
    for place, (kind, readings, body) in enumerate(entries):
        total += readings
        covered = _COVERED.pack(
            *(crc32(body), use, epoch, kind, place, len(entries), readings, len(body), ordinal, first + place),
            *mark._replace(total=total),
        )
        record = _RECORD_MAGIC + _CRC.pack(crc32(covered)) + covered + body
        parts.append(record.ljust(footprint(len(body)), b"\0"))
    return b"".join(parts)


def unpack_record(data: bytes | memoryview, at: int = 0) -> RecordHeader | None:
    """The record header at `at`; None when there is none or when it is damaged."""
    if data[at : at + 4] != _RECORD_MAGIC or len(data) < at + _HEADER_END:
        return None
    fields = _RECORD.unpack_from(data, at)
    if crc32(data[at + _COVERED_FROM : at + _HEADER_END]) != fields[1]:
        return None
    return RecordHeader._make(fields[2:])


def backwards(data: bytes, kind: int, use: int) -> Iterator[tuple[int, RecordHeader]]:
    """Records of this kind and use that begin in these sectors, and where; the last first."""
    for at in range(len(data) // SECTOR * SECTOR - SECTOR, -1, -SECTOR):
        if data[at + _KIND_AT] == kind and (header := unpack_record(data, at)) is not None and header.use == use:
            yield at, header


def scarred(sector: bytes, use: int) -> bool:
    """Whether a record of this `use` began here that can no longer be read; a whole one of a former use is no scar."""
    of_this_use = _CRC.unpack_from(sector.ljust(SECTOR), _USE_AT) == (use,)
    return of_this_use or (sector[:4] == _RECORD_MAGIC and unpack_record(sector) is None)


def body_of(header: RecordHeader, data: bytes | memoryview, at: int = 0) -> bytes | None:
    """The body of the record at `at`; None when it is damaged or cut short."""
    body = bytes(data[at + _HEADER_END : at + _HEADER_END + header.length])
    return body if len(body) == header.length and crc32(body) == header.body_crc else None
