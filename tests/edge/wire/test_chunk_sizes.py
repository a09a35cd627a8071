"""What a reading costs on the wire: whole MQTT payloads, envelope included, on seeded series; counted, not timed."""

import random

import pytest

from edge.wire.chunks import Strip, encode_columns
from edge.wire.clocks import ClockQuality
from edge.wire.record import Record, RecordKind, pack
from tests.edge.wire import series

SEEDS = range(1, 41)


def payload(strips: list[Strip], columns: int = 6) -> int:
    """Bytes of the `up/record` of a node in its 50,000th commit."""
    count = sum(len(strip.times) for strip in strips)
    body = encode_columns(series.schema(columns), 3, ClockQuality.SYNCED, strips)
    return len(pack(Record(0x5EED_C0DE, 50_000, RecordKind.CHUNK, count, body)))


@pytest.mark.parametrize("period_ms", [1_000, 10_000])
@pytest.mark.parametrize(("samples", "goal"), [(10, 1.1), (60, 0.6), (600, 0.48)])
def test_bytes_per_reading(samples: int, goal: float, period_ms: int) -> None:
    sizes = [payload(series.strips(samples, period_ms, seed)) / (6 * samples) for seed in SEEDS]
    assert max(sizes) <= goal


def test_a_lamppost_costs_what_its_news_cost() -> None:
    """12 readings a minute in 10 s commits: two quantities every 10 s, or twelve of them once a minute in turns."""
    pair = [payload(series.strips(1, 10_000, seed, columns=2), 2) for seed in SEEDS]
    turns = [payload(series.strips(1, 10_000, seed, columns=12)[4:6], 12) for seed in SEEDS]
    assert max(pair) <= 30 and max(turns) <= 32


def test_columns_that_are_not_read_cost_a_bit() -> None:
    strips = series.strips(10, 1_000, columns=12)
    assert payload(strips[:6], 12) - payload(strips[:6]) <= 4


def test_a_hundred_commits_cost_what_they_cost() -> None:
    """Sensors on timetables of their own, with misses and flags: where a dearer spelling is taken, these grow."""
    chance, total = random.Random(5), 0
    for seed in range(100):
        strips = series.strips(10 + seed, (1_000, 10_000, 60_000, 7_000)[seed % 4], seed, columns=8)
        for strip in strips[2:]:
            some = sorted(chance.sample(range(len(strip.times)), len(strip.times) - chance.choice((0, 0, 1, 3, 8))))
            strip.times, strip.steps = [strip.times[at] for at in some], [strip.steps[at] for at in some]
            strip.flags = [(0, 16 * (at < seed % 20), chance.choice((0, 0, 0, 2)))[seed % 3] for at in some]
        total += payload(strips, 8)
    assert total <= 32_383  # bytes
