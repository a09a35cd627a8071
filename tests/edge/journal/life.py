"""One life of a journal on a disk in memory, and the book that is kept beside it.

The book knows what was confirmed to the caller, what was told to be forgotten, and which sectors are committed. After
each power cut the journal has to agree with the book: `balance` raises AssertionError when it does not.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from random import Random

from edge.journal.errors import JournalError
from edge.journal.journal import Journal
from edge.journal.naming import FULL, UNREADABLE
from edge.wire.record import Record, RecordKind
from simulators.disk import SECTOR, MemoryDisk, PowerCut

Op = tuple[str, int, int]
SEGMENT = 16 * SECTOR
CAP = 6 * SEGMENT
KEEPS = ("lost", "kept", "torn", "mixed")


def read_all(journal: Journal) -> list[Record]:
    """Everything that the journal still holds, read in small bites."""
    found: list[Record] = []
    first = journal.lowest
    while bite := journal.read(first, 1500):
        found += bite
        first = bite[-1].seq + 1
    return found


def gaps_in(records: Iterable[Record]) -> list[dict[str, int | str]]:
    return [json.loads(record.body) for record in records if record.kind == RecordKind.GAP]


class Life:
    """Plays operations on a journal and keeps the book."""

    def __init__(self, disk: MemoryDisk, seed: int, cap: int = CAP) -> None:
        self.disk = disk
        self.cap = cap
        self.chance = Random(seed)
        self.confirmed: dict[int, tuple[int, bytes]] = {}
        self.tried: dict[bytes, int] = {}
        self.forgotten = 0
        self.torn: dict[tuple[int, int], int] = {}  # readings out of the middle of a commit that was never confirmed
        self.total = 0
        self.committed: dict[str, int] = {}  # where the committed sectors of a file end
        self.watched = 0
        self.journal = self._open()
        self.epoch = self.journal.epoch

    def _open(self) -> Journal:
        return Journal.open(self.disk, lambda: 0xBEEF, self.cap, SEGMENT)

    def play(self, ops: Iterable[Op]) -> None:
        for name, one, two in ops:
            try:
                getattr(self, name)(one, two)
            except PowerCut:
                self.crash(one, two)
        self.disk.heal()
        self.crash(0, 0)

    # What can happen.

    def append(self, records: int, size: int) -> None:
        entries = [self._entry(size if place == 0 else self.chance.randrange(900)) for place in range(records % 4 + 1)]
        total = self.journal.total_readings
        try:
            seqs = self.journal.append(entries)
        except JournalError:
            assert self.journal.total_readings == total
            self._watch(confirmed=False)
            return
        for seq, (_, readings, body) in zip(seqs, entries, strict=True):
            assert seq > max(self.confirmed, default=0)
            self.confirmed[seq] = (readings, body)
        self.total = self.journal.total_readings
        self._watch(confirmed=True)

    def _entry(self, size: int) -> tuple[int, int, bytes]:
        body = f"{len(self.tried)}:".encode() + self.chance.randbytes(size % 1500)
        readings = self.chance.randrange(40)
        self.tried[body] = readings
        return RecordKind.CHUNK, readings, body

    def _watch(self, confirmed: bool) -> None:
        """No committed sector is written again but when its whole segment is taken anew; no file grows."""
        for write in self.disk.writes[self.watched :]:
            assert write.at % SECTOR == len(write.data) % SECTOR == 0
            assert write.at + len(write.data) <= SEGMENT
            if write.at == 0:
                self.committed[write.name] = 0
            assert write.at >= self.committed.get(write.name, 0)
            if confirmed:
                self.committed[write.name] = write.at + -(-len(write.data.rstrip(b"\0")) // SECTOR) * SECTOR
        self.watched = len(self.disk.writes)

    def forget(self, share: int, _: int) -> None:
        held = self.journal.next - self.journal.lowest
        upto = self.journal.lowest - 1 + held * (share % 101) // 100
        if not any(low <= upto < high for low, high in self.torn):  # the office takes a named gap whole
            self.journal.forget(upto)
        self.forgotten = max(self.forgotten, self.journal.acked)

    def fail(self, which: int, when: int) -> None:
        operation = ("pwrite", "datasync", "create", "open")[which % 4]
        self.disk.fail(operation, 28 if operation == "create" else 5, when % 5)

    def cut(self, steps: int, _: int) -> None:
        self.disk.cut_after(steps % 8)

    def crash(self, keep: int, _: int) -> None:
        self.disk.heal()
        self.journal.close()
        self.disk.crash(KEEPS[keep % 4], self.chance)
        self.journal = self._open()
        self._watch(confirmed=False)
        self.committed = {}
        with contextlib.suppress(PowerCut):
            self.balance()

    # Whether it agrees.

    def balance(self) -> None:
        journal = self.journal
        assert journal.epoch == self.epoch, "a new epoch"
        assert journal.total_readings >= self.total, "readings forgotten"
        self._nothing_wrong(read_all(journal))
        self.torn |= {(gap.first, gap.last): gap.readings for gap in journal.gaps_to_write if gap.why == UNREADABLE}
        self.append(0, 0)
        assert not journal.gaps_to_write
        assert journal.disk_bytes <= max(self.cap, 2 * SEGMENT)
        found = read_all(journal)
        held = {record.seq: record for record in found}
        assert list(held) == sorted(held) and len(held) == len(found)
        assert all(journal.lowest <= seq < journal.next for seq in held)
        torn = self._torn_readings(journal.lowest, journal.next)
        assert sum(record.count for record in found) + torn == journal.backlog_readings
        self._nothing_wrong(found)
        self._nothing_lost(held)

    def _nothing_wrong(self, found: list[Record]) -> None:
        chunks = [record for record in found if record.kind != RecordKind.GAP]
        assert len({record.body for record in chunks}) == len(chunks), "one commit twice"
        for record in chunks:
            assert self.tried.get(record.body) == record.count, "never written"
            self.confirmed.setdefault(record.seq, (record.count, record.body))

    def _nothing_lost(self, held: dict[int, Record]) -> None:
        gaps = gaps_in(held.values())
        full = [(int(gap["first"]), int(gap["last"]), int(gap["readings"])) for gap in gaps if gap["why"] == FULL]
        for seq, (_, body) in self.confirmed.items():
            if seq in held:
                assert held[seq].body == body, "another record"
            else:
                named = any(first <= seq <= last for first, last, _ in full)  # a gap may name what a leap left out, too
                assert seq <= self.forgotten or named, f"{seq} is gone"
        for first, last, readings in full:
            lost = sum(count for seq, (count, _) in self.confirmed.items() if first <= seq <= last)
            assert lost + self._torn_readings(first, last + 1) == readings, "a wrong number of readings in a gap"

    def _torn_readings(self, first: int, end: int) -> int:
        return sum(readings for (low, _), readings in self.torn.items() if first <= low < end)


def some_ops(seed: int, many: int = 40) -> list[Op]:
    """A random script, by its seed."""
    chance = Random(seed)
    names = ["append"] * 12 + ["forget"] * 3 + ["cut"] * 2 + ["crash", "fail"]
    return [(chance.choice(names), chance.randrange(101), chance.randrange(2000)) for _ in range(many)]
