"""The one queue: whatever happens to a node goes through it, and one thread takes it out.

It is bounded and blocks its producers when it is full; it never drops. Only what is bounded by its nature slips past
the bound: acknowledgements, of which there are no more than the window, the word that a session came or went, what came
of asking for a certificate, and the word to stop. A callback that would block on these could hold the very lock that
the taker needs to publish.
"""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue

from edge.events import Claimed, Connected, Event, Lost, Puback, Stop

ROOM = 512
SLIPS_PAST = (Connected, Lost, Puback, Claimed, Stop)


class Inbox:
    """Many put, one takes."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = threading.Semaphore(room)
        self._queue: SimpleQueue[Event] = SimpleQueue()

    def put(self, event: Event) -> None:
        """From any thread; waits while there is no room."""
        if not isinstance(event, SLIPS_PAST):
            self._room.acquire()
        self._queue.put(event)

    def take(self, timeout_s: float) -> Event | None:
        """The next event; None when nothing came in time."""
        try:
            event = self._queue.get(timeout=timeout_s) if timeout_s > 0 else self._queue.get_nowait()
        except Empty:
            return None
        if not isinstance(event, SLIPS_PAST):
            self._room.release()
        return event
