"""A gigabyte of backlog, as after weeks without a network: how fast it opens, how fast it drains into a local office,
what it costs the agent in memory, and how long what is measured meanwhile has to wait.

The journal is filled through its own door with chunks of 200 readings, twenty readings a second in commits of ten
seconds, the first ten million of them all different; what is behind these is there to be large. Then the agent runs as
its own process against a real broker, collector and store, with one sensor of its own that goes on measuring.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random

from edge.journal.disk import FolderDisk
from edge.journal.journal import Journal
from edge.schemas import Schemas
from edge.wire.cells import Strip
from edge.wire.chunks import Column, Schema, encode_columns
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.messages import to_json
from edge.wire.record import RecordKind
from tests.bench.agent import AGENT, EDGE
from tests.bench.figure import Figure, median
from tests.bench.office import Office, office, wait_for
from tests.bench.process import rss_mb, started

COLUMNS, PER_COMMIT, COMMIT_MS = 20, 10, 10_000
PER_CHUNK = COLUMNS * PER_COMMIT
BOOT, BOOT_ID, EPOCH, WALL_MS = 3, "b" * 32, 77, 1_767_225_600_000
AT_ONCE = 200  # records in a commit while the journal is filled
OPEN_GOAL_MS, DRAIN_GOAL, GREW_GOAL_MB, LIVE_GOAL_S = 10.0, 100_000.0, 4.0, 2.0
COMMIT_S, LATE_S = 1.0, 0.05  # of the agent that runs; the sampler waits a twentieth for late comers
BOARD = """[node]
id = "{node}"
[office]
url = "{url}"
publish_every = "0s"
back_within = "2s"
[journal]
commit_every = "1s"
cap = "{cap}MB"
[[sensor]]
name = "host"
driver = "vitals"
interval = "1s"
"""
DELAYS = """SELECT receipts.arrived_ms - max(readings.t_ms), receipts.offset_ms IS NULL FROM receipts JOIN readings
  ON readings.id BETWEEN receipts.first_row AND receipts.first_row + receipts.readings - 1
  WHERE receipts.kind=1 AND receipts.state=0 AND receipts.seq>? GROUP BY receipts.id"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of the journal, and how many readings are waited for."""

    megabytes: int = 1_024
    readings: int = 10_000_000
    settle_s: float = 12.0


def schema() -> Schema:
    """Twenty columns of a street cabinet."""
    return Schema(tuple(Column(f"s{number:02}", "temperature", "", 2) for number in range(COLUMNS)))


def chunks(number: int) -> Iterator[bytes]:
    """So many chunks, one after the other in time, each with its own values."""
    chance, known = Random(5), schema()
    walk = list(accumulate(chance.choice((-2, -1, -1, 0, 0, 0, 0, 1, 1, 2)) for _ in range(1 << 16)))
    for commit in range(number):
        times = [commit * COMMIT_MS + second * 1_000 for second in range(PER_COMMIT)]
        strips = []
        for column in range(COLUMNS):
            at = (commit * PER_COMMIT + column * 3_001) % (len(walk) - PER_COMMIT)
            strips.append(Strip(column, times, [2_000 + step for step in walk[at : at + PER_COMMIT]], [0] * PER_COMMIT))
        yield encode_columns(known, BOOT, ClockQuality.SYNCED, strips)


def fill(folder: Path, sizes: Sizes) -> int:
    """A journal of that size; the seq of its last record."""
    disk = FolderDisk(folder)
    journal = Journal.open(disk, lambda: EPOCH, 2 * sizes.megabytes << 20)
    known = Schemas(disk)
    known.remember(schema().encode())
    known.save()
    clock = to_json(ClockRecord(BOOT, BOOT_ID, WALL_MS, ClockQuality.SYNCED, 10))
    preamble: list[tuple[int, int, bytes]] = [(RecordKind.CLOCK, 0, clock), (RecordKind.SCHEMA, 0, schema().encode())]
    wanted = -(-sizes.readings // PER_CHUNK)
    every = chunks(wanted)
    batch: list[tuple[int, int, bytes]] = preamble
    while journal.used_bytes < sizes.megabytes << 20 or journal.backlog_readings < sizes.readings:
        batch = [(RecordKind.CHUNK, PER_CHUNK, body) for body, _ in zip(every, range(AT_ONCE), strict=False)] or batch
        journal.append(batch, preamble)
    journal.close()
    disk.close()
    return journal.next - 1


def opening_ms(folder: Path, cap: int, runs: int = 9) -> float:
    """Median of several."""
    times = []
    for _ in range(runs):
        disk, began = FolderDisk(folder), time.perf_counter()
        journal = Journal.open(disk, lambda: EPOCH, cap)
        times.append(1_000 * (time.perf_counter() - began))
        journal.close()
        disk.close()
    return median(times)


def measure(scratch: Path, sizes: Sizes | None = None) -> Iterator[Figure]:
    """Opening, draining, memory and the delay of what is live."""
    sizes = sizes or Sizes()
    folder = scratch / "backlog"
    folder.mkdir()
    with ExitStack() as stack:
        desk = stack.enter_context(office(folder))
        board = _board(desk, folder / "node", sizes)
        command = [*_python(), "run", str(board)]
        idle_mb = [_idle(desk, command, folder, sizes.settle_s) for _ in range(2)][-1]  # the first one compiles
        last = fill(folder / "node" / "full", sizes)
        opened = opening_ms(folder / "node" / "full", 2 * sizes.megabytes << 20)
        note = f"median of 9, {last:,} records, {sizes.megabytes} MB"
        yield Figure("backlog: opens", opened, "ms", OPEN_GOAL_MS, note=note)
        (folder / "node" / "journal").rename(folder / "node" / "empty")
        (folder / "node" / "full").rename(folder / "node" / "journal")
        rate, most_mb = _drain(desk, command, folder, sizes)
        note = f"{sizes.readings:,} readings, agent, broker and collector on this machine"
        yield Figure("backlog: drains", rate, "readings/s", DRAIN_GOAL, more_is_better=True, note=note)
        note = f"{most_mb:.1f} MB at most while it drains, {idle_mb:.1f} without a backlog"
        yield Figure("backlog: memory above idle", most_mb - idle_mb, "MB", GREW_GOAL_MB, note=note)
        delays = _delays(desk.home.readings, last)
        late, usual = max(delays), median(delays)
        note = f"longest of {len(delays)}, median {usual:.2f} s; from the commit to the office's clock"
        yield Figure("backlog: delay of live readings", late, "s", LIVE_GOAL_S, note=note)


def _python() -> list[str]:
    return [sys.executable, "-c", EDGE]


def _board(desk: Office, folder: Path, sizes: Sizes) -> Path:
    folder.mkdir()
    desk.enrol(AGENT, folder / "credentials.json")
    board = folder / "node.toml"
    board.write_text(BOARD.format(node=AGENT, url=desk.url, cap=max(64, 3 * sizes.megabytes)))
    with started([sys.executable, "-m", "edge.compile", str(board)], folder / "compile.log") as compiling:
        compiling.wait()
    return board


def _idle(desk: Office, command: list[str], folder: Path, settle_s: float) -> float:
    """Its memory when all that it measures is acknowledged at once."""
    with started(command, folder / "idle.log") as process:
        wait_for(lambda: desk.rows(AGENT) > 0, "the first rows")
        time.sleep(settle_s)
        return rss_mb(process.pid)


def _drain(desk: Office, command: list[str], folder: Path, sizes: Sizes) -> tuple[float, float]:
    before, most_mb = desk.rows(AGENT), 0.0
    with started(command, folder / "drain.log") as process:
        wait_for(lambda: desk.rows(AGENT) > before + 1_000, "the first of the backlog", 60.0)
        first, began = desk.rows(AGENT), time.monotonic()
        while desk.rows(AGENT) - before < sizes.readings:
            time.sleep(0.25)
            most_mb = max(most_mb, rss_mb(process.pid))
            if process.poll() is not None or time.monotonic() - began > sizes.readings / 2_000 + 60:
                raise RuntimeError((folder / "drain.log").read_text()[-2_000:] or "the backlog does not drain")
        rate = (desk.rows(AGENT) - first) / (time.monotonic() - began)
        time.sleep(min(3.0 * COMMIT_S, sizes.settle_s))  # however fast it was, something live came, too
        return rate, most_mb


def _delays(store: Path, last: int) -> list[float]:
    """Seconds from each live commit until the office had it. Where nobody set this machine's clock, readings are
    undated, and we who run on the same machine know when it began."""
    began_s = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as db:
        found = [delay / 1_000 - began_s * undated for delay, undated in db.execute(DELAYS, (last,))]
    return [max(0.0, delay - LATE_S) for delay in found]
