"""The journal: what is committed stays, through outages, restarts and power cuts, until the office has it or a gap
record says that it had to go.

One commit is one write and one sync, however many records it brings (up to a limit); now and then a segment is made
besides. Of what the disk holds only a few places are kept in memory: records are read again when they are to be sent.
What the office acknowledged is forgotten in memory and written down with the next commit, so a power cut in between
only sends again. What has to go because the journal is full, or cannot be read any more, is named by a gap record: in
the commit that gives it up, or in one that follows its discovery.

A segment may be given up at any time, and what is in it then goes. So that no record in a later one leans on it,
whoever appends hands in a preamble: what to repeat if this commit is the first of another segment.

After a failed write or sync nobody knows what is on the disk, and the kernel may say that all is well when asked
again. So that segment is left as it is, what was committed last is read back, and the next commit goes to another.

One thread at a time: the agent's loop.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Generator, Sequence

from edge.journal import naming
from edge.journal.admission import admit
from edge.journal.disk import Disk, DiskFile
from edge.journal.errors import NOT_STORED, from_disk
from edge.journal.eviction import Eviction, Room
from edge.journal.layout import (
    SECTOR,
    Entry,
    Mark,
    SegmentHeader,
    footprint,
    footprints,
    pack_records,
    pack_segment,
    salt,
)
from edge.journal.losses import Losses
from edge.journal.naming import SKIPPED
from edge.journal.reading import LEAST_AHEAD, MOST_AHEAD, Missing, Reader, Whole
from edge.journal.recovery import Standing, recover
from edge.journal.ring import Gap, Head, Ring, Segment, segment_size
from edge.journal.spent import Spent
from edge.journal.walk import Waymark
from edge.wire.record import Record

SMALLEST_SEGMENT = 8 * SECTOR
LEAP = 1 << 20  # seqs; more than any segment holds


class Journal:
    """The durable buffer of one node. Made by `Journal.open`."""

    def __init__(
        self, disk: Disk, ring: Ring, standing: Standing, schemas: Callable[[str], bytes | None] | None = None
    ) -> None:
        self._disk = disk
        self._ring = ring
        self.epoch = standing.epoch
        self.next = standing.next
        self.set_aside = standing.aside  # files of a journal that could not be read at all, before this new epoch
        self._mark = self._durable = standing.mark
        self._losses = Losses(standing.gaps)
        self._current = None if standing.void else standing.newest
        self._tail = standing.tail
        self._void = standing.void
        self._ordinal = standing.ordinal
        self._last_commit = 0  # its first seq; what has to be read back after a failure
        self._doubtful = False
        self._file: DiskFile | None = None
        self.spent = Spent()
        self.committed_bytes = 0  # of records, in this run
        self._reader = Reader(disk, ring)
        self._eviction = Eviction(ring, self._reader, standing.epoch, schemas)

    @classmethod
    def open(
        cls,
        disk: Disk,
        epoch_maker: Callable[[], int],
        cap_bytes: int,
        segment_bytes: int | None = None,
        leap: int = 0,
        schemas: Callable[[str], bytes | None] | None = None,
    ) -> Journal:
        """The journal on `disk`; a new epoch (32 bits, from `epoch_maker`) when there is none that can be read.

        `schemas` gives the body of a schema by its hex key, so that old readings can be thinned when the journal is
        full; without it they are given up by the segment. `leap`: how many seqs to leave out (see `leap`).

        Raises JournalError when the disk fails or the journal is of a newer format.
        """
        size = segment_bytes or segment_size(cap_bytes)
        if size % SECTOR or size < SMALLEST_SEGMENT:
            raise ValueError(f"a segment is a multiple of {SECTOR} bytes and at least {SMALLEST_SEGMENT}")
        ring = Ring(cap_bytes, size)
        try:
            standing = recover(disk, ring, epoch_maker)
            for segment in ring.surplus(standing.mark.lowest, Head(standing.next, standing.mark.total)):
                disk.remove(segment.name)
                ring.drop(segment)
        except OSError as error:
            raise from_disk("the journal was opened", error, "Nothing was changed.") from error
        journal = cls(disk, ring, standing, schemas)
        journal.leap(max(leap, LEAP if standing.scarred else 0))
        return journal

    def leap(self, seqs: int = LEAP) -> None:
        """Goes on so many seqs further, before the first commit of a run; names those between with that commit.

        A disk that lies loses commits of which the office was told already; no seq must mean two things.
        """
        if not self._ordinal or seqs <= 0:
            return
        self._losses.skip(self._head.seq, self.next + seqs - 1)
        if self.lowest in (self.next, self._head.seq):
            self._mark = self._mark._replace(lowest=self.next + seqs)
        self.next += seqs

    def close(self) -> None:
        """Lets go of the open file. What was committed is safe anyway; the disk is closed by whoever opened it."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    # How it stands.

    @property
    def segment(self) -> int:
        """Number of the segment that the last commit went to; another one after each change, 0 while there is none."""
        return self._current.ordinal if self._current else 0

    @property
    def lowest(self) -> int:
        """The lowest seq that is still held and not acked; `next` when there is none."""
        return self._mark.lowest

    @property
    def acked(self) -> int:
        """Every seq up to here is with the office; 0 at first."""
        return self._mark.acked

    @property
    def total_readings(self) -> int:
        """Readings ever committed in this epoch."""
        return self._mark.total

    @property
    def backlog_readings(self) -> int:
        """Readings held and not acked."""
        return self._mark.total - self._mark.released

    @property
    def bytes_written(self) -> int:
        """What the card had to write in this run, in whole blocks; `syncs`: how often it had to be durable."""
        return self.spent.bytes_written

    @property
    def syncs(self) -> int:
        return self.spent.syncs

    @property
    def cap_bytes(self) -> int:
        return self._ring.cap_bytes

    @property
    def disk_bytes(self) -> int:
        """Size of all segments, in use or not."""
        return self._ring.bytes

    @property
    def used_bytes(self) -> int:
        """Bytes in segments that hold something not acked."""
        held = [segment for segment, end in self._ring.spans(self._head) if end.seq > self.lowest]
        return sum(self._tail if segment is self._current else segment.size for segment in held)

    @property
    def gaps_to_write(self) -> tuple[Gap, ...]:
        """Losses found, to be named by the next commit."""
        return tuple(self._losses.pending)

    @property
    def _head(self) -> Head:
        """Where what can be read ends: behind the last commit that counts."""
        return self._void or Head(self.next, self._mark.total)

    # Writing.

    def append(
        self, entries: Sequence[tuple[int, int, bytes]], preamble: Sequence[tuple[int, int, bytes]] = ()
    ) -> list[int]:
        """Commits (kind, readings, body) as one: their seqs, durable on return.

        The `preamble` goes before them if they are the first of a segment, else it is left out.
        Raises JournalError when nothing of it was stored, ValueError for what is no record.
        """
        wanted, repeated = [Entry(*entry) for entry in entries], [Entry(*entry) for entry in preamble]
        admit([*repeated, *wanted], self._ring.segment_bytes)
        try:
            self._read_back()
            if wanted and self._losses.skipped and not self._gaps_that_fit(footprints([*repeated, *wanted])):
                self._commit([], [])  # the next record stands right behind the gap that names what was skipped
            return self._commit(wanted, repeated) if wanted else []
        except OSError as error:
            raise from_disk("a commit was written to the journal", error, NOT_STORED) from error

    def _commit(self, wanted: list[Entry], repeated: list[Entry]) -> list[int]:
        gaps = self._gaps_that_fit(footprints(repeated) + footprints(wanted))
        need = footprints(wanted) + len(gaps) * SECTOR
        least = 2 * SECTOR + need + footprints(repeated)
        target, at = self._place(need, least)
        preamble = repeated if target is not self._current else []
        fill, mark, left = at + need + footprints(preamble), self._mark, list[Entry]()
        self._eviction.goes_on([*preamble, *wanted])
        made = self._make_room(target, fill, least)
        if made is not None:
            gaps = self._losses.beside(made.gap, gaps)
            mark, left = made.mark, made.left
        named = [naming.entry(gap) for gap in sorted(gaps, key=lambda gap: gap.why != SKIPPED)]
        entries = [*named, *preamble, *left, *wanted]
        self._write(target, at, entries, mark)
        self._eviction.wrote(target, entries)
        self._losses.wrote(gaps, mark.lowest)
        return list(range(self.next - len(wanted), self.next))

    def _make_room(self, target: Segment, fill: int, least: int) -> Room | None:
        """One segment is always kept to go to after `target`, filled so far; before the last one is entered there
        should be another, and as long as there is not, the oldest records go, a few with each commit."""
        spares = len(self._ring.free(self.lowest, self._head, target, least))
        if spares < 2 and self._can_grow():
            if not spares and 2 * fill > target.size and not self._grew():
                return self._eviction.give_up(self._mark, self._head, target)
            return None
        if spares == 0:
            return self._eviction.give_up(self._mark, self._head, target)
        room = target.size - fill - 2 * SECTOR
        return self._eviction.thin(self._mark, self._head, target, room) if spares == 1 else None

    def _can_grow(self) -> bool:
        with contextlib.suppress(OSError):
            return self._ring.may_grow and self._disk.free_bytes() >= 2 * self._ring.segment_bytes
        return False

    def _grew(self) -> bool:
        with contextlib.suppress(OSError):
            self._create()
            return True
        return False

    def _gaps_that_fit(self, size: int) -> list[Gap]:
        return self._losses.some((self._ring.segment_bytes - 2 * SECTOR - size) // SECTOR)

    def _place(self, need: int, least: int) -> tuple[Segment, int]:
        """Where a commit goes, and a segment of at `least` so many bytes if it is another; one sector stays in reserve
        for the gap record that it may have to take along.

        There is always a free segment, unless the disk was too full to make a second one; then it is tried again.
        """
        if self._current is not None and self._tail + need + SECTOR <= self._current.size:
            return self._current, self._tail
        free = self._ring.free(self._durable.lowest, self._head, least=least)
        return (free[0] if free else self._create()), SECTOR

    def _create(self) -> Segment:
        segment = Segment(self._ring.next_name(), self._ring.segment_bytes)
        self.spent.create(self._disk, segment.name, segment.size)
        self._ring.unused.append(segment)
        return segment

    def _write(self, target: Segment, at: int, entries: Sequence[Entry], mark: Mark) -> None:
        """The one write and the one sync. What is in memory changes only after both."""
        entering = target is not self._current
        ordinal, use, header = target.ordinal, target.use, b""
        if entering:
            self._ordinal += 1
            ordinal = self._ordinal
            fields = SegmentHeader(self.epoch, ordinal, salt(entries), self._head.seq, self._durable)
            header, use = pack_segment(fields)
        data = pack_records(entries, self.next, mark, use, self.epoch, ordinal)
        try:
            file = self._file_of(target)
            self.spent.commit(file, header + data, at - len(header))
        except OSError:
            self._fail(target)
            raise
        if entering:
            self._ring.enter(target, ordinal, use, self._head)
        self._void = None
        self._adopt(target, at, entries, mark)

    def _file_of(self, target: Segment) -> DiskFile:
        if self._file is None or target is not self._current:
            self.close()
            self._file = self._disk.open(target.name)
        return self._file

    def _fail(self, target: Segment) -> None:
        target.failures += 1
        self._current = None
        self._doubtful = True
        self.close()

    def _adopt(self, target: Segment, at: int, entries: Sequence[Entry], mark: Mark) -> None:
        target.failures = 0
        self.committed_bytes += footprints(entries)
        total = mark.total
        for seq, entry in enumerate(entries, self.next):
            self._reader.waymarks.add(target.ordinal, Waymark(seq, at, total))
            at += footprint(len(entry.body))
            total += entry.readings
        self._current, self._tail, self._last_commit = target, at, self.next
        self.next += len(entries)
        self._mark = self._durable = mark._replace(total=total)

    def _read_back(self) -> None:
        """After a failure: what was committed last is looked at again; what cannot be read is named."""
        if self._doubtful and self._last_commit:
            for _ in self._records(max(self._last_commit, self.lowest), LEAST_AHEAD):
                pass
        self._doubtful = False

    # Forgetting.

    def forget(self, upto: int) -> None:
        """The office has every seq up to `upto`. Durable with the next commit; a seq not given out yet is ignored.

        So is one in the midst of what was given up: how many readings lie before it nobody can tell any more, and
        the next gap record must reach back to a seq of which that is known.
        When the disk cannot be read nothing is forgotten: the next word of the office covers this one.
        """
        upto = min(upto, self.next - 1)
        if upto <= self.acked or upto < self.lowest - 1:
            return
        mark = self._mark._replace(acked=upto)
        if upto == mark.lowest - 1:
            mark = mark._replace(acked_total=mark.released)
        else:
            try:
                readings = max(mark.released, self._reader.total_at(upto, self._head))
            except OSError:
                return
            mark = mark._replace(acked_total=readings, lowest=upto + 1, released=readings)
        self._mark = mark
        self._losses.forget(upto)

    # Reading.

    def read(self, first: int, limit_bytes: int = 64 * 1024) -> list[Record]:
        """Records from seq `first` on, at least one if there is any, until their bodies exceed `limit_bytes`.

        What cannot be read is left out and will be named in a gap record. Raises JournalError when the disk fails.
        """
        found: list[Record] = []
        try:
            ahead = max(LEAST_AHEAD, min(limit_bytes, MOST_AHEAD))
            with contextlib.closing(self._records(max(first, self.lowest), ahead)) as records:
                for record in records:
                    limit_bytes -= len(record.body)
                    if found and limit_bytes < 0:
                        break
                    found.append(record)
        except OSError as error:
            raise from_disk("the journal was read", error) from error
        return found

    def newest(self, kind: int) -> Record | None:
        """The newest record of this kind among the last commits, acked or not. Raises JournalError."""
        try:
            found = self._reader.newest(kind, self._head)
        except OSError as error:
            raise from_disk("the journal was read", error) from error
        return self._record(found) if found else None

    def seqs_of(self, kinds: Collection[int], first: int, most: int) -> tuple[list[int], int]:
        """Seqs of these kinds, as `most` headers from `first` on tell, and from where to go on. Raises JournalError."""
        try:
            return self._reader.seqs_of(kinds, max(first, self.lowest), self._head, most)
        except OSError as error:
            raise from_disk("the journal was read", error) from error

    def _record(self, whole: Whole) -> Record:
        header = whole.header
        return Record(self.epoch, header.seq, header.kind, header.readings, whole.body)

    def _records(self, seq: int, ahead: int) -> Generator[Record, None, None]:
        missing: list[Missing] = []
        for item in self._reader.read(seq, self._head, ahead):
            if isinstance(item, Missing):
                missing.append(item)
                continue
            record = self._record(item)
            for gap in missing:
                self._losses.miss(gap, self._mark, record)
            missing.clear()
            yield record
        for gap in missing:
            self._losses.miss(gap, self._mark)
