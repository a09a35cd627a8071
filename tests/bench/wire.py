"""Bytes on the wire per reading: the whole MQTT payload as the uplink publishes it, beside one JSON object a reading.

Chunks come from the real sampler and go through the real envelope, with a seq that a node has after a year. Topic,
MQTT, TLS and TCP cost both sides the same per message and are left out; they are why a message holds many readings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge.sampler import Sampler
from edge.timekeeping import Belief
from edge.wire.clocks import ClockQuality
from edge.wire.record import Record, RecordKind, pack
from tests.bench.figure import Figure
from tests.bench.naive import payload
from tests.bench.plant import Plant, lamppost, six

BOOT, BOOT_ID = 12, "5" * 32
EPOCH, SEQ = 0xA1B2C3D4, 3_153_600  # a year of commits each 10 s
START_S = 7 * 86_400  # the node has run for a week
WALL_S = 1_767_225_600
PEER = "JSON, one message a reading"


@dataclass(slots=True)
class Sent:
    """What one way of publishing cost."""

    readings: int = 0
    messages: int = 0
    ours: int = 0
    theirs: int = 0


def commits(plant: Plant, commit_s: int, seconds: int) -> Iterator[tuple[list[tuple[int, int, bytes]], int, int]]:
    """The entries of each commit, with the bytes and number of the JSON messages for the same readings."""
    sampler = Sampler(BOOT, BOOT_ID, plant.facts, commit_s * 1_000, START_S * 1_000)
    sampler.tell_clock(Belief((WALL_S - START_S) * 1_000, ClockQuality.SYNCED), START_S * 1_000)
    decimals = {(facts.name, quantity): places for facts in plant.facts for quantity, places in facts.decimals.items()}
    spelt = number = 0
    for second in range(START_S, START_S + seconds):
        for event in plant.due(second):
            for reading in sampler.take(event, event.at_ms + 1):
                places = decimals.get((event.sensor, reading.quantity), reading.quantity.decimals)
                value = round(reading.value, places) if places else round(reading.value)
                spelt += len(payload(reading.name, WALL_S + event.at_ms / 1_000, value))
                number += 1
        if (second + 1) % commit_s == 0:
            yield sampler.commit((second + 1) * 1_000, everything=True), spelt, number
            spelt = number = 0


def sent(plant: Plant, commit_s: int, seconds: int) -> Sent:
    """Publishes each chunk in a message of its own; schema and clock, once in a while, are not counted."""
    done = Sent()
    for entries, spelt, number in commits(plant, commit_s, seconds):
        done.theirs += spelt
        for kind, count, body in entries:
            if kind == RecordKind.CHUNK:
                done.readings += count
                done.messages += 1
                done.ours += len(pack(Record(EPOCH, SEQ + done.messages, kind, count, body)))
        assert sum(count for kind, count, _ in entries if kind == RecordKind.CHUNK) == number
    return done


def figure(what: str, plant: Callable[[], Plant], commit_s: int, seconds: int, goal: float | None) -> Figure:
    done = sent(plant(), commit_s, seconds)
    note = f"{done.messages} messages of {done.readings / done.messages:.0f} readings, {done.ours} bytes"
    return Figure(f"wire: {what}", done.ours / done.readings, "B/reading", goal, peer=PEER,
                  peer_value=done.theirs / done.readings, note=note)  # fmt: skip


def measure(chunks: int = 60) -> Iterator[Figure]:
    """The two goals, and a lamppost whose few readings carry a whole envelope."""
    yield figure("360 readings a chunk (6 x 60)", six, 60, 60 * chunks, 0.6)
    yield figure("60 readings a chunk (6 x 10)", six, 10, 10 * chunks, 1.1)
    yield figure("lamppost, 12 readings a minute, commits of 10 s", lamppost, 10, 60 * chunks, None)
