"""A port that is opened when it is needed, and again after it broke.

A USB adapter is pulled and put back, a bus is switched on by an overlay only after we started: none of it is a reason
to restart anything. A port that can not be opened is tried again after 1, 2, 4 and then every 5 seconds; those who want
to enter meanwhile are told at once why they can not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from drivers.errors import BusFault, DriverError
from edge.runners.blame import blame
from edge.runners.timetable import back_off_ms

LONGEST_SHUT_MS = 5_000


class Closable(Protocol):
    """What every port has; a `LinePort` says `release` and is wrapped."""

    def close(self) -> None: ...


P = TypeVar("P", bound=Closable)


class Door(Generic[P]):
    """Guards one port. One that `rests` stays shut for a while after each fault (ports that one device owns)."""

    def __init__(self, open_port: Callable[[], P], rests: bool) -> None:
        self._open_port, self._rests = open_port, rests
        self.port: P | None = None
        self.why = ""
        self.retry_ms = 0
        self._faults = 0

    @property
    def shut(self) -> bool:
        """Whether it waits before it is tried again."""
        return self.port is None and self._faults > 0

    def enter(self, now_ms: int) -> P:
        """The open port. Raises BusFault with the reason while it is shut, or when opening fails."""
        if self.port is None:
            if self.shut and now_ms < self.retry_ms:
                raise BusFault(self.why)
            self.port = self._opened(now_ms)
        return self.port

    def knock(self, now_ms: int) -> bool:
        """Try a shut door when its time has come; True when it opened."""
        if not self.shut or now_ms < self.retry_ms:
            return False
        try:
            self.enter(now_ms)
        except BusFault:
            return False
        return True

    def slam(self, now_ms: int, why: str) -> None:
        """The port broke: close it, so that the next to enter opens it anew."""
        self.close()
        if self._rests:
            self._shut(now_ms, why)

    def proven(self) -> None:
        """The port served somebody: forget former faults."""
        self._faults = 0

    def close(self) -> None:
        """Close the port, whatever it says to that."""
        port, self.port = self.port, None
        if port is not None:
            try:
                port.close()
            except Exception:
                pass  # a dying port may say anything

    def _opened(self, now_ms: int) -> P:
        try:
            port = self._open_port()
        except Exception as error:
            why = str(error) if isinstance(error, DriverError) else blame(error)
            self._shut(now_ms, why)
            raise BusFault(why) from error
        if not self._rests:
            self._faults = 0
        return port

    def _shut(self, now_ms: int, why: str) -> None:
        self._faults += 1
        self.why, self.retry_ms = why, now_ms + back_off_ms(self._faults, LONGEST_SHUT_MS)
