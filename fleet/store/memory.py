"""What the writing connection remembers between commits, so that the hot path asks the file only about duplicates.

Everything here can be forgotten at any time and is read back from the file: after a failed transaction it is, because
it may speak of rows that were rolled back.
"""

from __future__ import annotations

import sqlite3
from bisect import insort
from dataclasses import dataclass, field
from typing import Any

from drivers.reading import Quantity
from edge.wire.schema import Column, Schema
from fleet.store.coverage import Coverage
from fleet.store.dating import ClockMark

MOST_KEPT = 20_000  # entries per cache: a cap, not a tuning knob
UNITS = {quantity.value: quantity.unit for quantity in Quantity}

FIRST = 1  # the seq of a journal's first record
Journal = tuple[int, int]
Boot = tuple[int, int, int]


@dataclass(slots=True)
class Plan:
    """A node's schema and the series its columns fill."""

    schema: Schema
    series: list[int]


@dataclass(slots=True)
class Own:
    """What of a journal with copies is here from `base` on, or `lost`; the numbers at which leaps begin and end, and
    what came although it is among the lost."""

    base: int
    covered: Coverage
    lost: Coverage
    leaps: list[int]
    late: Coverage

    @property
    def edges(self) -> list[int]:
        """Where an ack is cut."""
        return sorted({*self.leaps, *(edge for first, last in self.late.islands for edge in (first, last + 1))})


@dataclass(slots=True)
class Memory:
    """Caches over one connection; `next_row` and `next_receipt` are the ids given out next."""

    db: sqlite3.Connection
    nodes: dict[str, int] = field(default_factory=dict)
    plans: dict[tuple[int, bytes], Plan] = field(default_factory=dict)
    marks: dict[Boot, list[ClockMark]] = field(default_factory=dict)
    settled: dict[Journal, Coverage] = field(default_factory=dict)
    copied: dict[Journal, bool] = field(default_factory=dict)  # whether there are copies of it; see `copies`
    bases: dict[Journal, int] = field(default_factory=dict)  # below, the node itself says, nothing waits for an ack
    owns: dict[Journal, Own] = field(default_factory=dict)  # of journals with copies: what is here for sure
    announced: dict[Journal, int] = field(default_factory=dict)  # by hellos of this transaction: what is given out next
    next_row: int = 1
    next_receipt: int = 1

    def _caches(self) -> tuple[dict[Any, Any], ...]:
        return self.nodes, self.plans, self.marks, self.settled, self.copied, self.bases, self.owns

    def forget(self) -> None:
        """Back to what the file says."""
        for cache in self._caches():
            cache.clear()
        (self.next_row,) = self.db.execute("SELECT coalesce(max(id), 0) + 1 FROM readings").fetchone()
        (self.next_receipt,) = self.db.execute("SELECT coalesce(max(id), 0) + 1 FROM receipts").fetchone()

    def trim(self) -> None:
        """Keeps the caches within bounds; call between transactions."""
        for cache in self._caches():
            if len(cache) > MOST_KEPT:
                cache.clear()

    def node(self, name: str) -> int:
        """The key of a node, made at first sight."""
        key = self.nodes.get(name)
        if key is None:
            self.db.execute("INSERT OR IGNORE INTO nodes(node) VALUES (?)", (name,))
            (key,) = self.db.execute("SELECT key FROM nodes WHERE node=?", (name,)).fetchone()
            self.nodes[name] = key
        return key

    def plan(self, node: int, key: bytes) -> Plan | None:
        """How to file chunks of this schema; None while the schema has not come."""
        plan = self.plans.get((node, key))
        if plan is None:
            row = self.db.execute("SELECT body FROM schemas WHERE node=? AND key=?", (node, key)).fetchone()
            if row is None:
                return None
            schema = Schema.decode(row[0])
            plan = self.plans[node, key] = Plan(schema, [self._series(node, column) for column in schema.columns])
        return plan

    def _series(self, node: int, column: Column) -> int:
        name = (node, column.sensor, column.quantity, column.channel, column.decimals)
        self.db.execute(
            "INSERT OR IGNORE INTO series(node, sensor, quantity, channel, decimals, unit) VALUES (?,?,?,?,?,?)",
            (*name, UNITS.get(column.quantity, "")),
        )
        sql = "SELECT id FROM series WHERE node=? AND sensor=? AND quantity=? AND channel=? AND decimals=?"
        (found,) = self.db.execute(sql, name).fetchone()
        return int(found)

    def marks_of(self, boot: Boot) -> list[ClockMark]:
        """The clock marks of a boot, in order of seq."""
        marks = self.marks.get(boot)
        if marks is None:
            sql = """SELECT seq, offset_ms, quality, uncertainty_ms, boot_id FROM clocks
                     WHERE node=? AND epoch=? AND boot=? ORDER BY seq"""
            marks = self.marks[boot] = [ClockMark(*row) for row in self.db.execute(sql, boot)]
        return marks

    def remember_mark(self, boot: Boot, mark: ClockMark) -> None:
        """Adds a mark that was just written."""
        insort(self.marks_of(boot), mark)

    def coverage(self, journal: Journal) -> Coverage:
        """What of a journal is settled: here in any state, named in a gap, or below what its node holds."""
        covered = self.settled.get(journal)
        if covered is None:
            covered = self.settled[journal] = self._load(journal)
        return covered

    def _load(self, journal: Journal) -> Coverage:
        row = self.db.execute("SELECT upto, lowest FROM journals WHERE node=? AND epoch=?", journal).fetchone()
        upto, lowest = row or (0, 0)
        covered = Coverage(max(FIRST - 1, upto, lowest - 1))
        sql = "SELECT seq, seq FROM receipts WHERE node=? AND epoch=? AND seq>? ORDER BY seq"
        for span in self.db.execute(sql, (*journal, covered.upto)).fetchall():
            covered.add(*span)
        for span in self.db.execute("SELECT first, last FROM gaps WHERE node=? AND epoch=?", journal):
            covered.add(*span)
        return covered
