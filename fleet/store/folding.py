"""Old receipts become runs (see `runs`): the last step of a pass, a few thousand at a time.

Folded is what nobody needs one by one any more: its rows became hours, under a date that is final, or it never had
rows; it arrived longer ago than readings are kept; and its node has let go of it, for it was told that it is here
(`lowest`).
Events, health and what nobody can read stay as they are, for others refer to them.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import NamedTuple

from edge.wire.record import RecordKind
from fleet.store import runs
from fleet.store.store import State

LOOKED_AT = 1_000  # receipts of a turn

NEXT = """SELECT node, epoch, min(upto, lowest-1), folded FROM journals WHERE (node, epoch)>(?, ?)
  AND min(upto, lowest-1)>folded ORDER BY node, epoch LIMIT 1"""
RECEIPTS = """SELECT seq, kind, receipts.readings, state, arrived_ms, shelf.receipt IS NOT NULL FROM receipts
  LEFT JOIN shelf ON shelf.receipt=id WHERE node=? AND epoch=? AND seq>? AND seq<=? ORDER BY seq LIMIT ?"""
REMOVE = "DELETE FROM receipts WHERE node=? AND epoch=? AND seq BETWEEN ? AND ?"
DONE = "UPDATE journals SET folded=? WHERE node=? AND epoch=?"
ROWLESS = (RecordKind.SCHEMA, RecordKind.CLOCK, RecordKind.GAP, RecordKind.OPEN, RecordKind.KEPT)


class Line(NamedTuple):
    """A receipt, as far as folding goes."""

    seq: int
    kind: int
    readings: int
    state: int
    arrived_ms: int
    shelved: int

    @property
    def lasting(self) -> bool:
        """Whether it is never folded."""
        return self.state == State.QUARANTINED or self.kind not in (RecordKind.CHUNK, *ROWLESS)

    def ripe(self, before_ms: int) -> bool:
        """Whether it may be folded now."""
        if self.lasting or self.shelved or self.arrived_ms >= before_ms:
            return False
        return self.state == State.ROLLED or (self.state == State.STORED and not self.readings)


@dataclass(slots=True)
class Folding:
    """Through the receipts of all journals. `folded` of a journal: all below it is folded, or never will be."""

    horizon_ms: int
    _journal: tuple[int, int] = (0, -1)
    _upto: int = -1
    _seq: int = 0
    _mark: int | None = None  # the next `folded`, once something was met that is not ripe

    def turn(self, db: sqlite3.Connection) -> bool:
        """Some of it; whether it is done."""
        if self._seq >= self._upto and not self._next(db):
            return True
        lines = [Line(*row) for row in db.execute(RECEIPTS, (*self._journal, self._seq, self._upto, LOOKED_AT))]
        self._fold(db, lines)
        unripe = (line.seq - 1 for line in lines if not line.lasting and not line.ripe(self.horizon_ms))
        self._mark = next(unripe, None) if self._mark is None else self._mark
        self._seq = lines[-1].seq if len(lines) == LOOKED_AT else self._upto
        db.execute(DONE, (self._seq if self._mark is None else self._mark, *self._journal))
        return False

    def _next(self, db: sqlite3.Connection) -> bool:
        found = db.execute(NEXT, self._journal).fetchone()
        if found is None:
            return False
        self._journal, self._upto, self._seq, self._mark = found[:2], found[2], found[3], None
        return True

    def _fold(self, db: sqlite3.Connection, lines: list[Line]) -> None:
        some: list[Line] = []
        for line in [*(line for line in lines if line.ripe(self.horizon_ms)), None]:
            if some and (line is None or line.seq != some[-1].seq + 1):
                runs.add(db, *self._journal, some[0].seq, [each.readings for each in some])
                db.execute(REMOVE, (*self._journal, some[0].seq, some[-1].seq))
                some = []
            if line is not None:
                some.append(line)
