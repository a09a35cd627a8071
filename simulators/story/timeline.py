"""The one clock of a story, and what happens on it, one thing after the other.

Whatever is to happen lies in a heap by its time and by the order in which it was put there, so the same story is told
in the same order, on every machine and in every process. What matters is told to the timeline in passing: the hash
over all of that is what two tellings are compared by, and its last words are shown when a promise did not hold.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from hashlib import blake2b

LAST_WORDS = 60

Word = str | int | bool | None


class Timeline:
    """Virtual time in ms since the beginning of the story."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.events = 0
        self.tail: deque[tuple[Word, ...]] = deque(maxlen=LAST_WORDS)
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._hash = blake2b(digest_size=16)

    def at(self, when_ms: int, do: Callable[[], None]) -> None:
        """Have it done then, or now when that is over."""
        self._order += 1
        heapq.heappush(self._heap, (max(when_ms, self.now_ms), self._order, do))

    def after(self, delay_ms: int, do: Callable[[], None]) -> None:
        """Have it done so much later."""
        self.at(self.now_ms + delay_ms, do)

    def run(self, until_ms: int) -> None:
        """Let everything happen that is due by then."""
        heap = self._heap
        while heap and heap[0][0] <= until_ms:
            self.now_ms, _, do = heapq.heappop(heap)
            self.events += 1
            do()
        self.now_ms = max(self.now_ms, until_ms)

    def tell(self, *words: Word) -> None:
        """Something happened that two tellings of one story must agree on."""
        told = (self.now_ms, *words)
        self.tail.append(told)
        self._hash.update(repr(told).encode())

    @property
    def trace_hash(self) -> str:
        """Of all that was told so far."""
        return self._hash.hexdigest()
