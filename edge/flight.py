"""What was sent in this session and is not yet acked: each message as a range with the time of its sending.

Where they become many, because the office is silent, runs that were sent within a second of each other and touch are
one entry: memory grows with seconds and never with records.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from edge.ranges import Ranges

TOGETHER_MS = 1_000
APART = 128  # as many messages are told apart


class Flight:
    """Records under way; times in ms since boot."""

    def __init__(self) -> None:
        self._entries: deque[tuple[int, int, int]] = deque()  # (at_ms, first, last), oldest first
        self._seqs = Ranges()

    def __len__(self) -> int:
        """How many messages are under way, as far as they are told apart."""
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
        if len(self._entries) >= APART:
            at, begin, end = self._entries[-1]
            if end + 1 == first and at_ms - at < TOGETHER_MS:
                self._entries.pop()
                first, at_ms = begin, at
        self._entries.append((at_ms, first, last))
        self._seqs.add(first, last)

    def expire(self, before_ms: int, below: int | None = None) -> int | None:
        """Give up what was sent at or before this time, and lies below that seq; when the last of it was sent."""
        return self._take(lambda at_ms, _, last: at_ms <= before_ms and (below is None or last < below))

    def land(self, acked: Ranges, upto: int) -> int | None:
        """Take out what is acked as a whole: up to `upto`, or within one range of `acked`; when the last was sent."""
        return self._take(lambda _, first, last: last <= upto or acked.after(max(first, upto + 1)) > last)

    def _take(self, goes: Callable[[int, int, int], bool]) -> int | None:
        gone = [entry for entry in self._entries if goes(*entry)]
        if not gone:
            return None
        self._entries = deque(entry for entry in self._entries if not goes(*entry))
        self._seqs = Ranges((first, last) for _, first, last in self._entries)
        return max(at_ms for at_ms, _, _ in gone)
