"""What is missing, and why: gap records, holes and forsaken journals, weighed against what came all the same.

A node that had to drop readings says so in a gap record. A node that comes back with a younger journal than the store
expects shows a hole by its hello. A node that began a new journal leaves behind what the old one had given out and
nobody received. Copies that were on their way may arrive after all, and a card that was pulled may be read, so what
a person sees is computed here, at reading time, and does not depend on who came first, save for the one question
which journal a node writes now (`journals`).
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from fleet.store.answers import GapLine, Loss
from fleet.store.coverage import Coverage
from fleet.store.runs import LONGEST, arrived, stretches
from fleet.store.spans import Gap, outside, united, within

GONE = "the node no longer holds it, and it never arrived"
COPIED = "an older copy of the journal was put back, or its card forgot; what only the newer one held may be missing"
TWICE = "another record bears its number, as when an older copy of the journal was put back; it is kept as it came"
FORSAKEN = "the node began a new journal; what the old one still held never arrived"

NEAR = 1000  # receipts that are looked at for the date of a neighbour

Journal = tuple[int, int]
Span = tuple[int, int, int, int]  # node key, epoch, first, last

IN_SPANS = """json_each(?) AS span CROSS JOIN receipts r
  WHERE r.node=json_extract(span.value, '$[0]') AND r.epoch=json_extract(span.value, '$[1]')
  AND r.seq BETWEEN json_extract(span.value, '$[2]') AND json_extract(span.value, '$[3]')"""
RUNS = f"""SELECT node, epoch, min(seq), max(seq) FROM (
    SELECT r.node, r.epoch, r.seq, r.seq - row_number() OVER (PARTITION BY span.key ORDER BY r.seq) AS run
    FROM {IN_SPANS}) GROUP BY node, epoch, run"""
GAPS = """SELECT gaps.node, epoch, first, last, readings, why FROM gaps JOIN nodes ON key=gaps.node
  WHERE ?1 IS NULL OR nodes.node=?1"""
HOLES = """SELECT holes.node, epoch, first, last FROM holes JOIN nodes ON key=holes.node
  WHERE ?1 IS NULL OR nodes.node=?1"""
FORSAKEN_SPANS = """SELECT old.node, epoch, upto+1, next-1 FROM journals old JOIN nodes ON key=old.node
  WHERE (?1 IS NULL OR nodes.node=?1) AND upto+1<next
  AND grown<(SELECT max(grown) FROM journals new WHERE new.node=old.node)"""
COPIES = """SELECT copies.node, copies.epoch, coalesce(first, copies.seq), coalesce(last, copies.seq), payload, records
  FROM copies JOIN nodes ON key=copies.node LEFT JOIN gaps ON gaps.node=copies.node AND gaps.epoch=copies.epoch
  AND gaps.seq=copies.seq AND payload IS NULL WHERE ?1 IS NULL OR nodes.node=?1"""
NODE = "SELECT key FROM nodes WHERE node=?"
BEFORE = (
    f"""SELECT seq, seq, first_row, readings, offset_ms FROM receipts WHERE node=?1 AND epoch=?2 AND seq<?3
  UNION ALL SELECT first, min(last, ?3-1), NULL, 0, NULL FROM runs WHERE node=?1 AND epoch=?2 AND first<?3
  ORDER BY 1 DESC LIMIT {NEAR}""",
    "SELECT max(t_ms) FROM readings WHERE id BETWEEN ? AND ?",
)
AFTER = (
    f"""SELECT seq, seq, first_row, readings, offset_ms FROM receipts WHERE node=?1 AND epoch=?2 AND seq>?3
  UNION ALL SELECT max(first, ?3+1), last, NULL, 0, NULL FROM runs
  WHERE node=?1 AND epoch=?2 AND first>?3-{LONGEST} AND last>?3 ORDER BY 1 LIMIT {NEAR}""",
    "SELECT min(t_ms) FROM readings WHERE id BETWEEN ? AND ?",
)


def losses(db: sqlite3.Connection, node: str | None = None, everything: bool = False) -> list[Loss]:
    """Every loss of one node, or of all: named ones first, then by node, epoch and seq.

    With `everything` also what was named and then arrived, and numbers that were never given out.
    """
    names = dict(db.execute("SELECT key, node FROM nodes WHERE ?1 IS NULL OR node=?1", (node,)).fetchall())
    gaps: dict[Journal, list[Gap]] = defaultdict(list)
    for key, epoch, *gap in db.execute(GAPS, (node,)):
        gaps[key, epoch].append(Gap(*gap))
    named = _named(db, gaps, everything)
    unnamed = _unnamed(gaps, _spans(db, node), db)
    return [
        Loss(names[key], epoch, gap.first, gap.last, readings, gap.why, records, arrived)
        for found in (named, unnamed, _of_copies(db, node))
        for key, epoch, gap, readings, records, arrived in sorted(found, key=lambda each: (names[each[0]], each[1:3]))
    ]


def _of_copies(db: sqlite3.Connection, node: str | None) -> list[Missing]:
    """Where a journal was put back as it once was: nobody can say what only the newer copy held."""
    found = db.execute(COPIES, (node,)).fetchall()
    came = arrived(db, [(key, epoch, first, last) for key, epoch, first, last, _, _ in found])
    return [
        (key, epoch, Gap(first, last, 0, COPIED if payload is None else TWICE), None, 0, records or count)
        for (key, epoch, first, last, payload, records), (count, _) in zip(found, came, strict=True)
    ]


def gap_lines(db: sqlite3.Connection, node: str | None = None, everything: bool = False) -> list[GapLine]:
    """The losses, each with the moments between which it lies."""
    return [GapLine(loss, _moment(db, loss, BEFORE), _moment(db, loss, AFTER)) for loss in losses(db, node, everything)]


def _moment(db: sqlite3.Connection, loss: Loss, side: tuple[str, str]) -> int | None:
    """The date of the nearest reading of that journal on one side of a loss, among `NEAR` seqs that arrived."""
    seq, looked = loss.first if side is BEFORE else loss.last, 0
    (node,) = db.execute(NODE, (loss.node,)).fetchone()
    for first, last, row, readings, offset_ms in db.execute(side[0], (node, loss.epoch, seq)):
        looked += last - first + 1
        if looked > NEAR:
            break
        if row is not None and readings and offset_ms is not None:
            (found,) = db.execute(side[1], (row, row + readings - 1)).fetchone()
            return None if found is None else int(found)
    return None


Missing = tuple[int, int, Gap, int | None, int, int]  # node key, epoch, what, readings, records, arrived


def _named(db: sqlite3.Connection, gaps: dict[Journal, list[Gap]], everything: bool) -> list[Missing]:
    """The gap records, less what arrived after all; a gap that was filled whole is no loss."""
    told: list[tuple[Journal, Gap, list[tuple[int, int]]]] = []
    for journal, confessed in gaps.items():
        skips = united(gap for gap in confessed if gap.skip)
        places = [(gap.first, gap.last) for gap in skips]
        some = united((gap for gap in confessed if not gap.skip), places)
        told += [(journal, gap, outside(places, gap.first, gap.last)) for gap in some]
        told += [(journal, gap, [(gap.first, gap.last)]) for gap in skips] if everything else []
    return list(_weighed(told, _arrived(db, [(journal, pieces) for journal, _, pieces in told]), everything))


def _weighed(
    told: Sequence[tuple[Journal, Gap, list[tuple[int, int]]]], arrived: Sequence[tuple[int, int]], everything: bool
) -> Iterator[Missing]:
    for (journal, gap, pieces), (count, readings) in zip(told, arrived, strict=True):
        missing = 0 if gap.skip else sum(high - low + 1 for low, high in pieces) - count
        if missing or everything:
            yield (*journal, gap, max(0, gap.readings - readings) if missing else 0, missing, count)


def _arrived(db: sqlite3.Connection, wanted: Sequence[tuple[Journal, list[tuple[int, int]]]]) -> list[tuple[int, int]]:
    """Receipts, and readings in them, in the pieces of each."""
    spans = [(at, *journal, *piece) for at, (journal, pieces) in enumerate(wanted) for piece in pieces]
    found = [(0, 0)] * len(wanted)
    for span, (count, readings) in zip(spans, arrived(db, [span[1:] for span in spans]), strict=True):
        found[span[0]] = (found[span[0]][0] + count, found[span[0]][1] + readings)
    return found


def _spans(db: sqlite3.Connection, node: str | None) -> dict[Journal, list[Gap]]:
    """What is missing without a word from the node, before it is weighed."""
    spans: dict[Journal, list[Gap]] = defaultdict(list)
    for sql, why in ((HOLES, GONE), (FORSAKEN_SPANS, FORSAKEN)):
        for key, epoch, first, last in db.execute(sql, (node,)):
            spans[key, epoch].append(Gap(first, last, 0, why))
    return spans


def _unnamed(gaps: dict[Journal, list[Gap]], spans: dict[Journal, list[Gap]], db: sqlite3.Connection) -> list[Missing]:
    """Holes and forsaken records that no gap record names and that did not arrive later."""
    whole = [(*journal, min(s.first for s in some), max(s.last for s in some)) for journal, some in spans.items()]
    runs: dict[Journal, list[tuple[int, int]]] = defaultdict(list)
    for key, epoch, first, last in db.execute(RUNS, (json.dumps(whole),)):
        runs[key, epoch].append((first, last))
    for key, epoch, first, last in stretches(db, whole):
        runs[key, epoch].append((first, last))
    found: list[Missing] = []
    for journal, some in spans.items():
        settled = [*runs[journal], *((gap.first, gap.last) for gap in gaps.get(journal, ()))]
        found += [(*journal, gap, None, gap.length, 0) for gap in _left(some, settled)]
    return found


def _left(spans: Sequence[Gap], settled: Iterable[tuple[int, int]]) -> list[Gap]:
    """What of the spans is not settled, neighbours of one kind joined; holes before what is forsaken."""
    covered = Coverage(min(span.first for span in spans) - 1)
    for first, last in sorted(settled):
        covered.add(first, last)
    left: list[Gap] = []
    for span in sorted(spans, key=lambda each: (each.why == FORSAKEN, each)):
        for low, high in within(covered, span.first, span.last):
            before = left[-1] if left else None
            if before and before.why == span.why and before.last + 1 == low:
                low = left.pop().first
            left.append(Gap(low, high, 0, span.why))
        covered.add(span.first, span.last)
    return left
