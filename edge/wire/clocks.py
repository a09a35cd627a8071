"""How sure a clock was, and what is known of one boot's clock.

Readings carry the time since boot, which never steps. What the wall said at boot is learnt apart from that, perhaps
hours later, and is told in a record of its own: so a wrong wall clock spoils nothing that was measured, and readings
taken before the time was known are dated when it comes.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from edge.wire.version import BUILT_MS

LONGEST_SERVICE_MS = 20 * 365 * 86_400_000  # no release is in use for so long
AHEAD_MS = 300_000  # two clocks may differ by so much; beyond it the one that is ahead was wrong


def credible(unix_ms: int) -> bool:
    """Whether this release can be running at that moment: what says otherwise is no time, whoever says it."""
    return BUILT_MS <= unix_ms <= BUILT_MS + LONGEST_SERVICE_MS


class ClockQuality(enum.IntEnum):
    """From sure to not at all. The numbers are on the wire; the lower-case name is what people and JSON read."""

    SYNCED = 0  # set by a source of time, and followed since
    HOLDOVER = 1  # was set in this boot, runs on by itself
    FLOOR = 2  # not earlier than the last sane time we saw, maybe far later
    UNKNOWN = 3  # nobody said anything yet

    @property
    def word(self) -> str:
        """`synced`, `holdover`, `floor` or `unknown`."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class ClockRecord:
    """Body of a CLOCK record: what is known of boot number `boot` of this epoch, at `at_ms` of that boot.

    Unix milliseconds = boot milliseconds + `offset_ms`; None while nobody knows. `uncertainty_ms` is one-sided.
    """

    boot: int
    boot_id: str
    offset_ms: int | None
    quality: ClockQuality
    uncertainty_ms: int | None = None
    at_ms: int = 0

    def __post_init__(self) -> None:
        if self.boot < 0 or self.at_ms < 0:
            raise ValueError("boot and at_ms are never negative")
