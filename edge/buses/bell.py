"""A file descriptor that is readable while something waits: how ports that have no device wake their runner."""

from __future__ import annotations

import os
import select
import threading


class Bell:
    """One end of a pipe that holds a byte while it rings. From any thread."""

    def __init__(self) -> None:
        self._readable, self._ring = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._turn = threading.Lock()
        self._rings = self._closed = False

    @property
    def fd(self) -> int:
        return self._readable

    def show(self, waits: bool) -> None:
        """Ring while something waits."""
        with self._turn:
            if self._closed or waits == self._rings:
                return
            self._rings = waits
            if waits:
                os.write(self._ring, b"!")
            else:
                os.read(self._readable, 1)

    def heard(self, timeout_s: float | None) -> bool:
        """Whether it rings, or does within so long (None: for ever)."""
        if self._closed:
            return False
        return bool(select.select([self._readable], [], [], timeout_s)[0])

    def close(self) -> None:
        with self._turn:
            if not self._closed:
                self._closed = True
                os.close(self._readable)
                os.close(self._ring)
