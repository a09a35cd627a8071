"""How long the card lasts at the rate at which it is written: pure figures, for `edge status` and for health.

What wears a card is everything that reaches it, the journal and the system's own files; so the rate is that of the
whole card, counted by the kernel at the block device. Flash is written a page at a time: 4 KiB that must be durable at
once may cost 16 KiB inside the card, so each byte is counted four times. The rate is that of the last day, or of this
run while it is younger.

A board that names no card gets the poorest one that is sold: 32 GB of consumer flash that bears 500 erasures (consumer
cards are given 500 to 1,000; endurance cards of 128 GB, by their makers, 117 to 820 TB: vendor data, 2025).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from edge.patient import duration
from edge.wire.messages import CheckResult, State
from edge.wiring import CardPlan

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
YEAR_DAYS = 365.25
AMPLIFIES = 4  # a page of 16 KiB for a block of 4 KiB
ERASURES = 500
POOREST = CardPlan("an assumed 32 GB consumer card of 500 erasures", 32_000_000_000, 32_000_000_000 * ERASURES)
SETTLES_MS = 45_000  # files are laid down and logs written when a run begins
LEAST_MS = 60_000  # of a run, before anything is said
LEAST_YEARS = 3.0
MOST_YEARS = 1_000.0
WORN = 9  # eMMC: tenths of its life that are used up, from which it is bad
URGENT = 2  # eMMC: of its spare blocks most are used up
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Written:
    """What the card took up to now, by whom it was counted, and what the kernel says of it; None: it does not say."""

    size: int  # bytes, from any beginning
    counted_by: str = "the journal alone"
    errors: int | None = None  # of the file system
    tenths: int | None = None  # of its life that an eMMC says are used up
    warning: int | None = None  # eMMC: 1 all is well, 2 warning, 3 urgent


def lasting(card: CardPlan) -> CardPlan:
    """The card with its endurance, or the poorest one where the board does not tell it."""
    if card.endurance_bytes:
        return card
    if card.size_bytes:
        name = f"{card.name or 'the card'}, taken for consumer flash of {ERASURES} erasures"
        return CardPlan(name, card.size_bytes, card.size_bytes * ERASURES)
    return POOREST


def years(card: CardPlan, day_bytes: float) -> float:
    """How long a card lasts that is written so much a day; at most a thousand, which no card will see."""
    if day_bytes <= 0:
        return MOST_YEARS
    return min(MOST_YEARS, lasting(card).endurance_bytes / AMPLIFIES / day_bytes / YEAR_DAYS)


class Wear:
    """Follows one run of the agent; times in ms since boot."""

    def __init__(self, card: CardPlan) -> None:
        self.card = lasting(card)
        self._looks: deque[tuple[int, int]] = deque(maxlen=DAY_MS // HOUR_MS + 1)  # when, bytes; hourly
        self._last: Written | None = None
        self._last_ms = 0
        self._began_ms = 0

    def look(self, now_ms: int, written: Written) -> None:
        """What the card has taken by now. A counter that went back begins anew; what a start costs is left out."""
        last = self._last
        if last is None or written.size < last.size or written.counted_by != last.counted_by:
            self._looks.clear()
            self._began_ms = now_ms
        if now_ms - self._began_ms <= SETTLES_MS:
            self._looks.clear()
        if not self._looks or now_ms - self._looks[-1][0] >= HOUR_MS:
            self._looks.append((now_ms, written.size))
        self._last, self._last_ms = written, now_ms

    @property
    def day_bytes(self) -> int | None:
        """Written in a day at the rate of the last one; None as long as nobody can say."""
        if self._last is None or (seen_ms := self._last_ms - self._looks[0][0]) < LEAST_MS:
            return None
        return round((self._last.size - self._looks[0][1]) * DAY_MS / seen_ms)

    @property
    def years(self) -> float | None:
        """At this rate."""
        return None if self.day_bytes is None else years(self.card, self.day_bytes)

    def counters(self) -> dict[str, int]:
        """For health."""
        if self.day_bytes is None or self.years is None:
            return {}
        return {"card.day_bytes": self.day_bytes, "card.life_years_x10": round(10 * self.years)}

    def line(self) -> str:
        """For `edge status`."""
        if self.day_bytes is None or self.years is None or self._last is None:
            return "card: nobody can say yet how much is written in a day"
        seen = duration(self._last_ms - self._looks[0][0])
        return (f"card: {self.day_bytes / MB:.0f} MB a day, {_years(self.years)} at this rate ({self.card.name}, each "
                f"byte counted {AMPLIFIES} times; by {self._last.counted_by}, over {seen})")  # fmt: skip

    def check(self) -> CheckResult:
        """The health question."""
        if (trouble := self._trouble()) is not None:
            return CheckResult("card", State.BAD, trouble, "Put in a new card: what was acked is safe in the office.")
        if self.day_bytes is None or self.years is None:
            reason = "Nobody can say yet how much is written in a day."
            return CheckResult("card", State.UNKNOWN, reason, f"Wait for {duration(LEAST_MS)}.")
        rate = f"{self.day_bytes / MB:.0f} MB a day are written; {self.card.name} lasts {_years(self.years)}."
        if self.years < LEAST_YEARS:
            remedy = "Look for what writes so much with iotop -ao, or commit less often."
            return CheckResult("card", State.BAD, rate, remedy)
        return CheckResult("card", State.GOOD, rate)

    def _trouble(self) -> str | None:
        """What the kernel and the card themselves complain of."""
        last = self._last
        if last is not None and last.errors:
            return f"The kernel counts {last.errors} errors of the file system that holds the journal."
        if last is not None and last.tenths is not None and last.tenths >= WORN:
            return f"The card says that {10 * (last.tenths - 1)} % or more of its life are used up."
        if last is not None and last.warning is not None and last.warning >= URGENT:
            return "The card says that its spare blocks run out."
        return None


def _years(number: float) -> str:
    if number >= MOST_YEARS:
        return "1,000 years or more"
    return f"{number:.0f} years" if number >= 10 else f"{number:.1f} years"
