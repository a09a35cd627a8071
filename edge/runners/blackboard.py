"""What the sensors of a node said last, for their neighbours: a gas sensor that must know the temperature of the air.

Whoever is read writes; whoever is about to be read looks. There are no subscriptions and no order of start: what is
not known yet, is too old or was doubted is not there, and a driver does without. The writing and the looking happen in
the threads of different buses.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from drivers.reading import Flag, Quantity, Reading

INTERVALS = 3
LEAST_MS = 600_000


class Blackboard:
    """Good readings by sensor and quantity; times in ms since boot."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: dict[str, dict[Quantity, tuple[float, int]]] = {}  # the value, and until when it may be used

    def write(self, sensor: str, at_ms: int, interval_ms: int, readings: Sequence[Reading]) -> None:
        """A sensor said this. What is flagged does not count; of channels the one without a name, else the first."""
        good: dict[Quantity, tuple[float, int]] = {}
        until_ms = at_ms + max(INTERVALS * interval_ms, LEAST_MS)
        for reading in sorted(readings, key=lambda one: bool(one.channel)):
            if reading.flags == Flag.NONE and reading.quantity.plausible(reading.value):
                good.setdefault(reading.quantity, (reading.value, until_ms))
        with self._lock:
            self._said.setdefault(sensor, {}).update(good)

    def known(self, sensor: str, now_ms: int) -> dict[Quantity, float]:
        """What may be believed of this sensor now."""
        with self._lock:
            said = self._said.get(sensor, {}).copy()
        return {quantity: value for quantity, (value, until_ms) in said.items() if now_ms <= until_ms}
