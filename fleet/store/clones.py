"""Two that speak in one node's name: seen by a boot that comes back after another one spoke.

Who has a copy of a node's key and certificate is let in by every broker, and no broker tells us of it: one throws the
two sessions off each other by turns, another lets both be. But a machine that was booted anew is never again in the
boot before. So when hello or health of one boot comes, then of another, and then of the first one again, made later
than all that had come of it, two machines are at work. What is merely late or repeated was made earlier, or nearly so
and once: it takes several returns within a day to be believed.

A copied folder within one boot of one machine is not seen by this; its journals are (see `copies`).
"""

from __future__ import annotations

import sqlite3

BELIEVED = 3  # returns; what was under way when office and node were both started anew may look like one or two
DAY_MS = 86_400_000
MOST_BOOTS = 8  # of a node, the newest
TAG = 8  # characters of a boot id

AGAIN = """UPDATE boots SET at_ms=max(at_ms, ?1)
  WHERE node=?2 AND tag=?3 AND turn=(SELECT max(turn) FROM boots WHERE node=?2)"""
KNOWN = "SELECT at_ms FROM boots WHERE node=? AND tag=?"
NEXT = """INSERT INTO boots SELECT ?1, ?2, ?3, 1+coalesce(max(turn), 0) FROM boots WHERE node=?1
  ON CONFLICT DO UPDATE SET at_ms=excluded.at_ms, turn=excluded.turn"""
FORGET = "DELETE FROM boots WHERE node=?1 AND turn<=(SELECT max(turn) FROM boots WHERE node=?1)-?2"
RETURNED = f"""INSERT INTO clones VALUES (?1, 1, ?2) ON CONFLICT DO UPDATE SET
  returns=CASE WHEN abs(?2-last_ms)<{DAY_MS} THEN returns+1 ELSE 1 END, last_ms=?2"""
FOUND = f"SELECT nodes.node, last_ms FROM clones JOIN nodes ON key=clones.node WHERE returns>={BELIEVED}"


def spoke(db: sqlite3.Connection, node: int, boot_id: str, at_ms: int | None, arrived_ms: int) -> None:
    """The node said something at `at_ms` of this boot, which came at `arrived_ms` (Unix ms); "" and None: it does not
    say when."""
    tag = boot_id[:TAG]
    if not tag or at_ms is None or db.execute(AGAIN, (at_ms, node, tag)).rowcount:
        return
    (known,) = db.execute(KNOWN, (node, tag)).fetchone() or (None,)
    if known is not None and at_ms <= known:
        return  # it was on its way for long
    db.execute(NEXT, (node, tag, at_ms))
    db.execute(FORGET, (node, MOST_BOOTS))
    if known is not None:
        db.execute(RETURNED, (node, arrived_ms))


def cloned(db: sqlite3.Connection) -> dict[str, int]:
    """The nodes in whose name two speak, and when that was seen last, in Unix ms."""
    return dict(db.execute(FOUND).fetchall())
