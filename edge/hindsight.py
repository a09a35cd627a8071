"""Events of earlier lives that the office has not got: looked for in the backlog, so that they go before its readings.
So do the gap records of leaps: where there are copies of a journal, no ack is exact before the office knows them.

What was committed in this run says itself which of it is urgent. Of what lies in the journal from before nobody
remembers that, and a gigabyte is not read through at a start. So a slice of record headers is looked at every tenth of
a second, several times as many as the backlog is sent at, and what is found joins the lane of events. No more is
remembered than the outbox has room for; while that is full, nothing is looked for.
"""

from __future__ import annotations

from edge.commits import Commits
from edge.journal.errors import JournalError
from edge.outbox import Outbox
from edge.wire.record import RecordKind

KINDS = (RecordKind.EVENT, RecordKind.KEPT, RecordKind.GAP)
SLICE = 256  # headers
PAUSE_MS = 100
LATER_MS = 10_000


class Hindsight:
    """Of one run; times in ms since boot."""

    def __init__(self, commits: Commits, outbox: Outbox, now_ms: int) -> None:
        self._commits, self._outbox = commits, outbox
        self._at = self._until = 0
        self._begun = False
        self.due_ms: int | None = now_ms  # None: all has been looked at

    def look(self, now_ms: int) -> bool:
        """Look at a slice, if it is time; whether something was found."""
        if self.due_ms is None or now_ms < self.due_ms:
            return False
        journal = self._commits.journal
        if journal is None or self._outbox.crowded:
            self.due_ms = now_ms + LATER_MS
            return False
        if not self._begun:
            self._begun, self._at, self._until = True, journal.lowest, journal.next
        begin = max(self._at, journal.lowest, self._outbox.acked + 1)
        try:
            found, self._at = journal.seqs_of(KINDS, begin, SLICE)
        except JournalError as error:
            self._commits.trouble, self.due_ms = error, now_ms + LATER_MS
            return False
        self._outbox.recall(seq for seq in found if seq < self._until)
        self.due_ms = now_ms + PAUSE_MS if self._at < self._until else None
        return bool(found)
