"""What time the readings attest: for the housekeeping of an office that is not sure of its own clock.

A clock that leaps by years would make everything too old at once, and a reading that became part of an hour never comes
back. Nodes that know the time by themselves bring newer readings every minute. So an office that nobody tells the time
takes it for no later than what a tenth of its nodes attest, and at least three of them where there are as many. What
is dated a day after it arrived attests nothing.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from fleet.store.dating import TRUSTED
from fleet.store.shelf import DAY_MS, HOUR_MS

LEAST = 3  # nodes that agree, where there are as many
PART = 10  # of the nodes, where there are more
NEWEST = f"""SELECT max(newest) FROM (
  SELECT each.node AS node, (
    SELECT CASE WHEN quality IN {TRUSTED} AND t_ms<=arrived_ms+{DAY_MS} THEN t_ms END
    FROM readings JOIN receipts ON receipts.id=receipt
    WHERE series=each.id ORDER BY t_ms DESC LIMIT 1) AS newest
  FROM series AS each) WHERE newest IS NOT NULL GROUP BY node ORDER BY 1 DESC"""


def attested_ms(db: sqlite3.Connection) -> int:
    """The date (Unix ms) that enough nodes have reached with a clock to trust; 0 where none has."""
    dates = [date for (date,) in db.execute(NEWEST)]
    return dates[max(min(LEAST, len(dates)), len(dates) // PART) - 1] if dates else 0


@dataclass(slots=True)
class Attested:
    """Asks the readings at most once an hour."""

    _asked_ms: int = 0
    _said_ms: int = 0

    def bounded(self, db: sqlite3.Connection, now_ms: int) -> int:
        """`now_ms`, or what the readings attest where that is earlier."""
        if abs(now_ms - self._asked_ms) >= HOUR_MS:
            self._asked_ms, self._said_ms = now_ms, attested_ms(db)
        return min(now_ms, self._said_ms)
