"""Commits to the journal, and what becomes of them while the disk refuses.

A disk that is full, failing or read-only stops no sensor: records wait in memory up to a cap and are tried again with
the next commit. What the cap pushes out is counted and named in an event as soon as the disk takes one: the oldest
readings first, events only when no readings are left. Clocks and schemas may go with them, for they are told again
before the next record that leans on them, as in each new segment of the journal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from edge import epochs
from edge.effects import Committed
from edge.journal.disk import Disk
from edge.journal.errors import JournalBusy, JournalError
from edge.journal.journal import Journal
from edge.needs import Needs
from edge.sampler import Entry
from edge.schemas import Schemas
from edge.wire.messages import EventRecord, Scalar, to_json
from edge.wire.record import Lane, RecordKind, lane

CAP_BYTES = 512 * 1024
BATCH_BYTES = 64 * 1024
OVERHEAD = 640  # bytes that a record takes beside its body, at most
MARK_MS = 60_000
MARKS = 2_000
REPLACED = "journal set aside"


class Commits:
    """The journal, opened when it can be, and the records that it does not take yet; times in ms since boot."""

    def __init__(self, open_journal: Callable[[], Journal], disk: Disk, cap_bytes: int = CAP_BYTES) -> None:
        self.journal: Journal | None = None
        self.trouble: JournalError | None = None
        self.lost = 0  # readings that the cap pushed out in this run
        self.events_lost = 0
        self.schemas = Schemas(disk)
        self._open_journal, self._disk, self._cap_bytes = open_journal, disk, cap_bytes
        self._needs = Needs(self.schemas)
        self._waiting: deque[tuple[int, Entry]] = deque()
        self._unnamed: dict[str, tuple[int, int, int]] = {}  # what was lost and not yet named: how many, from, to
        self._why = ""  # it was lost
        self._marks: deque[tuple[int, int]] = deque()  # (seq, when it was the next)

    @property
    def waiting(self) -> int:
        """Readings in memory that the journal did not take yet."""
        return sum(entry[1] for _, entry in self._waiting)

    def standing(self, urgent: tuple[int, ...] = ()) -> Committed:
        """What the journal holds; an empty epoch 0 while there is none."""
        journal = self.journal
        return Committed(journal.epoch, journal.lowest, journal.next, urgent) if journal else Committed(0, 0, 0)

    def open(self, now_ms: int) -> None:
        """Open the journal if it is not. Raises JournalBusy; any other trouble is kept and tried again."""
        if self.journal is None:
            try:
                self.journal = self._open_journal()
                self.trouble = None
            except JournalBusy:
                raise
            except JournalError as error:
                self.trouble = error
            else:
                self._compare(self.journal, now_ms)

    def _compare(self, journal: Journal, now_ms: int) -> None:
        """Tell when this is not the journal that was here before."""
        if (facts := epochs.replaced(self._disk, journal)) is not None:
            event = to_json(EventRecord(now_ms, REPLACED, facts))
            self._waiting.appendleft((now_ms, (RecordKind.EVENT, 0, event)))

    def commit(self, entries: Sequence[Entry], now_ms: int) -> Committed | None:
        """Append these, and what waits; what the journal then holds, None when nothing came to it."""
        for entry in entries:
            self._waiting.append((now_ms, entry))
            if entry[0] == RecordKind.SCHEMA:
                self.schemas.remember(entry[2])
        self._mark(now_ms)
        urgent: list[int] = []
        took = False
        try:
            for batch in self._batches(now_ms):
                urgent += self._append([*self._losses(now_ms), *batch])
                took = True
        except JournalError as error:
            self.trouble = error
            self._trim()
        return self.standing(tuple(urgent)) if took else None

    def _append(self, batch: list[Entry]) -> list[int]:
        """One commit of these, with all that they lean on; the seqs of events, and of the first loss or leap named."""
        assert self.journal is not None
        named = [self.journal.next] if self.journal.gaps_to_write else []
        lacking, repeated = self._needs.split(batch)
        batch, segment = lacking + batch, self.journal.segment
        seqs = self.journal.append(batch, repeated)
        self._needs.went(batch, repeated, self.journal.segment)
        self.trouble = None
        self._unnamed.clear()
        self.schemas.save()
        if self.journal.segment != segment:
            epochs.write(self._disk, self.journal)
        return named + [seq for seq, entry in zip(seqs, batch, strict=True) if lane(entry[0]) is Lane.EVENTS]

    def _batches(self, now_ms: int) -> Iterator[list[Entry]]:
        """Parts of what waits, each small enough; taken out when the next is asked for."""
        self.open(now_ms)
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

    # What the cap pushes out.

    def _losses(self, now_ms: int) -> list[Entry]:
        """The events that name what was lost, if anything was."""
        named: list[Entry] = []
        for what, (count, from_ms, to_ms) in self._unnamed.items():
            details: dict[str, Scalar] = {what: count, "from_ms": from_ms, "to_ms": to_ms, "why": self._why}
            named.append((RecordKind.EVENT, 0, to_json(EventRecord(now_ms, f"{what} lost", details))))
        return named

    def _trim(self) -> None:
        """Keep to the cap: the oldest go, but events only when nothing else is left."""
        over = sum(len(entry[2]) + OVERHEAD for _, entry in self._waiting) - self._cap_bytes
        for lanes in ({Lane.READINGS}, set(Lane)):
            kept: deque[tuple[int, Entry]] = deque()
            for at_ms, entry in self._waiting:
                if over > 0 and lane(entry[0]) in lanes:
                    over -= len(entry[2]) + OVERHEAD
                    self._lose(at_ms, entry)
                else:
                    kept.append((at_ms, entry))
            self._waiting = kept

    def _lose(self, at_ms: int, entry: Entry) -> None:
        self._needs.passed(entry)
        if entry[0] != RecordKind.CHUNK and lane(entry[0]) is not Lane.EVENTS:
            return  # told again when something leans on it; health and open windows are of use only while they are new
        what, count = ("readings", entry[1]) if entry[0] == RecordKind.CHUNK else ("events", 1)
        self.lost += entry[1]
        self.events_lost += what == "events"
        before, first, _ = self._unnamed.get(what, (0, at_ms, at_ms))
        self._unnamed[what] = (before + count, first, at_ms)
        self._why = self.trouble.what if self.trouble else self._why

    def _mark(self, now_ms: int) -> None:
        if self.journal and (not self._marks or now_ms - self._marks[-1][1] >= MARK_MS):
            if len(self._marks) >= MARKS:
                self._marks = deque(list(self._marks)[::2])
            self._marks.append((self.journal.next, now_ms))

    def oldest_ms(self, now_ms: int) -> int:
        """How long the oldest un-acked record has waited in this run, to the minute, and after days to the hour; 0 when
        there is none."""
        if self.journal is None or self.journal.lowest >= self.journal.next:
            return 0
        while len(self._marks) > 1 and self._marks[1][0] <= self.journal.lowest:
            self._marks.popleft()
        return now_ms - self._marks[0][1] if self._marks else 0

    def close(self) -> None:
        """Let go of the journal, and write down how it stood."""
        if self.journal is not None:
            epochs.write(self._disk, self.journal)
            self.journal.close()
