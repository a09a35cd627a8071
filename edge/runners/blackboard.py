"""What the sensors of a node said last, for their neighbours: a gas sensor that must know the temperature of the air.

Whoever is read writes; whoever is about to be read looks. There are no subscriptions and no order of start: what is
not known yet, is too old or was doubted is not there, and a driver does without. The writing and the looking happen in
the threads of different buses.

A sensor has one neighbour, but may need two things: ozone is told by a cell that must know both the NO2 and the warmth
of the air. So what the neighbour never said is asked of that one's own neighbour, and so on along the chain. What it
did say, however long ago, hides what stands behind it: nobody's stale word is replaced by that of somebody farther off.
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
        self._beside: dict[str, str] = {}  # who stands beside whom

    def place(self, sensor: str, neighbour: str) -> None:
        """This sensor has that neighbour, of whom others may learn through it."""
        with self._lock:
            self._beside[sensor] = neighbour

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
        """What may be believed of this sensor now, and of those behind it where they measure what it does not."""
        said: dict[Quantity, tuple[float, int]] = {}
        with self._lock:
            for name in self._chain(sensor):
                said = self._said.get(name, {}) | said
        return {quantity: value for quantity, (value, until_ms) in said.items() if now_ms <= until_ms}

    def _chain(self, sensor: str) -> list[str]:
        """The sensor, its neighbour, and so on; each once, should they stand in a ring."""
        names: list[str] = []
        while sensor and sensor not in names:
            names.append(sensor)
            sensor = self._beside.get(sensor, "")
        return names
