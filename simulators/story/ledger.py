"""What really happened, written down by the story itself: what sensors said, what journals took, what stores committed.

None of it is asked of the code under test afterwards. A journal's promise is what `append` returned for; a store's
promise is what `commit` returned for, and an ack that says more than that is caught the moment it is spoken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from drivers.reading import Reading
from edge.journal.journal import Journal
from edge.ranges import Ranges
from edge.wire.kept import first_copy
from edge.wire.messages import Ack, GapRecord
from edge.wire.record import Pack, Record, RecordError, RecordKind, seqs
from edge.wire.schema import Schema
from fleet.store.bodies import BodyError, gap_note
from fleet.store.store import Parcel, Records

Entry = tuple[int, int, bytes]  # kind, readings, body
Said = tuple[str, str, str, int]  # boot id, sensor, quantity, ms since boot


@dataclass(slots=True)
class Page:
    """One node's part of the ledger."""

    node: str
    said: dict[Said, float] = field(default_factory=dict)  # what its sensors said
    kept: dict[tuple[int, int], Entry] = field(default_factory=dict)  # what its journal took, by (epoch, seq)
    schemas: dict[bytes, Schema] = field(default_factory=dict)  # that its journal ever took
    _learnt: set[bytes] = field(default_factory=set)
    twice: list[str] = field(default_factory=list)  # numbers that it gave to two records
    epochs: set[int] = field(default_factory=set)  # its journals
    readings: int = 0  # in what it took
    order: list[tuple[int, int]] = field(default_factory=list)  # of `kept`
    newer: set[tuple[int, int]] = field(default_factory=set)  # what only a copy held that was replaced by an older one
    replaced: list[frozenset[tuple[int, int]]] = field(default_factory=list)  # each of these copies by itself

    def say(self, boot_id: str, sensor: str, at_ms: int, readings: Sequence[Reading]) -> None:
        """A sensor said this."""
        for reading in readings:
            self.said[boot_id, sensor, reading.quantity.value, at_ms] = reading.value

    def take(self, epoch: int, numbers: Sequence[int], entries: Sequence[Entry]) -> None:
        """The journal took these: it promised to keep them."""
        self.epochs.add(epoch)
        for seq, entry in zip(numbers, entries, strict=True):
            if self.kept.get((epoch, seq), entry) != entry:
                self.twice.append(f"{self.node} epoch {epoch} seq {seq}")
            self.kept[epoch, seq] = entry
            self.order.append((epoch, seq))
            if entry[0] == RecordKind.SCHEMA:
                self.learn(entry[2])
            self.readings += entry[1]

    def forgets(self, since: int) -> None:
        """What it took from that place of `order` on is on no card any more, or may not be."""
        self.replaced.append(frozenset(self.order[since:]))
        self.newer |= self.replaced[-1]

    def learn(self, body: bytes) -> None:
        """A schema that chunks lean on."""
        if body not in self._learnt:
            self._learnt.add(body)
            schema = Schema.decode(body)
            self.schemas[schema.key] = schema


def witnessed(page: Page) -> type[Journal]:
    """The journal as it is, with somebody who writes down what it promised."""

    class Witnessed(Journal):
        def append(self, entries: Sequence[Entry], preamble: Sequence[Entry] = ()) -> list[int]:
            numbers = super().append(entries, preamble)
            page.take(self.epoch, numbers, entries)
            for kind, _, body in preamble:
                if kind == RecordKind.SCHEMA:
                    page.learn(body)
            return numbers

    return Witnessed


def gap_in(item: Record | Pack) -> GapRecord | None:
    """The gap that a record names, if it does."""
    if isinstance(item, Pack):
        return None
    try:
        record = first_copy(item) if item.kind == RecordKind.KEPT else item
        return gap_note(record.body) if record.kind == RecordKind.GAP else None
    except (RecordError, BodyError):
        return None  # poison, which the store sets aside


class Counter:
    """What the store committed, and whether every ack keeps to that."""

    def __init__(self) -> None:
        self._committed: dict[tuple[str, int], Ranges] = {}
        self.early: list[str] = []  # acks that came before the commit
        self.acks = 0

    def committed(self, batch: Sequence[Parcel]) -> None:
        """The store's commit of this batch returned."""
        for parcel in batch:
            if isinstance(parcel, Records):
                for item in parcel.records:
                    settled = self._committed.setdefault((parcel.node, item.epoch), Ranges([(0, 0)]))
                    settled.add(seqs(item)[0], seqs(item)[-1])
                    if (gap := gap_in(item)) is not None:
                        settled.add(gap.first, gap.last)

    def acked(self, node: str, ack: Ack) -> None:
        """The office acknowledges this."""
        self.acks += 1
        settled = self._committed.get((node, ack.epoch), Ranges([(0, 0)]))
        for first, last in ((0, ack.upto), *ack.ranges):
            if first <= last and (hole := settled.after(first)) <= last:
                self.early.append(f"{node} epoch {ack.epoch}: {hole} of {first}..{last} was not committed")
