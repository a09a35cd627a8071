"""Commits to the journal, and what becomes of them while the disk refuses.

A disk that is full, failing or read-only stops no sensor: records wait in memory up to a cap and are tried again with
the next commit. What the cap pushes out, oldest first, is counted and named in an event as soon as the disk takes one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from edge.effects import Committed
from edge.journal.errors import JournalBusy, JournalError
from edge.journal.journal import Journal
from edge.sampler import Entry
from edge.wire.messages import EventRecord, Scalar, to_json
from edge.wire.record import RecordKind

CAP_BYTES = 512 * 1024
BATCH_BYTES = 64 * 1024
OVERHEAD = 640  # bytes that a record takes beside its body, at most
MARK_MS = 60_000
MARKS = 2_000
URGENT = (RecordKind.EVENT, RecordKind.GAP)


class Commits:
    """The journal, opened when it can be, and the records that it does not take yet; times in ms since boot."""

    def __init__(self, open_journal: Callable[[], Journal], cap_bytes: int = CAP_BYTES) -> None:
        self.journal: Journal | None = None
        self.trouble: JournalError | None = None
        self.lost = 0  # readings that the cap pushed out in this run
        self._open_journal, self._cap_bytes = open_journal, cap_bytes
        self._waiting: deque[tuple[int, Entry]] = deque()
        self._unnamed: tuple[int, int, int] | None = None  # readings, from, to: lost and not yet named
        self._marks: deque[tuple[int, int]] = deque(maxlen=MARKS)  # (seq, when it was the next)

    @property
    def waiting(self) -> int:
        """Readings in memory that the journal did not take yet."""
        return sum(entry[1] for _, entry in self._waiting)

    def standing(self, urgent: tuple[int, ...] = ()) -> Committed:
        """What the journal holds; an empty epoch 0 while there is none."""
        journal = self.journal
        return Committed(journal.epoch, journal.lowest, journal.next, urgent) if journal else Committed(0, 0, 0)

    def open(self) -> None:
        """Open the journal if it is not. Raises JournalBusy; any other trouble is kept and tried again."""
        if self.journal is None:
            try:
                self.journal = self._open_journal()
                self.trouble = None
            except JournalBusy:
                raise
            except JournalError as error:
                self.trouble = error

    def commit(self, entries: Sequence[Entry], now_ms: int) -> Committed | None:
        """Append these, and what waits; what the journal then holds, None when nothing came to it."""
        self._waiting.extend((now_ms, entry) for entry in entries)
        self._mark(now_ms)
        urgent: list[int] = []
        took = False
        try:
            for batch in self._batches():
                batch = [*self._loss(now_ms), *batch]
                seqs = self._append(batch)
                urgent += [seq for seq, entry in zip(seqs, batch, strict=True) if entry[0] in URGENT]
                took = True
        except JournalError as error:
            self.trouble = error
            self._trim()
        return self.standing(tuple(urgent)) if took else None

    def _append(self, batch: list[Entry]) -> list[int]:
        assert self.journal is not None
        seqs = self.journal.append(batch)
        self.trouble, self._unnamed = None, None
        return seqs

    def _batches(self) -> Iterator[list[Entry]]:
        """Parts of what waits, each small enough; taken out when the next is asked for."""
        if self.journal is None:
            self.open()
        if self.journal is None:
            self._trim()
            return
        while self._waiting:
            batch, size = [self._waiting[0][1]], 0
            while len(batch) < len(self._waiting) and size < BATCH_BYTES:
                entry = self._waiting[len(batch)][1]
                size += len(entry[2]) + OVERHEAD
                batch.append(entry)
            yield batch
            for _ in batch:
                self._waiting.popleft()

    def _loss(self, now_ms: int) -> list[Entry]:
        """The event that names what the cap pushed out, if it did."""
        if self._unnamed is None:
            return []
        readings, from_ms, to_ms = self._unnamed
        why = self.trouble.what if self.trouble else ""
        details: dict[str, Scalar] = {"readings": readings, "from_ms": from_ms, "to_ms": to_ms, "why": why}
        return [(RecordKind.EVENT, 0, to_json(EventRecord(now_ms, "readings lost", details)))]

    def _trim(self) -> None:
        """Keep to the cap: the oldest readings go, other records stay."""
        over = sum(len(entry[2]) + OVERHEAD for _, entry in self._waiting) - self._cap_bytes
        kept: deque[tuple[int, Entry]] = deque()
        for at_ms, entry in self._waiting:
            if over > 0 and entry[0] == RecordKind.CHUNK:
                over -= len(entry[2]) + OVERHEAD
                self._lose(entry[1], at_ms)
            else:
                kept.append((at_ms, entry))
        while over > 0 and kept:
            over -= len(kept.popleft()[1][2]) + OVERHEAD
        self._waiting = kept

    def _lose(self, readings: int, at_ms: int) -> None:
        self.lost += readings
        before, first, _ = self._unnamed or (0, at_ms, at_ms)
        self._unnamed = (before + readings, first, at_ms)

    def _mark(self, now_ms: int) -> None:
        if self.journal and (not self._marks or now_ms - self._marks[-1][1] >= MARK_MS):
            self._marks.append((self.journal.next, now_ms))

    def oldest_ms(self, now_ms: int) -> int:
        """How long, to the minute, the oldest un-acked record has waited in this run; 0 when there is none."""
        if self.journal is None or self.journal.lowest >= self.journal.next:
            return 0
        while len(self._marks) > 1 and self._marks[1][0] <= self.journal.lowest:
            self._marks.popleft()
        return now_ms - self._marks[0][1] if self._marks else 0

    def close(self) -> None:
        """Let go of the journal."""
        if self.journal is not None:
            self.journal.close()
