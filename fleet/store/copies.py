"""Copies of one journal: two lives that went on from the same records, under one epoch.

A folder that was put back, a volume that was restored, a card that forgot: then a node goes on from where it was some
time ago, while the office knows more. Each life leaps to a place of its own, so hardly ever are two records given one
number, but what one life leapt over is where the other one wrote. That is how it is seen: a leap in which a record
came, two leaps that overlap, a hello whose readings became fewer while its numbers rose. In one journal none of that
can be.

From then on leaps settle nothing for the node of that journal, nor does what a hello said of another copy: the ack
(`own`) holds what is here, what was lost, and what the newest hello itself had been told. Else a life would be told
that what it has not sent yet is stored.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

from edge.wire.messages import Hello
from edge.wire.record import LARGEST_SEQ, pack
from fleet.store.coverage import Coverage
from fleet.store.memory import FIRST, Journal, Memory, Own
from fleet.store.runs import Span, arrived, stretches
from fleet.store.spans import Gap, outside
from fleet.store.tickets import Arrival

LEAP, HELLO = b"leap", b"hello"  # what shows it, where it is no record
ADD = "INSERT OR IGNORE INTO copies VALUES (?,?,?,?,?,?,?)"
ANY = "SELECT 1 FROM copies WHERE node=? AND epoch=? LIMIT 1"
GAPS = "SELECT seq, first, last, readings, why FROM gaps WHERE node=? AND epoch=? AND last>=? AND first<=?"
RECEIPTS = "SELECT seq FROM receipts WHERE node=? AND epoch=? AND seq>=? ORDER BY seq"
SAID = "SELECT said, readings_total FROM journals WHERE node=? AND epoch=?"
NEWEST = "SELECT hello FROM presence WHERE node=?"


@dataclass(slots=True)
class Suspects:
    """What of a batch may show that there is another copy: leaps, and records where something was settled before."""

    leaps: list[tuple[int, Span]] = field(default_factory=list)  # the seq that names it, what it leaps over
    strays: list[Span] = field(default_factory=list)

    def look(self, memory: Memory) -> None:
        """Notes the leaps that contradict something; call when everything has its receipt."""
        for seq, span in self.leaps:
            others = [each for each, _ in _leaps(memory, span) if each != seq]
            if others or _came(memory, span):
                for each in (seq, *others):
                    _note(memory, span[:2], each, LEAP)
        for node, epoch, first, last in self.strays:
            for seq, gap in _leaps(memory, (node, epoch, first, last)):
                if _came(memory, (node, epoch, max(first, gap.first), min(last, gap.last))):
                    _note(memory, (node, epoch), seq, LEAP)


def _leaps(memory: Memory, span: Span) -> Iterator[tuple[int, Gap]]:
    for seq, *gap in memory.db.execute(GAPS, span).fetchall():
        if (leap := Gap(*gap)).skip:
            yield seq, leap


def _came(memory: Memory, span: Span) -> bool:
    ((count, _),) = arrived(memory.db, [span])
    return count > 0


def _note(memory: Memory, journal: Journal, seq: int, sign: bytes) -> None:
    memory.db.execute(ADD, (*journal, seq, sign, None, 0, 0))
    memory.copied[journal] = True


def keep(memory: Memory, arrival: Arrival, others: list[int], arrived_ms: int) -> None:
    """Keeps a record, or a pack, as it came: of these seqs another record is here."""
    item = arrival.item
    payload = pack(item)
    digest = blake2b(payload, digest_size=16).digest()
    journal = (arrival.node, item.epoch)
    memory.db.execute(ADD, (*journal, others[0], digest, payload, len(others), arrived_ms))
    memory.copied[journal] = True


def met(memory: Memory, journal: Journal, hello: Hello, alive: bool) -> None:
    """A node, or a card, said how its journal stands; call before that is written down."""
    said, readings = memory.db.execute(SAID, journal).fetchone() or (0, 0)
    if (hello.next - said) * (hello.readings_total - readings) < 0:
        _note(memory, journal, hello.next, HELLO)
    if alive:
        memory.bases[journal] = _base(hello.lowest, hello.acked)
        memory.owns.pop(journal, None)


def _base(lowest: int, acked: int | None) -> int:
    """What lies below, the node itself says, needs no ack any more."""
    return max(FIRST, lowest if acked is None else min(lowest, acked + 1))


def came(memory: Memory, journal: Journal, first: int, last: int) -> None:
    """These have their receipts."""
    if (own := memory.owns.get(journal)) is not None:
        _here(own, first, last)


def _here(own: Own, first: int, last: int) -> None:
    own.covered.add(first, last)
    if own.lost.touches(first, last):
        own.late.add(first, last)


def own(memory: Memory, journal: Journal) -> tuple[int, list[tuple[int, int]]] | None:
    """What a node whose journal has copies may be told, `upto` and ranges; None where it has none.

    Cut where a leap begins or ends, and where something came that is named as lost, for a loss may have taken a leap
    along: one copy goes on there and another does not, and each believes what ends at a number of its own.
    """
    if journal not in memory.copied:
        memory.copied[journal] = memory.db.execute(ANY, journal).fetchone() is not None
    if not memory.copied[journal]:
        return None
    if journal not in memory.owns:
        memory.owns[journal] = _load(memory, journal)
    own = memory.owns[journal]
    whole, edges = [(own.base - 1, own.covered.upto), *own.covered.islands], own.edges
    (_, upto), *ranges = [piece for first, last in whole for piece in _cut(edges, first, last)]
    return upto, ranges


def _cut(edges: list[int], first: int, last: int) -> Iterator[tuple[int, int]]:
    for edge in edges[bisect_right(edges, first) : bisect_right(edges, last)]:
        yield first, edge - 1
        first = edge
    yield first, last


def _load(memory: Memory, journal: Journal) -> Own:
    base = memory.bases.get(journal) or _said_last(memory, journal)
    gaps = [Gap(*row[1:]) for row in memory.db.execute(GAPS, (*journal, base, LARGEST_SEQ))]
    leaps = [(gap.first, gap.last) for gap in gaps if gap.skip]
    losses = [span for gap in gaps if not gap.skip for span in outside(leaps, gap.first, gap.last)]
    edges = sorted({edge for first, last in leaps for edge in (first, last + 1)})
    own = Own(base, Coverage(base - 1, losses), Coverage(-1, losses), edges, Coverage())
    for (seq,) in memory.db.execute(RECEIPTS, (*journal, base)):
        _here(own, seq, seq)
    for _, _, first, last in stretches(memory.db, [(*journal, base, LARGEST_SEQ)]):
        _here(own, first, last)
    return own


def _said_last(memory: Memory, journal: Journal) -> int:
    (text,) = memory.db.execute(NEWEST, (journal[0],)).fetchone() or (None,)
    tree = json.loads(text) if text else {}
    return _base(tree["lowest"], tree.get("acked")) if tree.get("epoch") == journal[1] else FIRST
