"""The reading side: everything the office shows, asked of the file by connections that cannot write.

One connection per thread, opened when first needed, so a web page, a terminal and the collector do not wait for each
other. Times are Unix milliseconds; readings of a boot whose clock is not known yet carry the milliseconds since that
boot and say so by `dated` being false. Nothing is measured after it arrived: where the date is a day later than that,
one of two clocks was wrong, and the reading's counts as unknown whatever it said of itself.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from drivers.reading import from_steps
from edge.wire.clocks import ClockQuality
from edge.wire.version import BUILT_MS
from fleet.store import past
from fleet.store.accounts import accounts, stock
from fleet.store.answers import Account, GapLine, Loss, NodeLine, Point, ReadingLine, Series, Stock, Unread
from fleet.store.clones import cloned
from fleet.store.losses import gap_lines, losses
from fleet.store.retention import DAY_MS, HOUR_MS
from fleet.store.runs import folded
from fleet.store.store import State
from fleet.store.tables import open_reader
from fleet.store.twice import twice

MOST_POINTS = 5000
MOST_TREES = 4096
FOREVER = 1 << 62


SERIES = """SELECT series.id, nodes.node, sensor, quantity, channel, decimals, unit, newest.t_ms, newest.steps,
    coalesce(newest.flags, 0), (SELECT CASE WHEN count(*)>1 THEN (max(t_ms)-min(t_ms))/(count(*)-1) END FROM
      (SELECT t_ms FROM readings WHERE readings.series=series.id AND t_ms<={until} ORDER BY t_ms DESC LIMIT 6))
  FROM series JOIN nodes ON key=series.node LEFT JOIN readings newest ON newest.id=coalesce(
    (SELECT id FROM readings WHERE readings.series=series.id AND t_ms<={until} ORDER BY t_ms DESC LIMIT 1),
    (SELECT id FROM readings WHERE readings.series=series.id ORDER BY t_ms DESC LIMIT 1))
  {where} ORDER BY nodes.node, sensor, quantity, channel"""
AHEAD = """SELECT nodes.node, count(*) FROM nodes CROSS JOIN series ON series.node=nodes.key
  CROSS JOIN readings ON readings.series=series.id AND t_ms>? GROUP BY 1"""
CURRENT = "grown=(SELECT max(grown) FROM journals other WHERE other.node=journals.node)"
READINGS = f"""SELECT readings.id, t_ms, receipts.offset_ms IS NOT NULL, nodes.node, sensor, quantity, channel, steps,
  decimals, unit, flags, CASE WHEN arrived_ms BETWEEN {BUILT_MS} AND t_ms-{DAY_MS}-1
    THEN {int(ClockQuality.UNKNOWN)} ELSE quality END FROM readings
  CROSS JOIN series ON series.id=series CROSS JOIN nodes ON nodes.key=series.node
  CROSS JOIN receipts ON receipts.id=receipt"""


class StoreReader:
    """Queries over `readings.db`. Any thread may use it; raises sqlite3.Error where there is no store yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()

    @property
    def db(self) -> sqlite3.Connection:
        """This thread's own connection."""
        if not hasattr(self._local, "db"):
            self._local.db = open_reader(self.path)
        connection: sqlite3.Connection = self._local.db
        return connection

    def nodes(self, node: str | None = None) -> list[NodeLine]:
        """Every node ever heard, by name; or one."""
        sql = """SELECT nodes.node, online, since_ms, coalesce(last_ms, 0), hello, health
                 FROM nodes LEFT JOIN presence ON presence.node=key {where} ORDER BY nodes.node"""
        return [_node(*row) for row in self._ask(sql, node)]

    def series(self, node: str | None = None, until_ms: int = FOREVER) -> list[Series]:
        """The series of one node, or of all, in order of node, sensor, quantity and channel.

        The newest reading is one of `until_ms` at the latest where there is such a one: what a clock that was ahead has
        dated would else stay the newest for years.
        """
        return [_series(row) for row in self._ask(SERIES.replace("{until}", str(int(until_ms))), node)]

    def ahead_readings(self, after_ms: int) -> dict[str, int]:
        """How many readings of each node are dated later than that."""
        return dict(self.db.execute(AHEAD, (after_ms,)).fetchall())

    def first_ms(self, series: int, from_ms: int) -> int:
        """The time of the first reading of a series in or after `from_ms`, or of the hour that it became; `from_ms`
        itself when there is none."""
        sql = f"""SELECT coalesce(min(found), ?2) FROM (
          SELECT min(t_ms) AS found FROM readings WHERE series=?1 AND t_ms>=?2
          UNION ALL SELECT max(?2, min(hour)*{HOUR_MS}) FROM all_hours WHERE series=?1 AND hour>=?2/{HOUR_MS})"""
        return self._one(sql, series, from_ms)

    def points(self, series: int, from_ms: int, to_ms: int, most: int = 500) -> list[Point]:
        """Readings of a series in [from_ms, to_ms), or the hours they became, as at most `most` points of one width."""
        row = self.db.execute("SELECT decimals FROM series WHERE id=?", (series,)).fetchone()
        if row is None or to_ms <= from_ms:
            return []
        width = max(1, -(-(to_ms - from_ms) // max(1, min(most, MOST_POINTS))))
        return list(past.points(self.db, series, row[0], from_ms, to_ms, width))

    def tail(self, node: str | None = None, most: int = 20, after_row: int | None = None) -> list[ReadingLine]:
        """The readings that arrived last, oldest first; with `after_row` those that arrived since."""
        order = "DESC" if after_row is None else "ASC"
        sql = f"{READINGS} WHERE readings.id>? AND (?2 IS NULL OR nodes.node=?2) ORDER BY readings.id {order} LIMIT ?"
        sql = sql.replace(">?", ">?1").replace("LIMIT ?", "LIMIT ?3")
        found = [_reading(row) for row in self.db.execute(sql, (after_row or 0, node, most))]
        return found if after_row is not None else found[::-1]

    def newest_row(self) -> int:
        """The number of the reading that arrived last; 0 while there is none."""
        return self._one("SELECT coalesce(max(id), 0) FROM readings")

    def export(
        self, node: str | None = None, quantity: str | None = None, from_ms: int | None = None, to_ms: int | None = None
    ) -> Iterator[ReadingLine]:
        """All readings in [from_ms, to_ms), and the hours that others became, series by series, in order of time."""
        low, high = -(1 << 62) if from_ms is None else from_ms, 1 << 62 if to_ms is None else to_ms
        for series in self.series(node):
            if quantity in (None, series.quantity):
                sql = f"{READINGS} WHERE series=? AND t_ms>=? AND t_ms<? ORDER BY t_ms"
                rows = map(_reading, self.db.execute(sql, (series.id, low, high)))
                yield from past.with_hours(self.db, series, low, high, rows)

    def stored_readings(self) -> int:
        """How many rows there are: counted, not remembered."""
        return self._one("SELECT count(*) FROM readings")

    def duplicated_rows(self) -> int:
        """How many rows say again what another row says. The promise is 0.

        Counted two ways, so that neither can hide a fault: moments of a series that two receipts claim (see `twice`),
        and rows beyond those that the receipts speak for.
        """
        return self._one(twice()) + max(0, self.stored_readings() - self.receipted_readings())

    def receipted_readings(self) -> int:
        """How many readings the receipts speak for; equals `stored_readings` or something is broken."""
        return self._one("SELECT coalesce(sum(readings), 0) FROM receipts WHERE state=0 AND kind=1")

    def waiting_readings(self, state: State) -> int:
        """Readings in chunks that are raw, or quarantined."""
        return self._one("SELECT coalesce(sum(readings), 0) FROM receipts WHERE state<>0 AND state=?", int(state))

    def readings_by_node(self) -> dict[str, int]:
        """Stored readings of each node, as the receipts count them; what became hours is still counted."""
        sql = """SELECT nodes.node, sum(readings) FROM (
                   SELECT node, readings FROM receipts WHERE kind=1 AND readings>0 AND state IN (0, 3)
                   UNION ALL SELECT node, readings FROM runs WHERE readings>0) found
                 JOIN nodes ON key=found.node GROUP BY 1"""
        return dict(self.db.execute(sql).fetchall())

    def newest_clocks(self, node: str | None = None) -> dict[str, int]:
        """The clock quality that dates the newest record of each node; nodes of which nothing came are left out."""
        sql = """SELECT nodes.node, (SELECT quality FROM receipts r WHERE r.node=journals.node
                   AND r.epoch=journals.epoch AND kind=1 ORDER BY seq DESC LIMIT 1)
                 FROM nodes CROSS JOIN journals ON journals.node=key {where}"""
        return {name: quality for name, quality in self._ask(sql, node, CURRENT) if quality is not None}

    def waiting_records(self, node: str | None = None) -> dict[str, int]:
        """Records that the journal which each node writes now is known to hold and that have not come."""
        sql = """SELECT nodes.node, max(0, next-1-upto-beyond)
                 FROM nodes CROSS JOIN journals ON journals.node=key {where}"""
        return dict(self._ask(sql, node, CURRENT))

    def undated_readings(self, node: str | None = None) -> dict[str, int]:
        """Readings of each node whose boot has no known clock yet: what was decoded, not what was claimed."""
        sql = """SELECT nodes.node, sum(readings) FROM receipts JOIN nodes ON key=receipts.node {where} GROUP BY 1"""
        return dict(self._ask(sql, node, f"kind=1 AND offset_ms IS NULL AND state={int(State.STORED)}"))

    def unread(self, node: str | None = None) -> dict[str, Unread]:
        """What of each node is here and cannot be read; nodes of which everything can be are left out."""
        some = "(SELECT coalesce(sum(receipts), 0) FROM raw WHERE raw.node=key AND schema IS {}NULL)"
        sql = f"""SELECT nodes.node, {some.format("NOT ")} waits, {some.format("")} bad, coalesce(refused, 0) worse
                 FROM nodes LEFT JOIN presence ON presence.node=key {{where}}"""
        return {name: Unread(*counts) for name, *counts in self._ask(sql, node, "waits + bad + worse > 0")}

    def clones(self) -> dict[str, int]:
        """The nodes in whose name two speak, and when that was seen last (Unix ms)."""
        return cloned(self.db)

    def losses(self, node: str | None = None) -> list[Loss]:
        """What is missing, and why; see `fleet/store/losses.py`."""
        return losses(self.db, node)

    def gaps(self, node: str | None = None, everything: bool = False) -> list[GapLine]:
        """The losses with their times; with `everything` also what arrived after all, and what was never given out."""
        return gap_lines(self.db, node, everything)

    def receipts(self, node: str, epoch: int, first: int, last: int) -> set[int]:
        """Which seqs of first..last of a journal arrived."""
        found = self.db.execute("SELECT key FROM nodes WHERE node=?", (node,)).fetchone()
        if found is None:
            return set()
        span = (found[0], epoch, first, last)
        sql = "SELECT seq FROM receipts WHERE node=? AND epoch=? AND seq BETWEEN ? AND ?"
        return {seq for (seq,) in self.db.execute(sql, span)} | folded(self.db, *span)

    def accounts(self, node: str | None = None) -> list[Account]:
        """What each journal's node says that it took, against what is here; see `fleet/store/accounts.py`."""
        return accounts(self.db, node)

    def stock(self, node: str) -> Stock:
        """What of a node is here, counted row by row."""
        return stock(self.db, node)

    def _ask(self, sql: str, node: str | None, condition: str = "1") -> Iterator[Any]:
        """Rows of one node, or of all."""
        where = f"WHERE {condition}" if node is None else f"WHERE {condition} AND nodes.node=?"
        return self.db.execute(sql.format(where=where), () if node is None else (node,))

    def _one(self, sql: str, *values: object) -> int:
        (number,) = self.db.execute(sql, values).fetchone()
        return int(number)

    def close(self) -> None:
        """Closes this thread's connection; others close with their threads."""
        if hasattr(self._local, "db"):
            self._local.db.close()
            del self._local.db


def _node(
    node: str, online: int | None, since: int | None, last: int, hello: str | None, health: str | None
) -> NodeLine:
    known = None if online is None or since is None else bool(online)
    return NodeLine(node, known, since, last, _tree(hello), _tree(health))


@lru_cache(maxsize=MOST_TREES)
def _tree(text: str | None) -> dict[str, Any] | None:
    """Parsed once while it is the newest, for a page asks every second; whoever gets it leaves it as it is."""
    found: dict[str, Any] | None = json.loads(text) if text else None
    return found


def _series(row: tuple[Any, ...]) -> Series:
    steps, decimals = row[8], row[5]
    value = None if steps is None else from_steps(steps, decimals)
    return Series(*(*row[:8], value, *row[9:]))


def _reading(row: tuple[Any, ...]) -> ReadingLine:
    return ReadingLine(row[0], row[1], bool(row[2]), *row[3:])
