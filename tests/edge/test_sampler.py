"""What goes into the sampler comes out of its records: every reading once, at its resolution, dated and declared."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.reading import Flag, Quantity, Reading, to_steps
from edge.events import Sampled
from edge.sampler import LONGEST_CHUNK, ROOM_FOR_EVENTS, Entry, Sampler, SensorFacts
from edge.timekeeping import Belief
from edge.wire.chunks import Schema, decode
from edge.wire.messages import ClockQuality, ClockRecord, EventRecord, from_json
from edge.wire.record import RecordKind
from edge.wire.version import BUILT_MS

BOOT_ID = "ab" * 16
SET_MS = BUILT_MS + 1_000
SENSORS = [
    SensorFacts("air", 1_000, 0),
    SensorFacts("host", 1_000, 0, {Quantity.TEMPERATURE: 1}),
    SensorFacts("dust", 1_000, 0),
]


def sampler(commit_ms: int = 10_000, now_ms: int = 0) -> Sampler:
    return Sampler(3, BOOT_ID, SENSORS, commit_ms, now_ms)


def read_back(entries: list[Entry]) -> list[tuple[int, str, str, str, int, int]]:
    """(time, sensor, quantity, channel, steps, flags) of all chunks; every schema must stand before its first chunk."""
    schemas: dict[bytes, Schema] = {}
    rows = []
    for kind, count, body in entries:
        if kind == RecordKind.SCHEMA:
            schema = Schema.decode(body)
            schemas[schema.key] = schema
        if kind == RecordKind.CHUNK:
            chunk = decode(schemas.__getitem__, body)
            assert chunk.boot == 3 and count == len(chunk.cells)
            columns = schemas[chunk.schema_key].columns
            for at_ms, column, steps, flags in chunk.cells:
                c = columns[column]
                rows.append((at_ms, c.sensor, c.quantity, c.channel, steps, flags))
    return rows


readings = st.builds(
    Reading,
    st.sampled_from([Quantity.TEMPERATURE, Quantity.PM10, Quantity.COUNT]),
    st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, 1e300]),
    st.sampled_from(["", "in", "out"]),
    st.sampled_from([Flag.NONE, Flag.WARMING]),
)
moments = st.lists(
    st.tuples(st.integers(0, 4_000), st.sampled_from(["air", "host", "dust"]),
              st.lists(readings, max_size=4, unique_by=lambda r: r.name)),
    max_size=30,
)  # fmt: skip


@settings(deadline=None)
@given(moments, st.integers(100, 20_000))
def test_every_reading_is_in_the_records_once(
    life: list[tuple[int, str, list[Reading]]], commit_ms: int
) -> None:
    one = sampler(commit_ms)
    now, entries, expected = 0, [], []
    last: dict[str, int] = {}
    for pause, sensor, given_readings in life:
        now += pause
        flagged = one.take(Sampled(sensor, now, tuple(given_readings)), now)
        at = last[sensor] = max(now, last.get(sensor, -1) + 1)
        assert [(r.name, repr(r.value)) for r in flagged] == [(r.name, repr(r.value)) for r in given_readings]
        for r in flagged:
            decimals = 1 if (sensor, r.quantity) == ("host", Quantity.TEMPERATURE) else r.quantity.decimals
            if math.isfinite(r.value) and abs(r.value) < 1e300:
                steps = to_steps(r.value, decimals)
                expected.append((at, sensor, r.quantity.value, r.channel, steps, int(r.flags)))
        if now >= one.due_ms:
            entries += one.commit(now)
    entries += one.commit(now, everything=True)
    assert sorted(read_back(entries)) == sorted(expected)
    assert one.sampled == sum(len(r) for _, _, r in life) == len(expected) + one.refused


def test_two_samples_in_one_millisecond_stay_two() -> None:
    one = sampler()
    for value in (1.0, 2.0):
        one.take(Sampled("air", 500, (Reading(Quantity.PM10, value),)), 500)
    assert [(row[0], row[4]) for row in read_back(one.commit(999, everything=True))] == [(500, 100), (501, 200)]


def test_flags_reach_the_chunk() -> None:
    one = sampler()
    one.take(Sampled("air", 500, (Reading(Quantity.TEMPERATURE, 900.0, "", Flag.WARMING),)), 5_000)
    ((*_, flags),) = read_back(one.commit(0, everything=True))
    assert flags == Flag.RANGE | Flag.WARMING | Flag.STALE


@given(st.permutations(["air", "host", "dust"]))
def test_whoever_speaks_first_the_schema_is_the_same(order: list[str]) -> None:
    one = sampler()
    for sensor in order:
        one.take(Sampled(sensor, 1, (Reading(Quantity.PM10, 1), Reading(Quantity.TEMPERATURE, 1))), 1)
    assert [c.sensor for c in one.schema.columns] == ["air", "air", "host", "host", "dust", "dust"]
    assert [c.quantity for c in one.schema.columns] == ["pm10", "temperature"] * 3


def test_a_schema_is_declared_once_and_again_when_it_grew() -> None:
    one = sampler()

    def kinds(reading: Reading) -> list[int]:
        one.take(Sampled("air", 1, (reading,)), 1)
        return [kind for kind, _, _ in one.commit(1, everything=True)]

    assert kinds(Reading(Quantity.PM10, 1)) == [RecordKind.SCHEMA, RecordKind.CHUNK]
    assert kinds(Reading(Quantity.PM10, 2)) == [RecordKind.CHUNK]
    assert kinds(Reading(Quantity.PM1, 2)) == [RecordKind.SCHEMA, RecordKind.CHUNK]
    assert kinds(Reading(Quantity.PM10, 3)) == [RecordKind.CHUNK]


def test_the_clock_and_the_schema_go_before_the_chunk_of_their_commit() -> None:
    one = sampler()
    one.take(Sampled("air", 1, (Reading(Quantity.PM10, 1),)), 1)
    one.note("button", 2)
    one.tell_clock(Belief(SET_MS, ClockQuality.SYNCED), 3)
    kinds = [kind for kind, _, _ in one.commit(3, everything=True)]
    assert kinds == [RecordKind.CLOCK, RecordKind.EVENT, RecordKind.SCHEMA, RecordKind.CHUNK]


def test_too_many_events_at_once_are_counted_and_named() -> None:
    one = sampler()
    for number in range(ROOM_FOR_EVENTS + 7):
        one.note("knock", number)
    noted = [from_json(EventRecord, body) for _, _, body in one.commit(500)]
    assert [event.at_ms for event in noted[:-1]] == list(range(ROOM_FOR_EVENTS))
    assert (noted[-1].what, noted[-1].at_ms, noted[-1].details["events"]) == ("events lost", 500, 7)
    assert one.events_lost == 7
    one.note("knock", 501)
    assert len(one.commit(501)) == 1  # it is told once


def test_readings_wait_for_the_interval_and_events_do_not() -> None:
    one = sampler(10_000, 3_000)
    assert 10_000 <= one.due_ms <= 11_000
    one.take(Sampled("air", 4_000, (Reading(Quantity.PM10, 1),)), 4_000)
    assert one.commit(4_000) == []
    one.note("button", 4_100, pin=3)
    assert one.due_ms <= 4_100
    ((kind, count, body),) = one.commit(4_100)
    assert (kind, count) == (RecordKind.EVENT, 0)
    assert from_json(EventRecord, body) == EventRecord(4_100, "button", {"pin": 3})
    assert [k for k, _, _ in one.commit(one.due_ms)] == [RecordKind.SCHEMA, RecordKind.CHUNK]
    assert 20_000 <= one.due_ms <= 21_000


def test_an_interval_without_readings_writes_nothing() -> None:
    one = sampler()
    assert one.commit(1_000_000) == []


BELIEFS = st.builds(Belief, st.none() | st.integers(SET_MS - 200, SET_MS + 200), st.sampled_from(ClockQuality),
                    st.none() | st.integers(0, 200) | st.integers(0, 10_000))  # fmt: skip


def news(told: ClockRecord | None, belief: Belief) -> bool:
    """Whether it is worth a record after the last one."""
    if told is None or told.quality is not belief.quality or (told.offset_ms is None) is not (belief.offset_ms is None):
        return True
    if told.offset_ms is None or belief.offset_ms is None:
        return False
    few, many = sorted((told.uncertainty_ms or 0, belief.uncertainty_ms or 0))
    moved_ms = abs(belief.offset_ms - told.offset_ms)
    jitters = belief.quality is ClockQuality.HOLDOVER and moved_ms <= many
    return (moved_ms > 50 and not jitters) or many > 4 * few + 1_000


@given(st.lists(BELIEFS, max_size=30))
def test_the_clock_is_told_at_the_start_and_whenever_it_moved(beliefs: list[Belief]) -> None:
    one = sampler()
    told: ClockRecord | None = None
    for step, belief in enumerate(beliefs):
        now = step * 1_000
        one.tell_clock(belief, now)
        entries = [body for kind, _, body in one.commit(now) if kind == RecordKind.CLOCK]
        assert len(entries) == news(told, belief)
        for body in entries:
            told = from_json(ClockRecord, body)
            assert told == ClockRecord(3, BOOT_ID, belief.offset_ms, belief.quality, belief.uncertainty_ms, now)


def test_a_large_commit_is_split_and_loses_nothing() -> None:
    one = sampler()
    for step in range(3_000):
        one.take(Sampled("air", step, (Reading(Quantity.PM10, (step * 7_919 % 100_003) / 100),)), step)
    entries = one.commit(3_000, everything=True)
    chunks = [body for kind, _, body in entries if kind == RecordKind.CHUNK]
    assert len(chunks) > 1 and max(map(len, chunks)) <= LONGEST_CHUNK
    assert [row[0] for row in read_back(entries)] == list(range(3_000))
