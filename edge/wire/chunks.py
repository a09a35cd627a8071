"""The chunk: the readings of one commit, whole, lossless and alone.

It is what the journal keeps, the wire carries and a receipt counts, so every byte of it is paid for three times, once
per mobile contract. A chunk needs no other chunk to be read, only the schema that it names. Values are whole steps of
their quantity's resolution, times are exact milliseconds of a boot; nothing here is a float.

    head byte    version (2 bits), clock quality (2), every column of the schema read together (1), some flags (1),
                 some first value below zero (1), 0 (1)
    key          4 bytes: the schema
    boot         varint: ordinal of the boot within the journal's epoch
    count        varint: number of cells; after 0 only the checksum follows
    bits         times if all were read together, else groups (see there); then for each column in order its first
                 value (wide, or signed wide if the head says so) and the list of differences (see rice), then, if the
                 head says flags, its flags
    checksum     over all before it: CRC-16 in a chunk of at most 512 bytes, as most are, CRC-32 in a longer one

Sixteen bits are enough for a short chunk, for they find every error of three bits or one burst in it, and are never
alone: the journal has a CRC-32 of its own around each record, the wire has TLS. Two bytes more would be three in a
hundred of a commit of sixty readings.

Decoding is total: any bytes give a chunk, a ChunkError or an UnknownSchema, within bounded time and memory. The cap on
cells holds before any list is made.
"""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import le, sub

from edge.wire import groups, rice, stamps
from edge.wire.bits import BitReader, signed_wide, to_bytes, wide
from edge.wire.cells import Cell as Cell
from edge.wire.cells import Strip as Strip
from edge.wire.cells import cells_of, strips_of
from edge.wire.clocks import ClockQuality
from edge.wire.codec import CodecError, read_varint, varint
from edge.wire.groups import Group
from edge.wire.schema import Column as Column
from edge.wire.schema import Schema as Schema

VERSION = 1
MOST_CELLS = 1 << 16
LONGEST_CHUNK = 1 << 20  # bytes
LARGEST_STEPS = 2**62
LARGEST_FLAGS = 2**16 - 1
LARGEST_BOOT = 2**32 - 1
_TOGETHER, _FLAGGED, _SIGNED, _SPARE = 8, 4, 2, 1
_KEY_END = 5
_SHORT_CHUNK = 512
_SHORT_CHECK, _LONG_CHECK = 2, 4

Lookup = Callable[[bytes], Schema | None]


class ChunkError(ValueError):
    """Bytes that are no chunk: damaged, or never one."""


class UnknownSchema(Exception):
    """A sound chunk whose schema is not here (yet)."""

    def __init__(self, key: bytes) -> None:
        super().__init__(f"no schema {key.hex()} here")
        self.key = key


@dataclass(frozen=True, slots=True)
class Head:
    """What a chunk says of itself without its schema."""

    schema_key: bytes
    boot: int
    quality: ClockQuality
    count: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A decoded chunk; cells by (time, column)."""

    boot: int
    quality: ClockQuality
    schema_key: bytes
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Columns:
    """A decoded chunk in strips, one for each column that has readings, columns ascending."""

    boot: int
    quality: ClockQuality
    schema: Schema
    count: int
    strips: list[Strip]


def encode(schema: Schema, boot: int, quality: ClockQuality, cells: Iterable[Cell]) -> bytes:
    """The chunk of these cells, in any order. Raises ValueError for what no chunk holds, see `encode_columns`."""
    return encode_columns(schema, boot, quality, strips_of(cells))


def encode_columns(schema: Schema, boot: int, quality: ClockQuality, strips: list[Strip]) -> bytes:
    """The chunk of these strips, columns ascending, each at most once.

    Raises ValueError beyond 65,536 cells, ±2**62 steps, 16 bits of flags, or for times that descend or are negative.
    """
    strips = [strip for strip in strips if strip.times]
    _check(schema, boot, strips)
    count = sum(len(strip.times) for strip in strips)
    arranged = groups.arrange(strips)
    together = len(arranged) == 1 and len(strips) == len(schema.columns)
    flagged = any(any(strip.flags) for strip in strips)
    signed = any(strip.steps[0] < 0 for strip in strips)
    mark = VERSION << 6 | quality << 4 | _TOGETHER * together | _FLAGGED * flagged | _SIGNED * signed
    body = bytes((mark,)) + schema.key + varint(boot) + varint(count)
    if count:
        times = stamps.write(arranged[0].times) if together else groups.write(arranged, len(schema.columns))
        body += to_bytes(times + "".join([_write_strip(strip, signed, flagged) for strip in strips]))
    return _seal(body)


def _check(schema: Schema, boot: int, strips: list[Strip]) -> None:
    columns = [strip.column for strip in strips]
    if any(not before < after for before, after in pairwise([-1, *columns, len(schema.columns)])):
        raise ValueError(f"columns {columns} of a schema of {len(schema.columns)}")
    if not 0 <= boot <= LARGEST_BOOT or sum(len(strip.times) for strip in strips) > MOST_CELLS:
        raise ValueError(f"boot {boot}, or more than {MOST_CELLS} cells")
    for strip in strips:
        _check_strip(strip)


def _check_strip(strip: Strip) -> None:
    times, steps, flags = strip.times, strip.steps, strip.flags
    if not len(times) == len(steps) == len(flags):
        raise ValueError(f"column {strip.column}: times, steps and flags differ in number")
    if times[0] < 0 or times[-1] > stamps.LARGEST_TIME or not all(map(le, times, times[1:])):
        raise ValueError(f"column {strip.column}: times descend or are negative")
    if min(steps) < -LARGEST_STEPS or max(steps) > LARGEST_STEPS:
        raise ValueError(f"column {strip.column}: a value beyond {LARGEST_STEPS} steps")
    if min(flags) < 0 or max(flags) > LARGEST_FLAGS:
        raise ValueError(f"column {strip.column}: no such flags")


def _write_strip(strip: Strip, signed: bool, flagged: bool) -> str:
    steps = strip.steps
    first = signed_wide(steps[0]) if signed else wide(steps[0])
    differences = rice.write(list(map(sub, steps[1:], steps)))
    return first + differences + _write_flags(strip.flags) if flagged else first + differences


def _write_flags(flags: list[int]) -> str:
    """`0` for none; `10` and the flags as a list, or `11`, the first, and the list of changes."""
    if not any(flags):
        return "0"
    changes = signed_wide(flags[0]) + rice.write(list(map(sub, flags[1:], flags)))
    return min("10" + rice.write(flags), "11" + changes, key=len)


def peek(data: bytes) -> Head:
    """The head of a sound chunk. Raises ChunkError; the rest may still turn out to be no chunk."""
    return _read_head(_unseal(data))[0]


def decode(lookup: Lookup, data: bytes) -> Chunk:
    """The chunk as cells. `lookup` gives the schema of a key, or None or KeyError. Raises ChunkError, UnknownSchema."""
    columns = decode_columns(lookup, data)
    return Chunk(columns.boot, columns.quality, columns.schema.key, cells_of(columns.strips))


def decode_columns(lookup: Lookup, data: bytes) -> Columns:
    """The chunk as strips: the fast way. Raises ChunkError, UnknownSchema."""
    body = _unseal(data)
    head, at = _read_head(body)
    try:
        schema = lookup(head.schema_key)
    except KeyError:
        schema = None
    if schema is None:
        raise UnknownSchema(head.schema_key)
    try:
        strips = _read_strips(BitReader(body[at:]), body[0], head.count, len(schema.columns)) if head.count else []
    except CodecError as error:
        raise ChunkError(str(error)) from None
    return Columns(head.boot, head.quality, schema, head.count, strips)


def _seal(body: bytes) -> bytes:
    size = _SHORT_CHECK if len(body) + _SHORT_CHECK <= _SHORT_CHUNK else _LONG_CHECK
    if len(body) + size > LONGEST_CHUNK:
        raise ValueError(f"a chunk of {len(body)} bytes is longer than {LONGEST_CHUNK}")
    return body + _checksum(body, size)


def _checksum(body: bytes, size: int) -> bytes:
    return (binascii.crc_hqx(body, 0xFFFF) if size == _SHORT_CHECK else zlib.crc32(body)).to_bytes(size, "big")


def _unseal(data: bytes) -> bytes:
    size = _SHORT_CHECK if len(data) <= _SHORT_CHUNK else _LONG_CHECK
    if not _KEY_END + size < len(data) <= LONGEST_CHUNK:
        raise ChunkError(f"{len(data)} bytes are no chunk")
    body = data[:-size]
    if _checksum(body, size) != data[-size:]:
        raise ChunkError("the checksum does not fit")
    return body


def _read_head(body: bytes) -> tuple[Head, int]:
    if body[0] >> 6 != VERSION or body[0] & _SPARE:
        raise ChunkError(f"chunk format {body[0]:#04x} is not known here")
    try:
        boot, at = read_varint(body, _KEY_END)
        count, at = read_varint(body, at)
    except CodecError as error:
        raise ChunkError(str(error)) from None
    if boot > LARGEST_BOOT or count > MOST_CELLS:
        raise ChunkError(f"no chunk has boot {boot} and {count} cells")
    if not count and at != len(body):
        raise ChunkError("bytes are left over")
    return Head(body[1:_KEY_END], boot, ClockQuality(body[0] >> 4 & 3), count), at


def _read_strips(bits: BitReader, mark: int, count: int, width: int) -> list[Strip]:
    arranged = [_read_together(bits, count, width)] if mark & _TOGETHER else groups.read(bits, width, count)
    times_of = {column: group.times for group in arranged for column in group.columns}
    strips = [_read_strip(bits, column, times_of[column], mark) for column in sorted(times_of)]
    bits.finish()
    return strips


def _read_together(bits: BitReader, count: int, width: int) -> Group:
    if not width or count % width:
        raise CodecError("the count does not fit the schema")
    return Group(stamps.read(bits, count // width), list(range(width)))


def _read_strip(bits: BitReader, column: int, times: list[int], mark: int) -> Strip:
    count = len(times)
    first = bits.signed_wide() if mark & _SIGNED else bits.wide()
    steps = list(accumulate(rice.read(bits, count - 1), initial=first))
    if min(steps) < -LARGEST_STEPS or max(steps) > LARGEST_STEPS:
        raise CodecError("a value beyond every step")
    return Strip(column, times, steps, _read_flags(bits, count) if mark & _FLAGGED else [0] * count)


def _read_flags(bits: BitReader, count: int) -> list[int]:
    if not bits.fixed(1):
        return [0] * count
    if not bits.fixed(1):
        flags = rice.read(bits, count)
    else:
        first = bits.signed_wide()
        flags = list(accumulate(rice.read(bits, count - 1), initial=first))
    if min(flags) < 0 or max(flags) > LARGEST_FLAGS:
        raise CodecError("no such flags")
    return flags
