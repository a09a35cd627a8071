"""What is missing, and why: gap records and holes, weighed against what came all the same.

A node that had to drop readings says so in a gap record. A node that comes back with a younger journal than the store
expects shows a hole by its hello. Copies that were on their way when the gap was written may have arrived, so the
figure a person sees is computed here, at reading time, and does not depend on who came first.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleet.store.coverage import Coverage
from fleet.store.read import StoreReader

GONE = "the node no longer holds it, and it never arrived"


@dataclass(frozen=True, slots=True)
class Loss:
    """Seqs `first` to `last` of a journal are missing; `readings` is None where nobody can say how many they held."""

    node: str
    epoch: int
    first: int
    last: int
    readings: int | None
    why: str


def losses(reader: StoreReader, node: str | None = None) -> list[Loss]:
    """Every loss there is, named ones first."""
    return [*named(reader, node), *holes(reader, node)]


def named(reader: StoreReader, node: str | None = None) -> list[Loss]:
    """The gap records, less what arrived after all; a gap that was filled whole is no loss."""
    sql = """SELECT nodes.node, gaps.epoch, first, last, gaps.readings - coalesce((
               SELECT sum(readings) FROM receipts r
               WHERE r.node=gaps.node AND r.epoch=gaps.epoch AND r.seq BETWEEN first AND last), 0), why
             FROM gaps JOIN nodes ON key=gaps.node WHERE ?1 IS NULL OR nodes.node=?1 ORDER BY 1, 2, 3"""
    return [Loss(*row) for row in reader.db.execute(sql, (node,)) if row[4] > 0]


def holes(reader: StoreReader, node: str | None = None) -> list[Loss]:
    """Numbers that a hello showed to be gone, that no gap record names and that did not arrive later."""
    sql = """SELECT key, nodes.node, epoch, min(first), max(last) FROM holes JOIN nodes ON key=holes.node
             WHERE ?1 IS NULL OR nodes.node=?1 GROUP BY key, epoch ORDER BY 2, 3"""
    found = []
    for key, name, epoch, first, last in reader.db.execute(sql, (node,)).fetchall():
        spans = _accounted(reader, key, epoch, first, last).missing(last + 1)
        found += [Loss(name, epoch, low, high, None, GONE) for low, high in spans]
    return found


def _accounted(reader: StoreReader, key: int, epoch: int, first: int, last: int) -> Coverage:
    covered = Coverage(first - 1)
    hole_spans = "SELECT first, last FROM holes WHERE node=? AND epoch=? ORDER BY first"
    start = first
    for low, high in reader.db.execute(hole_spans, (key, epoch)).fetchall():
        covered.add(start, low - 1)
        start = max(start, high + 1)
    arrived = "SELECT seq, seq FROM receipts WHERE node=? AND epoch=? AND seq BETWEEN ? AND ? ORDER BY seq"
    for span in reader.db.execute(arrived, (key, epoch, first, last)):
        covered.add(*span)
    for span in reader.db.execute("SELECT first, last FROM gaps WHERE node=? AND epoch=?", (key, epoch)):
        covered.add(*span)
    return covered


def lost_readings(reader: StoreReader) -> int:
    """Readings that gap records name as gone."""
    return sum(loss.readings or 0 for loss in named(reader))
