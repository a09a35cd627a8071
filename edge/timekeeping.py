"""Which of those who tell the time is believed: the decisions, apart from all clocks.

A kernel that follows a source of time wins over all others. Where it does not, the newest word of each is weighed:
what it said of its own certainty, and how long ago that was, because the node's own crystal wanders meanwhile. A GPS
receiver comes first while it is heard, then what the kernel said while it was synchronised and what the office said,
then clock chips; but no chip that contradicts what somebody sure said in this boot, however long ago: no crystal
wanders so far, and a chip may have been set by anybody. An offset that was learnt once stays good by itself: Linux
slews the wall clock and the time since boot alike, and only steps and leap seconds part them. So a step of a clock
that follows nobody is never the truth.

Nobody may lead us to where this release cannot live, nor below the floor (see floor): a chip with a flat battery, a
receiver that lost count of its weeks, a hostile answer. But a floor may itself be wrong, if it was learnt from a clock
that was sure and mistaken. So it gives way when two who are sure, and independent, agree below it, or when one says
the same for a whole day: a wrong future cannot hold a node for ever. Clock chips have no voice in that, for a flat
battery is steady too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from edge.events import ClockTold
from edge.floor import WANDER_PPM, Floor
from edge.timex import Said
from edge.wire.clocks import ClockQuality, credible

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
HEARD_MS = HOUR_MS  # after so long without a word of GPS only its uncertainty counts
REMEMBERED_MS = DAY_MS  # ... and so long for what kernel and office said
RANK = {"gps": (0, HEARD_MS), "kernel": (1, REMEMBERED_MS), "fleet": (1, REMEMBERED_MS)}
LAST = 2
SURE = ("kernel", "gps", "fleet")  # who may raise the floor, lower it, and contradict each other
FRESH_MS = 2 * HOUR_MS  # how old a word may be that contradicts another
APART_MS = 1_000  # beyond what both admit, they disagree
AGREE_MS = 10_000  # below the floor so near is agreement
PATIENCE_MS = DAY_MS


@dataclass(frozen=True, slots=True)
class Offset:
    """Unix ms = boot ms + `offset_ms`, give or take `uncertainty_ms`; said by `sensor`, at `at_ms`."""

    sensor: str
    kind: str
    offset_ms: int
    uncertainty_ms: int
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Belief:
    """What the node takes the time to be: Unix ms = boot ms + `offset_ms`; None: nobody knows.

    `who` told it: a sensor, or "kernel", "office" or "floor". `uncertainty_ms` is one-sided; None: no limit is known.
    """

    offset_ms: int | None
    quality: ClockQuality
    uncertainty_ms: int | None = None
    who: str = ""
    kind: str = ""

    @property
    def trusted(self) -> bool:
        """Whether somebody who knows vouches for it."""
        return self.quality in (ClockQuality.SYNCED, ClockQuality.HOLDOVER)

    @property
    def sure(self) -> bool:
        """Whether the floor may rise by it."""
        return self.trusted and self.kind in SURE

    def stepped(self, before: Belief) -> bool:
        """Whether it tells another time than the one before, beyond what it admits."""
        if self.offset_ms is None or before.offset_ms is None:
            return self.offset_ms != before.offset_ms
        return abs(self.offset_ms - before.offset_ms) > APART_MS + (self.uncertainty_ms or 0)


def offset(told: ClockTold, now_ms: int) -> Offset:
    """What this word is worth now."""
    wandered_ms = max(0, now_ms - told.at_ms) * WANDER_PPM // 1_000_000
    return Offset(told.sensor, told.kind, told.unix_ms - told.at_ms, told.uncertainty_ms + wandered_ms, told.at_ms)


def kernels(said: Said, at_ms: int, apart_ms: int = 0) -> ClockTold:
    """The kernel's own word."""
    return ClockTold("kernel", at_ms, said.wall_ms, said.error_ms + apart_ms, "kernel")


def refusal(unix_ms: int, floor_ms: int) -> str:
    """Why a word that comes down to this moment is not believed; "" when it may be."""
    if not credible(unix_ms):
        return "no time in which this release can live"
    return "earlier than a time that this node was sure of" if unix_ms < floor_ms else ""


def best(told: Iterable[ClockTold], now_ms: int, floor_ms: int) -> Offset | None:
    """The best of the newest words of all sources; None when nobody said anything that can be."""
    known = [(_rank(one, now_ms), offset(one, now_ms)) for one in told
             if not refusal(one.unix_ms - one.at_ms + now_ms, floor_ms)]  # fmt: skip
    sure = [one for _, one in known if one.kind in SURE]
    ranked = min((one for one in known if not _disproved(one[1], sure)), default=None,
                 key=lambda one: (one[0], one[1].uncertainty_ms, one[1].sensor))  # fmt: skip
    return None if ranked is None else ranked[1]


def _disproved(one: Offset, sure: Iterable[Offset]) -> bool:
    """A clock chip that contradicts somebody who was sure."""
    return one.kind not in SURE and any(_apart(one, other) > APART_MS for other in sure)


def _rank(told: ClockTold, now_ms: int) -> int:
    rank, lasts_ms = RANK.get(told.kind, (LAST, 0))
    return rank if now_ms - told.at_ms <= lasts_ms else LAST


def believe(kernel: ClockTold, quality: ClockQuality, told: Iterable[ClockTold], floor: Floor) -> Belief:
    """What to take the time to be, at the moment of the kernel's word, which is of that quality."""
    now_ms = kernel.at_ms
    refused = refusal(kernel.unix_ms, floor.at(now_ms))
    if quality is ClockQuality.SYNCED and not refused:
        return Belief(kernel.unix_ms - now_ms, ClockQuality.SYNCED, kernel.uncertainty_ms, "kernel", "kernel")
    words = [*told, kernel] if quality is ClockQuality.HOLDOVER else told
    if (one := best(words, now_ms, floor.at(now_ms))) is not None:
        return Belief(one.offset_ms, ClockQuality.HOLDOVER, one.uncertainty_ms, one.sensor, one.kind)
    if not refused:
        return Belief(kernel.unix_ms - now_ms, ClockQuality.UNKNOWN, None, "kernel", "kernel")
    if not floor.known:
        return NOBODY
    return Belief(floor.unix_ms - floor.at_ms, ClockQuality.FLOOR, None, "floor", "floor")


NOBODY = Belief(None, ClockQuality.UNKNOWN)


# Who is sure, and what becomes of them when they are refused or disagree.


def fresh(words: Iterable[Offset], now_ms: int) -> list[Offset]:
    """Those who spoke just now."""
    return [one for one in words if now_ms - one.at_ms <= FRESH_MS]


def doubted(sure: Iterable[ClockTold], now_ms: int, floor_ms: int) -> list[Offset]:
    """Those that say it is earlier than the floor, though it might be."""
    words = (offset(one, now_ms) for one in sure)
    return [one for one in words if credible(one.offset_ms + now_ms) and one.offset_ms + now_ms < floor_ms]


def agreed(words: Sequence[Offset]) -> Offset | None:
    """The surer one of two of different kinds that say the same."""
    for one, other in combinations(sorted(words, key=lambda word: word.uncertainty_ms), 2):
        apart_ms = abs(one.offset_ms - other.offset_ms)
        if one.kind != other.kind and apart_ms <= AGREE_MS + one.uncertainty_ms + other.uncertainty_ms:
            return one
    return None


class Doubts:
    """How long each who is sure has said that it is earlier than the floor: from the first such word to the newest, for
    nobody says for a day what was said once, a day ago; but a node may well be out of reach meanwhile."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], tuple[int, int]] = {}  # kind and name: since when, which offset

    def weigh(self, words: Sequence[Offset], now_ms: int) -> Offset | None:
        """The one of the doubted before which the floor gives way, if it does."""
        self._since = {(one.kind, one.sensor): self._began(one) for one in words}
        steady = [one for one in words if one.at_ms - self._since[one.kind, one.sensor][0] >= PATIENCE_MS]
        return agreed(fresh(words, now_ms)) or min(steady, key=lambda one: one.uncertainty_ms, default=None)

    def _began(self, word: Offset) -> tuple[int, int]:
        before = self._since.get((word.kind, word.sensor))
        if before is None or abs(before[1] - word.offset_ms) > AGREE_MS + word.uncertainty_ms:
            return word.at_ms, word.offset_ms
        return before


def quarrel(sure: Iterable[ClockTold], now_ms: int) -> tuple[Offset, Offset] | None:
    """The two that disagree most of those who spoke just now; None when all may be right."""
    words = sorted(fresh((offset(one, now_ms) for one in sure), now_ms), key=lambda one: one.sensor)
    pairs = [(_apart(one, other), (one, other)) for one, other in combinations(words, 2)]
    worst = max(pairs, key=lambda pair: pair[0], default=(0, None))
    return worst[1] if worst[0] > APART_MS else None


def earliest(belief: Belief, sure: Iterable[ClockTold], now_ms: int) -> int | None:
    """The Unix ms before which it cannot be, if but one of those who are sure is right; None when we are not sure."""
    if belief.offset_ms is None or not belief.sure:
        return None
    words = fresh((offset(one, now_ms) for one in sure), now_ms)
    offsets = [one.offset_ms - one.uncertainty_ms for one in words if credible(one.offset_ms + now_ms)]
    return now_ms + min([belief.offset_ms - (belief.uncertainty_ms or 0), *offsets])


def _apart(one: Offset, other: Offset) -> int:
    return abs(one.offset_ms - other.offset_ms) - one.uncertainty_ms - other.uncertainty_ms
