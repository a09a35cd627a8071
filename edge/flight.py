"""What was sent in this session and is not yet acked: each message as a range with the time of its sending.

Where they become many, because the office is silent, runs that were sent within a second of each other and touch are
one entry: memory grows with seconds and never with records.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from edge.ranges import Ranges

TOGETHER_MS = 1_000
APART = 128  # as many messages are told apart


class Message(NamedTuple):
    """What one message, or several as one, brought on their way."""

    at_ms: int
    first: int
    last: int
    backlog: bool


class Flight:
    """Records under way; times in ms since boot."""

    def __init__(self) -> None:
        self._entries: deque[Message] = deque()  # oldest first
        self._seqs = Ranges()

    def __len__(self) -> int:
        """How many messages are under way, as far as they are told apart."""
        return len(self._entries)

    @property
    def backlog(self) -> int:
        """How many of them are of the backlog."""
        return sum(message.backlog for message in self._entries)

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest of them was sent."""
        return self._entries[0].at_ms if self._entries else None

    def after(self, seq: int) -> int:
        """The lowest seq from `seq` on that is not under way."""
        return self._seqs.after(seq)

    def add(self, first: int, last: int, at_ms: int, backlog: bool = False) -> None:
        """These were sent now; `at_ms` never falls."""
        if len(self._entries) >= APART:
            before = self._entries[-1]
            if before.last + 1 == first and at_ms - before.at_ms < TOGETHER_MS:
                self._entries.pop()
                first, at_ms = before.first, before.at_ms
        self._entries.append(Message(at_ms, first, last, backlog))
        self._seqs.add(first, last)

    def expire(self, before_ms: int, below: int | None = None) -> int | None:
        """Give up what was sent at or before this time, and lies below that seq; when the last of it was sent."""
        return self._take(lambda sent: sent.at_ms <= before_ms and (below is None or sent.last < below))

    def land(self, acked: Ranges, upto: int) -> int | None:
        """Take out what is acked as a whole: up to `upto`, or within one range of `acked`; when the last was sent."""
        return self._take(lambda sent: sent.last <= upto or acked.after(max(sent.first, upto + 1)) > sent.last)

    def _take(self, goes: Callable[[Message], bool]) -> int | None:
        gone = [message for message in self._entries if goes(message)]
        if not gone:
            return None
        self._entries = deque(message for message in self._entries if not goes(message))
        self._seqs = Ranges((message.first, message.last) for message in self._entries)
        return max(message.at_ms for message in gone)
