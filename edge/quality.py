"""Doubt, said aloud: a value keeps its number and gets a flag for each reason not to believe it.

Nothing is smoothed, clipped or dropped here. Whoever reads a year later can leave flagged values out, or look at why.
Which doubts apply is a fact of the quantity: a counter may stand still for ever and a kettle makes power jump, but air
does not warm by ten degrees between two breaths.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

from drivers.reading import Flag, Quantity, Reading

# Standing still is how these look when all is well: counts, totals, states, the host's own vitals. Light is not among
# them: it may be dark for a winter's night, which its drivers say, and a light sensor that hangs says it for ever.
MAY_STAND_STILL: frozenset[Quantity] = frozenset({
    Quantity.COUNT, Quantity.COUNT_TOTAL, Quantity.PRESENCE, Quantity.OCCUPANCY, Quantity.VEHICLE_SPEED,
    Quantity.ENERGY_IMPORT, Quantity.ENERGY_EXPORT, Quantity.POWER, Quantity.POWER_EXPORT, Quantity.CURRENT,
    Quantity.GAS_VOLUME, Quantity.WATER_VOLUME, Quantity.RAIN, Quantity.AQI_UBA, Quantity.NOX_INDEX,
    Quantity.BATTERY_LEVEL, Quantity.BATTERY_RATE,
    Quantity.LATITUDE, Quantity.LONGITUDE, Quantity.ALTITUDE, Quantity.CPU_LOAD, Quantity.MEMORY_AVAILABLE,
    Quantity.DISK_FREE, Quantity.UPTIME, Quantity.THROTTLED,
})

# What changes smoothly, and the smallest jump between two readings that deserves the word, in the quantity's unit.
SMALLEST_SPIKE: dict[Quantity, float] = {
    Quantity.TEMPERATURE: 5.0, Quantity.HUMIDITY: 15.0, Quantity.PRESSURE: 300.0, Quantity.CO2: 500.0,
    Quantity.ECO2: 1_000.0, Quantity.PM1: 50.0, Quantity.PM2_5: 50.0, Quantity.PM4: 75.0, Quantity.PM10: 100.0,
    Quantity.PM1_CF1: 50.0, Quantity.PM2_5_CF1: 50.0, Quantity.PM10_CF1: 100.0, Quantity.NO2: 100.0,
    Quantity.O3: 100.0, Quantity.SO2: 100.0, Quantity.NO: 200.0, Quantity.CO: 5_000.0, Quantity.LAEQ: 25.0,
    Quantity.FREQUENCY: 1.0,
}

MEMORY = 15  # good values that the running median of jumps looks back on
ENOUGH = 5  # below this many, nothing is known about what is usual
USUAL = 8.0  # a jump within so many median jumps is usual
NEW_LEVEL = 3  # so many jumps in a row to the same place are no spikes, but a new level
FORGET_AFTER = 10  # intervals of silence after which the past says nothing about a jump
LATE = 1.5  # intervals after which a reading no longer stands for now


@dataclass(slots=True)
class Watch:
    """What is remembered of one quantity of one sensor, to judge the next value by; times in ms since boot.

    `still_ms` 0 lets it stand still for ever.
    """

    interval_ms: int
    still_ms: int
    _good: deque[float] = field(default_factory=lambda: deque(maxlen=MEMORY))
    _doubted: list[float] = field(default_factory=list)
    _value: float | None = None
    _since_ms: int = 0
    _last_ms: int = 0

    def judge(self, reading: Reading, at_ms: int, now_ms: int) -> Flag:
        """The flags of this reading: those it came with, and ours. Readings come in the order of their time."""
        flags = reading.flags
        if now_ms - at_ms > LATE * self.interval_ms:
            flags |= Flag.STALE
        if self._stands_still(reading, at_ms):
            flags |= Flag.STUCK
        if not reading.quantity.plausible(reading.value):
            flags |= Flag.RANGE
        elif (smallest := SMALLEST_SPIKE.get(reading.quantity)) is not None and self._spike(
            reading.value, smallest, at_ms
        ):
            flags |= Flag.SPIKE
        self._last_ms = at_ms
        return flags

    def _stands_still(self, reading: Reading, at_ms: int) -> bool:
        if reading.value != self._value:
            self._value, self._since_ms = reading.value, at_ms
        return at_ms - self._since_ms > self.still_ms > 0 and reading.quantity not in MAY_STAND_STILL

    def _spike(self, value: float, smallest: float, at_ms: int) -> bool:
        if at_ms - self._last_ms > FORGET_AFTER * self.interval_ms:
            self._restart([])
        if not self._jumps(value, smallest):
            self._good.append(value)
            self._doubted.clear()
            return False
        self._doubted.append(value)
        if self._is_new_level(smallest):
            self._restart(self._doubted)
            return False
        return True

    def _jumps(self, value: float, smallest: float) -> bool:
        if len(self._good) < ENOUGH or abs(value - self._good[-1]) <= smallest:
            return False
        jumps = sorted(abs(after - before) for before, after in pairwise(self._good))
        return abs(value - self._good[-1]) > max(smallest, USUAL * jumps[len(jumps) // 2])

    def _is_new_level(self, smallest: float) -> bool:
        latest = self._doubted[-NEW_LEVEL:]
        self._doubted = latest
        return len(latest) == NEW_LEVEL and max(latest) - min(latest) <= smallest

    def _restart(self, values: list[float]) -> None:
        self._good = deque(values, maxlen=MEMORY)
        self._doubted = []
