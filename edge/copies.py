"""Whether there is another copy of this journal: one that went on from the same records and gave out other numbers.

A folder that was copied and put back, a volume that was restored and a card that forgot all begin a life from records
from which another life went on before. Each life leaps to a place of its own, so what they write are never two records
of one number; but the office hears the leap of the other one, and takes what was left out there for settled. So an ack
is believed only where it ends at a number that this copy gave out: an end of somebody else's is the proof of him.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from edge.journal.journal import Journal
from edge.journal.naming import SKIPPED
from edge.journal.ring import Gap
from edge.wire.messages import GapRecord, MessageError, from_json
from edge.wire.record import Record, RecordKind


def left_out(journal: Journal, seq: int) -> tuple[int, int] | None:
    """The first and last number of the leap in which `seq` lies, if it does. Raises JournalError."""
    found = journal.read(seq, 1)
    told: Sequence[GapRecord | Gap] = _gaps_in(found[0]) if found else journal.gaps_to_write
    return next(((gap.first, gap.last) for gap in told if gap.why == SKIPPED and gap.first <= seq <= gap.last), None)


def _gaps_in(record: Record) -> Sequence[GapRecord | Gap]:
    with suppress(MessageError):
        return [from_json(GapRecord, record.body)] if record.kind == RecordKind.GAP else []
    return []


def gave_out(journal: Journal, seq: int) -> bool:
    """Whether what is stored may end at `seq`: this copy gave it out, or leapt to right behind it, or cannot say any
    more. Raises JournalError."""
    if seq >= journal.next:
        return False
    leap = left_out(journal, seq) if seq >= journal.lowest else None
    return leap is None or seq == leap[1]
