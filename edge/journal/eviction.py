"""Room in a full journal: the oldest records go, a run with each commit, or at worst a segment at once.

A run is a few dozen records, so a commit stays short; in less than a tenth of a segment's commits all of the oldest
segment has gone and may be written over. What goes is named by a gap record in the very commit that gives it up, and
what is left of it (see `thinning`) is in the same commit: a power cut finds all of it, or none.

The gap always reaches back to the last acked seq: gap records that lie in the run go with it, and what they named is
named again. So one record names all that ever went, and gaps do not pile up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from edge.journal.layout import LARGEST_COMMIT, Entry, Mark, footprints
from edge.journal.naming import FULL, THINNED
from edge.journal.reading import MOST_AHEAD, Missing, Reader, Whole
from edge.journal.ring import Gap, Head, Ring, Segment
from edge.journal.thinning import MOST_BYTES, MOST_READINGS, MOST_RECORDS, Thinning
from edge.wire.record import Record


class Room(NamedTuple):
    """What goes, how the journal then stands, and what is left of it."""

    gap: Gap
    mark: Mark
    left: list[Entry]


class Eviction:
    """Makes room in `ring`. `schemas`: the body of a schema by its hex key; None: nothing is thinned."""

    def __init__(self, ring: Ring, reader: Reader, epoch: int, schemas: Callable[[str], bytes | None] | None) -> None:
        self._ring, self._reader, self._epoch = ring, reader, epoch
        self._thinning = Thinning(schemas) if schemas else None
        self._oldest: Segment | None = None
        self._use = -1
        self._followed = 0  # every seq of it below
        self._newest = 0

    def goes_on(self, entries: list[Entry]) -> None:
        """These are to be committed by whoever runs now."""
        if self._thinning is not None:
            self._thinning.goes_on(entries)

    def thin(self, mark: Mark, head: Head, target: Segment, room: int) -> Room | None:
        """The oldest run goes, with a commit to `target`; what is left of it may take `room` bytes."""
        if self._thinning is None or room < 0:
            return None
        if target.ordinal != self._newest:
            self._thinning.entered()
        for segment, end in self._ring.spans(head, target):
            if end.seq > mark.lowest:
                return self._thin(segment, mark, end, head, room)
        return None

    def give_up(self, mark: Mark, head: Head, target: Segment) -> Room | None:
        """The oldest segment goes as a whole."""
        given_up = self._ring.give_up(mark, head, target, FULL)
        return Room(*given_up, []) if given_up else None

    def wrote(self, target: Segment, entries: list[Entry]) -> None:
        """These were committed to `target`."""
        if self._thinning is not None:
            if target.ordinal != self._newest:
                self._newest = target.ordinal
                self._thinning.entered()
            self._thinning.wrote(entries)

    def _thin(self, segment: Segment, mark: Mark, end: Head, head: Head, room: int) -> Room | None:
        assert self._thinning is not None
        try:
            self._follow(segment, mark.lowest, head)
            run, upto = self._run(mark.lowest, end, head)
        except OSError:
            return None
        self._followed = upto.seq
        left = self._thinning.thin(run)
        if footprints(left) > min(room, LARGEST_COMMIT // 4):
            return None
        gap = Gap(mark.acked + 1, upto.seq - 1, upto.total - mark.acked_total, THINNED)
        return Room(gap, mark._replace(lowest=upto.seq, released=upto.total), left)

    def _follow(self, segment: Segment, lowest: int, head: Head) -> None:
        """Clocks and schemas in front of the run, when it is not where the last run ended."""
        assert self._thinning is not None
        if (segment, segment.use) != (self._oldest, self._use):
            self._thinning.begin()
            self._oldest, self._use, self._followed = segment, segment.use, segment.first
        for item in self._reader.read(self._followed, Head(min(lowest, head.seq), head.total), MOST_AHEAD):
            if isinstance(item, Whole):
                self._thinning.passes(self._record(item))
        self._followed = max(self._followed, lowest)

    def _run(self, seq: int, end: Head, head: Head) -> tuple[list[Record], Head]:
        """The next records that can be read, and where what follows them begins."""
        run: list[Record] = []
        upto, size, readings = Head(seq, 0), 0, 0
        for item in self._reader.read(seq, head, MOST_AHEAD):  # pragma: no branch: one of them ends at `end`
            upto = item.end if isinstance(item, Missing) else Head(item.header.seq + 1, item.header.total)
            if isinstance(item, Whole):
                run.append(self._record(item))
                size, readings = size + len(item.body), readings + item.header.readings
            if upto.seq >= end.seq or len(run) >= MOST_RECORDS or size >= MOST_BYTES or readings >= MOST_READINGS:
                break
        return run, min(upto, end)

    def _record(self, item: Whole) -> Record:
        header = item.header
        return Record(self._epoch, header.seq, header.kind, header.readings, item.body)
