"""The open windows of a node as one journal record: what a power cut must not cost, and what never leaves the pole.

With the readings of a commit goes what counting sensors hold in the windows that are still open, and what they have
counted in all. So at the next start each driver goes on where it was, less what happened since the last commit. When
a window closes, its readings and the new state of its sensor come in one event and go in one commit.

A record holds all sensors, as `{"boot": ordinal, "windows": {sensor: [likeness, told, state, before]}}`. The likeness
tells the driver and its settings: counts of another driver, or of one with another meaning, are not taken up. What an
earlier life left stays in the record until the sensor itself says something newer, so that a sensor that is slow to
start loses nothing. Times move by themselves: they ride along, but a commit is made only for what was counted.

A power cut may tear the last commit, so that of a window that closed in it the readings survive and this record does
not, or the other way round. So a record says when the last window was `told`. Readings that are later than that say
themselves how much was counted in all, and the window is spent. And `before` is the state before a window that closes
in this very commit: if its readings are not there, that one holds. Either way nothing is counted twice, and nothing is
lost but what happened since the commit before.

The newest record is looked for in the newest segments, so it is repeated when the journal has gone to another one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from drivers.driver import Driver
from drivers.ongoing import State
from edge.wire.chunks import Chunk, Schema
from edge.wire.record import RecordKind

Entry = tuple[int, int, bytes]  # kind, readings, body: what the journal takes
TOTAL = "count_total"
LONGEST_STATE = 4_096  # characters, of one sensor
TIME = "_us"  # the end of the names of times


def likeness(driver: Driver) -> str:
    """What two drivers have in common whose counts mean the same: their name, and what a board chose for them."""
    chosen = {one.name: driver.chosen[one.name] for one in driver.settings if driver.chosen[one.name] != one.default}
    tables = {one.name: one.filled(one.default) for one in driver.tables}
    rows = {name: driver.rows[name] for name, default in tables.items() if driver.rows[name] != default}
    return f"{crc32(json.dumps([driver.name, chosen, rows], sort_keys=True).encode()):08x}"


@dataclass(frozen=True, slots=True)
class Telling:
    """The readings of a window as they were found in the journal: when it closed, and its totals by channel."""

    boot: int
    at_ms: int
    totals: dict[str, int]


def tellings(chunk: Chunk, schema: Schema) -> dict[str, Telling]:
    """The newest of each sensor in a chunk."""
    found: dict[str, Telling] = {}
    for cell in chunk.cells:
        column = schema.columns[cell.column]
        before = found.get(column.sensor)
        if before is None or before.at_ms < cell.at_ms:
            before = found[column.sensor] = Telling(chunk.boot, cell.at_ms, {})
        if column.quantity == TOTAL and before.at_ms == cell.at_ms:
            before.totals[column.channel] = cell.steps // 10**column.decimals
    return found


class OpenWindows:
    """The newest state of each counting sensor. Nothing is kept before `take_up`, for that would hide what was left."""

    def __init__(self, boot: int, likenesses: Mapping[str, str]) -> None:
        self._boot = boot
        self._told: dict[str, int] = {}  # when the readings of the last window were
        self._closed: set[str] = set()  # in the commit that gathers now
        self._likenesses = {sensor: alike for sensor, alike in likenesses.items() if alike}
        self.counts = bool(self._likenesses)  # whether anybody here counts at all
        self._states: dict[str, State] = {}
        self._kept: dict[str, State] = {}  # as in the newest record
        self._segment = 0  # of the journal, to which that went
        self.ready = False

    def take_up(
        self, body: bytes | None, later: Sequence[Mapping[str, Telling]] = (), whole: bool = False
    ) -> tuple[dict[str, State], list[tuple[str, str]]]:
        """What an earlier life left, by sensor, out of its newest record and the readings `later` than that; and of
        whom it can not be taken up, and why. A sensor that is named "" stands for the whole record. `whole`: what went
        with the record is known to be safe."""
        self.ready = True
        left, refused = _read(body, self._likenesses, later, whole)
        self._states |= left  # until the sensor, which has it now, says something newer
        return left, refused

    def take(self, sensor: str, state: State, told_ms: int | None = None) -> str:
        """The newest word of a sensor, with the readings of a window that closed at `told_ms`; why it is not kept, ""
        when it is."""
        if told_ms is not None:
            self._told[sensor] = told_ms
            self._closed.add(sensor)
        self._states[sensor] = state
        if len(_json(state)) <= LONGEST_STATE:
            return ""
        self._states[sensor] = {}
        return f"what it counts is longer than {LONGEST_STATE} characters"

    def entry(self, segment: int, company: bool) -> Entry | None:
        """The record for a commit to this segment of the journal, if there is need of one; `company`: readings go with
        it anyway."""
        states = {sensor: state for sensor, state in self._states.items() if state}
        closed, self._closed = self._closed, set()
        if not self.ready or (not states and not self._kept):
            return None
        moved = states != self._kept if company else _counts(states) != _counts(self._kept)
        if not moved and segment == self._segment:
            return None
        before, self._kept, self._segment = self._kept, states, segment
        windows: dict[str, list[object]] = {}
        for sensor in sorted({*states, *(closed & set(before))}):
            kept = [self._likenesses.get(sensor, ""), self._told.get(sensor, 0), states.get(sensor, {})]
            windows[sensor] = [*kept, before.get(sensor, {})] if sensor in closed else kept
        return RecordKind.OPEN, 0, _json({"boot": self._boot, "windows": windows}).encode()


def _counts(kept: object) -> object:
    """The same without times."""
    if isinstance(kept, dict):
        return {name: _counts(part) for name, part in kept.items() if not name.endswith(TIME)}
    return kept


def _read(
    body: bytes | None, likenesses: Mapping[str, str], later: Sequence[Mapping[str, Telling]], whole: bool
) -> tuple[dict[str, State], list[tuple[str, str]]]:
    if body is None:
        return {}, []
    try:
        tree = json.loads(body)
        boot, windows = int(tree["boot"]), tree["windows"].items()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}, [("", "the record is damaged")]
    left: dict[str, State] = {}
    refused = []
    for sensor, kept in windows:
        if why := _unfit(kept, likenesses.get(sensor)):
            refused.append((sensor, why))
        else:
            left[sensor] = _standing(boot, kept, [telling[sensor] for telling in later if sensor in telling], whole)
    return {sensor: state for sensor, state in left.items() if state}, refused


def _standing(boot: int, kept: list[Any], later: Sequence[Telling], whole: bool) -> State:
    """What holds for a sensor: the state of the record, that of the one before, or what later readings say."""
    _, told_ms, state, *before = kept
    spent = [telling for telling in later if telling.boot != boot or telling.at_ms > told_ms]
    if spent:
        return {"told": dict(spent[-1].totals)} if any(spent[-1].totals.values()) else {}
    if before and not whole and not any(telling.at_ms == told_ms for telling in later):
        return before[0]  # type: ignore[no-any-return]
    return state  # type: ignore[no-any-return]


def _unfit(kept: Any, alike: str | None) -> str:
    """Why it can not be taken up; "" when it can."""
    whole = isinstance(kept, list) and 3 <= len(kept) <= 4 and isinstance(kept[1], int)
    if not whole or not all(isinstance(state, dict) for state in kept[2:]):
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
