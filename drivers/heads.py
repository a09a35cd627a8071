"""Warm heads over a coarse thermal array, as two counts: pure logic over frames of temperatures.

Each pixel has its own background, which follows slowly, and more slowly still where somebody is. What differs from it
by enough, over enough pixels that touch, is a head at its centre of weight. Heads are followed from look to look by
nearness, and a passage is a head that was on one side of two lines and comes beyond the other: between the lines it
may dither. Two who walk arm in arm are one, which is the limit of the instrument.

A head begins as nobody and is forgotten when it leaves: nothing is kept but where a few blobs are now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

PATIENCE = 3  # looks for which a head may be hidden
SLOWER = 8  # the background under a head follows so much more slowly
Place = tuple[float, float]


class Background:
    """The temperature of each pixel when nobody is there; the first frame is taken as such."""

    def __init__(self, follows_us: float, differs: float) -> None:
        self._follows_us, self._differs = follows_us, differs
        self._pixels: list[float] = []
        self._last_us = 0

    def look(self, at_us: int, frame: Sequence[float]) -> list[float]:
        """How far each pixel is from its background, either way, and 0 where that is too little."""
        if not self._pixels:
            self._pixels = list(frame)
        pace = min(1.0, max(0, at_us - self._last_us) / self._follows_us)
        self._last_us = at_us
        off = [now - still for now, still in zip(frame, self._pixels, strict=True)]
        if -self._differs < min(off) and max(off) < self._differs:  # nobody is there
            self._pixels = [still + by * pace for still, by in zip(self._pixels, off, strict=True)]
            return [0.0] * len(off)
        seen = [abs(by) if abs(by) >= self._differs else 0.0 for by in off]
        self._pixels = [
            still + by * (pace / SLOWER if size else pace)
            for still, by, size in zip(self._pixels, off, seen, strict=True)
        ]
        return seen


def heads(seen: Sequence[float], width: int, least: int) -> list[Place]:
    """The centres (row, column) of what touches, sides or corners, over at least so many pixels."""
    left = {at for at, size in enumerate(seen) if size}
    found = []
    while left:
        blob = _blob(left, left.pop(), width)
        if len(blob) >= least:
            weight = sum(seen[at] for at in blob)
            row = sum(seen[at] * (at // width) for at in blob) / weight
            found.append((row, sum(seen[at] * (at % width) for at in blob) / weight))
    return found


def _blob(left: set[int], first: int, width: int) -> set[int]:
    """All that touches the first, taken out of what is left."""
    blob, edge = {first}, [first]
    while edge:
        at = edge.pop()
        near = {other for other in left if abs(other // width - at // width) <= 1
                and abs(other % width - at % width) <= 1}  # fmt: skip
        left -= near
        blob |= near
        edge += near
    return blob


@dataclass(slots=True)
class Head:
    """Somebody who is there now: where, on which side last, and for how many looks unseen."""

    place: Place
    side: int  # -1 before the first line, 1 beyond the second, 0 not known
    hidden: int = 0


class Crossings:
    """Who goes over both lines: in from the low rows to the high ones, out the other way."""

    def __init__(self, first_line: float, second_line: float, reach: float, gap_us: float) -> None:
        """`reach` is how far, in pixels, a head may move from look to look."""
        self._lines, self._reach, self._gap_us = (first_line, second_line), reach, gap_us
        self._heads: list[Head] = []
        self._last_us: int | None = None

    def look(self, at_us: int, places: Sequence[Place]) -> list[str]:
        """One look, in the order of time: "in" or "out" for each passage that it ends."""
        if self._last_us is not None and at_us - self._last_us > self._gap_us:
            self.lost()
        self._last_us = at_us
        left, ended = list(places), []
        for distance, head, place in self._pairs(places):
            if distance <= self._reach and place in left and head.hidden:
                left.remove(place)
                head.place, head.hidden = place, 0
                ended += self._crossed(head)
        self._heads = [head for head in self._heads if head.hidden <= PATIENCE]
        self._heads += [Head(place, self._side(place)) for place in left]
        return ended

    def _pairs(self, places: Sequence[Place]) -> list[tuple[float, Head, Place]]:
        """Every head with every place, the nearest first; each head is hidden until it is found."""
        for head in self._heads:
            head.hidden += 1
        pairs = [(_apart(head.place, place), head, place) for head in self._heads for place in places]
        return sorted(pairs, key=lambda pair: pair[0])

    def _side(self, place: Place) -> int:
        return -1 if place[0] < self._lines[0] else 1 if place[0] > self._lines[1] else 0

    def _crossed(self, head: Head) -> list[str]:
        before, now = head.side, self._side(head.place)
        head.side = now or before
        return [("in" if now > 0 else "out")] if before * now < 0 else []

    def lost(self) -> None:
        """Looks are missing: whoever is between the lines is nobody's passage."""
        self._heads = []


def _apart(one: Place, other: Place) -> float:
    return hypot(one[0] - other[0], one[1] - other[1])
