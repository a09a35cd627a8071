"""The book kept beside a life: what each seq holds, and what was told to anybody up to each step.

The running journal itself is asked what it wrote, right after each commit: a record that is found after a crash is
either that one, to the byte, or wrong. What may have gone is only what nobody was told of, what the office has, and
what a gap record names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from edge.wire.kept import first_copy
from edge.wire.messages import GapRecord, from_json
from edge.wire.record import Record, RecordKind
from simulators.recording import Forgot, Note, SmallBegun, Told


@dataclass(frozen=True)
class Telling:
    """What had been told at some point of a life."""

    epoch: int = 0
    next: int = 1  # every seq below was given to somebody as committed
    total: int = 0  # readings in them
    acked: int = 0  # the office's word that went with a commit
    forgot: int = 0  # the office's last word
    small: dict[str, tuple[bytes | None, ...]] = field(default_factory=dict)  # what each may hold; None: no file

    def with_note(self, note: Note) -> Telling:
        """And after this."""
        if isinstance(note, Told):
            return replace(self, epoch=note.epoch, next=note.next, total=note.total, acked=note.acked)
        if isinstance(note, Forgot):
            return replace(self, forgot=max(self.forgot, note.upto))
        before = self.small.get(note.name, (None,))
        now = (before[-1], note.data) if isinstance(note, SmallBegun) else before[-1:]
        return replace(self, small={**self.small, note.name: now})


@dataclass
class Book:
    """Every record that was held since the power came on, the readings up to and including each, and the first seq of
    each run of the agent."""

    records: dict[int, Record] = field(default_factory=dict)
    totals: dict[int, int] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)

    def enter(self, found: Iterable[Record], total: int) -> None:
        """Records that follow each other, with `total` readings before the first."""
        for record in found:
            total += record.count
            self.records[record.seq] = record
            self.totals[record.seq] = total

    def strange(self, found: Iterable[Record]) -> list[int]:
        """Seqs of records that are not what was written."""
        return [record.seq for record in found if self.records.get(record.seq) != record]


def gap_of(record: Record) -> GapRecord | None:
    """What a gap record names, also when it was kept by another."""
    if record.kind == RecordKind.KEPT:
        record = first_copy(record)
    return from_json(GapRecord, record.body) if record.kind == RecordKind.GAP else None


def unnamed(wanted: Iterable[int], found: Iterable[Record], more: Iterable[tuple[int, int]] = ()) -> list[int]:
    """Seqs of `wanted` that are neither among the records found nor named by them, nor within `more`."""
    missing = set(wanted)
    named = list(more)
    for record in found:
        missing.discard(record.seq)
        if gap := gap_of(record):
            named.append((gap.first, gap.last))
    return sorted(seq for seq in missing if not any(first <= seq <= last for first, last in named))
