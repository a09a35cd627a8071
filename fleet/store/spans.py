"""Stretches of a journal's numbers: what of one is missing, and what several gap records say together. Pure.

A full journal names the same loss more than once, on purpose: each of its gap records reaches back to what was last
acknowledged, so that the newest alone tells everything although the earlier ones may be among what was dropped. Each
lost reading is to be counted once. Numbers that were never given out (a node leaves some out after a restart, lest it
give one out twice) are named in gap records of their own, without readings; they weigh nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fleet.store.coverage import Coverage

SKIPPED = "skipped"  # how the reason of such a gap record begins


class Gap(NamedTuple):
    """Seqs `first` to `last`, the readings that were in them, and why they are gone."""

    first: int
    last: int
    readings: int
    why: str

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    @property
    def skip(self) -> bool:
        """Whether it names numbers that were never given out."""
        return not self.readings and self.why.startswith(SKIPPED)


def within(covered: Coverage, first: int, last: int) -> list[tuple[int, int]]:
    """The stretches of first..last that are not covered, lowest first."""
    return [(max(low, first), high) for low, high in covered.missing(last + 1) if high >= first]


def outside(skips: Sequence[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """The stretches of first..last that were given out, lowest first."""
    return within(Coverage(-1, skips), first, last)


def weight(skips: Sequence[tuple[int, int]], first: int, last: int) -> int:
    """How many of first..last were given out."""
    return sum(high - low + 1 for low, high in outside(skips, first, last))


def united(gaps: Iterable[Gap], skips: Sequence[tuple[int, int]] = ()) -> list[Gap]:
    """Gaps that say the same of one journal and do not overlap, lowest first.

    One that lies within another says nothing new. Of two that overlap in part the longer counts whole, and of the
    other what lies outside, with its share of the readings: nobody can say more exactly where in it they were.
    """
    covered, found = Coverage(), []
    for gap in sorted(set(gaps), key=lambda each: (-each.length, -each.readings, each)):
        whole = weight(skips, gap.first, gap.last)
        for low, high in within(covered, gap.first, gap.last):
            share = gap.readings * weight(skips, low, high) // whole if whole else gap.readings
            found.append(Gap(low, high, share, gap.why))
        covered.add(gap.first, gap.last)
    return sorted(found)
