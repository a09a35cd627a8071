"""Which offset dates a chunk: a pure choice among the clock records of its boot.

A node without a clock chip samples in milliseconds since boot and learns the wall time later. Records may arrive in
any order and more than once, so the choice depends only on the set of clock records known and on the chunk's seq: the
newest trusted one at or before the chunk, else the first trusted one after it, and only without any trusted one a
guessed floor.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

TRUSTED = (0, 1)  # ClockQuality.SYNCED and HOLDOVER


@dataclass(frozen=True, slots=True, order=True)
class ClockMark:
    """One clock record of a boot: wall ms = boot ms + offset_ms, from journal number `seq` on."""

    seq: int
    offset_ms: int | None
    quality: int

    @property
    def trusted(self) -> bool:
        """Whether the offset came from a clock that knew the time."""
        return self.quality in TRUSTED


def mark_for(seq: int, marks: Sequence[ClockMark]) -> ClockMark | None:
    """The mark that dates the chunk `seq`; None while no mark of its boot knows the offset. `marks` in order of seq."""
    known = [mark for mark in marks if mark.offset_ms is not None]
    for candidates in ([mark for mark in known if mark.trusted], [mark for mark in known if not mark.trusted]):
        if candidates:
            at = bisect_right([mark.seq for mark in candidates], seq)
            return candidates[max(at - 1, 0)]
    return None


def first_touched(new: ClockMark, others: Sequence[ClockMark]) -> int | None:
    """The lowest seq whose date the new mark may change; None when it changes nothing."""
    if new.offset_ms is None:
        return None
    known = [mark for mark in others if mark.offset_ms is not None]
    if not new.trusted and any(mark.trusted for mark in known):
        return None
    earlier = any(mark.seq < new.seq and mark.trusted == new.trusted for mark in known)
    return new.seq if earlier else 0
