"""How a loss is written down, and how it is seen that this was done."""

from __future__ import annotations

import json

from edge.journal.layout import Entry
from edge.journal.ring import Gap
from edge.wire.messages import GapRecord, MessageError, from_json
from edge.wire.record import Record, RecordKind

FULL = "journal full"
THINNED = "thinned: the journal was full"
UNREADABLE = "unreadable on the disk"
SKIPPED = "skipped after a restart of the node"


def entry(gap: Gap) -> Entry:
    """The record that names this loss."""
    fields = {"first": gap.first, "last": gap.last, "readings": gap.readings, "why": gap.why}
    body = json.dumps({**fields, "from_ms": None, "to_ms": None}, separators=(",", ":"))
    return Entry(RecordKind.GAP, 0, body.encode())


def named_by(record: Record | None) -> list[tuple[int, int]]:
    """The first and last seq that a record names as lost; nothing for any other record."""
    if record is None or record.kind != RecordKind.GAP:
        return []
    try:
        gap = from_json(GapRecord, record.body)
    except MessageError:
        return []
    return [(gap.first, gap.last)]
