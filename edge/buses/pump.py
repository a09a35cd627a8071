"""Chips that must be looked at every few milliseconds, each by a thread of its own: nothing is decided here.

The runners step too seldom for that, and their threads wait for other things. In virtual time there is no thread: the
hand that turns the clock looks, too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from edge.clock import Clock


class Pump(Protocol):
    """Looks until it is told to stop."""

    def stop(self) -> None:
        """Look no more. From any thread, the looking one too; it does not wait."""
        ...


Pumps = Callable[[Callable[[], None], int], Pump]  # what to call, and how often in ms


class ThreadPump:
    """Looks in a thread of its own, in the clock's time."""

    def __init__(self, look: Callable[[], None], every_ms: int, clock: Clock) -> None:
        self._look, self._every_ms, self._clock = look, every_ms, clock
        self._ending = threading.Event()
        threading.Thread(target=self._run, name="pump", daemon=True).start()

    def stop(self) -> None:
        self._ending.set()

    def _run(self) -> None:
        while not self._ending.wait(self._clock.real_s(self._every_ms)):
            self._look()


def threads(clock: Clock) -> Pumps:
    """A thread for each, as on a node."""
    return lambda look, every_ms: ThreadPump(look, every_ms, clock)
