"""Axles made into vehicles: which of them belong together, and what they are.

Two axles of one vehicle go at one speed, and lie as far apart as its class says. So each axle looks for a lone one
before it that would make a class; else it may be a further axle of the vehicle before; else it waits. Cyclists side by
side interleave their wheels and are told apart all the same, because each wheel looks for its own.

A vehicle counts with its second axle, so that a window that ends under it counts it once; a third may change its class
as long as that window is open. A lone axle that found no fellow is a vehicle that nobody can name: `other`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

OTHER = "other"
SAME_SPEED = 0.25  # two axles of one vehicle differ by less than this share
MOST_LONE = 8
KMH = 3.6


@dataclass(frozen=True, slots=True)
class Axle:
    """When it was on the first tube (µs), and how fast it went (m/s)."""

    at_us: int
    speed: float

    def ahead_of(self, later: Axle) -> float:
        """How far it went before the later one came, in metres."""
        return (later.at_us - self.at_us) / 1e6 * (self.speed + later.speed) / 2

    def agrees(self, other: Axle) -> bool:
        """Whether both can belong to one vehicle, by their speeds."""
        return abs(self.speed - other.speed) <= SAME_SPEED * max(self.speed, other.speed)


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of vehicles, by the distance of its first two axles."""

    name: str
    low_m: float
    high_m: float
    max_kmh: float
    axles: int  # at least
    reach_m: float  # a further axle lies at most this far behind
    person: bool

    def fits(self, first_m: float, speed: float, axles: int) -> bool:
        return self.low_m <= first_m < self.high_m and speed * KMH <= self.max_kmh and axles >= self.axles


@dataclass
class Vehicle:
    """What is known of it so far."""

    kind: Kind
    first_m: float
    speed: float  # with which it was counted
    last: Axle
    axles: int = 2
    settled: bool = False  # counted in a window that is closed


@dataclass(frozen=True, slots=True)
class Change:
    """To the counts: so many more of this class, at this speed in m/s."""

    name: str
    by: int
    speed: float


class Convoy:
    """What goes in one direction."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._kinds = tuple(kinds)
        self._longest_m = max((kind.high_m for kind in kinds), default=0.0)
        self._lone: deque[Axle] = deque()
        self._vehicle: Vehicle | None = None

    def take(self, axle: Axle) -> Iterator[Change]:
        """The next axle, in the order of time."""
        yield from self.expire(axle.at_us)
        if made := self._paired(axle):
            self._vehicle = made
            yield Change(made.kind.name, 1, axle.speed)
        elif self._belongs(axle):
            yield from self._lengthened(axle)
        else:
            self._lone.append(axle)
            if len(self._lone) > MOST_LONE:
                yield from self._unnamed()

    def expire(self, at_us: int) -> Iterator[Change]:
        """Lone axles whose fellow must have come by now."""
        while self._lone and (at_us - self._lone[0].at_us) / 1e6 * self._lone[0].speed > self._longest_m:
            yield from self._unnamed()

    def settle(self) -> None:
        """A window ends: what was counted in it stays as it is."""
        if self._vehicle:
            self._vehicle.settled = True

    def forget(self) -> None:
        """Give up what is half seen."""
        self._lone.clear()
        self._vehicle = None

    def _paired(self, axle: Axle) -> Vehicle | None:
        for lone in self._lone:
            first_m = lone.ahead_of(axle)
            if lone.agrees(axle) and (kind := self._kind(first_m, axle.speed, 2)):
                self._lone.remove(lone)
                return Vehicle(kind, first_m, axle.speed, axle)
        return None

    def _belongs(self, axle: Axle) -> bool:
        before = self._vehicle
        return bool(before and before.last.agrees(axle) and before.last.ahead_of(axle) <= before.kind.reach_m)

    def _lengthened(self, axle: Axle) -> Iterator[Change]:
        assert self._vehicle is not None
        vehicle, before = self._vehicle, self._vehicle.kind
        vehicle.last, vehicle.axles = axle, vehicle.axles + 1
        kind = self._kind(vehicle.first_m, vehicle.speed, vehicle.axles) or before
        if kind.name != before.name and not vehicle.settled:
            yield Change(before.name, -1, vehicle.speed)
            yield Change(kind.name, 1, vehicle.speed)
        vehicle.kind = kind

    def _kind(self, first_m: float, speed: float, axles: int) -> Kind | None:
        """The class that fits and asks for the most axles; of several, the first."""
        fitting = [kind for kind in self._kinds if kind.fits(first_m, speed, axles)]
        return max(fitting, key=lambda kind: kind.axles, default=None)

    def _unnamed(self) -> Iterator[Change]:
        """The oldest lone axle, and the one behind it that may be its own, are one thing."""
        lone = self._lone.popleft()
        if self._lone and lone.agrees(self._lone[0]) and lone.ahead_of(self._lone[0]) <= self._longest_m:
            self._lone.popleft()
        yield Change(OTHER, 1, lone.speed)
