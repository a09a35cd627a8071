"""What may be committed at once."""

from __future__ import annotations

from collections.abc import Sequence

from edge.journal.errors import NOT_STORED, JournalError
from edge.journal.layout import LARGEST_BATCH, LARGEST_COMMIT, SECTOR, Entry, footprints
from edge.journal.losses import PER_COMMIT
from edge.wire.record import LARGEST_COUNT, LARGEST_KIND


def admit(entries: Sequence[Entry], segment_bytes: int) -> None:
    """Raises ValueError for what is no record, JournalError for more than the journal takes at once."""
    for entry in entries:
        if not 1 <= entry.kind <= LARGEST_KIND or not 0 <= entry.readings <= LARGEST_COUNT:
            raise ValueError(f"no record has kind {entry.kind} and {entry.readings} readings")
    size, limit = footprints(entries), min(LARGEST_COMMIT // 2, segment_bytes - 2 * SECTOR)
    if size > limit or len(entries) > LARGEST_BATCH - PER_COMMIT - 1:
        raise JournalError(
            f"A commit of {size} bytes is more than the {limit} that the journal takes at once.",
            NOT_STORED,
            "Commit it in smaller parts.",
        )
