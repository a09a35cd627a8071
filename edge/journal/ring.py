"""The ring of segments: what each holds, which is free, and which goes when there is no room. Pure.

Per segment a few numbers are kept and nothing of what is in it, so memory does not grow with the backlog. Used
segments stand in the order of their ordinals; where one ends, the next begins.

A segment may be written over only when the disk itself says that nothing in it is needed: when every seq in it is
below the `lowest` of a commit that is durable. So the ring always keeps a spare ahead of the one being written.
When it is full, the oldest segment is given up in a commit that goes elsewhere, together with the gap record that
names it, and becomes the spare. A power cut at any moment then finds the old data or the gap, never neither.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

from edge.journal.layout import SECTOR, Mark


class Head(NamedTuple):
    """A point between two records: the seq that comes next, and the readings before it."""

    seq: int
    total: int


@dataclass(slots=True, eq=False)
class Segment:
    """One file of the ring."""

    name: str
    size: int  # bytes
    ordinal: int = 0  # 0: never used
    use: int = 0
    first: int = 0  # its first seq
    before: int = 0  # readings taken before it
    failures: int = 0  # commits that failed in it since one last succeeded

    @property
    def head(self) -> Head:
        return Head(self.first, self.before)


@dataclass(frozen=True, slots=True)
class Gap:
    """Seqs that are lost, how many readings were in them, and why."""

    first: int
    last: int
    readings: int
    why: str


class Ring:
    """The segments of a journal of at most `cap_bytes`; new ones have `segment_bytes`."""

    def __init__(self, cap_bytes: int, segment_bytes: int) -> None:
        self.cap_bytes = cap_bytes
        self.segment_bytes = segment_bytes
        self.used: list[Segment] = []  # oldest first
        self.unused: list[Segment] = []

    @property
    def bytes(self) -> int:
        return sum(segment.size for segment in (*self.used, *self.unused))

    @property
    def may_grow(self) -> bool:
        return self.bytes + self.segment_bytes <= self.cap_bytes or len(self.used) + len(self.unused) < 2

    def next_name(self) -> str:
        taken = {segment.name for segment in (*self.used, *self.unused)}
        number = 0
        while (name := f"segment-{number:05}.journal") in taken:
            number += 1
        return name

    def spans(self, head: Head, target: Segment | None = None) -> list[tuple[Segment, Head]]:
        """Each used segment but `target`, oldest first, with where it ends once `target` is the newest."""
        kept = [segment for segment in self.used if segment is not target]
        last = target.head if target is not None and self.used[-1:] == [target] else head
        return list(zip(kept, [segment.head for segment in kept[1:]] + [last], strict=False))

    def free(self, lowest: int, head: Head, target: Segment | None = None, least: int = 0) -> list[Segment]:
        """Segments of `least` bytes or more besides `target` that hold nothing from `lowest` on, the best to take
        first."""
        spans = self.spans(head, target)
        over = [segment for segment, end in spans if end.seq <= lowest or end.seq == segment.first]
        fit = [segment for segment in self.unused + over if segment is not target and segment.size >= least]
        return sorted(fit, key=lambda segment: (segment.failures, segment.ordinal))

    def holding(self, seq: int) -> Segment | None:
        """The segment in which `seq` is, was or will be."""
        place = bisect_right(self.used, seq, key=lambda segment: segment.first)
        return self.used[place - 1] if place else None

    def after(self, segment: Segment) -> Segment | None:
        place = self.used.index(segment) + 1
        return self.used[place] if place < len(self.used) else None

    def enter(self, segment: Segment, ordinal: int, use: int, head: Head) -> None:
        """`segment` is now the newest and begins at `head`."""
        self.drop(segment)
        segment.ordinal, segment.use, segment.first, segment.before = ordinal, use, head.seq, head.total
        self.used.append(segment)

    def drop(self, segment: Segment) -> None:
        (self.used if segment in self.used else self.unused).remove(segment)

    def give_up(self, mark: Mark, head: Head, target: Segment, why: str) -> tuple[Gap, Mark] | None:
        """What is lost when the oldest segment that holds something goes, and how the journal then stands.

        The gap reaches back to the last acked seq: gap records that lie in that segment go with it, and what they
        named is named again. None when `target` is all there is.
        """
        for _, end in self.spans(head, target):
            if end.seq > mark.lowest:
                gap = Gap(mark.acked + 1, end.seq - 1, end.total - mark.acked_total, why)
                return gap, mark._replace(lowest=end.seq, released=end.total)
        return None

    def surplus(self, lowest: int, head: Head) -> list[Segment]:
        """Free segments that the cap no longer has room for, but one."""
        over = self.bytes - self.cap_bytes
        gone: list[Segment] = []
        for segment in self.free(lowest, head)[1:]:
            if over > 0:
                gone.append(segment)
                over -= segment.size
        return gone


def segment_size(cap_bytes: int) -> int:
    """Bytes of a segment when nobody says otherwise: few enough to open them all in milliseconds, small enough that
    giving one up costs little."""
    kibibyte = 1 << 10
    usual = max(1024 * kibibyte, cap_bytes // 128)
    return max(64 * kibibyte, min(8192 * kibibyte, usual, cap_bytes // 8)) // SECTOR * SECTOR
