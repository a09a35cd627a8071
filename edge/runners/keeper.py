"""What an open window has counted, told for keeping, and what an earlier life has left, taken over.

A snapshot is made at whole multiples of the commit interval, when anything has changed since the last: just before the
commit that carries it. When a window closes, what the driver holds from then on goes with the very readings that were
told, in one event: so one commit holds both or neither, and a power cut counts nothing twice.

What was left may be handed over from any thread, and whenever the journal can be read; the runner takes it over at its
next step. What does not fit is not taken, and told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from drivers.ongoing import State
from edge.events import Event, Happened, Opened
from edge.runners.timetable import next_multiple
from edge.runners.window import Window

UNFIT = "open window not taken up"


class Keeper:
    """Of one sensor; times in ms since boot. `commit_ms` 0: nobody keeps anything."""

    def __init__(self, name: str, window: Window, commit_ms: int) -> None:
        self._name, self._window, self._commit_ms = name, window, commit_ms
        self._left: deque[Mapping[str, object]] = deque()
        self._told: State | None = None  # the first word is told, whatever it is
        self._due_ms: int | None = None

    def leave(self, state: Mapping[str, object]) -> None:
        """An earlier life had counted this. From any thread."""
        self._left.append(state)

    def due_ms(self, ends_ms: int | None) -> int | None:
        """When there is something to do: a snapshot, or the end of the window."""
        return min((due for due in (self._due_ms, ends_ms) if due is not None), default=None)

    def waits(self, now_ms: int) -> bool:
        """Whether a step at this instant has nothing to do."""
        told = not self._commit_ms or (self._due_ms is not None and now_ms < self._due_ms)
        return told and not self._left

    def step(self, now_ms: int) -> list[Event]:
        """Take over what was left, and tell what is due. Raises whatever the driver raises."""
        news = [self._take(self._left.popleft(), now_ms) for _ in range(len(self._left))]
        events: list[Event] = [one for one in news if one is not None]
        if self._commit_ms and (self._due_ms is None or now_ms >= self._due_ms):
            self._due_ms = next_multiple(now_ms, self._commit_ms)
            events += self.tell(now_ms)
        return events

    def tell(self, now_ms: int) -> list[Event]:
        """The snapshot of this instant, if it is another than the last."""
        before, now = self._told, self._state(now_ms)
        return [Opened(self._name, now_ms, now)] if self._commit_ms and now != before else []

    def closed(self, at_ms: int) -> State | None:
        """What goes with the readings of a window that was closed just now; None when nobody keeps it."""
        return self._state(at_ms) if self._commit_ms else None

    def _state(self, at_ms: int) -> State:
        self._window.driver.at_us = at_ms * 1_000
        state = self._told = self._window.driver.state()
        return state

    def _take(self, state: Mapping[str, object], now_ms: int) -> Event | None:
        try:
            self._window.resume(state)
        except ValueError as error:
            return Happened(UNFIT, now_ms, {"sensor": self._name, "why": str(error)})
        return None
