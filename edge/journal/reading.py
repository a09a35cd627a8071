"""Reading the journal again: records in order of seq, and what is missing between them.

Only bodies whose crc agrees count. A header alone is not believed: behind a torn commit there may be one of an
earlier attempt, with other numbers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Generator, Iterator
from typing import NamedTuple

from edge.journal.disk import Disk
from edge.journal.layout import SECTOR, RecordHeader
from edge.journal.ring import Head, Ring, Segment
from edge.journal.walk import Walk, Waymarks
from edge.wire.record import RecordKind

LEAST_AHEAD, MOST_AHEAD = 8 * 1024, 64 * 1024  # bytes read at once


class Whole(NamedTuple):
    """A record that can be read."""

    header: RecordHeader
    body: bytes


class Missing(NamedTuple):
    """Nothing can be read from `begin` up to `end`."""

    begin: Head
    end: Head


class Reader:
    """Reads the segments of `ring` on `disk`. Every method raises OSError when the disk fails."""

    def __init__(self, disk: Disk, ring: Ring) -> None:
        self._disk = disk
        self._ring = ring
        self.waymarks = Waymarks()

    def read(self, seq: int, head: Head, ahead: int = LEAST_AHEAD) -> Generator[Whole | Missing, None, None]:
        """Everything from `seq` up to the journal's `head`."""
        segment = self._ring.holding(seq)
        while segment is not None and seq < head.seq:
            following = self._ring.after(segment)
            end = following.head if following else head
            if seq < end.seq:
                yield from self._read_in(segment, seq, end, ahead)
            segment, seq = following, max(seq, end.seq)

    def _read_in(self, segment: Segment, seq: int, end: Head, ahead: int) -> Generator[Whole | Missing, None, None]:
        stop = self.waymarks.nearest(segment, seq)
        expected = Head(stop.seq, stop.before)
        try:
            with self._open(segment, ahead) as walk:
                for step in walk.steps(stop.at, segment.size):
                    header = step.header
                    if header.seq >= end.seq:
                        break
                    body = walk.body(step) if header.seq >= seq else b""
                    if body is None:
                        continue
                    self.waymarks.add(segment.ordinal, step.mark)
                    if header.seq > expected.seq:
                        yield Missing(expected, Head(header.seq, header.before))
                    expected, stop = Head(header.seq + 1, header.total), step.mark
                    if header.seq >= seq:
                        yield Whole(header, body)
                    if expected.seq == end.seq:
                        return
            yield Missing(expected, end)
        finally:
            self.waymarks.stop(segment.ordinal, stop)

    def newest(self, kind: int, head: Head) -> Whole | None:
        """The newest record of this kind in the newest two segments, as far as they count."""
        end = head
        for segment in reversed(self._ring.used[-2:]):
            with self._open(segment, 2 * LEAST_AHEAD) as walk:
                for step in walk.of_kind(kind):
                    if step.header.seq < end.seq and (body := walk.body(step)) is not None:
                        return Whole(step.header, body)
            end = segment.head
        return None

    def seqs_of(self, kinds: Collection[int], seq: int, head: Head, most: int) -> tuple[list[int], int]:
        """Seqs of records of these kinds from `seq` on, as their headers tell, and from where to go on after `most`
        headers, two at least; gap records only of leaps, which stand where numbers are missing before them, or first of
        a segment. The next call goes on where this one stopped, with the last of them."""
        found: list[int] = []
        segment = self._ring.holding(seq)
        while segment is not None and seq < head.seq:
            following = self._ring.after(segment)
            end = following.head if following else head
            stop = self.waymarks.nearest(segment, seq)
            leapt = stop.at == SECTOR
            with self._open(segment) as walk:
                for step in walk.steps(stop.at):
                    if step.header.seq >= end.seq:
                        break
                    leapt = leapt or step.header.seq > stop.seq + 1
                    stop, most = step.mark, most - 1
                    counts = step.header.kind in kinds and (leapt or step.header.kind != RecordKind.GAP)
                    if counts and step.header.seq >= seq:
                        found.append(step.header.seq)
                    leapt = False
                    if most <= 0:
                        self.waymarks.stop(segment.ordinal, stop)
                        return found, max(seq, stop.seq + 1)
                    if stop.seq + 1 == end.seq:
                        break
            segment, seq = following, max(seq, end.seq)
        return found, max(seq, head.seq)

    def total_at(self, seq: int, head: Head) -> int:
        """Readings in all records up to `seq`; where that one cannot be read, what its neighbours tell."""
        segment = self._ring.holding(seq)
        following = self._ring.after(segment) if segment else None
        end = following.head if following else head
        if segment is None or seq >= end.seq - 1:
            return end.total
        stop = self.waymarks.nearest(segment, seq)
        known, total = stop.seq - 1, stop.before
        with self._open(segment) as walk:
            for step in walk.steps(stop.at, segment.size):
                if step.header.seq >= seq and walk.body(step) is None:
                    continue
                if step.header.seq > seq:
                    total = step.header.before if known < seq == step.header.seq - 1 else total
                    break
                known, total, stop = step.header.seq, step.header.total, step.mark
                self.waymarks.add(segment.ordinal, stop)
        self.waymarks.stop(segment.ordinal, stop)
        return total

    @contextlib.contextmanager
    def _open(self, segment: Segment, ahead: int = LEAST_AHEAD) -> Iterator[Walk]:
        file = self._disk.open(segment.name)
        try:
            yield Walk(file, segment, ahead)
        finally:
            with contextlib.suppress(OSError):  # what was read was read
                file.close()
