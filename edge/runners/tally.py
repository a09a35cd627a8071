"""The counters of one sensor, written by its runner and read by anyone: a plain dict, copied in one go."""

from __future__ import annotations


class Tally:
    """`sampled` counts readings, `missed` instants of the timetable, everything else failures by cause."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {"sampled": 0, "missed": 0}

    def add(self, key: str, number: int = 1) -> None:
        self._counts[key] = self._counts.get(key, 0) + number

    def __getitem__(self, key: str) -> int:
        return self._counts.get(key, 0)

    def copy(self) -> dict[str, int]:
        return self._counts.copy()
