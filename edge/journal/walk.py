"""From record to record through a segment, reading no more than it takes.

A record says how long it is, so the next one is a hop away. Where there is none - a torn or damaged record, or the
end - the walk goes on sector by sector and takes the next record that belongs to this use of the segment. Whoever
walks sees from the seqs that something is missing.

`Waymarks` remember every 64th record of the few segments read last, and where the last few readers stopped, so that
reading on costs a hop or some, and draining a long backlog is linear.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import NamedTuple

from edge.journal.disk import DiskFile
from edge.journal.layout import (
    LARGEST_COMMIT,
    SECTOR,
    RecordHeader,
    backwards,
    body_of,
    footprint,
    scarred,
    unpack_record,
)
from edge.journal.ring import Segment

_READ_AHEAD = 16 * 1024
_LEAP = 128 * 1024
_EVERY = 64
_SEGMENTS_REMEMBERED = 4
_STOPS_REMEMBERED = 8


class Step(NamedTuple):
    """A record's place in its segment, and its header."""

    at: int
    header: RecordHeader

    @property
    def end(self) -> int:
        return self.at + footprint(self.header.length)

    @property
    def mark(self) -> Waymark:
        return Waymark(self.header.seq, self.at, self.header.before)


class Walk:
    """One segment, open for reading."""

    def __init__(self, file: DiskFile, segment: Segment, read_ahead: int = _READ_AHEAD) -> None:
        self._file = file
        self._segment = segment
        self._read_ahead = read_ahead
        self._buffer = b""
        self._at = 0

    def _bytes(self, count: int, at: int) -> tuple[bytes, int]:
        """A buffer, and the place in it of the `count` bytes at `at` (fewer at the end of the file)."""
        if not self._at <= at <= at + count <= self._at + len(self._buffer):
            wanted = min(max(count, self._read_ahead), self._segment.size - at)
            self._buffer, self._at = self._file.pread(wanted, at), at
        return self._buffer, at - self._at

    def header(self, at: int) -> RecordHeader | None:
        """The record of this use of the segment that begins at `at`."""
        header = unpack_record(*self._bytes(SECTOR, at))
        return header if header is not None and header.use == self._segment.use else None

    def body(self, step: Step) -> bytes | None:
        return body_of(step.header, *self._bytes(step.end - step.at, step.at))

    def scarred(self, at: int) -> bool:
        """Whether there was a record of this use once, where there is none now."""
        buffer, place = self._bytes(min(SECTOR, self._segment.size - at), at)
        return scarred(buffer[place : place + SECTOR], self._segment.use)

    def search(self, at: int, stop: int) -> Step | None:
        """The first record from `at` on that begins before `stop`."""
        for place in range(at, min(stop, self._segment.size), SECTOR):
            if header := self.header(place):
                return Step(place, header)
        return None

    def steps(self, at: int = SECTOR, patience: int = LARGEST_COMMIT) -> Iterator[Step]:
        """Records from `at` on in rising order of seq, until `patience` bytes hold none."""
        seq = 0
        while step := self.search(at, at + patience):
            if step.header.seq > seq:
                seq = step.header.seq
                yield step
                at = step.end
            else:
                at = step.at + SECTOR

    def of_kind(self, kind: int) -> Iterator[Step]:
        """Records of this kind, the last first, with one block of them in memory."""
        end = max((step.end for step in self.steps(self.leap())), default=SECTOR)
        while end > SECTOR:
            begin = max(SECTOR, end - _LEAP)
            data = self._file.pread(end - begin, begin)
            for at, header in backwards(data, kind, self._segment.use):
                yield Step(begin + at, header)
            end = begin

    def leap(self) -> int:
        """A place at which a record begins, not far before the last one."""
        at = SECTOR
        while step := self.search(at + _LEAP, at + _LEAP + self._read_ahead):
            at = step.at
        return at


class Waymark(NamedTuple):
    """The record `seq` begins at `at`, if it was written; so many readings were taken `before` it."""

    seq: int
    at: int
    before: int


class Waymarks:
    """Known places in segments, by ordinal."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, list[Waymark]] = OrderedDict()
        self._stops: deque[tuple[int, Waymark]] = deque(maxlen=_STOPS_REMEMBERED)

    def add(self, ordinal: int, mark: Waymark) -> None:
        """Keeps it if its turn has come."""
        if mark.seq % _EVERY:
            return
        marks = self._known.setdefault(ordinal, [])
        self._known.move_to_end(ordinal)
        place = bisect_left(marks, mark)
        if marks[place : place + 1] != [mark]:
            marks.insert(place, mark)
        if len(self._known) > _SEGMENTS_REMEMBERED:
            self._known.popitem(last=False)

    def stop(self, ordinal: int, mark: Waymark) -> None:
        """Somebody stopped reading here and will want to go on."""
        self._stops.append((ordinal, mark))

    def nearest(self, segment: Segment, seq: int) -> Waymark:
        """The last known one that is not behind `seq`."""
        marks = self._known.get(segment.ordinal, [])
        place = bisect_right(marks, seq, key=lambda mark: mark.seq)
        start = Waymark(segment.first, SECTOR, segment.before)
        stops = [mark for ordinal, mark in self._stops if ordinal == segment.ordinal and mark.seq <= seq]
        return max([start, *marks[place - 1 : place], *stops])
