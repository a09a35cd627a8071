"""Rows a second through the office's collector: envelope, chunk, dedupe, receipts, query index, fsync, acks.

Messages of sixty readings from fifty nodes go through the very functions that `fleet serve` calls, in batches as full
as it makes them, into a store on this disk; the broker and its client are left out, as they cost both ways the same.
The peer is a loop of `executemany` of the same rows, undecoded and unchecked, into the same table with the same index
and settings.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from edge.wire.chunks import Schema
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.jsontext import to_json
from edge.wire.packs import repack
from edge.wire.record import Record, RecordKind, pack
from edge.wire.topics import up
from fleet.collect import MOST_MESSAGES, Incoming, acks, full, sort
from fleet.store.ingest import ADD_ROW
from fleet.store.sqlite import SqliteStore
from fleet.store.tables import open_writer
from tests.bench.figure import Figure, median
from tests.bench.plant import six
from tests.bench.wire import BOOT, BOOT_ID, EPOCH, START_S, WALL_S, commits

NODES = 50
GOAL, PACKED_GOAL = 150_000.0, 100_000.0
Batch = list[Incoming]
Row = tuple[int, ...]


def _entries(chunks: int) -> list[tuple[int, int, bytes]]:
    """What one node's journal holds: its clock, its schema, then chunks of sixty readings."""
    every = [entry for entries, _, _ in commits(six(), 10, 10 * chunks) for entry in entries]
    clock = ClockRecord(BOOT, BOOT_ID, (WALL_S - START_S) * 1_000, ClockQuality.SYNCED, None, START_S * 1_000)
    schemas = [body for kind, _, body in every if kind == RecordKind.SCHEMA]
    assert schemas and all(Schema.decode(body) for body in schemas)
    return [(RecordKind.CLOCK, 0, to_json(clock)), *(entry for entry in every if entry[0] != RecordKind.CLOCK)]


def batches(chunks: int, nodes: int = NODES) -> list[Batch]:
    """All messages in the order of their time, as many at once as the collector takes."""
    entries = _entries(chunks)
    messages = (
        Incoming(up(f"post-{node:03}", "record"), pack(Record(EPOCH, seq, *entry)), WALL_S * 1_000)
        for seq, entry in enumerate(entries, 1)
        for node in range(nodes)
    )
    return list(iter(lambda: list(islice(messages, MOST_MESSAGES)), []))


def packed(chunks: int, nodes: int = NODES) -> list[Batch]:
    """The same readings as a backlog brings them: packed on the way out, in batches as full as the collector's."""
    entries = _entries(chunks)
    schemas = {schema.key: schema for kind, _, body in entries if kind == RecordKind.SCHEMA
               for schema in [Schema.decode(body)]}  # fmt: skip
    items = repack([Record(EPOCH, seq, *entry) for seq, entry in enumerate(entries, 1)], schemas.get)
    done: list[Batch] = [[]]
    for payload in map(pack, items):
        for node in range(nodes):
            if full(len(done[-1]), 0, 0, sum(len(each.payload) for each in done[-1])):
                done.append([])
            done[-1].append(Incoming(up(f"post-{node:03}", "record"), payload, WALL_S * 1_000))
    return done


def collect(store: SqliteStore, batch: Sequence[Incoming]) -> int:
    """One batch from the broker's hands to the acks; the rows it brought."""
    parcels = [parcel for message in batch if (parcel := sort(message)) is not None]
    done = store.commit(parcels)
    assert acks(done.acks)
    return sum(done.rows.values())


@dataclass(frozen=True, slots=True)
class Took:
    """So many rows, seconds of the wall and of the CPU."""

    rows: int
    wall_s: float
    cpu_s: float


def timed(work: Callable[[], int]) -> Took:
    """`work` says how many rows it wrote."""
    began, spent = time.perf_counter(), time.process_time()
    rows = work()
    return Took(rows, time.perf_counter() - began, time.process_time() - spent)


def ours(folder: Path, work: list[Batch]) -> Took:
    """Our way."""
    store = SqliteStore(folder / "readings.db")
    took = timed(lambda: sum(collect(store, batch) for batch in work))
    assert collect(store, work[-1]) == 0, "the same again must add nothing"
    store.close()
    return took


def rows_of(folder: Path, size: int) -> list[list[Row]]:
    """The rows that our store wrote, in the parts in which it wrote them."""
    connection = open_writer(folder / "readings.db")
    every = iter(connection.execute("SELECT id, series, t_ms, steps, flags, receipt FROM readings ORDER BY id"))
    parts = list(iter(lambda: list(islice(every, size)), []))
    connection.close()
    return parts


def theirs(folder: Path, parts: list[list[Row]]) -> Took:
    """The plain way, rows at hand."""
    connection = open_writer(folder / "plain.db")
    took = timed(lambda: sum(_insert(connection, part) for part in parts))
    connection.close()
    return took


def _insert(connection: sqlite3.Connection, part: list[Row]) -> int:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(ADD_ROW, part)
    connection.execute("COMMIT")
    return len(part)


def measure(scratch: Path, chunks: int = 100, runs: int = 3) -> Iterator[Figure]:
    """Medians of several runs, ours and theirs in turn."""
    work = batches(chunks)
    pairs = [_pair(scratch, work) for _ in range(runs)]
    rate, plain = (median([pair[at].rows / pair[at].wall_s for pair in pairs]) for at in (0, 1))
    spent, plain_spent = (median([pair[at].rows / pair[at].cpu_s for pair in pairs]) for at in (0, 1))
    note = (
        f"{pairs[0][0].rows} rows of {NODES} nodes, {MOST_MESSAGES} messages a transaction, WAL, synchronous=FULL, "
        f"median of {runs}; rows per second of CPU: {spent:,.0f} against {plain_spent:,.0f}"
    )
    yield Figure("collector: into SQLite", rate, "rows/s", GOAL, more_is_better=True,
                 peer="plain executemany of the same rows", peer_value=plain, note=note)  # fmt: skip
    yield _of_packs(scratch, chunks, runs)


def _of_packs(scratch: Path, chunks: int, runs: int) -> Figure:
    """A backlog of packs, on the same disk."""
    work = packed(chunks)
    took = []
    for _ in range(runs):
        with TemporaryDirectory(dir=scratch) as folder:
            took.append(ours(Path(folder), work))
    spent = median([each.rows / each.cpu_s for each in took])
    note = f"{took[0].rows} rows in {sum(map(len, work))} packs, median of {runs}; {spent:,.0f} per second of CPU"
    return Figure("collector: packs into SQLite", median([each.rows / each.wall_s for each in took]), "rows/s",
                  PACKED_GOAL, more_is_better=True, note=note)  # fmt: skip


def _pair(scratch: Path, work: list[Batch]) -> tuple[Took, Took]:
    with TemporaryDirectory(dir=scratch) as folder:
        took = ours(Path(folder), work)
        plain = theirs(Path(folder), rows_of(Path(folder), MOST_MESSAGES * 60))
    assert took.rows == plain.rows
    return took, plain
