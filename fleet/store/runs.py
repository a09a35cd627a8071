"""Receipts that grew old, folded: one line says of many seqs that they arrived, and how many readings each had.

A receipt is what a duplicate falls on, so it must outlive its rows; but a node that commits each ten seconds for years
leaves millions, and nobody asks of an old one more than two things: whether it is there, and how many readings it
stands for. A run answers both. It says so seq by seq (`counts`: a little-endian u32 each, deflated), so that whatever
is asked of a part of it, by a gap that reaches into it or a hello in its midst, gets the answer that the receipts gave.

No run is longer than `LONGEST`: who looks for a seq needs to look no further down than that.
"""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence

LONGEST = 4096  # seqs
Span = tuple[int, int, int, int]  # node key, epoch, first, last

WITHIN = f"""SELECT span.key, runs.node, runs.epoch, first, last, readings,
    CASE WHEN first<json_extract(span.value, '$[2]') OR last>json_extract(span.value, '$[3]') THEN counts END
  FROM json_each(?) AS span CROSS JOIN runs
  WHERE runs.node=json_extract(span.value, '$[0]') AND runs.epoch=json_extract(span.value, '$[1]')
  AND first BETWEEN json_extract(span.value, '$[2]')-{LONGEST} AND json_extract(span.value, '$[3]')
  AND last>=json_extract(span.value, '$[2]')"""
RECEIPTS = """SELECT span.key, count(*), sum(r.readings) FROM json_each(?) AS span CROSS JOIN receipts r
  WHERE r.node=json_extract(span.value, '$[0]') AND r.epoch=json_extract(span.value, '$[1]')
  AND r.seq BETWEEN json_extract(span.value, '$[2]') AND json_extract(span.value, '$[3]') GROUP BY span.key"""
BEFORE = "SELECT first, last, counts FROM runs WHERE node=? AND epoch=? AND first<=? ORDER BY first DESC LIMIT 1"
ADD = "INSERT INTO runs VALUES (?,?,?,?,?,?)"
REMOVE = "DELETE FROM runs WHERE node=? AND epoch=? AND first=?"


def arrived(db: sqlite3.Connection, spans: Sequence[Span]) -> list[tuple[int, int]]:
    """How many seqs of each span arrived, and the readings in them; receipts and runs together."""
    text = json.dumps(spans)
    found = [(0, 0)] * len(spans)
    for key, count, readings in db.execute(RECEIPTS, (text,)):
        found[key] = (count, readings)
    for key, *_, first, last, readings, counts in db.execute(WITHIN, (text,)):
        low, high = max(first, spans[key][2]), min(last, spans[key][3])
        part = readings if counts is None else sum(opened(counts)[low - first : high - first + 1])
        found[key] = (found[key][0] + high - low + 1, found[key][1] + part)
    return found


def stretches(db: sqlite3.Connection, spans: Sequence[Span]) -> Iterator[Span]:
    """What of the spans is folded."""
    for key, node, epoch, first, last, *_ in db.execute(WITHIN, (json.dumps(spans),)):
        yield node, epoch, max(first, spans[key][2]), min(last, spans[key][3])


def folded(db: sqlite3.Connection, node: int, epoch: int, first: int, last: int) -> set[int]:
    """Which seqs of first..last are folded."""
    spans = stretches(db, [(node, epoch, first, last)])
    return {seq for _, _, low, high in spans for seq in range(low, high + 1)}


def add(db: sqlite3.Connection, node: int, epoch: int, first: int, counts: Sequence[int]) -> None:
    """Folds seqs from `first` on with so many readings each; their receipts are the caller's to remove."""
    before = db.execute(BEFORE, (node, epoch, first)).fetchone()
    if before is not None and before[1] == first - 1 and first - before[0] + len(counts) <= LONGEST:
        db.execute(REMOVE, (node, epoch, before[0]))
        first, counts = before[0], [*opened(before[2]), *counts]
    for part in _parts(first, counts):
        db.execute(ADD, (node, epoch, part[0], part[0] + len(part[1]) - 1, sum(part[1]), pressed(part[1])))


def _parts(first: int, counts: Sequence[int]) -> Iterable[tuple[int, Sequence[int]]]:
    return ((first + at, counts[at : at + LONGEST]) for at in range(0, len(counts), LONGEST))


def pressed(counts: Sequence[int]) -> bytes:
    """As a run holds them."""
    return zlib.compress(struct.pack(f"<{len(counts)}I", *counts))


def opened(body: bytes) -> tuple[int, ...]:
    """The reverse."""
    plain = zlib.decompress(body)
    return struct.unpack(f"<{len(plain) // 4}I", plain)
