"""Noise over a window, from the levels that a meter told, and never from sound.

A level meter says one number a second. What a city reports is how loud a window was: LAeq, the level of the mean
energy (not the mean of the levels: 80 dB for a minute outweighs 50 dB for an hour), and LA10 and LA90, the levels
that were exceeded for a tenth and for nine tenths of the time: the passing cars, and the hum that never goes.

What is kept of a window is one sum, one count, and a histogram in steps of 0.1 dB between 0 and 150 dB: 1,501 counters
at most, however long the window, from which no word could be heard again. Looks are of equal duration.
Source: ISO 1996-1 (the quantities); percentiles by linear interpolation between ranks.
"""

from __future__ import annotations

import math
from collections import Counter

from drivers.reading import Flag, Quantity, Reading

STEPS = 10  # of the histogram in a dB
LOWEST_DB, HIGHEST_DB = 0.0, 150.0


class Levels:
    """The levels of one window: `add` each look, `close` for the window's readings and a new one."""

    def __init__(self) -> None:
        self._last_us = -1
        self._begin()

    def _begin(self) -> None:
        self._energy = 0.0
        self._looks = 0
        self._histogram: Counter[int] = Counter()
        self._flags = Flag.NONE

    def add(self, level_db: float, at_us: int, flags: Flag = Flag.NONE) -> None:
        """One look, in dB(A), taken at this time since boot; one that is not later than the last counts as the same
        look and is left out. What is flagged flags the window. Levels are held within 0 and 150 dB.

        Raises ValueError for what is no number.
        """
        if not math.isfinite(level_db):
            raise ValueError(f"no sound level: {level_db}")
        if at_us <= self._last_us:
            return
        self._last_us = at_us
        held = max(LOWEST_DB, min(HIGHEST_DB, level_db))
        self._energy += 10.0 ** (held / 10.0)
        self._looks += 1
        self._histogram[round(held * STEPS)] += 1
        self._flags |= flags

    def close(self) -> list[Reading]:
        """LAeq, LA10 and LA90 in dB(A) of what was added since the last close; nothing when nothing was."""
        if not self._looks:
            return []
        found = [
            Reading(Quantity.LAEQ, 10.0 * math.log10(self._energy / self._looks), flags=self._flags),
            Reading(Quantity.LA10, self._exceeded(0.1), flags=self._flags),
            Reading(Quantity.LA90, self._exceeded(0.9), flags=self._flags),
        ]
        self._begin()
        return found

    def _exceeded(self, share: float) -> float:
        """The level that was exceeded for this share of the looks, in dB, to the histogram's 0.1 dB."""
        rank = (1.0 - share) * (self._looks - 1)
        below = math.floor(rank)
        low, high = self._at(below), self._at(min(below + 1, self._looks - 1))
        return (low + (high - low) * (rank - below)) / STEPS

    def _at(self, rank: int) -> int:
        """The step of the histogram in which the look of this rank lies, counted from the quietest, from 0."""
        passed = 0
        for step in sorted(self._histogram):
            passed += self._histogram[step]
            if passed > rank:
                return step
        raise IndexError(rank)
