"""Reading a series over what is here: rows where there are rows, hourly roll-ups where those are gone, both where
something came late. What stands for a whole hour says so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from functools import reduce
from heapq import merge
from itertools import groupby
from operator import or_

from drivers.reading import Flag
from fleet.store.answers import Point, ReadingLine, Series, Whole
from fleet.store.retention import HOUR_MS

IN_HOURS = f"series=?1 AND hour>=?2/{HOUR_MS} AND hour<(?3+{HOUR_MS - 1})/{HOUR_MS}"
HAS_HOURS = f"SELECT EXISTS(SELECT 1 FROM all_hours WHERE {IN_HOURS})"
HOURS = f"""SELECT hour*{HOUR_MS} AS t_ms, 1 AS dated, 0 AS epoch, 0 AS boot, count, sum, low, high, flags FROM hours
  WHERE series=?1 AND hour*{HOUR_MS}>=?2 AND hour*{HOUR_MS}<?3
  UNION ALL SELECT hour*{HOUR_MS}, dated, epoch*(1-dated), boot*(1-dated), count, sum, low, high, flags FROM loose
  WHERE series=?1 AND hour*{HOUR_MS}>=?2 AND hour*{HOUR_MS}<?3 ORDER BY 1, 2, 3, 4"""
FINER = 2  # decimals that a mean has more than its readings
ROWS = """SELECT t_ms, steps AS sum, steps AS low, steps AS high, 1 AS n, flags FROM readings
  WHERE series=?1 AND t_ms>=?2 AND t_ms<?3"""
ROWS_AND_HOURS = f"""{ROWS} UNION ALL
  SELECT max(?2, min(?3-1, hour*{HOUR_MS}+{HOUR_MS // 2})), sum, low, high, count, flags
  FROM all_hours WHERE {IN_HOURS}"""
FLAGS = "|".join(f"max(flags&{int(flag)})" for flag in Flag)
POINTS = """SELECT ?2+CAST(total((t_ms-?2)*n)/sum(n) AS INTEGER), total(sum)/sum(n), min(low), max(high), sum(n),
  {flags}, max(n)>1 FROM ({source}) GROUP BY (t_ms-?2)/?4 ORDER BY 1"""


def has_hours(db: sqlite3.Connection, series: int, from_ms: int, to_ms: int) -> bool:
    """Whether anything of [from_ms, to_ms) was rolled up."""
    (found,) = db.execute(HAS_HOURS, (series, from_ms, to_ms)).fetchone()
    return bool(found)


def points(
    db: sqlite3.Connection, series: int, decimals: int, from_ms: int, to_ms: int, width_ms: int
) -> Iterator[Point]:
    """Points of equal width; a roll-up counts in the midst of its hour."""
    source = ROWS_AND_HOURS if has_hours(db, series, from_ms, to_ms) else ROWS
    scale = 10**decimals
    for t_ms, mean, low, high, count, flags, rolled in db.execute(
        POINTS.format(source=source, flags=FLAGS), (series, from_ms, to_ms, width_ms)
    ):
        yield Point(t_ms, mean / scale, low / scale, high / scale, count, flags, bool(rolled))


def with_hours(
    db: sqlite3.Connection, series: Series, from_ms: int, to_ms: int, rows: Iterator[ReadingLine]
) -> Iterator[ReadingLine]:
    """The rows, and the hours that were rolled up between them, in order of time."""
    return merge(rows, hours(db, series, from_ms, to_ms), key=lambda line: line.t_ms)


def hours(db: sqlite3.Connection, series: Series, from_ms: int, to_ms: int) -> Iterator[ReadingLine]:
    """The roll-ups of a series whose hour begins in [from_ms, to_ms), each as one line at that moment; those that were
    never dated by hours since their boot, each boot on its own."""
    names = (series.node, series.sensor, series.quantity, series.channel)
    found = db.execute(HOURS, (series.id, from_ms, to_ms))
    for (t_ms, dated, *_), parts in groupby(found, key=lambda row: row[:4]):
        whole, flags = _together([part[4:] for part in parts], series.decimals)
        mean = round(whole.sum / whole.count * 10**FINER)
        decimals = series.decimals + FINER
        yield ReadingLine(0, t_ms, bool(dated), *names, mean, decimals, series.unit, flags, None, whole)


def _together(parts: Iterable[tuple[int, float, int, int, int]], decimals: int) -> tuple[Whole, int]:
    """What is final of an hour and what is not, as one."""
    counts, sums, lows, highs, flags = zip(*parts, strict=True)
    return Whole(sum(counts), min(lows), max(highs), sum(sums), decimals), reduce(or_, flags)
