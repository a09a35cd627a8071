"""What was sampled at the chips, counted where no death of an agent can reach it.

A page of memory shared through a file: it holds the count of each run of each node while agents are killed and started
again, and says what the journals should have come to know.
"""

from __future__ import annotations

import mmap
import os
import threading
from pathlib import Path

PLACE = 8


class Tally:
    """Counters in a file of their own; each has one process that counts, on any of its threads."""

    def __init__(self, path: Path, places: int) -> None:
        """Opens the file, or makes it with every count at zero."""
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(handle).st_size < places * PLACE:
                os.ftruncate(handle, places * PLACE)
            self._page = mmap.mmap(handle, places * PLACE)
            self._turn = threading.Lock()
        finally:
            os.close(handle)

    def add(self, place: int, count: int) -> None:
        """Count on."""
        with self._turn:
            self._write(place, self[place] + count)

    def __getitem__(self, place: int) -> int:
        return int.from_bytes(self._page[place * PLACE : (place + 1) * PLACE], "little")

    def _write(self, place: int, count: int) -> None:
        self._page[place * PLACE : (place + 1) * PLACE] = count.to_bytes(PLACE, "little")

    def close(self) -> None:
        self._page.close()
