"""Readings that are too old to stay rows while their date is not final: hours for who looks, the readings pressed.

What is dated by a guess, by a clock that ran on by itself, or not at all, may be dated anew by a record that comes
later. Were it mixed with its hour, nobody could take it out again. So it is added up apart (`loose`), by boot; and what
it was, a few bytes a reading, lies on the shelf until its date is final. A clock record that comes then moves every
reading to the hour in which it was really measured: `loose` is nothing but the sum of what is on the shelf, and is made
anew.

What is never dated is never given a date: it is kept by hours since its boot.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable
from typing import NamedTuple

from edge.wire.record import RecordKind

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
Boot = tuple[int, int, int]  # node key, epoch, boot
Row = tuple[int, int, int, int]  # series, ms since boot, steps, flags
Hours = dict[tuple[int, int], list[int]]  # by series and hour: count, sum, low, high, flags

ROWS = "SELECT series, t_ms-?, steps, flags FROM readings WHERE id BETWEEN ? AND ? ORDER BY series, t_ms"
PUT = "INSERT INTO shelf VALUES (?,?)"
TAKE = "DELETE FROM shelf WHERE receipt=?"
MERGE = """flags=flags|excluded.flags, count=count+excluded.count, sum=sum+excluded.sum,
  low=min(low, excluded.low), high=max(high, excluded.high)"""
ADD_HOUR = f"""INSERT INTO hours(series, hour, count, sum, low, high, flags) VALUES (?,?,?,?,?,?,?)
  ON CONFLICT DO UPDATE SET {MERGE}"""
ADD_LOOSE = f"""INSERT INTO loose(series, hour, epoch, boot, dated, sure, count, sum, low, high, flags)
  VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET {MERGE}"""
LESS = """UPDATE loose SET count=count-?, sum=sum-?
  WHERE series=? AND hour=? AND epoch=? AND boot=? AND dated=? AND sure=0"""
NONE_LEFT = "DELETE FROM loose WHERE series=? AND hour=? AND epoch=? AND boot=? AND dated=? AND sure=0 AND count=0"
FORGET = """DELETE FROM loose WHERE series IN (SELECT id FROM series WHERE node=?) AND epoch=? AND boot=? AND sure=0"""
OF_BOOT = f"""SELECT offset_ms, body FROM receipts JOIN shelf ON receipt=id
  WHERE node=? AND epoch=? AND boot=? AND kind={int(RecordKind.CHUNK)}"""


class Filed(NamedTuple):
    """A receipt as far as its hours go; `offset_ms` None: undated."""

    id: int
    boot: Boot
    offset_ms: int | None


def pressed(rows: Iterable[Row]) -> bytes:
    """Rows in order of series, as the shelf holds them: columns of differences."""
    columns: list[list[int]] = [[], [], [], []]
    before = (0, 0, 0, 0)
    for row in rows:
        for column, now, last in zip(columns, row, before, strict=True):
            column.append(now - last)
        before = row
    return zlib.compress(json.dumps(columns, separators=(",", ":")).encode(), 9)


def opened(body: bytes) -> list[Row]:
    """The reverse."""
    columns = json.loads(zlib.decompress(body))
    rows: list[Row] = []
    row = (0, 0, 0, 0)
    for step in zip(*columns, strict=True):
        row = (row[0] + step[0], row[1] + step[1], row[2] + step[2], row[3] + step[3])
        rows.append(row)
    return rows


def tally(rows: Iterable[Row], offset_ms: int | None, hours: Hours) -> Hours:
    """Adds the rows to `hours`."""
    for series, at_ms, steps, flags in rows:
        hour = hours.setdefault((series, (at_ms + (offset_ms or 0)) // HOUR_MS), [0, 0, steps, steps, 0])
        hour[:] = hour[0] + 1, hour[1] + steps, min(hour[2], steps), max(hour[3], steps), hour[4] | flags
    return hours


def add(db: sqlite3.Connection, hours: Hours) -> None:
    """Adds what is final to its hours."""
    db.executemany(ADD_HOUR, [(*key, *facts) for key, facts in hours.items()])


def add_loose(db: sqlite3.Connection, boot: Boot, dated: bool, sure: bool, hours: Hours) -> None:
    """Adds to the loose hours of a boot."""
    db.executemany(ADD_LOOSE, [(*key, *boot[1:], dated, sure, *facts) for key, facts in hours.items()])


def rows_of(db: sqlite3.Connection, offset_ms: int | None, span: tuple[int, int]) -> list[Row]:
    """The rows of a receipt, by the time since boot."""
    return db.execute(ROWS, (offset_ms or 0, *span)).fetchall()


def put(db: sqlite3.Connection, filed: Filed, rows: list[Row]) -> None:
    """Lays the rows of a receipt, whose date may still change, on the shelf, and adds them to its loose hours."""
    db.execute(PUT, (filed.id, pressed(rows)))
    add_loose(db, filed.boot, filed.offset_ms is not None, False, tally(rows, filed.offset_ms, {}))


def release(db: sqlite3.Connection, filed: Filed, body: bytes) -> None:
    """The date of a receipt is final: what it said becomes part of its hours, or stays undated for good."""
    dated, hours = filed.offset_ms is not None, tally(opened(body), filed.offset_ms, {})
    if dated:
        add(db, hours)
    else:
        add_loose(db, filed.boot, False, True, hours)
    keys = [(*key, *filed.boot[1:], dated) for key in hours]
    db.executemany(LESS, [(*facts[:2], *key) for key, facts in zip(keys, hours.values(), strict=True)])
    db.executemany(NONE_LEFT, keys)
    db.execute(TAKE, (filed.id,))


def redated(db: sqlite3.Connection, boot: Boot) -> None:
    """Some of a boot has other dates now: its loose hours are made anew, from what is on the shelf."""
    sums: dict[bool, Hours] = {True: {}, False: {}}
    for offset_ms, body in db.execute(OF_BOOT, boot):
        tally(opened(body), offset_ms, sums[offset_ms is not None])
    db.execute(FORGET, boot)
    for dated, hours in sums.items():
        add_loose(db, boot, dated, False, hours)
