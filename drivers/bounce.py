"""What a contact means when it springs: one touch where the line shows ten.

A contact that closes touches several times within a few milliseconds, and again when it opens. An activation counts
when the line has rested before it, and when it does not follow the last one faster than the thing can happen at all.
The kernel's own debouncing is not used: it stamps an edge late by its whole time, and would take speeds with it.
"""

from __future__ import annotations


class Bounce:
    """Tells an activation from a spring. Times are microseconds; both may be 0."""

    def __init__(self, rest_us: float, apart_us: float = 0.0) -> None:
        """`rest_us`: the line is still for so long before; `apart_us`: at least so long since the last that counted."""
        self._rest_us, self._apart_us = rest_us, apart_us
        self._last_us: int | None = None
        self._counted_us: int | None = None

    def counts(self, at_us: int, level: int) -> bool:
        """Whether this edge is an activation. One that comes late is measured like one that comes early."""
        rested = self._last_us is None or abs(at_us - self._last_us) >= self._rest_us
        apart = self._counted_us is None or abs(at_us - self._counted_us) >= self._apart_us
        self._last_us = at_us if self._last_us is None else max(self._last_us, at_us)
        if not (level and rested and apart):
            return False
        self._counted_us = at_us
        return True
