"""Which numbers of a journal are settled, as a watermark and the islands beyond it.

The ack that lets a node forget is cumulative: everything up to `upto`, and a few ranges beyond. A set of every seq
would grow for ever; what arrives is nearly always the next number, so a watermark and a short list of islands says
the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable


class Coverage:
    """A set of whole numbers from 0 on; `upto` is -1 while 0 is missing."""

    __slots__ = ("islands", "upto")

    def __init__(self, upto: int = -1, islands: Iterable[tuple[int, int]] = ()) -> None:
        self.upto = upto
        self.islands: list[tuple[int, int]] = []
        for first, last in islands:
            self.add(first, last)

    def add(self, first: int, last: int) -> None:
        """Settles first..last, both included; an empty or already settled span changes nothing."""
        if last < first or last <= self.upto:
            return
        if first <= self.upto + 1:
            self.upto = last
            self._swallow()
        else:
            self._insert(first, last)

    def _insert(self, first: int, last: int) -> None:
        at = bisect_right(self.islands, (first, last))
        if at and self.islands[at - 1][1] >= first - 1:
            at -= 1
        end = at
        while end < len(self.islands) and self.islands[end][0] <= last + 1:
            first, last = min(first, self.islands[end][0]), max(last, self.islands[end][1])
            end += 1
        self.islands[at:end] = [(first, last)]

    def _swallow(self) -> None:
        eaten = 0
        for first, last in self.islands:
            if first > self.upto + 1:
                break
            self.upto = max(self.upto, last)
            eaten += 1
        del self.islands[:eaten]

    def missing(self, below: int) -> list[tuple[int, int]]:
        """The spans under `below` that are not settled, lowest first."""
        holes, start = [], self.upto + 1
        for first, last in [*self.islands, (below, below)]:
            if start < min(first, below):
                holes.append((start, min(first, below) - 1))
            start = last + 1
        return holes

    def touches(self, first: int, last: int) -> bool:
        """Whether any of first..last, which are numbers from 0 on, is settled."""
        at = bisect_right(self.islands, (last, float("inf")))
        return first <= self.upto or (at > 0 and self.islands[at - 1][1] >= first)

    @property
    def beyond(self) -> int:
        """How many numbers above `upto` are settled."""
        return sum(last - first + 1 for first, last in self.islands)

    @property
    def top(self) -> int:
        """The highest number that is settled."""
        return self.islands[-1][1] if self.islands else self.upto

    def copy(self) -> Coverage:
        """An independent copy, to be kept only if the transaction it belongs to commits."""
        twin = Coverage(self.upto)
        twin.islands = list(self.islands)
        return twin

    def __contains__(self, seq: int) -> bool:
        if seq <= self.upto:
            return seq >= 0
        at = bisect_right(self.islands, (seq, float("inf")))
        return at > 0 and self.islands[at - 1][1] >= seq
