"""Which offset dates a chunk: a pure choice among the clock records of its boot.

A node without a clock chip samples in milliseconds since boot and learns the wall time later. Records may arrive in
any order and more than once, so the choice depends only on the set of clock records known and on the chunk's seq.

A chunk names its boot by an ordinal. A card that lied may have given one ordinal to two boots; the clock records say
the boot id too, and each boot tells its clock before its first chunk. So a chunk is of the boot whose clock record is
the nearest before it, and only records of that boot date it.

Among them: the newest trusted one at or before the chunk, else the first trusted one after it, and only without any
trusted one a guess. A clock that ran on by itself (holdover) is corrected by what was learnt later from somebody
surer, when that lies beyond what the clock itself took for possible: first of all by the next record of a synchronised
clock. So it is by whoever says a time much earlier: a node goes back so far only when its floor gave way, that is when
it found out itself that it had been told a wrong time. What a synchronised clock said stands: when it is stepped, the
step counts from then on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

SYNCED, HOLDOVER = 0, 1  # of ClockQuality
TRUSTED = (SYNCED, HOLDOVER)
VAST = 1 << 60
FAR_BACK_MS = 2 * 3_600_000  # no clock of a node goes back so far before its floor gave way


@dataclass(frozen=True, slots=True, order=True)
class ClockMark:
    """One clock record of a boot: wall ms = boot ms + offset_ms, give or take `uncertainty_ms`, from journal number
    `seq` on."""

    seq: int
    offset_ms: int | None
    quality: int
    uncertainty_ms: int | None = None
    boot_id: str = ""

    @property
    def trusted(self) -> bool:
        """Whether the offset came from a clock that knew the time."""
        return self.offset_ms is not None and self.quality in TRUSTED

    @property
    def final(self) -> bool:
        """Whether nothing that is learnt later corrects it."""
        return self.offset_ms is not None and self.quality == SYNCED

    @property
    def doubt(self) -> tuple[int, int]:
        """Less is surer."""
        return self.quality, VAST if self.uncertainty_ms is None else self.uncertainty_ms

    def went_back(self, before: ClockMark) -> bool:
        """Whether it is so much earlier that what was believed before was wrong."""
        return (self.offset_ms or 0) < (before.offset_ms or 0) - FAR_BACK_MS

    def contradicts(self, other: ClockMark) -> bool:
        """Whether it lies beyond what the other took for possible."""
        apart_ms = abs((self.offset_ms or 0) - (other.offset_ms or 0))
        return apart_ms > max(0, other.uncertainty_ms or 0)


BY_SEQ = attrgetter("seq")


def mark_for(seq: int, marks: Sequence[ClockMark]) -> ClockMark | None:
    """The mark that dates the chunk `seq`; None while no mark of its boot knows the offset. `marks` in order of seq."""
    if not marks:
        return None
    home = marks[max(bisect_right(marks, seq, key=BY_SEQ) - 1, 0)]
    if home.final:
        return home
    known = [mark for mark in marks if mark.offset_ms is not None and mark.boot_id == home.boot_id]
    trusted = [mark for mark in known if mark.trusted]
    found = _nearest(seq, trusted) or _nearest(seq, known)
    return _corrected(seq, found, trusted) if found and found.trusted and not found.final else found


def _nearest(seq: int, marks: Sequence[ClockMark]) -> ClockMark | None:
    return marks[max(bisect_right(marks, seq, key=BY_SEQ) - 1, 0)] if marks else None


def _corrected(seq: int, held: ClockMark, trusted: Sequence[ClockMark]) -> ClockMark:
    """What was learnt after a clock ran on by itself, if that says that it was wrong."""
    later = [mark for mark in trusted if mark.seq > max(seq, held.seq)]
    surer = [mark for mark in later if mark.doubt < held.doubt]
    back = [mark for mark in later if mark.went_back(held)]
    better = next((mark for mark in surer if mark.final), None) or min(
        back or surer, key=lambda m: m.doubt, default=None
    )
    return better if better is not None and better.contradicts(held) else held


def first_touched(new: ClockMark, others: Sequence[ClockMark]) -> int | None:
    """The lowest seq whose date the new mark may change; None when it changes nothing. `others` in order of seq."""
    before = [mark for mark in others if mark.seq < new.seq]
    ours = [mark for mark in others if mark.boot_id == new.boot_id]
    if before and before[-1].boot_id != new.boot_id:
        return new.seq if all(mark.seq > new.seq for mark in ours) else 0
    if not before and len(ours) < len(others):
        return 0
    return None if new.offset_ms is None else _first_of_boot(new, [mark for mark in ours if mark.offset_ms is not None])


def _first_of_boot(new: ClockMark, known: Sequence[ClockMark]) -> int | None:
    """The same among the marks of one boot that know the offset."""
    if not new.trusted:
        if any(mark.trusted for mark in known):
            return None
        return new.seq if known and known[0].seq < new.seq else 0
    final = max((mark.seq for mark in known if mark.final and mark.seq < new.seq), default=None)
    if final is None:
        return 0
    return min([new.seq, *(mark.seq for mark in known if mark.seq > final)])
