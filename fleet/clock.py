"""Time and chance for the office: the one file of `fleet` that asks the machine for either."""

from __future__ import annotations

import secrets
import time
from typing import Protocol


class Clock(Protocol):
    """What the office needs of time. The street hands in its own."""

    def wall_ms(self) -> int:
        """Unix milliseconds."""


class SystemClock:
    """The machine's own time."""

    def wall_ms(self) -> int:
        """Unix milliseconds as the system believes."""
        return time.time_ns() // 1_000_000


def steady_ms() -> int:
    """Real milliseconds that never step, for waiting only."""
    return time.monotonic_ns() // 1_000_000


def new_password() -> str:
    """256 random bits, as text that needs no quoting anywhere."""
    return secrets.token_hex(32)


def new_client_id(identity: str) -> str:
    """A client id that nobody can guess: the identity and 128 random bits."""
    name = identity.replace(".", "_")  # NATS refuses a client id with a dot in it
    return f"{name}-{secrets.token_hex(16)}"
