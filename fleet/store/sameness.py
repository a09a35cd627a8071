"""Whether a record whose number has its receipt is the record that is here, or another that bears the same number.

Asked only of duplicates, so what is filed for the first time pays nothing for it. What is here is compared as it lies
in the tables: rows with rows, an event's text with its text. What was rolled up, or waits for its schema, is known by
its number of readings; of what was folded nothing is known any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence, Set
from typing import Any

from edge.wire.cells import Strip
from edge.wire.chunks import ChunkError, decode_columns, peek
from edge.wire.packs import shares
from edge.wire.record import Pack, RecordKind, seqs
from fleet.store.bodies import BodyError, clock_note, gap_note, text_note
from fleet.store.memory import Memory, Plan
from fleet.store.store import State
from fleet.store.tickets import Arrival

HERE = """SELECT seq, id, kind, readings, state, offset_ms, first_row FROM receipts
  WHERE node=? AND epoch=? AND seq BETWEEN ? AND ?"""
ROWS = "SELECT series, t_ms, steps, flags FROM readings WHERE id BETWEEN ? AND ?"
RAW = "SELECT body, seq, counts FROM raw WHERE receipt<=? ORDER BY receipt DESC LIMIT 1"
EVENT = "SELECT body FROM events WHERE receipt=?"
CLOCK = "SELECT boot, boot_id, offset_ms, quality, uncertainty_ms FROM clocks WHERE node=? AND epoch=? AND seq=?"
GAP = "SELECT first, last, readings, why, from_ms, to_ms FROM gaps WHERE node=? AND epoch=? AND seq=?"
SCHEMA = "SELECT 1 FROM schemas WHERE node=? AND body=?"


def others(memory: Memory, arrival: Arrival, known: Set[int]) -> list[int]:
    """Which of the `known` seqs of an item stand for another record here."""
    item = arrival.item
    span = (arrival.node, item.epoch, item.seq, seqs(item)[-1])
    found = [row for row in memory.db.execute(HERE, span).fetchall() if row[0] in known]
    try:
        parts = _parts(memory, arrival) if any(row[4] == State.STORED for row in found) else None
        return sorted(row[0] for row in found if _other(memory, arrival, row, parts))
    except (BodyError, ChunkError):
        return sorted(row[0] for row in found if row[4] == State.STORED)  # what is here could be read


Parts = tuple[Plan, Sequence[Sequence[Strip]]] | None


def _parts(memory: Memory, arrival: Arrival) -> Parts:
    if arrival.kind != RecordKind.CHUNK:
        return None
    item = arrival.item
    plan = memory.plan(arrival.node, peek(item.body).schema_key)
    if plan is None:
        raise ChunkError("its schema is not here")
    columns = decode_columns(lambda _key: plan.schema, item.body)
    return plan, shares(columns, item.counts) if isinstance(item, Pack) else [columns.strips]


def _other(memory: Memory, arrival: Arrival, row: Any, parts: Parts) -> bool:
    seq, receipt, kind, readings, state, offset_ms, first_row = row
    if state in (State.RAW, State.QUARANTINED):
        return _other_raw(memory, arrival, receipt, readings, seq)
    if kind != arrival.kind_of(seq):
        return True
    if kind != RecordKind.CHUNK:
        return _other_note(memory, arrival, kind, seq, receipt)
    if state != State.STORED or parts is None:
        return bool(readings != arrival.claimed(seq))
    rows = memory.db.execute(ROWS, (first_row, first_row + readings - 1))
    return sorted(rows) != sorted(_rows(parts[0], parts[1][seq - arrival.item.seq], offset_ms or 0))


def _rows(plan: Plan, strips: Sequence[Strip], offset_ms: int) -> Iterator[tuple[int, int, int, int]]:
    for strip in strips:
        for at, steps, flags in zip(strip.times, strip.steps, strip.flags, strict=True):
            yield plan.series[strip.column], at + offset_ms, steps, flags


def _other_raw(memory: Memory, arrival: Arrival, receipt: int, readings: int, seq: int) -> bool:
    """Bodies are compared where the seqs were packed alike."""
    item = arrival.item
    body, first, counts = memory.db.execute(RAW, (receipt,)).fetchone()
    alike = first == item.seq and (json.loads(counts) if counts else None) == _counts(arrival)
    return bool(body != item.body if alike else readings != arrival.claimed(seq))


def _counts(arrival: Arrival) -> list[int] | None:
    return list(arrival.item.counts) if isinstance(arrival.item, Pack) else None


def _other_note(memory: Memory, arrival: Arrival, kind: int, seq: int, receipt: int) -> bool:
    db, body, key = memory.db, arrival.item.body, (arrival.node, arrival.item.epoch, seq)
    if kind in (RecordKind.EVENT, RecordKind.HEALTH):
        return _differs(db.execute(EVENT, (receipt,)).fetchone(), (text_note(body),))
    if kind == RecordKind.SCHEMA:
        return db.execute(SCHEMA, (arrival.node, body)).fetchone() is None
    if kind == RecordKind.CLOCK:
        note = clock_note(body)
        told = (note.boot, note.boot_id, note.offset_ms, int(note.quality), note.uncertainty_ms)
        return _differs(db.execute(CLOCK, key).fetchone(), told)
    if kind == RecordKind.GAP:
        gap = gap_note(body)
        named = (gap.first, gap.last, gap.readings, gap.why, gap.from_ms, gap.to_ms)
        return _differs(db.execute(GAP, key).fetchone(), named)
    return False


def _differs(here: tuple[Any, ...] | None, came: tuple[Any, ...]) -> bool:
    return here != came
