"""What the columns of a chunk mean: told once, and named by four bytes ever after.

A schema is a journal record of its own. A chunk names it by the CRC-32 of its spelling, so a chunk can be read
whenever and in whatever order the two arrive, and a schema never changes: another sensor is another schema.

    version byte, number of columns varint, then for each column: sensor (empty: as the one before), quantity, channel,
    each a length byte and UTF-8, and the decimals as one byte
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property

from edge.wire.codec import CodecError, read_varint, varint

VERSION = 1
MOST_COLUMNS = 1024
LONGEST_NAME = 64  # bytes
MOST_DECIMALS = 18


class SchemaError(ValueError):
    """Bytes that are no schema of ours."""


@dataclass(frozen=True, slots=True)
class Column:
    """One series of a node: steps of 10**-decimals of the quantity's unit. `quantity` may be one we do not know yet."""

    sensor: str
    quantity: str
    channel: str
    decimals: int

    def __post_init__(self) -> None:
        if not self.sensor or not self.quantity:
            raise ValueError("a column has a sensor and a quantity")
        for name in (self.sensor, self.quantity, self.channel):
            if len(name.encode()) > LONGEST_NAME:
                raise ValueError(f"longer than {LONGEST_NAME} bytes: {name[:80]!r}")
        if not 0 <= self.decimals <= MOST_DECIMALS:
            raise ValueError(f"no column has {self.decimals} decimals")


@dataclass(frozen=True)
class Schema:
    """The columns of a node's chunks, in order; a chunk speaks of them by index. Each stands in it once."""

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        if len(self.columns) > MOST_COLUMNS:
            raise ValueError(f"{len(self.columns)} columns are more than {MOST_COLUMNS}")
        if len({(column.sensor, column.quantity, column.channel) for column in self.columns}) < len(self.columns):
            raise ValueError("a column stands twice in the schema")

    @cached_property
    def key(self) -> bytes:
        """Four bytes that name this schema."""
        return zlib.crc32(self.encode()).to_bytes(4, "big")

    def encode(self) -> bytes:
        """The body of its SCHEMA record."""
        out = bytearray((VERSION,)) + varint(len(self.columns))
        before = ""
        for column in self.columns:
            sensor = "" if column.sensor == before else column.sensor
            out += b"".join(_spell(name) for name in (sensor, column.quantity, column.channel))
            out.append(column.decimals)
            before = column.sensor
        return bytes(out)

    @classmethod
    def decode(cls, data: bytes) -> Schema:
        """The schema that `encode` wrote. Raises SchemaError, and nothing else, for any other bytes."""
        try:
            schema = cls(_read_columns(data))
        except ValueError as error:
            raise SchemaError(str(error)) from None
        if schema.encode() != data:
            raise SchemaError("not as we would have written it")
        return schema


def _spell(name: str) -> bytes:
    text = name.encode()
    return bytes((len(text),)) + text


def _read_columns(data: bytes) -> tuple[Column, ...]:
    if data[:1] != bytes((VERSION,)):
        raise CodecError(f"schema format {data[:1].hex() or 'nothing'} is not known here")
    count, at = read_varint(data, 1)
    if count > MOST_COLUMNS:
        raise CodecError(f"{count} columns are more than {MOST_COLUMNS}")
    columns: list[Column] = []
    before = ""
    for _ in range(count):
        sensor, at = _read_name(data, at)
        quantity, at = _read_name(data, at)
        channel, at = _read_name(data, at)
        if at >= len(data):
            raise CodecError("a column is cut short")
        before = sensor or before
        columns.append(Column(before, quantity, channel, data[at]))
        at += 1
    return tuple(columns)


def _read_name(data: bytes, at: int) -> tuple[str, int]:
    if at >= len(data) or (end := at + 1 + data[at]) > len(data):
        raise CodecError("a name is cut short")
    return data[at + 1 : end].decode(), end
