"""A bounded rate with room for a burst: so many at once, then so many a second."""

from __future__ import annotations


class Tokens:
    """A bucket that holds `most` and gains `rate` a second; it may owe. Times in ms since boot."""

    def __init__(self, most: float, rate: float, now_ms: int) -> None:
        self._most, self._rate = most, rate
        self._held, self._at_ms = most, now_ms

    def take(self, number: float, now_ms: int) -> None:
        """So many were used."""
        self._fill(now_ms)
        self._held -= number

    def wait_ms(self, number: float, now_ms: int) -> int | None:
        """Until when to wait for so many, at most `most`; None: they are there."""
        self._fill(now_ms)
        lacking = number - self._held
        return None if lacking <= 0 else now_ms + 1 + int(lacking * 1_000 / self._rate)

    def _fill(self, now_ms: int) -> None:
        self._held = min(self._most, self._held + (now_ms - self._at_ms) * self._rate / 1_000)
        self._at_ms = now_ms
