"""What a node says of its own count, over time: how many readings its journal took, by each hello and health message.

That number only grows, unless a card lost what it had promised to hold, or an older copy of it was put back. Then it
steps back, and what was counted before and never came is gone without anybody having named it. A hello of another boot
shows it, or one that knows of more numbers; any other that says less is merely late. `accounts` weighs what lay
between.

Health messages do not name their journal: they are taken for the one that is written now, if they were made after its
hello in the same boot.
"""

from __future__ import annotations

import sqlite3

from edge.wire.messages import Health, Hello

COUNTER = "journalled"  # what a health message or record says that the journal took so far

KNOWN = "SELECT peak, boot_id, greeted_next, max(greeted_next, next) FROM journals WHERE node=? AND epoch=?"
STEP = "INSERT OR REPLACE INTO steps VALUES (?,?,?,?,?,?,?)"
GREETED = """UPDATE journals SET peak=?1, peak_ms=?2, boot_id=?3, greeted_ms=?4, greeted_next=?5,
  told_ms=CASE WHEN said=?5 THEN ?2 ELSE told_ms END WHERE node=?6 AND epoch=?7"""
NOTED = """UPDATE journals SET peak_ms=?2, peak=?1 WHERE node=?3 AND peak<=?1 AND greeted_ms<=?4
  AND grown=(SELECT max(grown) FROM journals WHERE node=?3)"""
MOST = 1 << 62


def greeted(db: sqlite3.Connection, journal: tuple[int, int], hello: Hello, at_ms: int) -> None:
    """A hello came at `at_ms`, Unix ms; what it says of its journal is written down already."""
    peak, boot_id, known, upcoming = db.execute(KNOWN, journal).fetchone()
    total = min(hello.readings_total, MOST)
    newer = hello.boot_id != boot_id or hello.next > known
    if not newer and total < peak:
        return
    if total < peak:
        db.execute(STEP, (*journal, at_ms, peak, total, upcoming, hello.next))
    db.execute(GREETED, (total, at_ms, hello.boot_id, hello.sent_ms or 0, hello.next, *journal))


def noted(db: sqlite3.Connection, node: int, health: Health, at_ms: int) -> None:
    """A health message came."""
    db.execute(NOTED, (min(health.counters.get(COUNTER, 0), MOST), at_ms, node, health.at_ms))
