"""Keeping readings for so long and no longer: what is older becomes hourly roll-ups, and its rows go.

An hour of a series keeps its count, sum, lowest and highest value and every flag that any of its readings bore.
Receipts stay, so that what arrives once more still falls on their key, and every reading can still be accounted for.
The unit is the receipt: all of its rows go in the transaction that adds them to their hours, or none does. What comes
late, into an hour that was rolled up long ago, is added to it when its turn comes.

The one writer does it, between two batches: each turn is a small transaction of its own, and a pass through all series
begins when another hour has grown too old. Left alone are rows without a date, rows that are dated by a guess and
arrived lately (their clock may still come), and receipts that reach into an hour that is young enough.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from edge.wire.record import RecordKind
from fleet.store.dating import TRUSTED
from fleet.store.store import State

HOUR_MS = 3_600_000
YEAR_2000_MS = 946_684_800_000  # what is dated before is not dated
MOST_ROWS = 5_000  # of a turn, and what the last receipt of it holds more
LOOKED_AT = 256  # rows of a series that a turn looks at to find receipts

NEXT_SERIES = "SELECT min(id) FROM series WHERE id>?"
OLD = """SELECT t_ms, receipt FROM readings WHERE series=? AND t_ms>=? AND t_ms<? ORDER BY t_ms LIMIT ?"""
WHOLE = f"""SELECT first_row, readings FROM receipts WHERE id=? AND kind={int(RecordKind.CHUNK)}
  AND state={int(State.STORED)} AND offset_ms IS NOT NULL AND (quality IN {TRUSTED} OR arrived_ms<?)"""
NEWEST = "SELECT max(t_ms) FROM readings WHERE id BETWEEN ? AND ?"
GATHER = f"""SELECT series, t_ms/{HOUR_MS}, flags, count(*), total(steps), min(steps), max(steps) FROM readings
  WHERE id BETWEEN ? AND ? GROUP BY 1, 2, 3"""
ADD = """INSERT INTO hours(series, hour, flags, count, sum, low, high) VALUES (?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET
  flags=flags|excluded.flags, count=count+excluded.count, sum=sum+excluded.sum,
  low=min(low, excluded.low), high=max(high, excluded.high)"""
GONE = f"UPDATE receipts SET state={int(State.ROLLED)}, first_row=NULL WHERE id=?"


class Old(NamedTuple):
    """A receipt whose rows may go."""

    receipt: int
    first_row: int
    readings: int


@dataclass(slots=True)
class Retention:
    """Where the pass through the series is. It forgets nothing that matters: a new office begins a pass anew."""

    keep_ms: int
    _series: int = 0
    _from_ms: int = YEAR_2000_MS
    _horizon_ms: int = 0  # of the pass that runs, or ran last
    _done: bool = True

    def due(self, now_ms: int) -> bool:
        """Whether a turn has anything to look at."""
        horizon_ms = (now_ms - self.keep_ms) // HOUR_MS * HOUR_MS
        if self._done and horizon_ms > self._horizon_ms:
            self._series, self._from_ms, self._horizon_ms, self._done = 0, YEAR_2000_MS, horizon_ms, False
        return not self._done

    def turn(self, db: sqlite3.Connection) -> int:
        """Rolls up some receipts, inside a transaction that the caller began; how many rows went."""
        if not self._series and not self._next_series(db):
            return 0
        looked = db.execute(OLD, (self._series, self._from_ms, self._horizon_ms, LOOKED_AT)).fetchall()
        seen: dict[int, Old | None] = {}
        rows, at_ms, finished = 0, self._from_ms, len(looked) < LOOKED_AT
        for t_ms, receipt in looked:
            if receipt not in seen:
                if rows >= MOST_ROWS:
                    finished = False
                    break
                old = seen[receipt] = self._whole(db, receipt)
                rows += old.readings if old else 0
            at_ms = t_ms
        self._from_ms = at_ms + (not rows and at_ms == self._from_ms)
        roll_up(db, filter(None, seen.values()))
        if finished:
            self._next_series(db)
        return rows

    def _next_series(self, db: sqlite3.Connection) -> bool:
        (found,) = db.execute(NEXT_SERIES, (self._series,)).fetchone()
        self._series, self._from_ms, self._done = found or 0, YEAR_2000_MS, found is None
        return not self._done

    def _whole(self, db: sqlite3.Connection, receipt: int) -> Old | None:
        """The receipt, if all of it is old enough and its dates are sure."""
        found = db.execute(WHOLE, (receipt, self._horizon_ms)).fetchone()
        if found is None:
            return None
        (newest,) = db.execute(NEWEST, (found[0], found[0] + found[1] - 1)).fetchone()
        return Old(receipt, *found) if newest < self._horizon_ms else None


def roll_up(db: sqlite3.Connection, old: Iterable[Old]) -> None:
    """Adds the rows of these receipts to their hours, and removes them."""
    for receipt, first, readings in old:
        span = (first, first + readings - 1)
        db.executemany(ADD, db.execute(GATHER, span).fetchall())
        db.execute("DELETE FROM readings WHERE id BETWEEN ? AND ?", span)
        db.execute(GONE, (receipt,))
