"""Whether there is another copy of this journal: one that went on from the same records and gave out other numbers.

A folder that was copied and put back, a volume that was restored and a card that forgot all begin a life from records
from which another life went on before. Each life leaps to a place of its own, so what they write are never two records
of one number; but the office hears the leap of the other one, and takes what was left out there for settled. So an ack
is believed only where it ends at a number that this copy gave out: an end of somebody else's is the proof of him.
"""

from __future__ import annotations

from edge.journal.journal import Journal
from edge.journal.naming import SKIPPED
from edge.wire.messages import GapRecord, MessageError, from_json
from edge.wire.record import Record, RecordKind


def left_out(journal: Journal, seq: int) -> tuple[int, int] | None:
    """The first and last number of the leap in which `seq` lies, if it does. Raises JournalError."""
    found = journal.read(seq, 1)
    leaps = _leap_in(found[0]) if found else [(gap.first, gap.last) for gap in journal.gaps_to_write if gap.why == SKIPPED]
    return next((leap for leap in leaps if leap[0] <= seq <= leap[1]), None)


def _leap_in(record: Record) -> list[tuple[int, int]]:
    if record.kind != RecordKind.GAP:
        return []
    try:
        gap = from_json(GapRecord, record.body)
    except MessageError:
        return []
    return [(gap.first, gap.last)] if gap.why == SKIPPED else []


def gave_out(journal: Journal, seq: int) -> bool:
    """Whether what is stored may end at `seq`: this copy gave it out, or leapt to right behind it, or cannot say any
    more. Raises JournalError."""
    if seq >= journal.next:
        return False
    leap = left_out(journal, seq) if seq >= journal.lowest else None
    return leap is None or seq == leap[1]
