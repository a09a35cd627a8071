"""How much of the backlog may be under way: more while the office keeps up, half when it does not.

What the office has not acked yet waits somewhere: in a socket, in the broker, before the store. Live readings stand in
the same queue, so it must stay short: an ack that took more than a second halves the window. It grows by one with each
message that is acked in time, and after it was halved for the first time by one with each windowful.
"""

from __future__ import annotations

from edge.pace import Pace


class Window:
    """Messages of the backlog that may be without an ack: between `pace.narrow` and `pace.window`."""

    def __init__(self, pace: Pace) -> None:
        self._narrow, self._widest, self._slow_ms = min(pace.narrow, pace.window), pace.window, pace.slow_ms
        self._size = float(self._narrow)
        self._shrunk_ms: int | None = None

    @property
    def size(self) -> int:
        """How wide it is."""
        return int(self._size)

    def acked(self, sent_ms: int, messages: int, now_ms: int) -> None:
        """So many messages are stored; the last of them was sent at `sent_ms`."""
        if now_ms - sent_ms > self._slow_ms:
            self.halve(sent_ms, now_ms)
        else:
            self._size = min(self._widest, self._size + messages / (1 if self._shrunk_ms is None else self._size))

    def halve(self, sent_ms: int, now_ms: int) -> None:
        """What was sent then met trouble; what was sent before the last halving tells nothing new."""
        if self._shrunk_ms is None or sent_ms > self._shrunk_ms:
            self._size, self._shrunk_ms = max(self._narrow, self._size / 2), now_ms
