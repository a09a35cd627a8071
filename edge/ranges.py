"""Sets of seqs as ranges: a week of records is two numbers, not a list.

What an uplink must remember of a gigabyte of backlog is where it is whole and where it has holes, so memory grows with
the holes and never with the backlog.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator


class Ranges:
    """Whole numbers, held as sorted (first, last) pairs that neither overlap nor touch."""

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._pairs: list[tuple[int, int]] = []
        for first, last in pairs:
            self.add(first, last)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._pairs)

    def __len__(self) -> int:
        """How many pairs there are: the memory that this takes."""
        return len(self._pairs)

    def __bool__(self) -> bool:
        return bool(self._pairs)

    def __contains__(self, number: int) -> bool:
        return self.after(number) != number

    def add(self, first: int, last: int) -> None:
        """Put `first` to `last` in; nothing happens when last < first."""
        if last < first:
            return
        begin = bisect_left(self._pairs, first - 1, key=lambda pair: pair[1])
        end = begin
        while end < len(self._pairs) and self._pairs[end][0] <= last + 1:
            first, last = min(first, self._pairs[end][0]), max(last, self._pairs[end][1])
            end += 1
        self._pairs[begin:end] = [(first, last)]

    def cut_below(self, number: int) -> None:
        """Take out everything below `number`."""
        kept = self._pairs[bisect_left(self._pairs, number, key=lambda pair: pair[1]):]
        self._pairs = [(max(first, number), last) for first, last in kept]

    def take_out(self, first: int, last: int) -> None:
        """Take out `first` to `last`; nothing happens when last < first."""
        begin = end = bisect_left(self._pairs, first, key=lambda pair: pair[1])
        while first <= last and end < len(self._pairs) and self._pairs[end][0] <= last:
            end += 1
        edges = [(self._pairs[begin][0], first - 1), (last + 1, self._pairs[end - 1][1])] if begin < end else []
        self._pairs[begin:end] = [(low, high) for low, high in edges if low <= high]

    def after(self, number: int) -> int:
        """The lowest number from `number` on that is not in here."""
        at = bisect_left(self._pairs, number, key=lambda pair: pair[1])
        return self._pairs[at][1] + 1 if at < len(self._pairs) and self._pairs[at][0] <= number else number

    def next_in(self, number: int) -> int | None:
        """The lowest number from `number` on that is in here."""
        at = bisect_left(self._pairs, number, key=lambda pair: pair[1])
        return max(self._pairs[at][0], number) if at < len(self._pairs) else None

    def count(self) -> int:
        """How many numbers are in here."""
        return sum(last - first + 1 for first, last in self._pairs)
