"""What was sent in this session and is not yet acked: as ranges with the time of sending.

Runs that were sent within a second of each other and touch are one entry, so that memory grows with seconds and never
with records.
"""

from __future__ import annotations

from collections import deque

from edge.ranges import Ranges

TOGETHER_MS = 1_000


class Flight:
    """Records under way; times in ms since boot."""

    def __init__(self) -> None:
        self._entries: deque[tuple[int, int, int]] = deque()  # (at_ms, first, last), oldest first
        self._seqs = Ranges()

    def __len__(self) -> int:
        """How many records are under way."""
        return self._seqs.count()

    @property
    def entries(self) -> int:
        """The memory that this takes."""
        return len(self._entries)

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest of them was sent."""
        return self._entries[0][0] if self._entries else None

    def after(self, seq: int) -> int:
        """The lowest seq from `seq` on that is not under way."""
        return self._seqs.after(seq)

    def add(self, first: int, last: int, at_ms: int) -> None:
        """These were sent now; `at_ms` never falls."""
        if self._entries:
            at, begin, end = self._entries[-1]
            if end + 1 == first and at_ms - at < TOGETHER_MS:
                self._entries.pop()
                first, at_ms = begin, at
        self._entries.append((at_ms, first, last))
        self._seqs.add(first, last)

    def expire(self, before_ms: int) -> bool:
        """Give up what was sent at or before this time; tells whether there was any."""
        kept = deque(entry for entry in self._entries if entry[0] > before_ms)
        return self._keep(kept)

    def land(self, acked: Ranges, upto: int) -> None:
        """Take out what is acked as a whole: up to `upto`, or within one range of `acked`."""
        self._keep(deque(e for e in self._entries if e[2] > upto and acked.after(max(e[1], upto + 1)) <= e[2]))

    def clear(self) -> None:
        """The session is over: nothing is under way."""
        self._keep(deque())

    def _keep(self, entries: deque[tuple[int, int, int]]) -> bool:
        fewer = len(entries) < len(self._entries)
        if fewer:
            self._entries = entries
            self._seqs = Ranges((first, last) for _, first, last in entries)
        return fewer
