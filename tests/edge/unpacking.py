"""What an office makes of a payload: the records of the node again, those of packs told apart."""

from __future__ import annotations

from edge.wire.chunks import Schema, decode_columns, encode_columns
from edge.wire.packs import shares
from edge.wire.record import Pack, Record, RecordKind, seqs, unpack


def records_of(payload: bytes, schemas: dict[bytes, Schema]) -> list[Record]:
    """All records of a payload; `schemas` learns what it declares. Raises UnknownSchema for a pack of another."""
    found: list[Record] = []
    for item in unpack(payload):
        if isinstance(item, Record):
            if item.kind == RecordKind.SCHEMA:
                schemas[Schema.decode(item.body).key] = Schema.decode(item.body)
            found.append(item)
        else:
            found += _apart(item, schemas)
    return found


def _apart(item: Pack, schemas: dict[bytes, Schema]) -> list[Record]:
    columns = decode_columns(schemas.get, item.body)
    parts = zip(seqs(item), item.counts, shares(columns, item.counts), strict=True)
    return [Record(item.epoch, seq, RecordKind.CHUNK, count, encode_columns(columns.schema, columns.boot,
            columns.quality, strips)) for seq, count, strips in parts]  # fmt: skip
