"""Keeping readings for so long and no longer: what is older becomes hourly roll-ups, and its rows go.

An hour of a series keeps its count, sum, lowest and highest value and every flag that any of its readings bore.
The unit is the receipt: all of its rows go in the transaction that adds them to their hours, or none does. What comes
late, into an hour that was rolled up long ago, is added to it when its turn comes. What a clock record may still date
anew goes by way of the shelf (`shelf`), so that every reading ends in the hour in which it was measured.

How old a reading is says its date, where that can be trusted. A row without a date, one dated by a guess, and one
that is dated long after it arrived and later than now are as old as what they came with: nothing is measured after it
arrived. Where the date is past it may be the office whose clock was behind when it came.

The one writer does it, between two batches: each turn is a small transaction of its own. A pass begins when another
hour has grown too old: through all series, by date; then through the rows that have been here longest, by arrival. Once
a day follow the shelf, from which goes whatever date has become final, and the receipts (`folding`).
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import NamedTuple

from edge.wire.record import RecordKind
from fleet.store import shelf
from fleet.store.dating import TRUSTED
from fleet.store.finality import Finality
from fleet.store.folding import Folding
from fleet.store.shelf import DAY_MS as DAY_MS
from fleet.store.shelf import HOUR_MS as HOUR_MS
from fleet.store.shelf import Filed
from fleet.store.store import State

YEAR_2000_MS = 946_684_800_000  # what is dated before is not dated
MOST_ROWS = 5_000  # of a turn, and what the last receipt of it holds more
LOOKED_AT = 256  # rows of a series that a turn looks at to find receipts; receipts, where it looks for those

NEXT_SERIES = "SELECT min(id) FROM series WHERE id>?"
OLD = """SELECT t_ms, receipt FROM readings WHERE series=? AND t_ms>=? AND t_ms<? ORDER BY t_ms LIMIT ?"""
RECEIPT = f"""SELECT id, node, epoch, boot, offset_ms, seq, first_row, readings, arrived_ms, quality IN {TRUSTED}
  FROM receipts WHERE id=? AND kind={int(RecordKind.CHUNK)} AND state={int(State.STORED)}"""
NEWEST = "SELECT max(t_ms) FROM readings WHERE id BETWEEN ? AND ?"
FIRST_HERE = "SELECT id, receipt FROM readings WHERE id>? ORDER BY id LIMIT 1"
NEXT_ARRIVED = f"""SELECT arrived_ms FROM receipts WHERE id>? AND arrived_ms BETWEEN {YEAR_2000_MS} AND ?
  ORDER BY id LIMIT 1"""
SHELVED = """SELECT id, node, epoch, boot, offset_ms, seq, body FROM shelf JOIN receipts ON id=receipt WHERE receipt>?
  ORDER BY receipt LIMIT ?"""
GONE = f"UPDATE receipts SET state={int(State.ROLLED)}, first_row=NULL WHERE id=?"


class Old(NamedTuple):
    """A receipt with its rows."""

    id: int
    node: int
    epoch: int
    boot: int
    offset_ms: int | None
    seq: int
    first_row: int
    readings: int
    arrived_ms: int
    trusted: int

    @property
    def span(self) -> tuple[int, int]:
        """Its rows' ids, the first and the last."""
        return self.first_row, self.first_row + self.readings - 1

    @property
    def filed(self) -> Filed:
        """What its hours need to know."""
        return Filed(self.id, (self.node, self.epoch, self.boot), self.offset_ms)


def receipt(db: sqlite3.Connection, number: int) -> Old | None:
    """The receipt of that number, if its rows are here."""
    found = db.execute(RECEIPT, (number,)).fetchone()
    return Old(*found) if found and found[7] else None


def roll_up(db: sqlite3.Connection, old: list[Old]) -> None:
    """Adds the rows of these receipts to their hours, and removes them."""
    finality = Finality(db)
    for each in old:
        rows = shelf.rows_of(db, each.offset_ms, each.span)
        if each.offset_ms is not None and finality.final((each.node, each.epoch), each.boot, each.seq):
            shelf.add(db, shelf.tally(rows, each.offset_ms, {}))
        else:
            shelf.put(db, each.filed, rows)
        db.execute("DELETE FROM readings WHERE id BETWEEN ? AND ?", each.span)
        db.execute(GONE, (each.id,))


@dataclass(slots=True)
class ByDate:
    """Through all series: receipts of which every row is old by a date that can be trusted."""

    horizon_ms: int
    _series: int = 0
    _from_ms: int = YEAR_2000_MS

    def turn(self, db: sqlite3.Connection) -> bool:
        """Some of it; whether it is done."""
        if not self._series and not self._next_series(db):
            return True
        looked = db.execute(OLD, (self._series, self._from_ms, self.horizon_ms, LOOKED_AT)).fetchall()
        seen: dict[int, Old | None] = {}
        rows, at_ms, finished = 0, self._from_ms, len(looked) < LOOKED_AT
        for t_ms, number in looked:
            if number not in seen:
                if rows >= MOST_ROWS:
                    finished = False
                    break
                old = seen[number] = self._whole(db, number)
                rows += old.readings if old else 0
            at_ms = t_ms
        self._from_ms = at_ms + (not rows and at_ms == self._from_ms)
        roll_up(db, [old for old in seen.values() if old])
        return finished and not self._next_series(db)

    def _next_series(self, db: sqlite3.Connection) -> bool:
        (found,) = db.execute(NEXT_SERIES, (self._series,)).fetchone()
        self._series, self._from_ms = found or 0, YEAR_2000_MS
        return found is not None

    def _whole(self, db: sqlite3.Connection, number: int) -> Old | None:
        """The receipt, if all of it is old enough and its dates can be trusted."""
        old = receipt(db, number)
        if old is None or old.offset_ms is None or not old.trusted:
            return None
        (newest,) = db.execute(NEWEST, old.span).fetchone()
        return old if newest < self.horizon_ms else None


@dataclass(slots=True)
class ByArrival:
    """Through the rows that have been here longest: what has no date to trust and arrived long ago.

    It ends at the first that is young: whatever the office's clock says of those behind it, they came later. A receipt
    whose own time cannot be came no later than the next.
    """

    horizon_ms: int
    now_ms: int
    _row: int = 0
    _arrived_ms: int = 0  # of the receipt that was met last

    def turn(self, db: sqlite3.Connection) -> bool:
        """Some of it; whether it is done."""
        old: list[Old] = []
        for _ in range(LOOKED_AT):
            found = db.execute(FIRST_HERE, (self._row,)).fetchone()
            if found is None or sum(each.readings for each in old) >= MOST_ROWS:
                roll_up(db, old)
                return found is None
            met = receipt(db, found[1])
            self._row = found[0] if met is None else met.span[1]
            if met is not None and self._arrived(db, met) >= self.horizon_ms:
                roll_up(db, old)
                return True
            old += [met] if met is not None and self._doubtful(db, met) else []
        roll_up(db, old)
        return False

    def _arrived(self, db: sqlite3.Connection, old: Old) -> int:
        at_ms = old.arrived_ms
        if not YEAR_2000_MS <= at_ms <= self.now_ms:
            (at_ms,) = db.execute(NEXT_ARRIVED, (old.id, self.now_ms)).fetchone() or (self.now_ms,)
        self._arrived_ms = at_ms
        return at_ms

    def _doubtful(self, db: sqlite3.Connection, old: Old) -> bool:
        if old.offset_ms is None or not old.trusted:
            return True
        (newest,) = db.execute(NEWEST, old.span).fetchone()
        return bool(newest > max(self._arrived_ms + DAY_MS, self.now_ms))


@dataclass(slots=True)
class Releasing:
    """Through the shelf: what has got its final date leaves it."""

    _receipt: int = 0

    def turn(self, db: sqlite3.Connection) -> bool:
        """Some of it; whether it is done."""
        finality, looked = Finality(db), db.execute(SHELVED, (self._receipt, LOOKED_AT)).fetchall()
        for number, node, epoch, boot, offset_ms, seq, body in looked:
            self._receipt = number
            if finality.final((node, epoch), boot, seq):
                shelf.release(db, Filed(number, (node, epoch, boot), offset_ms), body)
        return len(looked) < LOOKED_AT


Part = ByDate | ByArrival | Releasing | Folding


@dataclass(slots=True)
class Retention:
    """Where a pass is. It forgets nothing that matters: a new office begins a pass anew."""

    keep_ms: int
    _parts: list[Part] = field(default_factory=list)
    _horizon_ms: int = 0  # of the pass that runs, or ran last

    def due(self, now_ms: int) -> bool:
        """Whether a turn has anything to look at."""
        horizon_ms = (now_ms - self.keep_ms) // HOUR_MS * HOUR_MS
        if not self._parts and horizon_ms > self._horizon_ms:
            self._parts = [ByDate(horizon_ms), ByArrival(horizon_ms, now_ms)]
            if horizon_ms // DAY_MS > self._horizon_ms // DAY_MS:
                self._parts += [Releasing(), Folding(horizon_ms)]
            self._horizon_ms = horizon_ms
        return bool(self._parts)

    def turn(self, db: sqlite3.Connection) -> None:
        """Some work, inside a transaction that the caller began."""
        if self._parts and self._parts[0].turn(db):
            del self._parts[0]
