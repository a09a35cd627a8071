"""A broker that is somebody else's, on another machine perhaps: we knock at its door, and neither start nor stop it.

It has the face of `fleet.broker.Broker` towards the office. Whoever keeps it is given its files by
`fleet broker config`, and reads them in again when a node was added.
"""

from __future__ import annotations

from collections.abc import Callable

from fleet.broker import knock
from fleet.home import LOOPBACK
from fleet.trouble import Exit, Trouble


class Elsewhere:
    """The broker at host and port; `connected` says whether the collector has a session there."""

    pid: int | None = None
    restarts = 0
    ended_ms = 0
    fault = ""

    def __init__(self, host: str, port: int, connected: Callable[[], bool]) -> None:
        self.host, self.port, self._connected = host, port, connected

    @property
    def up(self) -> bool:
        """Whether it has let the collector in."""
        return self._connected()

    @property
    def look(self) -> str:
        """Where to look when it does not do well."""
        return f"Ask whoever keeps the broker at {self.host}:{self.port}; fleet broker config writes what it needs."

    def start(self) -> None:
        """Knocks. Raises Trouble when nobody is there."""
        if not knock(self.host or LOOPBACK, self.port, 5.0):
            raise Trouble(f"No broker answers at {self.host}:{self.port}, and it is not ours to start.",
                          "The office did not start; nothing was lost, nodes keep their readings.",
                          'start that broker, or set [broker] kind = "nats" in fleet.toml',
                          Exit.UNREACHABLE)  # fmt: skip

    def stop(self) -> None:
        """It goes on without us."""

    def kill(self, down_for_s: float | None = None) -> int | None:
        """It is not ours to kill."""
        return None
