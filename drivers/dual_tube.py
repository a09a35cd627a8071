"""Two rubber tubes across a road, a known distance apart: direction, speed, and class by the distance of the axles.

Wiring: each tube to an air switch, each switch between its pin and GND with `bias = "pull_up"`, `active_low = true`, so
that a hit is level 1. Who goes from a to b counts as `ab`. Lay tubes 1.0 m apart for cars, 0.3 m for bicycles; the
same length of both, or the air arrives late at one of them.

Each axle hits both tubes: its speed is the gap through the time between, its distance to the axle before is speed times
interval. Wheels that lie closer than the gap hit `a a b b`, so hits are matched first come, first served, and rather
with a time like that of the axle before. Hits on one tube within `bounce_ms` of the edge before are the same hit.
After a loss nothing is matched until both tubes have been quiet, because one missing hit would turn a direction round.
Two that meet on the tubes are counted, but their speeds may be wrong: the limit of the instrument.

**Who is counted.** A bicycle is a person on a bicycle: one count, one person, so classes with `person` get long windows
(PROPERTIES P2), no speed of their own below 5 in a window, and no part in the mean. That is the default of a row: who
writes a table of cars says so. Where no class is of persons, what fits none is not counted at all, because `other`
could be cyclists in short windows. The thresholds are starting points and no standard; three axles and more count as
trucks, as do cars with a trailer, like the length classes of loops. Source: reference, section 10.3; the principle, the
Traffic Monitoring Guide of the FHWA.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

from drivers.axles import KMH, OTHER, Axle, Change, Convoy, Kind
from drivers.bounce import Bounce
from drivers.lines import Edge, LinesDriver
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Row, Setting, Table

ACROSS = {"a": "b", "b": "a"}
WAYS = ("ab", "ba")
PEOPLE_MEAN = 5  # persons in a window before their mean speed is told
SAME_PACE = 0.25
MOST_WAITING = 16
CHANNEL = re.compile(r"[a-z0-9_]{1,16}")
STARTING_POINTS: tuple[Row, ...] = (
    {"name": "bicycle", "low_m": 0.9, "high_m": 1.25, "max_kmh": 50.0, "reach_m": 0.0, "person": True},
    {"name": "motorcycle", "low_m": 1.25, "high_m": 1.7, "reach_m": 0.0, "person": False},
    {"name": "car", "low_m": 1.8, "high_m": 3.2, "reach_m": 4.0, "person": False},
    {"name": "truck", "low_m": 3.2, "high_m": 12.0, "reach_m": 9.0, "person": False},
    {"name": "truck", "low_m": 1.8, "high_m": 12.0, "axles": 3, "reach_m": 9.0, "person": False},
)
CLASSES = Table(
    "classes",
    (
        Setting("name", "", "what it is called: a-z, 0-9 and _; several rows may share a name", required=True),
        Setting("low_m", 0.0, "first two axles at least so far apart", (), 0, 30, required=True),
        Setting("high_m", 0.0, "and less than this", (), 0, 30, required=True),
        Setting("max_kmh", 300.0, "goes no faster", (), 1, 300),
        Setting("axles", 2, "has at least so many axles", (), 2, 12),
        Setting("reach_m", 0.0, "a further axle lies at most this far behind; 0: there is none", (), 0, 30),
        Setting("person", True, "one count is one person: a bicycle, a scooter"),
    ),
    "classes of vehicles, by the distance of their first two axles",
    STARTING_POINTS,
    least=1,
    most=16,
)


class DualTube(LinesDriver):
    """Vehicles by direction and class, and the mean speed of those that are no single persons (km/h)."""

    name = "dual_tube"
    title = "Two pneumatic tubes: vehicles and bicycles by direction, class and speed"
    datasheet = "https://www.fhwa.dot.gov/policyinformation/tmguide/"
    measures = (Quantity.COUNT, Quantity.COUNT_TOTAL, Quantity.VEHICLE_SPEED)
    settings = (
        Setting("gap_m", 1.0, "from tube to tube", (), 0.1, 10),
        Setting("bounce_ms", 8.0, "hits on one tube closer than this are one", (), 0, 50),
        Setting("slowest_kmh", 5.0, "who is slower is not seen", (), 1, 50),
        Setting("fastest_kmh", 160.0, "who is faster is two that meet", (), 50, 300),
    )
    tables = (CLASSES,)
    lines = ("a", "b")
    counts_people = True
    still_s = 0.0
    opens, totals = ("_window", "_speeds"), ("_total",)

    def __init__(self, **settings: Chosen) -> None:
        """Raises ValueError, also for a table of classes that can not be."""
        super().__init__(**settings)
        kinds = tuple(kind(row) for row in self.rows["classes"])
        self.counts_people = any(one.person for one in kinds)
        self._persons = {one.name for one in kinds if one.person}
        self._names = [*dict.fromkeys(one.name for one in kinds), *([OTHER] if self.counts_people else [])]
        self._longest_m = max(one.high_m for one in kinds)
        self._gap_m = float(self.chosen["gap_m"])
        self._slowest_us = self._gap_m / float(self.chosen["slowest_kmh"]) * KMH * 1e6
        self._fastest_us = self._gap_m / float(self.chosen["fastest_kmh"]) * KMH * 1e6
        self._bounces = {line: Bounce(float(self.chosen["bounce_ms"]) * 1e3) for line in self.lines}
        self._waiting: dict[str, deque[int]] = {line: deque(maxlen=MOST_WAITING) for line in self.lines}
        self._convoys = {way: Convoy(kinds) for way in WAYS}
        self._paces_us: dict[str, tuple[int, int]] = {}  # the last hit, and how long it took
        self._astray = False
        self._hit_us: int | None = None
        self._channels = [f"{way}.{name}" for way in WAYS for name in self._names]
        self._window = dict.fromkeys(self._channels, 0)
        self._total = dict.fromkeys(self._channels, 0)
        self._speeds = dict.fromkeys(self._channels, 0.0)  # sums of m/s

    def edge(self, edge: Edge) -> None:
        """Take one edge of a tube. Raises KeyError for a line that is no tube."""
        if not self._bounces[edge.line].counts(edge.at_us, edge.level) or self._lies_astray(edge.at_us):
            return
        before = self._before(edge.line, edge.at_us)
        if before is None:
            self._waiting[edge.line].append(edge.at_us)
            return
        way, took_us = ACROSS[edge.line] + edge.line, edge.at_us - before
        self._paces_us[way] = edge.at_us, took_us
        self._book(way, self._convoys[way].take(Axle(before, self._gap_m / took_us * 1e6)))

    def _before(self, line: str, at_us: int) -> int | None:
        """The hit on the other tube by the axle that now hits this one, taken out of those that wait."""
        waiting = self._waiting[ACROSS[line]]
        while waiting and at_us - waiting[0] > self._slowest_us:
            waiting.popleft()
        able = [hit for hit in waiting if at_us - hit >= self._fastest_us]
        if not able:
            return None
        pace_us = self._pace_us(ACROSS[line] + line, at_us)
        found = next((hit for hit in able if abs(at_us - hit - pace_us) <= SAME_PACE * pace_us), able[0])
        while waiting.popleft() != found:
            pass
        return found

    def _pace_us(self, way: str, at_us: int) -> float:
        """From tube to tube, of the axle before, as long as it may be of the same vehicle; else 0."""
        hit_us, pace_us = self._paces_us.get(way, (0, 0))
        return pace_us if at_us - hit_us <= self._longest_m / self._gap_m * pace_us else 0

    def _lies_astray(self, at_us: int) -> bool:
        """Whether hits can not be told apart since a loss: until both tubes have been quiet."""
        before, self._hit_us = self._hit_us, at_us
        self._find_back(before, at_us)
        return self._astray

    def _find_back(self, hit_us: int | None, at_us: int) -> None:
        if hit_us is not None and at_us - hit_us > self._slowest_us:
            self._astray = False

    @property
    def astray(self) -> bool:
        return self._astray

    def _book(self, way: str, changes: Iterator[Change]) -> None:
        for change in changes:
            if (channel := f"{way}.{change.name}") in self._window:
                self._window[channel] += change.by
                self._speeds[channel] += change.by * change.speed

    def lost(self, edges: int) -> None:
        """Forget what is on the tubes; hits are matched again after a quiet moment."""
        self._astray, self._hit_us = True, None
        self._paces_us.clear()
        for waiting in self._waiting.values():
            waiting.clear()
        for convoy in self._convoys.values():
            convoy.forget()

    def close(self, at_us: int) -> list[Reading]:
        """Counts and totals of each way and class, and mean speeds; no vehicle, no speed."""
        self._find_back(self._hit_us, at_us)
        for way, convoy in self._convoys.items():
            self._book(way, convoy.expire(at_us))
            convoy.settle()
        self._total = {channel: total + self._window[channel] for channel, total in self._total.items()}
        said = [Reading(Quantity.COUNT, float(count), channel) for channel, count in self._window.items()]
        said += [Reading(Quantity.COUNT_TOTAL, float(total), channel) for channel, total in self._total.items()]
        said += self._means()
        self._window, self._speeds = dict.fromkeys(self._channels, 0), dict.fromkeys(self._channels, 0.0)
        return said

    def _means(self) -> Iterator[Reading]:
        for way in WAYS:
            motor = [name for name in self._names if name not in self._persons and name != OTHER]
            yield from self._mean(way, [f"{way}.{name}" for name in motor], self.least_for_mean)
            for name in self._names:
                if name in self._persons:
                    yield from self._mean(f"{way}.{name}", [f"{way}.{name}"], PEOPLE_MEAN)

    def _mean(self, channel: str, counted: list[str], least: int) -> Iterator[Reading]:
        count = sum(self._window[one] for one in counted)
        if count >= least:
            mean = sum(self._speeds[one] for one in counted) / count
            yield Reading(Quantity.VEHICLE_SPEED, mean * KMH, channel)


def kind(row: Row) -> Kind:
    """A row of the table. Raises ValueError for one that no vehicle could fit."""
    found = Kind(**row)  # type: ignore[arg-type]
    if not CHANNEL.fullmatch(found.name):
        raise ValueError(f"dual_tube.classes: {found.name!r} must be 1 to 16 of a-z, 0-9 and _")
    if found.low_m >= found.high_m:
        raise ValueError(f"dual_tube.classes: {found.name} has low_m {found.low_m:g}, not less than {found.high_m:g}")
    return found
