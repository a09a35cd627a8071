"""What records lean on: a chunk on its schema, chunks and events on the clock of their boot.

Each of these is told once, in a record of its own, and segments of the journal are given up one by one. So whatever a
record leans on is repeated in its own segment, before it: then all that survives can be decoded and dated, in
whatever state the rest of the journal is. Pure, but for the schemas' small file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edge.sampler import Entry
from edge.schemas import Schemas
from edge.wire.chunks import peek
from edge.wire.record import RecordKind


class Needs:
    """Follows the records of one run, which are all of one boot, on their way into the journal."""

    def __init__(self, schemas: Schemas) -> None:
        self.schemas = schemas
        self._clock: Entry | None = None  # the last that went by
        self._segment = 0
        self._told: set[bytes] = set()  # bodies that this run put into that segment

    def split(self, batch: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
        """What `batch` leans on and does not tell itself in time: not in its segment yet, and there already."""
        lacking = list(self._lacking(batch))
        return [e for e in lacking if e[2] not in self._told], [e for e in lacking if e[2] in self._told]

    def _lacking(self, batch: Sequence[Entry]) -> Iterable[Entry]:
        if self._clock is not None and batch[0][0] != RecordKind.CLOCK:
            yield self._clock
        told: set[bytes | None] = {None}
        for kind, _, body in batch:
            schema = body if kind == RecordKind.SCHEMA else None
            if kind == RecordKind.CHUNK and (schema := self.schemas.body(peek(body).schema_key.hex())) not in told:
                assert schema is not None
                yield RecordKind.SCHEMA, 0, schema
            told.add(schema)

    def went(self, batch: Iterable[Entry], repeated: Iterable[Entry], segment: int) -> None:
        """`batch` is in the journal's `segment`, after `repeated` if that was a new one."""
        if segment != self._segment:
            self._segment = segment
            self._told = {body for _, _, body in repeated}
        for entry in batch:
            self.passed(entry)
            if entry[0] in (RecordKind.CLOCK, RecordKind.SCHEMA):
                self._told.add(entry[2])

    def passed(self, entry: Entry) -> None:
        """The next record went by, into the journal or not."""
        if entry[0] == RecordKind.CLOCK:
            self._clock = entry
