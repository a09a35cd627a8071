"""What one sensor says and how: the same for whatever asks or hears it.

Before a driver is at work it is told when it is and what its neighbour knows. What it returns must be readings that
are numbers; they are flagged while the device warms up, written on the blackboard for the neighbours, and counted. A
clock that told the time is an event of its own. Of failures each is counted and one an interval is told: whoever fails
every few seconds for a year must not flood anybody.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from drivers.driver import Driver
from drivers.ongoing import State
from drivers.reading import Flag, Reading
from drivers.timepiece import Timepiece
from edge.events import ClockTold, Event, Failed, Sampled
from edge.runners.blackboard import Blackboard
from edge.runners.conversation import BUG, Broken
from edge.runners.tally import Tally
from edge.runners.timetable import OncePerInterval
from edge.runners.warmth import Warmth

LONGEST_HUSH_MS = 60_000


@dataclass(frozen=True)
class Terms:
    """What a board asks of a sensor beyond its interval."""

    window_ms: int = 0  # reported by the window; 0: each interval
    rest: bool = False  # sleeps between readings
    beside: str = ""  # the neighbour that it may learn from
    board: Blackboard = field(default_factory=Blackboard)
    commit_ms: int = 0  # what an open window has counted is told so often, for keeping; 0: never


class Voice:
    """One sensor; times in ms since boot."""

    def __init__(self, name: str, driver: Driver, interval_ms: int, terms: Terms) -> None:
        self.name, self.driver, self.interval_ms, self.terms = name, driver, interval_ms, terms
        self.tally = Tally()
        self.warmth = Warmth(driver)
        self.good_ms: int | None = None  # when it last spoke well
        self._complaints = OncePerInterval(min(interval_ms, LONGEST_HUSH_MS))

    def prime(self, at_ms: int) -> None:
        """The driver is about to be at work."""
        self.driver.at_us = at_ms * 1_000
        if self.terms.beside:
            self.driver.known = self.terms.board.known(self.terms.beside, at_ms)

    def say(
        self, at_ms: int, result: object, doubted: bool = False, since_ms: int | None = None,
        opened: State | None = None,
    ) -> Sampled:  # fmt: skip
        """What the driver returned, as an event; of a window that began at `since_ms`, the next of which holds `opened`
        already. Raises Broken when it is no list of readings."""
        readings = self.warmth.flagged(believed(result, doubted), at_ms if since_ms is None else since_ms)
        self.terms.board.write(self.name, at_ms, self.interval_ms, readings)
        self.tally.add("sampled", len(readings))
        self.good_ms = at_ms
        return Sampled(self.name, at_ms, readings, opened)

    def clock(self, at_ms: int) -> list[Event]:
        """The time that it told, if it did; each is told once."""
        if not isinstance(self.driver, Timepiece) or self.driver.told is None:
            return []
        told, self.driver.told = self.driver.told, None
        return [ClockTold(self.name, at_ms, told.unix_ms, told.uncertainty_ms, told.kind)]

    def complain(self, at_ms: int, cause: str, text: str, loud: bool = False) -> list[Event]:
        """Count a failure; tell it if it is time to, or when it must be `loud`."""
        self.tally.add(cause)
        return self.mention(at_ms, cause, text, loud)

    def mention(self, at_ms: int, cause: str, text: str, loud: bool = False) -> list[Event]:
        """The same, of something that was counted already."""
        return [Failed(self.name, at_ms, cause, text)] if self._complaints.may(at_ms) or loud else []

    def heed(self) -> None:
        """Somebody asked: the next failure is told whenever it happens."""
        self._complaints.forget()


def believed(result: object, doubted: bool) -> tuple[Reading, ...]:
    """What a driver returned, if it is what it must be: readings that are numbers. Raises Broken."""
    if not isinstance(result, list) or not all(isinstance(reading, Reading) for reading in result):
        raise Broken(BUG, f"the driver returned {type(result).__name__}, not a list of readings")
    for reading in result:
        if not math.isfinite(reading.value):
            raise Broken(BUG, f"the driver returned {reading.value} as {reading.name}")
    return tuple(marked(result)) if doubted else tuple(result)


def marked(readings: Sequence[Reading]) -> list[Reading]:
    """The same readings, all of them in doubt."""
    return [replace(reading, flags=reading.flags | Flag.WARMING) for reading in readings]
