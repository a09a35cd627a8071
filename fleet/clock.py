"""Time and chance for the office: the one file of `fleet` that asks the machine for either.

The office tells nodes the time only when it is sure of its own: when the kernel follows a source, or where that cannot
be asked systemd-timesyncd does, or when whoever runs it says so (`FLEET_CLOCK=sure`, for an office whose host sets the
clock from outside).
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from edge.wire.clocks import credible

TIMESYNCD = Path("/run/systemd/timesync/synchronized")
ROOM = 512  # bytes; the kernel's struct takes 208
TIME_ERROR = 5  # what adjtimex(2) returns for a clock that is not synchronised; less is one of the good states


class Clock(Protocol):
    """What the office needs of time. The street hands in its own."""

    def wall_ms(self) -> int:
        """Unix milliseconds."""


class SystemClock:
    """The machine's own time."""

    def wall_ms(self) -> int:
        """Unix milliseconds as the system believes."""
        return time.time_ns() // 1_000_000


def kernel_state() -> int:
    """What adjtimex(2) returns when it is asked and nothing is changed; -1 when it cannot be asked."""
    import ctypes

    try:
        return int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(ROOM)))
    except (OSError, AttributeError):
        return -1


def sure_ms(
    clock: Clock | None = None,
    state: Callable[[], int] = kernel_state,
    flag: Path = TIMESYNCD,
    environment: Mapping[str, str] = os.environ,
) -> int | None:
    """Unix milliseconds where the office may tell them to others; None when it is not sure."""
    said = state()
    sure = environment.get("FLEET_CLOCK") == "sure" or 0 <= said < TIME_ERROR or (said < 0 and flag.exists())
    now_ms = (clock or SystemClock()).wall_ms()
    return now_ms if sure and credible(now_ms) else None


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
