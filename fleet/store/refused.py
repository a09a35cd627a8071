"""Messages that nobody can read: the newest of each node are kept for people to look at, the rest only counted.

A broken node may send rubbish for years, and must not fill the office's disk with it.
"""

from __future__ import annotations

from fleet.store.memory import Memory
from fleet.store.store import Refused

MOST_MESSAGES = 100  # of a node
MOST_BYTES = 1 << 20  # of a node, unless its newest message alone is larger
ADD = "INSERT OR IGNORE INTO refused VALUES (?,?,?,?,?,?)"
COUNT = "UPDATE presence SET refused=refused+? WHERE node=?"
TRIM = """DELETE FROM refused WHERE rowid IN (SELECT rowid FROM (
    SELECT rowid, row_number() OVER newest_first AS place, sum(length(payload)) OVER newest_first AS bytes
    FROM refused WHERE node=? WINDOW newest_first AS (ORDER BY arrived_ms DESC, rowid DESC))
  WHERE place>? OR (place>1 AND bytes>?))"""


def refuse(memory: Memory, parcel: Refused) -> None:
    """Keeps the message, once; what is too much goes, the oldest first."""
    db, node = memory.db, memory.node(parcel.node)
    row = (node, parcel.kind, parcel.digest, parcel.why, parcel.payload, parcel.arrived_ms)
    db.execute(COUNT, (db.execute(ADD, row).rowcount, node))
    db.execute(TRIM, (node, MOST_MESSAGES, MOST_BYTES))
