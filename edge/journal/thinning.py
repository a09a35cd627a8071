"""What is left of old readings when the journal is full: one for each series, in place of many. Pure.

Means of what is measured, sums of what is counted in each window, the last of what only ever rises; each flagged as
thinned, with every doubt that any of them carried. Readings that were thinned before are not thinned again: they go.
Events are kept as they are, in records that say which they repeat, as long as they are not the greater part of it all.
Health and open windows go without a trace but their seqs: they are of use only as long as they are new.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from drivers.reading import Flag, Quantity, to_steps
from edge.journal.layout import SECTOR, Entry, footprint, footprints
from edge.wire.cells import Strip
from edge.wire.chunks import LARGEST_STEPS, ChunkError, Columns, UnknownSchema, decode_columns, encode_columns
from edge.wire.clocks import ClockQuality
from edge.wire.kept import first_copy, keep
from edge.wire.messages import ClockRecord, MessageError, from_json
from edge.wire.record import Record, RecordError, RecordKind
from edge.wire.schema import Schema, SchemaError

MOST_RECORDS, MOST_BYTES, MOST_READINGS = 64, 64 * 1024, 4_000  # of a run that is thinned at once

SUMMED = {Quantity.COUNT.value, Quantity.RAIN.value}  # each is what one window saw, so the next does not contain it
LAST = {  # each contains all before it, or is a state and no amount
    Quantity.COUNT_TOTAL.value, Quantity.ENERGY_IMPORT.value, Quantity.ENERGY_EXPORT.value, Quantity.GAS_VOLUME.value,
    Quantity.WATER_VOLUME.value, Quantity.UPTIME.value, Quantity.THROTTLED.value,
}  # fmt: skip
AROUND = {Quantity.WIND_DIRECTION.value}  # the mean of 350 and 10 degrees is 0
LOUD = {Quantity.LAEQ.value, Quantity.SOUND_LEVEL.value}  # the mean of the energy, not of its logarithm

Group = tuple[int, bytes, ClockQuality]  # boot, key of the schema, quality of the clock


class Thinning:
    """Follows the records of the oldest segment. `schemas` gives the body of a schema by its hex key, if known."""

    def __init__(self, schemas: Callable[[str], bytes | None]) -> None:
        self._schemas = schemas
        self._passed: dict[bytes, Schema] = {}
        self._clocks: dict[int, bytes] = {}  # of each boot, the last that went by
        self._told: set[bytes] = set()  # bodies that the segment holds to which the thinned ones go
        self._boot = -1  # the one that is going on

    def begin(self) -> None:
        """Another segment is the oldest."""
        self._passed.clear()
        self._clocks.clear()

    def entered(self) -> None:
        """Another segment is the newest."""
        self._told.clear()

    def wrote(self, entries: Iterable[Entry]) -> None:
        """These went into the newest segment."""
        for entry in entries:
            if entry.kind in (RecordKind.CLOCK, RecordKind.SCHEMA):
                self._told.add(entry.body)

    def goes_on(self, entries: Iterable[Entry]) -> None:
        """These are about to be written: whoever runs now tells its clock itself."""
        for entry in entries:
            if entry.kind == RecordKind.CLOCK and (clock := _clock(entry.body)) is not None:
                self._boot = clock.boot

    def passes(self, record: Record) -> None:
        """The next record of the oldest segment."""
        if record.kind == RecordKind.CLOCK and (clock := _clock(record.body)) is not None:
            self._clocks[clock.boot] = record.body
        if record.kind == RecordKind.SCHEMA:
            try:
                schema = Schema.decode(record.body)
            except SchemaError:
                return
            self._passed[schema.key] = schema

    def thin(self, run: Sequence[Record]) -> list[Entry]:
        """What stays of these records, in less room than they took."""
        freed = sum(footprint(len(record.body)) for record in run)
        groups: dict[Group, list[Columns]] = {}
        events: list[Entry] = []
        clocks: set[int] = set()
        for record in run:
            self.passes(record)
            if record.kind == RecordKind.CHUNK and (columns := self._columns(record)) is not None:
                groups.setdefault((columns.boot, columns.schema.key, columns.quality), []).append(columns)
            elif record.kind == RecordKind.CLOCK and (clock := _clock(record.body)) is not None:
                clocks.add(clock.boot)
            elif _is_event(record):
                events.append(Entry(RecordKind.KEPT, 0, keep(record)))
        told = self._clocks_of(clocks | {boot for boot, _, _ in groups})
        kept = _newest(events, freed // 2)
        thinned = self._chunks(groups)
        fits = footprints(told + thinned + kept) + SECTOR < freed
        return told + thinned + kept if fits else told + kept

    def _clocks_of(self, boots: Iterable[int]) -> list[Entry]:
        bodies = [self._clocks[boot] for boot in sorted(boots) if boot != self._boot and boot in self._clocks]
        return [Entry(RecordKind.CLOCK, 0, body) for body in bodies if body not in self._told]

    def _columns(self, record: Record) -> Columns | None:
        """The readings of a chunk; None where they cannot be read, or were thinned before."""
        try:
            columns = decode_columns(self._lookup, record.body)
        except (ChunkError, UnknownSchema):
            return None
        again = all(flags & Flag.THINNED for strip in columns.strips for flags in strip.flags)
        return None if again else columns

    def _lookup(self, key: bytes) -> Schema | None:
        if key not in self._passed and (body := self._schemas(key.hex())) is not None:
            self._passed[key] = Schema.decode(body)
        return self._passed.get(key)

    def _chunks(self, groups: dict[Group, list[Columns]]) -> list[Entry]:
        schemas = {columns[0].schema.encode(): columns[0].schema for columns in groups.values()}
        declared = [Entry(RecordKind.SCHEMA, 0, body) for body in schemas if body not in self._told]
        return declared + [_chunk(columns) for columns in groups.values()]


def _chunk(parts: Sequence[Columns]) -> Entry:
    first = parts[0]
    at_ms = max(strip.times[-1] for part in parts for strip in part.strips)
    columns = sorted({strip.column for part in parts for strip in part.strips})
    strips = [
        _one(first.schema, [s for p in parts for s in p.strips if s.column == column], at_ms) for column in columns
    ]
    return Entry(RecordKind.CHUNK, len(strips), encode_columns(first.schema, first.boot, first.quality, strips))


def _one(schema: Schema, strips: Sequence[Strip], at_ms: int) -> Strip:
    column = schema.columns[strips[0].column]
    steps = [step for strip in strips for step in strip.steps]
    flags = int(Flag.THINNED)
    for strip in strips:
        for each in strip.flags:
            flags |= each
    return Strip(strips[0].column, [at_ms], [together(column.quantity, column.decimals, steps)], [flags])


def together(quantity: str, decimals: int, steps: Sequence[int]) -> int:
    """One value in place of many, all in steps of 10**-decimals; the last one is the newest."""
    if quantity in SUMMED:
        return max(-LARGEST_STEPS, min(sum(steps), LARGEST_STEPS))
    if quantity in LAST:
        return steps[-1]
    scale = 10**decimals
    if quantity in AROUND:
        turns = [math.radians(step / scale) for step in steps]
        turn = math.atan2(sum(map(math.sin, turns)), sum(map(math.cos, turns)))
        around: int = 360 * scale
        return to_steps(math.degrees(turn), decimals) % around
    if quantity in LOUD and -1_000 * scale < min(steps) and max(steps) < 1_000 * scale:
        energy = sum(math.pow(10, step / scale / 10) for step in steps) / len(steps)
        return to_steps(10 * math.log10(energy), decimals)
    return (2 * sum(steps) + len(steps)) // (2 * len(steps))


def _newest(entries: list[Entry], most: int) -> list[Entry]:
    """The last of these that take no more than `most` bytes."""
    kept: list[Entry] = []
    for entry in reversed(entries):
        most -= footprint(len(entry.body))
        if most < 0:
            break
        kept.append(entry)
    return kept[::-1]


def _is_event(record: Record) -> bool:
    if record.kind == RecordKind.KEPT:
        try:
            return first_copy(record).kind == RecordKind.EVENT
        except RecordError:
            return False
    return record.kind == RecordKind.EVENT


def _clock(body: bytes) -> ClockRecord | None:
    try:
        return from_json(ClockRecord, body)
    except MessageError:
        return None
