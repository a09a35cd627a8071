"""The open windows of a node as one journal record: what a power cut must not cost, and what never leaves the pole.

With the readings of a commit goes what counting sensors hold in the windows that are still open, and what they have
counted in all. So at the next start each driver goes on where it was, less what happened since the last commit. When
a window closes, its readings and the new state of its sensor come in one event and go in one commit.

A record holds all sensors, as `{"windows": {sensor: [likeness, state]}}`. The likeness tells the driver and its
settings: counts of another driver, or of one with another meaning, are not taken up. What an earlier life left stays
in the record until the sensor itself says something newer, so that a sensor that is slow to start loses nothing.
Times move by themselves: they ride along, but a commit is made only for what was counted.

The newest record is looked for in the newest segments, so it is repeated when the journal has gone to another one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from zlib import crc32

from drivers.driver import Driver
from drivers.ongoing import State
from edge.wire.record import RecordKind

Entry = tuple[int, int, bytes]  # kind, readings, body: what the journal takes
LONGEST_STATE = 4_096  # characters, of one sensor
TIME = "_us"  # the end of the names of times


def likeness(driver: Driver) -> str:
    """What two drivers have in common whose counts mean the same: their name, and what a board chose for them."""
    chosen = {one.name: driver.chosen[one.name] for one in driver.settings if driver.chosen[one.name] != one.default}
    tables = {one.name: one.filled(one.default) for one in driver.tables}
    rows = {name: driver.rows[name] for name, default in tables.items() if driver.rows[name] != default}
    return f"{crc32(json.dumps([driver.name, chosen, rows], sort_keys=True).encode()):08x}"


class OpenWindows:
    """The newest state of each counting sensor. Nothing is kept before `take_up`, for that would hide what was left."""

    def __init__(self, likenesses: Mapping[str, str]) -> None:
        self._likenesses = {sensor: alike for sensor, alike in likenesses.items() if alike}
        self._states: dict[str, State] = {}
        self._kept: dict[str, State] = {}  # as in the newest record
        self._segment = 0  # of the journal, to which that went
        self.ready = False

    def take_up(self, body: bytes | None) -> tuple[dict[str, State], list[tuple[str, str]]]:
        """What an earlier life left, by sensor, out of its newest record; and of whom it can not be taken up, and why.
        A sensor that is named "" stands for the whole record."""
        self.ready = True
        left, refused = _read(body, self._likenesses)
        self._states = {**left, **self._states}
        return left, refused

    def take(self, sensor: str, state: State) -> str:
        """The newest word of a sensor; why it is not kept, "" when it is."""
        self._states[sensor] = state
        if len(_json(state)) <= LONGEST_STATE:
            return ""
        self._states[sensor] = {}
        return f"what it counts is longer than {LONGEST_STATE} characters"

    def entry(self, segment: int, company: bool) -> Entry | None:
        """The record for a commit to this segment of the journal, if there is need of one; `company`: readings go with
        it anyway."""
        states = {sensor: state for sensor, state in self._states.items() if state}
        if not self.ready or (not states and not self._kept):
            return None
        moved = states != self._kept if company else _counts(states) != _counts(self._kept)
        if not moved and segment == self._segment:
            return None
        self._kept, self._segment = states, segment
        windows = {sensor: [self._likenesses.get(sensor, ""), state] for sensor, state in sorted(states.items())}
        return RecordKind.OPEN, 0, _json({"windows": windows}).encode()


def _counts(kept: object) -> object:
    """The same without times."""
    if isinstance(kept, dict):
        return {name: _counts(part) for name, part in kept.items() if not name.endswith(TIME)}
    return kept


def _read(body: bytes | None, likenesses: Mapping[str, str]) -> tuple[dict[str, State], list[tuple[str, str]]]:
    if body is None:
        return {}, []
    try:
        windows = json.loads(body)["windows"].items()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}, [("", "the record is damaged")]
    left: dict[str, State] = {}
    refused = []
    for sensor, kept in windows:
        if why := _unfit(kept, likenesses.get(sensor)):
            refused.append((sensor, why))
        else:
            left[sensor] = kept[1]
    return left, refused


def _unfit(kept: Any, alike: str | None) -> str:
    """Why it can not be taken up; "" when it can."""
    if not (isinstance(kept, list) and len(kept) == 2 and isinstance(kept[1], dict)):
        return "it is damaged"
    if alike is None:
        return "there is no such counting sensor on the board any more"
    return "" if kept[0] == alike else "the driver or its settings are others now"


def _json(tree: object) -> str:
    return json.dumps(tree, separators=(",", ":"))


def told(refused: list[tuple[str, str]]) -> Iterator[dict[str, str]]:
    """The details of the events that tell of it: whose it was, and why; never what was counted."""
    for sensor, why in refused:
        yield {"sensor": sensor, "why": why} if sensor else {"why": why}
