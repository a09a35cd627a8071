"""Accounts: what a node's own counters say, set against what the store can show, journal by journal.

A node counts every reading that its journal took, and says how many at each hello: so many in all seqs below the next.
Of those seqs each must have its receipt, or be in a gap record that came, or still be on its way. The two sums come
from places that do not see each other, so what was lost in silence shows as a difference.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any, NamedTuple

from edge.wire.jsontext import MessageError, from_json
from edge.wire.messages import Health
from edge.wire.record import RecordKind
from fleet.store.answers import Account, Stock
from fleet.store.copies import ANY
from fleet.store.losses import losses
from fleet.store.runs import arrived
from fleet.store.spans import Gap, outside, united
from fleet.store.store import State
from fleet.store.tellings import COUNTER
from fleet.store.twice import twice

EVERY = 1 << 62
Journal = tuple[int, int]

JOURNALS = """SELECT journals.node, epoch, nodes.node, readings_total, said,
    grown=(SELECT max(grown) FROM journals other WHERE other.node=journals.node), told_ms, peak, peak_ms
  FROM journals JOIN nodes ON key=journals.node WHERE ?1 IS NULL OR nodes.node=?1 ORDER BY nodes.node, grown"""
STEPS = "SELECT told_ms, before, next_before, next_after FROM steps WHERE node=? AND epoch=? ORDER BY told_ms"
GAPS = "SELECT first, last, readings, why FROM gaps WHERE node=? AND epoch=? AND first<?"
NOTED = f"""SELECT seq, body FROM receipts JOIN events ON receipt=id
  WHERE node=? AND epoch=? AND receipts.kind={int(RecordKind.HEALTH)} ORDER BY seq DESC LIMIT 1"""
MINE = "(SELECT id FROM series WHERE node=(SELECT key FROM nodes WHERE node=?1))"
SUMS = f"""SELECT
  coalesce(sum(readings) FILTER (WHERE state={int(State.STORED)} AND kind=1), 0),
  coalesce(sum(readings) FILTER (WHERE state={int(State.ROLLED)}), 0)
    + (SELECT coalesce(sum(readings), 0) FROM runs WHERE node=(SELECT key FROM nodes WHERE node=?1)),
  coalesce(sum(readings) FILTER (WHERE state={int(State.RAW)}), 0), count(*) FILTER (WHERE state={int(State.RAW)}),
  coalesce(sum(readings) FILTER (WHERE state={int(State.QUARANTINED)}), 0),
  count(*) FILTER (WHERE state={int(State.QUARANTINED)})
  FROM receipts WHERE node=(SELECT key FROM nodes WHERE node=?1)"""
ROWS = f"SELECT count(*) FROM readings WHERE series IN {MINE}"
IN_HOURS = f"SELECT coalesce(sum(count), 0) FROM all_hours WHERE series IN {MINE}"
UNDATED = f"SELECT coalesce(sum(count), 0) FROM loose WHERE dated=0 AND series IN {MINE}"
TWICE = twice(f"series IN {MINE}")
STRAYS = f"""SELECT count(*) FROM readings LEFT JOIN receipts ON receipts.id=receipt WHERE series IN {MINE}
  AND (first_row IS NULL OR readings.id NOT BETWEEN first_row AND first_row+receipts.readings-1)"""
REFUSED = "SELECT coalesce(sum(refused), 0) FROM presence WHERE node=(SELECT key FROM nodes WHERE node=?1)"


class Sum(NamedTuple):
    """What the store shows for all seqs of a journal below some number."""

    here: int
    named: int
    named_more: int
    waiting: int
    forgotten: int


def accounts(db: sqlite3.Connection, node: str | None = None) -> list[Account]:
    """Every journal of one node, or of all, the newest of each last."""
    silent: dict[tuple[str, int], int] = {}
    for loss in losses(db, node):
        if loss.readings is None:
            silent[loss.node, loss.epoch] = silent.get((loss.node, loss.epoch), 0) + loss.records
    found = []
    for key, epoch, name, told, said, current, told_ms, peak, peak_ms in db.execute(JOURNALS, (node,)).fetchall():
        journal = (key, epoch)
        sums = _sum(db, journal, said or EVERY)
        known = told if said and (told or not sums.here) else None  # an old agent says nothing, which reads as 0
        sums = sums if said else sums._replace(waiting=0)
        missed, gone = _missed(db, journal, said), silent.get((name, epoch), 0)
        since = min(peak - told, _in_flight(db, journal, peak, sums)) if peak > told else 0
        account = Account(name, epoch, bool(current), known, *sums[:4], gone, sums.forgotten, missed,
                          told_ms or None, since, peak_ms or None,
                          copied=db.execute(ANY, journal).fetchone() is not None)  # fmt: skip
        found.append(_with_steps(account, db.execute(STEPS, journal).fetchall(), db, journal))
    return found


def _in_flight(db: sqlite3.Connection, journal: Journal, peak: int, sums: Sum) -> int:
    """What the node took by its newest word, and that is neither here nor named."""
    if peak <= sums.here + sums.named:
        return 0
    every = _sum(db, journal, EVERY)
    return max(0, peak - every.here - every.named - every.named_more)


def _with_steps(account: Account, steps: list[Any], db: sqlite3.Connection, journal: Journal) -> Account:
    """When the node's count last stepped back, and how much of what had been counted until then is nowhere."""
    for told_ms, before, upcoming, after in steps:
        sums = _sum(db, journal, max(upcoming, after), upcoming)
        erased = account.erased + max(0, before - sums.here - sums.named)
        account = replace(account, stepped_ms=told_ms, erased=erased)
    return account


def _sum(db: sqlite3.Connection, journal: Journal, below: int, left_out_below: int = EVERY) -> Sum:
    """`left_out_below`: numbers that were left out weigh nothing, if they are lower than that."""
    gaps = [Gap(*row) for row in db.execute(GAPS, (*journal, below))]
    left_out = united(gap for gap in gaps if gap.skip and gap.last < left_out_below)
    skips = [(gap.first, min(gap.last, below - 1)) for gap in left_out]
    pieces = outside(skips, 1, below - 1)
    count, here = _arrived(db, journal, pieces)
    _, forgotten = _arrived(db, journal, skips)
    named, more, missing = 0, 0, 0
    for gap in united((gap for gap in gaps if not gap.skip), skips):
        inside = outside(skips, gap.first, min(gap.last, below - 1))
        records, readings = _arrived(db, journal, inside)
        missing += sum(last - first + 1 for first, last in inside) - records
        left = max(0, gap.readings - readings)
        named, more = (named + left, more) if gap.last < below else (named, more + left)
    given_out = sum(last - first + 1 for first, last in pieces)
    return Sum(here, named, more, given_out - count - missing, forgotten)


def _arrived(db: sqlite3.Connection, journal: Journal, pieces: list[tuple[int, int]]) -> tuple[int, int]:
    came = arrived(db, [(*journal, *piece) for piece in pieces])
    return sum(count for count, _ in came), sum(readings for _, readings in came)


def _missed(db: sqlite3.Connection, journal: Journal, said: int) -> int:
    """How far what is here falls short of the newest health record's count, if that is newer than the hello."""
    found = db.execute(NOTED, journal).fetchone()
    if found is None or found[0] < said:
        return 0
    try:
        noted = from_json(Health, found[1].encode()).counters.get(COUNTER, 0)
    except MessageError:
        return 0
    sums = _sum(db, journal, found[0])
    return 0 if sums.waiting else max(0, noted - sums.here - sums.named - sums.named_more)


def stock(db: sqlite3.Connection, node: str) -> Stock:
    """What of one node is in the store: counted, not remembered, so it takes a second for a million rows."""
    receipted, rolled, raw, raw_records, bad, bad_records = db.execute(SUMS, (node,)).fetchone()
    rows, hours, undated, twice, strays, refused = (
        int(db.execute(sql, (node,)).fetchone()[0]) for sql in (ROWS, IN_HOURS, UNDATED, TWICE, STRAYS, REFUSED)
    )
    rolled_up = (hours + undated, rolled, twice, strays)
    return Stock(node, rows, receipted, *rolled_up, raw, raw_records, bad, bad_records, refused, undated)
