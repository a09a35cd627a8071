"""The one place where the node looks at a clock, and throws dice.

A sample carries the time since boot, which never steps; what the wall clock believed is kept beside it and may be
corrected later. Everything above is handed a `Clock`, so that a simulated year runs in seconds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from edge.timex import synchronised
from edge.wire.clocks import ClockQuality

TIMESYNCD = Path("/run/systemd/timesync/synchronized")


class Clock(Protocol):
    """What the house may ask of time."""

    boot_id: str  # 32 hex digits, another one after each boot

    def boot_us(self) -> int:
        """Microseconds since boot, suspended time included; never steps."""
        ...

    def boot_ms(self) -> int:
        """Milliseconds since boot."""
        ...

    def wall_ms(self) -> int:
        """Milliseconds since 1970 in UTC, as the system believes at this moment."""
        ...

    def quality(self) -> ClockQuality:
        """How sure the wall clock is."""
        ...

    def real_s(self, milliseconds: int) -> float:
        """How many real seconds a thread must wait for this much of this clock's time to pass."""
        ...


class SystemClock:
    """The clock of a real node."""

    def __init__(
        self,
        boot_id_file: Path = Path("/proc/sys/kernel/random/boot_id"),
        kernel: Callable[[], bool | None] = synchronised,
        flag: Path = TIMESYNCD,
    ) -> None:
        self.boot_id = boot_id_file.read_text().strip().replace("-", "")
        self._kernel, self._flag = kernel, flag

    def boot_us(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000

    def boot_ms(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def quality(self) -> ClockQuality:
        """What the kernel says; where it may not be asked, systemd-timesyncd. HOLDOVER and FLOOR come in step 3."""
        said = self._kernel()
        synced = self._flag.exists() if said is None else said
        return ClockQuality.SYNCED if synced else ClockQuality.UNKNOWN

    def real_s(self, milliseconds: int) -> float:
        return max(0.0, milliseconds / 1_000)


def chance() -> float:
    """A number from 0 up to but without 1, from the system's own source: the node's only dice."""
    return int.from_bytes(os.urandom(6), "big") / (1 << 48)


def pause(seconds: float) -> None:
    """Wait in real time; only for short-lived commands, never in the agent's loop."""
    time.sleep(seconds)


def boot_minus_monotonic_us() -> int:
    """How far time since boot is ahead of the kernel's monotonic clock: the time that the node was suspended."""
    return (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)) // 1_000
