"""Whether the date of a chunk is final: whether any record that has not come could still change it.

A date hangs on the clock records of the chunk's boot (`dating`). One of a synchronised clock decides for all that
follows it until the next, so the date is final when everything between the two is here. Any other date may be mended
as long as its boot lasts; it is final once the node is in a later boot and everything of the earlier one is here.

"Here" means a receipt. What a gap record names, or a node no longer holds, may still come from a pulled card.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right

from fleet.store.copies import ANY
from fleet.store.dating import ClockMark
from fleet.store.runs import arrived
from fleet.store.spans import Gap

UPTO = "SELECT upto FROM journals WHERE node=? AND epoch=?"
CLOCKS = """SELECT boot, seq, offset_ms, quality, uncertainty_ms, boot_id FROM clocks WHERE node=? AND epoch=?
  ORDER BY seq"""
GAPS = "SELECT first, last, readings, why FROM gaps WHERE node=? AND epoch=?"
HOLES = "SELECT first, last FROM holes WHERE node=? AND epoch=?"
Journal = tuple[int, int]


class Finality:
    """Answers for one turn of housekeeping, during which nothing arrives."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._clocks: dict[Journal, list[tuple[int, ClockMark]]] = {}
        self._broken: dict[Journal, list[tuple[int, int]]] = {}

    def final(self, journal: Journal, boot: int, seq: int) -> bool:
        """Whether nothing can change the date of the chunk `seq` any more."""
        clocks = self._clocks_of(journal)
        own = [mark for of, mark in clocks if of == boot]
        if not own or own[0].seq > seq:
            return False
        home = own[bisect_right(own, seq, key=lambda mark: mark.seq) - 1]
        if home.final:
            return self._whole(journal, home.seq + 1, seq - 1)
        began = max((mark.seq for of, mark in clocks if of != boot and mark.seq < own[0].seq), default=0)
        ended = min((mark.seq for of, mark in clocks if of > boot and mark.seq > seq), default=None)
        return ended is not None and self._whole(journal, began + 1, ended - 1)

    def _clocks_of(self, journal: Journal) -> list[tuple[int, ClockMark]]:
        """Each clock record of a journal with its boot, in order of seq."""
        if journal not in self._clocks:
            rows = self._db.execute(CLOCKS, journal)
            self._clocks[journal] = [(boot, ClockMark(*mark)) for boot, *mark in rows]
        return self._clocks[journal]

    def _whole(self, journal: Journal, first: int, last: int) -> bool:
        """Whether every seq of first..last that was given out is here."""
        return all(high < first or low > last for low, high in self._broken_of(journal)) or first > last

    def _broken_of(self, journal: Journal) -> list[tuple[int, int]]:
        """Where something of a journal is not here: named spans of which not all came, and what is not settled."""
        if journal not in self._broken:
            gaps = [Gap(*row) for row in self._db.execute(GAPS, journal)]
            copied = self._db.execute(ANY, journal).fetchone() is not None  # what one life left out another may use
            spans = [(gap.first, gap.last) for gap in gaps if copied or not gap.skip]
            spans += self._db.execute(HOLES, journal).fetchall()
            came = arrived(self._db, [(*journal, *span) for span in spans])
            broken = [span for span, (count, _) in zip(spans, came, strict=True) if count <= span[1] - span[0]]
            (upto,) = self._db.execute(UPTO, journal).fetchone()
            self._broken[journal] = [*broken, (upto + 1, 1 << 62)]
        return self._broken[journal]
