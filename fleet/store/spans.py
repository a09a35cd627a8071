"""Stretches of a journal's numbers: what of one is missing, and what several gap records say together. Pure.

A full journal names the same loss more than once, on purpose: each of its gap records reaches back to what was last
acknowledged, so that the newest alone tells everything although the earlier ones may be among what was dropped. Each
lost reading is to be counted once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fleet.store.coverage import Coverage


class Gap(NamedTuple):
    """Seqs `first` to `last`, the readings that were in them, and why they are gone."""

    first: int
    last: int
    readings: int
    why: str

    @property
    def length(self) -> int:
        return self.last - self.first + 1


def within(covered: Coverage, first: int, last: int) -> list[tuple[int, int]]:
    """The stretches of first..last that are not covered, lowest first."""
    return [(max(low, first), high) for low, high in covered.missing(last + 1) if high >= first]


def united(gaps: Iterable[Gap]) -> list[Gap]:
    """Gaps that say the same of one journal and do not overlap, lowest first.

    One that lies within another says nothing new. Of two that overlap in part the longer counts whole, and of the
    other what lies outside, with its share of the readings: nobody can say more exactly where in it they were.
    """
    covered, found = Coverage(), []
    for gap in sorted(set(gaps), key=lambda each: (-each.length, -each.readings, each)):
        for low, high in within(covered, gap.first, gap.last):
            share = gap.readings * (high - low + 1) // gap.length
            found.append(Gap(low, high, share, gap.why))
        covered.add(gap.first, gap.last)
    return sorted(found)
