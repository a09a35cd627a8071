"""How long the readings of a device deserve doubt after it was set up: each quantity has its own time.

A device that was found as it had been left (its setup returned True) goes on warming up from where it was: one lost
transfer must not cost a gas sensor another six hours. What the driver itself flags stays flagged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from drivers.driver import Driver
from drivers.reading import Flag, Quantity, Reading


class Warmth:
    """Since when one device warms up; times in ms since boot."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._since_ms: int | None = None

    def begin(self, now_ms: int, went_on: bool = False) -> None:
        """It was set up now. `went_on`: it had been running all the time."""
        if self._since_ms is None or not went_on:
            self._since_ms = now_ms

    @property
    def longest_ms(self) -> int:
        """Until its slowest quantity is warm."""
        return round(1_000 * max(self._driver.warm_up_s, *self._driver.warm_ups_s.values(), 0.0))

    def left_ms(self, now_ms: int) -> int:
        """How much longer any of its quantities needs."""
        return 0 if self._since_ms is None else max(0, self._since_ms + self.longest_ms - now_ms)

    def _warming(self, quantity: Quantity, at_ms: int) -> bool:
        seconds = self._driver.warm_ups_s.get(quantity, self._driver.warm_up_s)
        return self._since_ms is not None and seconds > 0 and at_ms < self._since_ms + round(1_000 * seconds)

    def flagged(self, readings: Sequence[Reading], at_ms: int) -> tuple[Reading, ...]:
        """The same readings, with WARMING where it belongs."""
        if not self.left_ms(at_ms):
            return tuple(readings)
        return tuple(
            replace(one, flags=one.flags | Flag.WARMING) if self._warming(one.quantity, at_ms) else one
            for one in readings
        )
