"""Two that speak in one node's name: seen by a boot that goes on after another one went on.

Who has a copy of a node's key and certificate is let in by every broker, and no broker tells us of it: one throws the
two sessions off each other by turns, another lets both be. But a machine that was booted anew is never again in the
boot before. So when one boot goes on, then another, and then the first one again, two machines are at work.

What was long on its way must not look like it: after an outage of the office the words of several boots come in a heap,
and in any order. A boot goes on when something comes of it that was said a while after what we know of it, and comes as
long after that, give or take: what waited does not keep its pace. Several returns within a day are believed.

A copied folder within one boot of one machine is not seen by this; its journals are (see `copies`).
"""

from __future__ import annotations

import sqlite3

BELIEVED = 3  # returns
DAY_MS = 86_400_000
WHILE_MS, STEADY_MS = 10_000, 5_000  # in a heap, what was said so far apart comes at once, which is not steady
MOST_BOOTS = 8  # of a node, the newest
TAG = 8  # characters of a boot id

KNOWN = "SELECT at_ms, lag_ms, turn, (SELECT max(turn) FROM boots WHERE node=?1) FROM boots WHERE node=?1 AND tag=?2"
MET = "INSERT INTO boots VALUES (?, ?, ?, ?, 0)"
FORGET = """DELETE FROM boots WHERE node=?1 AND rowid NOT IN
  (SELECT rowid FROM boots WHERE node=?1 ORDER BY rowid DESC LIMIT ?2)"""
WENT_ON = "UPDATE boots SET at_ms=?, lag_ms=?, turn=? WHERE node=? AND tag=?"
RETURNED = f"""INSERT INTO clones VALUES (?1, 1, ?2) ON CONFLICT DO UPDATE SET
  returns=CASE WHEN abs(?2-last_ms)<{DAY_MS} THEN returns+1 ELSE 1 END, last_ms=?2"""
FOUND = f"SELECT nodes.node, last_ms FROM clones JOIN nodes ON key=clones.node WHERE returns>={BELIEVED}"


def spoke(db: sqlite3.Connection, node: int, boot_id: str, at_ms: int | None, arrived_ms: int) -> None:
    """The node said something at `at_ms` of this boot, which came at `arrived_ms` (Unix ms); "" and None: it does not
    say when."""
    tag = boot_id[-TAG:]
    if not tag or at_ms is None or at_ms < 0:
        return
    lag_ms, known = arrived_ms - at_ms, db.execute(KNOWN, (node, tag)).fetchone()
    if known is None:
        db.execute(MET, (node, tag, at_ms, lag_ms))
        db.execute(FORGET, (node, MOST_BOOTS))
        return
    before_ms, usual_ms, turn, newest = known
    if at_ms - before_ms < WHILE_MS:
        return
    if abs(lag_ms - usual_ms) <= STEADY_MS and (turn < newest or not newest):
        if turn:
            db.execute(RETURNED, (node, arrived_ms))
        turn = newest + 1
    db.execute(WENT_ON, (at_ms, lag_ms, turn, node, tag))


def cloned(db: sqlite3.Connection) -> dict[str, int]:
    """The nodes in whose name two speak, and when that was seen last, in Unix ms."""
    return dict(db.execute(FOUND).fetchall())
