"""A process that keeps twenty readings a second on a card, at true pace: in our journal, or in SQLite as others do.

Its arguments are the way of keeping (`journal`, `blob`, `row`), the folder, the seconds between commits and how many
seconds to go on. It says `ready` when its files are made, begins when it is told `go`, and ends with one JSON object.
Both SQLite ways are in WAL with `synchronous=FULL`, for nothing less keeps what it acknowledged: `blob` takes the same
chunk as our journal, one row a commit; `row` one row a reading.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Protocol

from drivers.reading import Reading
from edge.clock import SystemClock
from edge.journal.disk import FolderDisk
from edge.journal.journal import Journal
from edge.sampler import Entry, Sampler
from edge.timekeeping import Belief
from edge.wire.clocks import ClockQuality
from tests.bench.plant import Plant, twenty

CAP = 64 << 20
SECOND_MS = 1_000


class Keeper(Protocol):
    """A way of keeping: `take` may hold back, `commit` returns when all of it is durable."""

    def take(self, at_ms: int, sensor: str, readings: tuple[Reading, ...]) -> None: ...
    def commit(self, entries: list[Entry]) -> None: ...


class InJournal:
    """Ours. The first commit lays down the segment."""

    def __init__(self, folder: Path) -> None:
        self._journal = Journal.open(FolderDisk(folder / "journal"), lambda: 1, CAP)
        self._journal.append([(5, 0, b'{"at_ms":0,"what":"begin"}')])

    def take(self, at_ms: int, sensor: str, readings: tuple[Reading, ...]) -> None:
        """The sampler has it already."""

    def commit(self, entries: list[Entry]) -> None:
        self._journal.append(entries)


def _database(folder: Path, table: str) -> sqlite3.Connection:
    database = sqlite3.connect(folder / "queue.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute(table)
    return database


class InBlobs:
    """SQLite, one row a commit."""

    def __init__(self, folder: Path) -> None:
        self._database = _database(folder, "CREATE TABLE queue(seq INTEGER PRIMARY KEY, kind INT, n INT, body BLOB)")

    def take(self, at_ms: int, sensor: str, readings: tuple[Reading, ...]) -> None:
        """The sampler has it already."""

    def commit(self, entries: list[Entry]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO queue(kind, n, body) VALUES (?,?,?)", entries)
        self._database.execute("COMMIT")


class InRows:
    """SQLite, one row a reading."""

    def __init__(self, folder: Path) -> None:
        table = "CREATE TABLE queue(seq INTEGER PRIMARY KEY, t INT, sensor TEXT, quantity TEXT, value REAL)"
        self._database = _database(folder, table)
        self._open: list[tuple[int, str, str, float]] = []

    def take(self, at_ms: int, sensor: str, readings: tuple[Reading, ...]) -> None:
        self._open += [(at_ms, sensor, reading.name, reading.value) for reading in readings]

    def commit(self, entries: list[Entry]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO queue(t, sensor, quantity, value) VALUES (?,?,?,?)", self._open)
        self._database.execute("COMMIT")
        self._open.clear()


KEEPERS: dict[str, type[InJournal] | type[InBlobs] | type[InRows]] = {
    "journal": InJournal, "blob": InBlobs, "row": InRows,
}  # fmt: skip


def record(keeper: Keeper, plant: Plant, commit_ms: int, seconds: int) -> dict[str, int]:
    """Reads the plant each second of boot time, and commits when the sampler says so."""
    clock = SystemClock()
    first_s = clock.boot_ms() // SECOND_MS + 1
    sampler = Sampler(1, clock.boot_id, plant.facts, commit_ms, first_s * SECOND_MS)
    sampler.tell_clock(Belief(clock.wall_ms() - clock.boot_ms(), ClockQuality.SYNCED), clock.boot_ms())
    commits = 0
    for second in range(first_s, first_s + seconds):
        _wait_until(clock, second * SECOND_MS)
        for event in plant.due(second):
            keeper.take(event.at_ms, event.sensor, sampler.take(event, clock.boot_ms()))
        if sampler.due_ms <= (second + 1) * SECOND_MS:
            _wait_until(clock, sampler.due_ms)
            commits += _commit(keeper, sampler.commit(clock.boot_ms()))
    commits += _commit(keeper, sampler.commit(clock.boot_ms(), everything=True))
    return {"readings": sampler.sampled - sampler.refused, "commits": commits}


def _commit(keeper: Keeper, entries: list[Entry]) -> int:
    if entries:
        keeper.commit(entries)
    return bool(entries)


def _wait_until(clock: SystemClock, boot_ms: int) -> None:
    while (left := boot_ms - clock.boot_ms()) > 0:
        time.sleep(left / 1_000)


def main(way: str, folder: str, commit_s: str, seconds: str) -> None:
    keeper = KEEPERS[way](Path(folder))
    print("ready", flush=True)
    if sys.stdin.readline().strip() == "go":
        print(json.dumps(record(keeper, twenty(), int(commit_s) * SECOND_MS, int(seconds))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
