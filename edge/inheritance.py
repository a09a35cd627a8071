"""What an earlier life of the agent left in the journal of its open windows: the newest record, and what came after it.

The last commit may have been torn, so the readings behind the record are looked at as well. What the office has
acknowledged can not be read any more, and was whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from edge.journal.journal import Journal
from edge.opened import Telling, tellings
from edge.schemas import Schemas
from edge.wire.chunks import ChunkError, UnknownSchema, decode
from edge.wire.record import Record, RecordKind
from edge.wire.schema import Schema

PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Inheritance:
    """The body of the newest record, the readings behind it by sensor, and whether its own commit is whole for sure."""

    body: bytes | None = None
    later: list[dict[str, Telling]] = field(default_factory=list)
    whole: bool = True


def inheritance(journal: Journal, schemas: Schemas) -> Inheritance:
    """Raises JournalError when the disk fails."""
    newest = journal.newest(RecordKind.OPEN)
    if newest is None:
        return Inheritance()
    known: dict[bytes, Schema] = {}
    later = [found for record in _behind(journal, newest.seq) if (found := _told(record, schemas, known))]
    return Inheritance(newest.body, later, journal.lowest > newest.seq + 1)


def _behind(journal: Journal, seq: int) -> Iterator[Record]:
    while found := journal.read(seq + 1, PIECE) if seq + 1 < journal.next else []:
        yield from found
        seq = found[-1].seq


def _told(record: Record, schemas: Schemas, known: dict[bytes, Schema]) -> dict[str, Telling]:
    """What a record tells of windows; nothing when it is no chunk, or can not be read."""

    def schema(key: bytes) -> Schema | None:
        if key not in known and (body := schemas.body(key.hex())) is not None:
            known[key] = Schema.decode(body)
        return known.get(key)

    try:
        if record.kind == RecordKind.SCHEMA:
            told = Schema.decode(record.body)
            known[told.key] = told
        if record.kind != RecordKind.CHUNK:
            return {}
        chunk = decode(schema, record.body)
        return tellings(chunk, known[chunk.schema_key])
    except (ChunkError, UnknownSchema, ValueError):
        return {}
