"""What this node makes of time: it looks at its clocks, listens to whoever tells it, and says what it believes."""

from __future__ import annotations

from edge.clock import Clock
from edge.events import ClockTold
from edge.sampler import SANE_MS, Sampler
from edge.timekeeping import best
from edge.wire.clocks import ClockQuality

BETWEEN_MS = 20  # the two looks at the clocks may be so far apart


class Timekeeper:
    """The clocks of one run of the agent; times in ms since boot."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[str, ClockTold] = {}  # the newest word of each sensor that tells the time

    def told(self, event: ClockTold) -> bool:
        """A sensor told the time; whether it is the first time that it did."""
        first = event.sensor not in self._told
        self._told[event.sensor] = event
        return first

    def tell(self, sampler: Sampler) -> None:
        """Both clocks at the same instant, or not at all this time."""
        before_ms = self._clock.boot_ms()
        wall_ms = self._clock.wall_ms()
        if self._clock.boot_ms() - before_ms > BETWEEN_MS:
            return
        quality = self._clock.quality()
        if quality is not ClockQuality.SYNCED and (told := best(self._told.values(), before_ms, SANE_MS)):
            wall_ms, quality = before_ms + told.offset_ms, ClockQuality.HOLDOVER
        sampler.tell_clock(wall_ms, before_ms, quality)

    def quality(self) -> ClockQuality:
        """How sure we are of the time, whoever told it."""
        quality = self._clock.quality()
        told = best(self._told.values(), self._clock.boot_ms(), SANE_MS)
        return ClockQuality.HOLDOVER if told and quality is not ClockQuality.SYNCED else quality

    def rows(self, now_ms: int) -> list[dict[str, object]]:
        """What each sensor that tells the time last said."""
        return [{"sensor": one.sensor, "kind": one.kind, "unix_ms": one.unix_ms, "age_ms": now_ms - one.at_ms,
                 "uncertainty_ms": one.uncertainty_ms} for one in self._told.values()]  # fmt: skip
