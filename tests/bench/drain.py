"""How fast a backlog leaves a node: journal, courier and link in one process, broker and collector in another.

The backlog is that of a pole with twenty readings a second and commits of ten seconds, laid down as its journal would
hold it. The node's process opens it, connects, and sends until the office has acked everything; live commits come
every second meanwhile, and each is timed until its ack.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.commits import Commits
from edge.courier import Courier
from edge.effects import Tick
from edge.events import Arrived, Connected, Lost, Puback
from edge.inbox import Inbox
from edge.journal.disk import FolderDisk
from edge.journal.journal import Journal
from edge.mqtt import MqttLink
from edge.office import read_credentials
from edge.pace import Pace
from edge.uplink import Uplink
from edge.wire.cells import Strip
from edge.wire.chunks import Schema, decode_columns, encode_columns
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.messages import Ack, Hello, from_json, to_json
from edge.wire.record import RecordKind
from fleet.home import LOOPBACK
from tests.bench.figure import Figure, Skipped
from tests.bench.office import office
from tests.bench.plant import six
from tests.bench.process import started
from tests.bench.wire import BOOT, BOOT_ID, START_S, WALL_S, commits

NODE = "bench-drain"
GOAL, OPEN_GOAL_MS, RSS_GOAL_MB, LIVE_GOAL_S = 100_000.0, 10.0, 4.0, 2.0
CHUNK_S, A_CHUNK, TOGETHER = 43, 200, 60
CAP_BYTES = 2**30


def lay_down(folder: Path, readings: int) -> None:
    """A journal with so many readings, in chunks of some two hundred."""
    entries = [entry for found, _, _ in commits(six(), CHUNK_S, CHUNK_S) for entry in found]
    schema = Schema.decode(next(body for kind, _, body in entries if kind == RecordKind.SCHEMA))
    columns = decode_columns(lambda key: schema, next(body for kind, _, body in entries if kind == RecordKind.CHUNK))
    clock = ClockRecord(BOOT, BOOT_ID, (WALL_S - START_S) * 1_000, ClockQuality.SYNCED, None, START_S * 1_000)
    disk = FolderDisk(folder)
    commits_ = Commits(lambda: Journal.open(disk, lambda: 5, CAP_BYTES), disk)
    commits_.commit([(RecordKind.CLOCK, 0, to_json(clock)), (RecordKind.SCHEMA, 0, schema.encode())], 0)
    assert commits_.journal is not None
    number = 0
    while commits_.journal.total_readings < readings:
        batch = []
        for _ in range(TOGETHER):
            strips = [Strip(s.column, [at + number * CHUNK_S * 1_000 for at in s.times], s.steps, s.flags)
                      for s in columns.strips]  # fmt: skip
            body = encode_columns(schema, BOOT, columns.quality, strips)
            batch.append((int(RecordKind.CHUNK), columns.count, body))
            number += 1
        commits_.journal.append(batch)
    commits_.close()
    disk.close()


class Node:
    """What of an agent a backlog goes through."""

    def __init__(self, folder: Path, port: int) -> None:
        disk = FolderDisk(folder / "journal")
        began = time.perf_counter()
        self.journal = Journal.open(disk, lambda: 5, CAP_BYTES)
        self.open_ms = (time.perf_counter() - began) * 1_000
        self.commits = Commits(lambda: self.journal, disk)
        self.commits.open(0)
        self.inbox = Inbox()
        own = read_credentials(folder / "credentials.json", NODE)
        link = MqttLink(NODE, f"mqtt://{LOOPBACK}:{port}", own, b"{}", self.inbox.put)
        uplink = Uplink(self.commits.standing(), lambda: 0.5, Pace(), self.journal.acked, self.now_ms)
        self.courier = Courier(uplink, link, self.commits, self.greet, lambda keys: None)
        self.live: dict[int, float] = {}  # seq of a live commit -> when
        self.waits: list[float] = []
        self.rss = [rss_mb()]

    @property
    def now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def greet(self) -> None:
        journal = self.journal
        self.courier.publish("hello", to_json(Hello(NODE, BOOT_ID, journal.epoch, journal.lowest, journal.next)))

    def run(self) -> None:
        """Until everything is acked; a live commit each second."""
        self.tick()
        body = to_json({"at_ms": 0})
        next_live = time.monotonic()
        while self.journal.lowest < self.journal.next:
            due = self.courier.uplink.due_ms
            event = self.inbox.take(min(0.2, max(0.0, ((due or 10**15) - self.now_ms) / 1_000)))
            if isinstance(event, Arrived) and event.kind == "ack":
                self.hear(from_json(Ack, event.payload))
            if isinstance(event, Connected | Lost | Puback | Arrived):
                self.courier.tell(event, self.now_ms)
            self.tick()
            if time.monotonic() >= next_live and self.journal.backlog_readings > 100 * A_CHUNK:
                next_live = time.monotonic() + 1
                (seq,) = self.journal.append([(RecordKind.HEALTH, 0, body)])
                self.live[seq] = time.monotonic()
                self.courier.tell(self.commits.standing(), self.now_ms)
                self.rss.append(rss_mb())

    def tick(self) -> None:
        due = self.courier.uplink.due_ms
        if due is not None and due <= self.now_ms:
            self.courier.tell(Tick(), self.now_ms)

    def hear(self, ack: Ack) -> None:
        """How long live commits took to be in the store."""
        for seq in [seq for seq in self.live if seq <= ack.upto or any(a <= seq <= b for a, b in ack.ranges)]:
            self.waits.append(time.monotonic() - self.live.pop(seq))


def rss_mb() -> float:
    """Our own resident memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1_024 / 1e6
    raise ProcessLookupError


def drained(folder: Path, port: int) -> dict[str, float]:
    """What the node's process found."""
    node = Node(folder, port)
    readings, began, spent = node.journal.backlog_readings, time.monotonic(), time.process_time()
    node.run()
    wall_s, cpu_s = time.monotonic() - began, time.process_time() - spent
    node.courier.goodbye(b"{}")
    return {"readings": readings, "wall_s": wall_s, "cpu_s": cpu_s, "open_ms": node.open_ms, "idle_mb": node.rss[0],
            "most_mb": max(node.rss), "live_s": max(node.waits, default=0.0), "lives": len(node.waits)}  # fmt: skip


def measure(scratch: Path, readings: int = 10_000_000) -> Iterator[Figure | Skipped]:
    """Lays the backlog down, then drains it into a real office."""
    folder = scratch / "drain"
    (folder / "journal").mkdir(parents=True)
    lay_down(folder / "journal", readings)
    with office(folder) as desk:
        desk.enrol(NODE, folder / "credentials.json")
        command = [sys.executable, "-m", "tests.bench.drain", str(folder), str(desk.port)]
        with started(command, folder / "drain.log") as process:
            assert process.stdout is not None
            line = process.stdout.readline()
    if not line:
        yield Skipped("backlog", (folder / "drain.log").read_text()[-300:])
        return
    yield from figures(json.loads(line))


def figures(found: dict[str, Any]) -> Iterator[Figure]:
    """The lines of the bench."""
    number = found["readings"]
    note = f"{number / 1e6:.1f} million readings, {found['cpu_s'] / number * 1e6:.2f} us of the node's CPU each"
    yield Figure("backlog into a local office", number / found["wall_s"], "readings/s", GOAL, True, note=note)
    yield Figure("backlog: the journal opens", found["open_ms"], "ms", OPEN_GOAL_MS)
    note = f"{found['most_mb']:.1f} MB at most"
    yield Figure("backlog: memory above idle", found["most_mb"] - found["idle_mb"], "MB", RSS_GOAL_MB, note=note)
    note = f"of {found['lives']:.0f} live commits meanwhile"
    yield Figure("backlog: a live commit in the store after, at most", found["live_s"], "s", LIVE_GOAL_S, note=note)


if __name__ == "__main__":
    print(json.dumps(drained(Path(sys.argv[1]), int(sys.argv[2]))), flush=True)
