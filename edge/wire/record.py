"""A record: one numbered entry of a node's journal, and the payload of `up/record`.

The envelope adds as little as it can. One record, the usual case, costs a byte for format and kind, the epoch, its
seq and its count of readings; its length is what is left. Several records in a row share one epoch and first seq.

    one      version*16+kind, epoch u32, seq varint, count varint, body
    several  version*16+0,    epoch u32, first seq varint, then for each: kind, count varint, length varint, body
             or a pack: 0, number of seqs varint, a count varint for each, length varint, body

A pack is the chunks of several seqs made one (see packs), which is smaller; the counts say whose cells are whose.

The first byte, the epoch and the first seq are the frozen prefix: every version of this envelope, this one and all to
come, begins with them, so that an office which is older than a node can say at least what it could not read (`prefix`).

Numbers are little-endian varints, the epoch is big-endian. A kind that we do not know yet is kept as its number: what
to do with it is for the office to decide, which must acknowledge it in any case.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from edge.wire.codec import CodecError, read_varint, varint

VERSION = 1
LARGEST_PACKET = 1 << 20  # bytes with topic and header, as the broker counts: it cuts off who sends more
LONGEST_PAYLOAD = LARGEST_PACKET - 4096  # bytes
MOST_RECORDS = 4096  # in a payload: each costs the office a row, however empty it is
MOST_READINGS = 1 << 20  # in the chunks of a payload: a few bits can be thousands, and the office decodes all at once
LARGEST_EPOCH = 2**32 - 1
LARGEST_SEQ = 2**62  # so that one more is still a number for everybody
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
    OPEN = 7  # what counting windows hold that are still open: for the node alone, its body never leaves the pole
    KEPT = 8  # an event or gap of this journal once more, because the segment that held it went; see kept


class Lane(enum.Enum):
    """What goes first over the wire, and last from a full journal: events, then readings; health is the reverse."""

    EVENTS = "events"
    READINGS = "readings"
    HEALTH = "health"


def lane(kind: int) -> Lane:
    """The lane of a record; what readings need to be understood travels with them, and so does what we do not know."""
    if kind in (RecordKind.EVENT, RecordKind.GAP, RecordKind.KEPT):
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


@dataclass(frozen=True, slots=True)
class Pack:
    """The chunks of seqs `seq` to `last` as one chunk: `body` holds all their cells, in order of time and column;
    the first `counts[0]` of them belong to `seq`, the next `counts[1]` to the one after it, and so on."""

    epoch: int
    seq: int
    counts: tuple[int, ...]
    body: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.epoch <= LARGEST_EPOCH or not 0 <= self.seq <= self.last <= LARGEST_SEQ:
            raise ValueError(f"no journal has epoch {self.epoch} and seqs {self.seq} to {self.last}")
        if len(self.counts) < 2 or not all(0 <= count <= LARGEST_COUNT for count in self.counts):
            raise ValueError(f"a pack holds two seqs or more, of at most {LARGEST_COUNT} readings each")

    @property
    def last(self) -> int:
        """Its last seq."""
        return self.seq + len(self.counts) - 1

    @property
    def count(self) -> int:
        """Readings in all of it."""
        return sum(self.counts)


def seqs(item: Record | Pack) -> range:
    """The seqs that an item stands for."""
    return range(item.seq, item.seq + (len(item.counts) if isinstance(item, Pack) else 1))


def _readings(items: Sequence[Record | Pack]) -> int:
    """What the chunks of several items hold; one alone is bounded as a chunk."""
    if len(items) == 1:
        return 0
    return sum(item.count for item in items if isinstance(item, Pack) or item.kind == RecordKind.CHUNK)


def pack(*items: Record | Pack) -> bytes:
    """The payload of one or more items of one epoch with consecutive seqs. Raises ValueError for any other."""
    if not items:
        raise ValueError("nothing to pack")
    if sum(len(seqs(item)) for item in items) > MOST_RECORDS:
        raise ValueError(f"a payload holds at most {MOST_RECORDS} records")
    if _readings(items) > MOST_READINGS:
        raise ValueError(f"a payload holds at most {MOST_READINGS} readings")
    first, next_seq = items[0], items[0].seq
    for item in items:
        if (item.epoch, item.seq) != (first.epoch, next_seq):
            raise ValueError("records of one payload are neighbours in one epoch")
        next_seq = seqs(item).stop
    start = first.epoch.to_bytes(4, "big") + varint(first.seq)
    if isinstance(first, Record) and len(items) == 1:
        payload = bytes((VERSION << 4 | first.kind,)) + start + varint(first.count) + first.body
    else:
        payload = bytes((VERSION << 4,)) + start + b"".join(map(_entry, items))
    if len(payload) > LONGEST_PAYLOAD:
        raise ValueError(f"{len(payload)} bytes are longer than a payload may be")
    return payload


def _entry(item: Record | Pack) -> bytes:
    if isinstance(item, Pack):
        head = b"\0" + varint(len(item.counts)) + b"".join(map(varint, item.counts))
    else:
        head = bytes((item.kind,)) + varint(item.count)
    return head + varint(len(item.body)) + item.body


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


def unpack(payload: bytes) -> list[Record | Pack]:
    """The records and packs of a payload, at least one. Raises RecordError, and nothing else, for any other bytes."""
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


def _several(payload: bytes, epoch: int, seq: int, at: int) -> list[Record | Pack]:
    items: list[Record | Pack] = []
    first = seq
    while at < len(payload):
        item, at = (_pack if payload[at] == 0 else _one)(payload, epoch, seq, at)
        items.append(item)
        seq = seqs(item).stop
        if seq - first > MOST_RECORDS:
            raise RecordError(f"a payload holds at most {MOST_RECORDS} records")
    if seq - first < 2:
        raise CodecError("several records, they say, and there are not")
    if _readings(items) > MOST_READINGS:
        raise RecordError(f"a payload holds at most {MOST_READINGS} readings")
    return items


def _one(payload: bytes, epoch: int, seq: int, at: int) -> tuple[Record, int]:
    count, body_at = read_varint(payload, at + 1)
    body, end = _body(payload, body_at)
    return Record(epoch, seq, _known(payload[at]), count, body), end


def _pack(payload: bytes, epoch: int, seq: int, at: int) -> tuple[Pack, int]:
    number, at = read_varint(payload, at + 1)
    if number > MOST_RECORDS:
        raise CodecError(f"a pack holds at most {MOST_RECORDS} records")
    counts: list[int] = []
    for _ in range(number):
        count, at = read_varint(payload, at)
        counts.append(count)
    body, end = _body(payload, at)
    return Pack(epoch, seq, tuple(counts), body), end


def _body(payload: bytes, at: int) -> tuple[bytes, int]:
    length, at = read_varint(payload, at)
    if length > len(payload) - at:
        raise CodecError("a record is cut short")
    return payload[at : at + length], at + length


def _known(kind: int) -> int:
    try:
        return RecordKind(kind)
    except ValueError:
        return kind
