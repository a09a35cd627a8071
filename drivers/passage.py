"""Who went by, and whether a place is taken, from looks at a distance: pure logic for lidars and time-of-flight chips.

A look is a time and a distance in metres; None is a look that met nothing, which is farther than anything. A look
that failed is no look: it is left out, and where looks are missing for longer than `gap_us` (or `lost` says so) what
was half seen is given up, because nobody knows how it went on. Nothing is ever made up for the time between.

An object is near below a threshold and stays near until it is farther than threshold and hysteresis together, so that
a trembling edge is one object. What is near when the looks begin was never seen to arrive: it makes no passage and
no arrival. Times are µs since boot; the windows lie with whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

PATH = ((False, False), (True, False), (True, True), (False, True))
THROUGH = {4: "in", -4: "out"}


class Nearness:
    """A threshold with hysteresis. `near` is None before the first look."""

    def __init__(self, near_m: float, hysteresis_m: float) -> None:
        self._near_m, self._far_m = near_m, near_m + hysteresis_m
        self.near: bool | None = None

    def look(self, distance_m: float | None) -> bool:
        """Whether something is near now."""
        if distance_m is None:
            self.near = False
        else:
            self.near = distance_m <= self._far_m if self.near else distance_m < self._near_m
        return self.near


class Passages:
    """Objects that came near and went again, within `least_us` and `most_us`: each counts once, when it goes."""

    def __init__(self, nearness: Nearness, least_us: float, most_us: float, gap_us: float) -> None:
        self._nearness, self._least_us, self._most_us, self._gap_us = nearness, least_us, most_us, gap_us
        self._came_us: int | None = None  # None: nobody saw it come
        self._last_us: int | None = None

    def look(self, at_us: int, distance_m: float | None) -> bool:
        """One look, in the order of time; True when it ends a passage."""
        if self._last_us is not None and at_us - self._last_us > self._gap_us:
            self.lost()
        self._last_us = at_us
        before, now = self._nearness.near, self._nearness.look(distance_m)
        if now and before is False:
            self._came_us = at_us
        if now or self._came_us is None:
            return False
        stayed_us, self._came_us = at_us - self._came_us, None
        return self._least_us <= stayed_us <= self._most_us

    def lost(self) -> None:
        """Looks are missing: what is near now may be another than was."""
        self._came_us = None


class Gate:
    """Two zones side by side, looked at in turn: who comes through zone 0 first goes in, through zone 1 first out.

    Seen as (zone 0, zone 1) a person going in draws 00-10-11-01-00. A step forth counts plus one and a step back minus
    one: who turns round in the door cancels out. Who stands still for longer than `still_us` is furniture until both
    zones are free again.
    """

    def __init__(self, zones: Sequence[Nearness], still_us: float, gap_us: float) -> None:
        self._zones, self._still_us, self._gap_us = zones, still_us, gap_us
        self._steps: int | None = None  # None: astray, until both zones are seen free
        self._stepped_us = 0
        self._last_us: int | None = None

    def look(self, at_us: int, zone: int, distance_m: float | None) -> str | None:
        """One look into one zone, in the order of time; "in" or "out" when it ends a passage."""
        if self._last_us is not None and at_us - self._last_us > self._gap_us:
            self.lost()
        self._last_us = at_us
        before = self._seen()
        self._zones[zone].look(distance_m)
        now = self._seen()
        if now != before:
            self._step(at_us, before, now)
        return self._arrive() if now == PATH[0] else None

    def _seen(self) -> tuple[bool, bool]:
        return bool(self._zones[0].near), bool(self._zones[1].near)

    def _step(self, at_us: int, before: tuple[bool, bool], now: tuple[bool, bool]) -> None:
        if before != PATH[0] and at_us - self._stepped_us > self._still_us:
            self._steps = None
        self._stepped_us = at_us
        if self._steps is not None:
            self._steps += 1 if (PATH.index(now) - PATH.index(before)) % 4 == 1 else -1

    def _arrive(self) -> str | None:
        """Both zones are free: was that a passage?"""
        way = THROUGH.get(self._steps or 0)
        self._steps = 0 if all(zone.near is False for zone in self._zones) else None
        return way

    def lost(self) -> None:
        """Looks are missing: whoever is between the zones is nobody's passage."""
        if self._seen() != PATH[0]:
            self._steps = None


class Share:
    """For which part of the known time something was so. A state holds until the next one is told."""

    def __init__(self, gap_us: float) -> None:
        self._gap_us = gap_us
        self._state: bool | None = None
        self._since_us = 0
        self._true_us = self._known_us = 0

    def tell(self, at_us: int, state: bool | None) -> None:
        """From now on it is so; None: nobody knows. A state older than `gap_us` says nothing of the time until now."""
        passed_us = max(0, at_us - self._since_us)
        if self._state is not None and passed_us <= self._gap_us:
            self._known_us += passed_us
            self._true_us += passed_us if self._state else 0
        self._state, self._since_us = state, at_us

    def close(self, at_us: int) -> float | None:
        """The share from 0 to 1 since the last close; None when nothing was known."""
        self.tell(at_us, self._state)
        share = self._true_us / self._known_us if self._known_us else None
        self._true_us = self._known_us = 0
        return share

    def told(self, at_us: int) -> dict[str, int]:
        """What is known of the open window up to the last look."""
        return {"known_us": self._known_us, "true_us": self._true_us}

    def take(self, times: Mapping[str, int]) -> None:
        """Add what was known in an earlier life."""
        self._known_us += times.get("known_us", 0)
        self._true_us += times.get("true_us", 0)


class Spot:
    """A parking spot: taken when something is near for `hold_us`, free again when nothing is for `free_us`.

    `taken` is None until it is known for the first time. Times count as they are known: an occupancy begins `hold_us`
    late and ends `free_us` late, so that with both alike its length is true. `look` says when somebody has arrived.
    """

    def __init__(self, nearness: Nearness, hold_us: float, free_us: float, gap_us: float) -> None:
        self._nearness, self._hold_us, self._free_us, self._gap_us = nearness, hold_us, free_us, gap_us
        self._share = Share(gap_us)
        self._turned_us: int | None = None  # since when it looks other than `taken` says
        self._last_us: int | None = None
        self.taken: bool | None = None

    def look(self, at_us: int, distance_m: float | None) -> bool:
        """One look, in the order of time; True when somebody has arrived with it."""
        if self._last_us is not None and at_us - self._last_us > self._gap_us:
            self.lost()
        self._last_us = at_us
        before, near = self._nearness.near, self._nearness.look(distance_m)
        if near == self.taken:
            self._turned_us = None
        elif self._turned_us is None or near != before:
            self._turned_us = at_us
        arrived = self._turns(at_us, near)
        self._share.tell(at_us, self.taken)
        return arrived

    def _turns(self, at_us: int, near: bool) -> bool:
        """Take over what has looked so for long enough."""
        if self._turned_us is None or at_us - self._turned_us < (self._hold_us if near else self._free_us):
            return False
        arrived = near and self.taken is False
        self.taken, self._turned_us = near, None
        return arrived

    def lost(self) -> None:
        """Looks are missing: what was about to turn must begin anew, and the time until the next look is unknown."""
        self._turned_us = None
        self._share.tell(self._last_us or 0, None)

    def close(self, at_us: int) -> float | None:
        """The share of the window's known time for which the spot was taken; None when nothing was known."""
        return self._share.close(at_us)

    def told(self, at_us: int) -> dict[str, int]:
        """The times of the open window. Whether it is taken must be seen again."""
        return self._share.told(at_us)

    def take(self, times: Mapping[str, int]) -> None:
        """Add those of an earlier life."""
        self._share.take(times)
