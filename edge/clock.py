"""The one place where the node looks at a clock, and throws dice.

A sample carries the time since boot, which never steps; what the wall clock believed is kept beside it and may be
corrected later. Everything above is handed a `Clock`, so that a simulated year runs in seconds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.timex import Said, asked
from edge.wire.clocks import ClockQuality

TIMESYNCD = Path("/run/systemd/timesync/synchronized")
TIMESYNCD_ERROR_MS = 1_000  # where only its flag can be asked
CLOSE_US = 2_000  # two looks so near to each other are one
LOOKS = 5  # before the nearest two are taken, however far apart they were


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

    def said(self) -> Said:
        """What the system's clock says of the time and of itself, at one instant."""
        ...

    def real_s(self, milliseconds: int) -> float:
        """How many real seconds a thread must wait for this much of this clock's time to pass."""
        ...


class SystemClock:
    """The clock of a real node."""

    def __init__(
        self,
        boot_id_file: Path = Path("/proc/sys/kernel/random/boot_id"),
        kernel: Callable[[], Said | None] = asked,
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

    def said(self) -> Said:
        """What the kernel says; where it may not be asked, systemd-timesyncd."""
        return self._kernel() or self._flagged()

    def _flagged(self) -> Said:
        synced = self._flag.exists()  # first: it is set after the clock was
        quality = ClockQuality.SYNCED if synced else ClockQuality.UNKNOWN
        return Said(self.wall_ms(), quality, TIMESYNCD_ERROR_MS)

    def real_s(self, milliseconds: int) -> float:
        return max(0.0, milliseconds / 1_000)


@dataclass(frozen=True, slots=True)
class Look:
    """Both clocks at one instant, give or take `apart_ms`."""

    boot_ms: int
    said: Said
    apart_ms: int = 0


def look(clock: Clock) -> Look:
    """Both clocks at one instant: again and again where something came between, and then the best of it."""
    best: tuple[int, int, Said] | None = None
    for _ in range(LOOKS):
        before_us = clock.boot_us()
        said = clock.said()
        apart_us = clock.boot_us() - before_us
        if best is None or apart_us < best[0]:
            best = apart_us, before_us, said
        if apart_us <= CLOSE_US:
            break
    assert best is not None
    apart_us, before_us, said = best
    return Look((before_us + apart_us // 2) // 1_000, said, apart_us // 2_000)


def chance() -> float:
    """A number from 0 up to but without 1, from the system's own source: the node's only dice."""
    return int.from_bytes(os.urandom(6)) / (1 << 48)


def secret() -> str:
    """128 random bits as hex digits, once the kernel has gathered enough chance: a node that has just been flashed may
    have to wait for that."""
    return os.getrandom(16).hex()


def pause(seconds: float) -> None:
    """Wait in real time; only for short-lived commands, never in the agent's loop."""
    time.sleep(seconds)


def boot_minus_monotonic_us() -> int:
    """How far time since boot is ahead of the kernel's monotonic clock: the time that the node was suspended."""
    return (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)) // 1_000
