"""Which of those who tell the time is believed, as the offset of this boot.

A kernel clock that is synchronised wins over all others. Where it is not, the newest word of each GPS receiver and
clock chip is weighed: what it said of its own certainty, and how long ago that was, because the node's own crystal
wanders meanwhile. GPS comes before clock chips, as long as it is heard: a receiver that has not spoken for hours is no
better than what our crystal made of its word. Nobody may lead us to before the floor: the time before which no node
of ours can have lived.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge.events import ClockTold

WANDER_PPM = 100  # the crystal of a cheap board between frost and sun
RANK = {"gps": 0, "rtc": 1}
HEARD_MS = 3_600_000  # after so long without a word only its uncertainty counts


@dataclass(frozen=True, slots=True)
class Offset:
    """Unix ms = boot ms + `offset_ms`, give or take `uncertainty_ms`; said by `sensor`."""

    sensor: str
    kind: str
    offset_ms: int
    uncertainty_ms: int


def offset(told: ClockTold, now_ms: int) -> Offset:
    """What this word is worth now."""
    wandered_ms = max(0, now_ms - told.at_ms) * WANDER_PPM // 1_000_000
    return Offset(told.sensor, told.kind, told.unix_ms - told.at_ms, told.uncertainty_ms + wandered_ms)


def best(told: Iterable[ClockTold], now_ms: int, floor_ms: int) -> Offset | None:
    """The best of the newest words of all sources; None when nobody said anything that can be."""
    known = [(_rank(one, now_ms), offset(one, now_ms)) for one in told if one.unix_ms >= floor_ms]
    ranked = min(known, key=lambda one: (one[0], one[1].uncertainty_ms, one[1].sensor), default=None)
    return None if ranked is None else ranked[1]


def _rank(told: ClockTold, now_ms: int) -> int:
    last = len(RANK) - 1
    return RANK.get(told.kind, last) if now_ms - told.at_ms <= HEARD_MS else last
