"""Tells the broker who may come in, soon after it changed.

Every node that enrols changes the broker's lists, and in the week of a roll-out hundreds do so within a minute. Each
time the whole list is written and the broker reads it, so whoever comes while that is done is taken along by the next
one: a claim waits until a list with its node in it is in place, but never for one list per node.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

LOG = logging.getLogger(__name__)
WAIT_S = 5.0
AGAIN_S = 5.0


class Members:
    """One thread that calls `publish` after each change; `told` waits for it."""

    def __init__(self, publish: Callable[[], object]) -> None:
        self._publish = publish
        self.trouble: Exception | None = None  # why the broker could not be told, the last time
        self._changes = self._published = 0
        self._turn = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="members", daemon=True)

    def start(self) -> None:
        """Publishes from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Publishes what is due once more, and ends."""
        with self._turn:
            self._ending = True
            self._turn.notify_all()
        self._thread.join()

    def changed(self, wait_s: float = WAIT_S) -> bool:
        """Somebody may come in, or no longer: whether the broker knows by now. Waits so long at most."""
        with self._turn:
            self._changes += 1
            mine = self._changes
            self._turn.notify_all()
            return self._turn.wait_for(lambda: self._published >= mine, wait_s)

    def _work(self) -> None:
        while (due := self._due()) is not None:
            try:
                self._publish()
            except Exception as error:
                self.trouble = error
                LOG.error("The broker could not be told who may come in: %s. It is tried again.", error)
                if self._pause():
                    return
                continue
            self.trouble = None
            with self._turn:
                self._published = due
                self._turn.notify_all()

    def _due(self) -> int | None:
        """The newest change that is to be told, when there is one; None at the end."""
        with self._turn:
            self._turn.wait_for(lambda: self._ending or self._changes > self._published)
            return self._changes if self._changes > self._published else None

    def _pause(self) -> bool:
        with self._turn:
            return self._turn.wait_for(lambda: self._ending, AGAIN_S)
