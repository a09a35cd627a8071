"""Time for the street indoors: paced, so that an hour passes in a minute, or virtual, so that it passes when told.

Both have the face of `edge.clock.Clock`, and `boot_us` is what simulated chips are handed as their `now_us`. A paced
clock is anchored at an instant of the machine's monotonic clock; an agent that is killed and started again is given
the same anchor and goes on within the same boot.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from edge.timex import LEAST_ERROR_MS, Said
from edge.wire.clocks import ClockQuality

SOME_BOOT = "0" * 31 + "1"


def stopwatch() -> Callable[[], float]:
    """Begins to run; gives the real seconds since then, never 0."""
    began_ns = time.perf_counter_ns()
    return lambda: max(1, time.perf_counter_ns() - began_ns) / 1e9


class PacedClock:
    """Real time, `speed` times as fast."""

    def __init__(
        self,
        speed: float = 1.0,
        start_wall_ms: int = 0,
        boot_id: str = SOME_BOOT,
        began_ns: int | None = None,
        quality: ClockQuality = ClockQuality.SYNCED,
    ) -> None:
        """Time since boot is 0 at `began_ns` of the monotonic clock (default: now), when it is `start_wall_ms`."""
        if speed <= 0:
            raise ValueError(f"time does not go that way: speed {speed}")
        self.speed, self.start_wall_ms, self.boot_id = speed, start_wall_ms, boot_id
        self.began_ns = time.monotonic_ns() if began_ns is None else began_ns
        self._quality = quality

    def boot_us(self) -> int:
        return int((time.monotonic_ns() - self.began_ns) * self.speed) // 1_000

    def boot_ms(self) -> int:
        return self.boot_us() // 1_000

    def wall_ms(self) -> int:
        return self.start_wall_ms + self.boot_ms()

    def said(self) -> Said:
        return Said(self.wall_ms(), self._quality)

    def real_s(self, milliseconds: int) -> float:
        return max(0.0, milliseconds / 1_000 / self.speed)


@dataclass
class VirtualClock:
    """Stands still until it is moved; every field may be set by a test, the time since boot only forwards."""

    now_us: int = 0
    start_wall_ms: int = 1_767_225_600_000  # the beginning of 2026
    boot_id: str = SOME_BOOT
    believed: ClockQuality = ClockQuality.SYNCED
    error_ms: int = LEAST_ERROR_MS
    leap: str = ""

    def advance(self, seconds: float) -> None:
        """Let this much time pass. Raises ValueError for a step back."""
        if seconds < 0:
            raise ValueError("time since boot never steps back")
        self.now_us += round(seconds * 1_000_000)

    def boot_us(self) -> int:
        return self.now_us

    def boot_ms(self) -> int:
        return self.now_us // 1_000

    def wall_ms(self) -> int:
        return self.start_wall_ms + self.boot_ms()

    def said(self) -> Said:
        return Said(self.wall_ms(), self.believed, self.error_ms, self.leap)

    def real_s(self, milliseconds: int) -> float:
        """No real time at all: whoever waits on this clock is moved by it."""
        return 0.0
