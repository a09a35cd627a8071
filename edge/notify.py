"""Words to systemd: ready, alive, stopping. Nothing happens when it does not listen."""

from __future__ import annotations

import os
import socket


class Notify:
    """sd_notify(3) over the socket that systemd names in the environment."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        named = dict(os.environ) if environment is None else environment
        self._address = named.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):
            self._address = "\0" + self._address[1:]
        self.watchdog_s = int(named.get("WATCHDOG_USEC", "0") or 0) / 1_000_000

    def __call__(self, words: str) -> bool:
        """Say it, such as `READY=1`; tells whether anybody listens."""
        if not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as letter:
                letter.sendto(words.encode(), self._address)
        except OSError:
            return False
        return True
