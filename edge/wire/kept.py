"""Records that outlive their segment: an event or a gap said once more under a new seq, with the old one in it.

When the journal is full its oldest segment goes, and what is in it that is worth more than readings is written anew.
The office may have the first copy already, so the second one says which seq it repeats; whichever comes first is
filed under the old seq, the other one only gets its receipt.

    body   the old seq varint, the old kind, the old body
"""

from __future__ import annotations

from edge.wire.codec import read_varint, varint
from edge.wire.record import LARGEST_SEQ, Record, RecordError, RecordKind

KEEPABLE = (RecordKind.EVENT, RecordKind.GAP)


def keep(record: Record) -> bytes:
    """The body of the KEPT record that repeats this one; one that repeats another is repeated as that."""
    if record.kind == RecordKind.KEPT:
        return record.body
    if record.kind not in KEEPABLE:
        raise ValueError(f"records of kind {record.kind} are not kept")
    return varint(record.seq) + bytes((record.kind,)) + record.body


def first_copy(record: Record) -> Record:
    """The record that a KEPT one repeats. Raises RecordError."""
    try:
        seq, at = read_varint(record.body, 0)
        kind = RecordKind(record.body[at])
    except (ValueError, IndexError) as error:
        raise RecordError(f"a kept record that repeats nothing: {error}") from None
    if kind not in KEEPABLE or not seq < record.seq <= LARGEST_SEQ:
        raise RecordError(f"seq {record.seq} cannot repeat kind {kind} of seq {seq}")
    return Record(record.epoch, seq, kind, 0, record.body[at + 1 :])
