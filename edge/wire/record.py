"""A record: one numbered entry of a node's journal, and the payload of `up/record`.

The envelope adds as little as it can. One record, the usual case, costs a byte for format and kind, the epoch, its
seq and its count of readings; its length is what is left. Several records in a row share one epoch and first seq.

    one      version*16+kind, epoch u32, seq varint, count varint, body
    several  version*16+0,    epoch u32, first seq varint, then for each: kind, count varint, length varint, body

The first byte, the epoch and the first seq are the frozen prefix: every version of this envelope, this one and all to
come, begins with them, so that an office which is older than a node can say at least what it could not read (`prefix`).

Numbers are little-endian varints, the epoch is big-endian. A kind that we do not know yet is kept as its number: what
to do with it is for the office to decide, which must acknowledge it in any case.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple

from edge.wire.codec import CodecError, read_varint, varint

VERSION = 1
LARGEST_PACKET = 1 << 20  # bytes with topic and header, as the broker counts: it cuts off who sends more
LONGEST_PAYLOAD = LARGEST_PACKET - 4096  # bytes
MOST_RECORDS = 4096  # in a payload: each costs the office a row, however empty it is
LARGEST_EPOCH = 2**32 - 1
LARGEST_SEQ = 2**63 - 1
LARGEST_COUNT = 2**31 - 1
LARGEST_KIND = 15
_EPOCH_END = 5


class RecordError(ValueError):
    """A payload that holds no records of ours."""


class RecordKind(enum.IntEnum):
    """What the body is. 0 is never given out."""

    CHUNK = 1
    SCHEMA = 2
    CLOCK = 3
    GAP = 4
    EVENT = 5
    HEALTH = 6


class Lane(enum.Enum):
    """In which order the uplink lets records go: events before readings."""

    EVENTS = "events"
    READINGS = "readings"
    HEALTH = "health"


def lane(kind: int) -> Lane:
    """The lane of a record; what readings need to be understood travels with them, and so does what we do not know."""
    if kind in (RecordKind.EVENT, RecordKind.GAP):
        return Lane.EVENTS
    return Lane.HEALTH if kind == RecordKind.HEALTH else Lane.READINGS


@dataclass(frozen=True, slots=True)
class Record:
    """Entry `seq` of journal life `epoch`. `kind` is a RecordKind where we know it, `count` its number of readings."""

    epoch: int
    seq: int
    kind: int
    count: int
    body: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.epoch <= LARGEST_EPOCH or not 0 <= self.seq <= LARGEST_SEQ:
            raise ValueError(f"no journal has epoch {self.epoch} and seq {self.seq}")
        if not 1 <= self.kind <= LARGEST_KIND or not 0 <= self.count <= LARGEST_COUNT:
            raise ValueError(f"no record has kind {self.kind} and {self.count} readings")


def pack(*records: Record) -> bytes:
    """The payload of one or more records of one epoch with consecutive seqs. Raises ValueError for any other."""
    if not records:
        raise ValueError("nothing to pack")
    if len(records) > MOST_RECORDS:
        raise ValueError(f"a payload holds at most {MOST_RECORDS} records, not {len(records)}")
    first = records[0]
    for index, record in enumerate(records):
        if (record.epoch, record.seq) != (first.epoch, first.seq + index):
            raise ValueError("records of one payload are neighbours in one epoch")
    start = first.epoch.to_bytes(4, "big") + varint(first.seq)
    if len(records) == 1:
        payload = bytes((VERSION << 4 | first.kind,)) + start + varint(first.count) + first.body
    else:
        payload = bytes((VERSION << 4,)) + start + b"".join(map(_entry, records))
    if len(payload) > LONGEST_PAYLOAD:
        raise ValueError(f"{len(payload)} bytes are longer than a payload may be")
    return payload


def _entry(record: Record) -> bytes:
    return bytes((record.kind,)) + varint(record.count) + varint(len(record.body)) + record.body


class Prefix(NamedTuple):
    """What every payload of `up/record` says of itself, whatever its version; `kind` is 0 for several records."""

    version: int
    kind: int
    epoch: int
    seq: int


def prefix(payload: bytes) -> Prefix:
    """The frozen prefix of a payload of any version. Raises RecordError where there is none."""
    if len(payload) <= _EPOCH_END:
        raise RecordError(f"{len(payload)} bytes are no payload")
    try:
        seq, _ = read_varint(payload, _EPOCH_END)
    except CodecError as error:
        raise RecordError(str(error)) from None
    return Prefix(*divmod(payload[0], 16), int.from_bytes(payload[1:_EPOCH_END], "big"), seq)


def unpack(payload: bytes) -> list[Record]:
    """The records of a payload, at least one. Raises RecordError, and nothing else, for any other bytes."""
    if len(payload) <= _EPOCH_END or len(payload) > LONGEST_PAYLOAD:
        raise RecordError(f"{len(payload)} bytes are no payload")
    version, kind = divmod(payload[0], 16)
    if version != VERSION:
        known = prefix(payload)
        raise RecordError(f"format {version} is not known here (epoch {known.epoch}, from seq {known.seq} on)")
    try:
        seq, at = read_varint(payload, _EPOCH_END)
        epoch = int.from_bytes(payload[1:_EPOCH_END], "big")
        if kind:
            count, at = read_varint(payload, at)
            return [Record(epoch, seq, _known(kind), count, payload[at:])]
        return _several(payload, epoch, seq, at)
    except RecordError:
        raise
    except ValueError as error:
        raise RecordError(str(error)) from None


def _several(payload: bytes, epoch: int, seq: int, at: int) -> list[Record]:
    records: list[Record] = []
    while at < len(payload):
        if len(records) == MOST_RECORDS:
            raise RecordError(f"a payload holds at most {MOST_RECORDS} records")
        kind = payload[at]
        count, at = read_varint(payload, at + 1)
        length, at = read_varint(payload, at)
        if length > len(payload) - at:
            raise CodecError("a record is cut short")
        records.append(Record(epoch, seq + len(records), _known(kind), count, payload[at : at + length]))
        at += length
    if len(records) < 2:
        raise CodecError("several records, they say, and there are not")
    return records


def _known(kind: int) -> int:
    try:
        return RecordKind(kind)
    except ValueError:
        return kind
