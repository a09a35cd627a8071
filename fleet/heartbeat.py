"""The thread that keeps the office's pulse on disk: on every change, and at least every fifteen seconds.

It asks only what is counted anyway, so it goes on when the collector or the store does not; when the whole process
hangs, nobody renews the file, and its age tells. The file is given its room at the start and written over in place, so
that it can still tell of a disk that is full.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edge.wire.jsontext import MessageError, from_json, to_json
from fleet.pulse import EVERY_MS, Pulse, short_of_room

LOG = logging.getLogger(__name__)
LOOK_S = 0.5
ROOM = 8192  # bytes
READS = 3  # one of them may fall into a beat


def read(path: Path) -> Pulse | None:
    """What the office said last; None where there is nothing, or nothing that can be read."""
    for _ in range(READS):
        try:
            return from_json(Pulse, path.read_bytes())
        except OSError:
            return None
        except MessageError:
            continue
    return None


class Heartbeat:
    """Writes what `take` says to `path` until it is stopped; then the file is gone."""

    def __init__(self, path: Path, take: Callable[[], Pulse]) -> None:
        self.path, self.take = path, take
        self._told: Pulse | None = None
        self._handle: int | None = None
        self._mute = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Says the first thing at once."""
        self.path.unlink(missing_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """An office that ended says nothing."""
        self._ending.set()
        self._thread.join()
        self.path.unlink(missing_ok=True)
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _work(self) -> None:
        while True:
            try:
                self._beat(self.take())
                self._mute = False
            except Exception as error:
                self._complain(error)
            if self._ending.wait(LOOK_S):
                return

    def _complain(self, error: Exception) -> None:
        if not self._mute:
            LOG.error("The office cannot say how it does in %s (%s: %s).", self.path, type(error).__name__, error)
        self._mute = True

    def _beat(self, pulse: Pulse) -> None:
        if self._told is None or pulse.at_ms - self._told.at_ms >= EVERY_MS or lasting(pulse) != lasting(self._told):
            self._handle = self._open() if self._handle is None else self._handle
            os.pwrite(self._handle, to_json(pulse).ljust(ROOM), 0)
            self._told = pulse

    def _open(self) -> int:
        """The file with its room in it, there from its first beat on."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(handle, 0, ROOM)
        except OSError:
            os.close(handle)
            raise
        return handle


def lasting(pulse: Pulse) -> Pulse:
    """The pulse without what changes all the time."""
    return replace(pulse, at_ms=0, turned_ms=0, committed_ms=0, free_bytes=int(short_of_room(pulse)))
