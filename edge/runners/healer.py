"""When to free a stuck I2C bus: after some faults in a row, and ever more seldom while it does not help.

A chip that was interrupted in the midst of a byte holds the data line and waits for clocks that nobody gives. `recover`
of the port gives them (`edge/buses/recovery.py`). It is no light thing, for the adapter is taken from the kernel
meanwhile; so it is tried after 5 s, 10 s, 20 s and at last every five minutes while the chip that failed does not come
back. What came of it is told as an event when it changes.
"""

from __future__ import annotations

from drivers.errors import DriverError
from edge.buses.port import Recoverable
from edge.events import Event, Happened
from edge.runners.blame import blame

FAULTS = 3  # in a row
FIRST_MS, LONGEST_MS = 5_000, 300_000
HUSH_MS = 600_000  # the same is told once in so long


class Healer:
    """Of one bus; times in ms since boot."""

    def __init__(self, bus: str) -> None:
        self._bus = bus
        self._faults = 0
        self._culprit: int | str | None = None
        self._wait_ms = FIRST_MS
        self._next_ms = 0
        self._told: dict[str, int] = {}

    def works(self, address: int | str | None) -> None:
        """A transfer succeeded."""
        self._faults = 0
        if address == self._culprit:
            self._culprit, self._wait_ms = None, FIRST_MS

    def faulted(self, address: int | str | None, now_ms: int) -> bool:
        """The bus failed under a transfer; whether it should be freed now."""
        self._faults += 1
        if self._faults < FAULTS or now_ms < self._next_ms:
            return False
        if self._culprit is not None:
            self._wait_ms = min(2 * self._wait_ms, LONGEST_MS)
        self._culprit, self._next_ms, self._faults = address, now_ms + self._wait_ms, 0
        return True

    def heal(self, port: Recoverable, now_ms: int) -> list[Event]:
        """Free it; what came of it, where that is news."""
        try:
            outcome = port.recover()
        except (DriverError, OSError) as error:
            outcome = f"failed: {error if isinstance(error, DriverError) else blame(error)}"
        if outcome == "" or now_ms < self._told.get(outcome, -HUSH_MS) + HUSH_MS:
            return []
        self._told = {outcome: now_ms}
        return [Happened("bus recovery", now_ms, {"bus": self._bus, "outcome": outcome})]
