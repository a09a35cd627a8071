"""Invented lives of nodes: journals with boots, clocks, schemas, chunks, gaps and rubbish, to be told in any order."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from hypothesis import strategies as st

from edge.wire.cells import Cell
from edge.wire.chunks import encode
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.jsontext import to_json
from edge.wire.messages import GapRecord, Hello
from edge.wire.record import Record, RecordKind
from edge.wire.schema import Column, Schema
from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Greeting, Parcel, Records

SCHEMAS = [
    Schema((Column("air", "temperature", "", 2), Column("air", "humidity", "", 2))),
    Schema((Column("air", "temperature", "", 2), Column("dust", "pm10", "", 2), Column("door", "count", "in", 0))),
]
FAST = "/dev/shm" if os.path.isdir("/dev/shm") else None  # power cuts are not what these tests are about
NEXT = 30  # beyond every seq of a life
DIGESTS = {
    "receipts": "SELECT node, epoch, seq, kind, readings, boot, offset_ms, quality, state FROM receipts",
    "rows": """SELECT series.node, sensor, quantity, channel, decimals, unit, t_ms, steps, flags, epoch, seq
               FROM readings JOIN series ON series.id=series JOIN receipts ON receipts.id=receipt""",
    "side by side": """SELECT receipts.node, epoch, seq, count(*) FROM readings JOIN receipts
               ON readings.id BETWEEN first_row AND first_row + readings - 1 AND receipt=receipts.id
               GROUP BY 1, 2, 3""",
    "raw": "SELECT receipts.node, epoch, receipts.seq, schema, body FROM raw JOIN receipts ON id=receipt",
    "events": "SELECT receipts.node, epoch, seq, body FROM events JOIN receipts ON id=receipt",
    "gaps": "SELECT * FROM gaps",
    "clocks": "SELECT * FROM clocks",
    "schemas": "SELECT * FROM schemas",
    "journals": "SELECT node, epoch, upto, beyond, lowest, next, readings_total FROM journals",
}


def cells_for(schema: Schema) -> st.SearchStrategy[list[Cell]]:
    cell = st.builds(Cell, st.integers(0, 5000), st.integers(0, len(schema.columns) - 1), st.integers(-99, 99),
                     st.sampled_from([0, 0, 1, 6]))  # fmt: skip
    return st.lists(cell, max_size=8, unique_by=lambda c: (c.at_ms, c.column))


@st.composite
def bodies(draw: st.DrawFn) -> tuple[int, int, bytes]:
    """(kind, count, body) of one record."""
    kind = draw(st.sampled_from([*[RecordKind.CHUNK] * 4, *RecordKind, 9]))
    if kind == RecordKind.CHUNK:
        schema = draw(st.sampled_from(SCHEMAS))
        cells = draw(cells_for(schema))
        body = encode(schema, draw(st.integers(1, 2)), ClockQuality.SYNCED, cells)
        return kind, len(cells), draw(st.sampled_from([body, body, body, body[:-1] + b"?"]))
    if kind == RecordKind.SCHEMA:
        return kind, 0, draw(st.sampled_from([SCHEMAS[0].encode(), SCHEMAS[1].encode(), b"\xff"]))
    if kind == RecordKind.CLOCK:
        offset = draw(st.none() | st.integers(0, 10**6))
        quality = draw(st.sampled_from(ClockQuality))
        boot_id = draw(st.sampled_from(["b" * 32, "b" * 32, "c" * 32]))  # a card that lied may give a number twice
        error_ms = draw(st.none() | st.integers(0, 10**6))
        return kind, 0, to_json(ClockRecord(draw(st.integers(1, 2)), boot_id, offset, quality, error_ms))
    if kind == RecordKind.GAP:
        first = draw(st.integers(0, 12))
        gap = GapRecord(first, first + draw(st.integers(0, 3)), draw(st.integers(0, 50)), "journal full")
        return kind, 0, draw(st.sampled_from([to_json(gap), b"{}"]))
    return kind, 0, draw(st.sampled_from([b'{"at_ms":1,"what":"door"}', b"\xff\xfe"]))


@st.composite
def lives(draw: st.DrawFn) -> list[Parcel]:
    """What one or two nodes say, in order: each record in a message of its own, and hellos between."""
    told: list[Parcel] = []
    for node in draw(st.sampled_from([["pole-1"], ["pole-1", "pole-2"]])):
        for epoch in draw(st.sampled_from([[7], [7, 8]])):
            for seq, (kind, count, body) in enumerate(draw(st.lists(bodies(), max_size=10)), start=1):
                told.append(Records(node, [Record(epoch, seq, kind, count, body)], 1000))
                if draw(st.integers(0, 4)) == 0:
                    told.append(Greeting(node, Hello(node, "b" * 32, epoch, draw(st.integers(0, seq)), seq + 1), 1000))
    return told


def last_words(told: list[Parcel]) -> list[Parcel]:
    """What tells which journal each node of `told` writes now: its last one goes on."""
    last = {parcel.node: parcel.records[0].epoch for parcel in told if isinstance(parcel, Records)}
    return [Greeting(node, Hello(node, "b" * 32, epoch, 0, NEXT), 1000) for node, epoch in last.items()]


def tell(store: SqliteStore, parcels: list[Parcel], cuts: Iterable[int]) -> None:
    """Commits the parcels in batches that end at `cuts`."""
    edges = [0, *sorted(cut for cut in cuts if cut < len(parcels)), len(parcels)]
    for start, end in pairwise(edges):
        store.commit(parcels[start:end])


def digest(store: SqliteStore, path: Path) -> dict[str, list[object]]:
    """The tables as sets of facts, with names in place of keys that depend on who came first."""
    names = dict(store.db.execute("SELECT key, node FROM nodes").fetchall())
    everything: dict[str, list[object]] = {}
    for name, sql in DIGESTS.items():
        everything[name] = sorted(((names[row[0]], *row[1:]) for row in store.db.execute(sql)), key=repr)
    reader = StoreReader(path)
    everything["losses"] = sorted(reader.losses(), key=repr)
    everything["counts"] = [reader.stored_readings(), reader.receipted_readings(), reader.undated_readings()]
    reader.close()
    return everything
