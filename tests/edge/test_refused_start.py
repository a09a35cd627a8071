"""A card that refuses when the agent starts: it starts all the same, says so, and goes on by itself once it is mended.

With a disk in memory that refuses everything, or every write, for a while; and with a real file system, mounted
read-only, under the real process.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edge import boots, floor
from edge.floor import Floor, Kept
from edge.journal.disk import LOCK, MENDABLE, FolderDisk
from edge.journal.errors import JournalBusy, JournalError
from edge.journal.journal import Journal
from edge.schemas import Schemas
from edge.timekeeper import Timekeeper
from edge.wire.chunks import Column, Schema
from edge.wire.messages import State
from edge.wire.record import RecordKind
from edge.wire.version import BUILT_MS
from simulators.clock import VirtualClock
from simulators.disk import MemoryDisk
from tests.edge.failing import Calls, FaultyDisk
from tests.edge.faulty import RECOVERY_MS, Node
from tests.edge.test_single_faults import settled

MOUNTS = os.geteuid() == 0
REFUSED_MS = 40_000
TOLD_MS = 30_000
CAP_BYTES = 32 * 1024
READS = ("disk.names", "disk.open", "disk.pread", "disk.read_small", "disk.size", "disk.free_bytes")
pytestmark = pytest.mark.once


class Refusing(Calls):
    """All calls to the disk fail until a moment, or only those that would write."""

    def __init__(self, node: Node, number: int, writes_only: bool) -> None:
        super().__init__(node.clock)
        self.until_ms, self._number, self._reads = 1 << 60, number, READS if writes_only else ()

    def made(self, kind: str) -> None:
        refused = self.on and kind.startswith("disk.") and kind not in self._reads and kind != "disk.close"
        if refused and self.clock.boot_ms() < self.until_ms:
            raise OSError(self._number, os.strerror(self._number))
        super().made(kind)


def refused(number: int, writes_only: bool, fresh: bool) -> Node:
    """A node whose disk refuses for a while from its start, in its second life or in its first."""
    node = Node()
    calls = node.calls = Refusing(node, number, writes_only)
    node.disk = FaultyDisk(calls)
    if not fresh:
        node.before()
    calls.on, began_ms = True, node.clock.boot_ms()
    calls.until_ms = began_ms + REFUSED_MS
    node.begin()
    node.live(began_ms + TOLD_MS)
    check = next(each for each in node.agent.node.health(node.clock.boot_ms()).checks if each.name == "journal")
    assert check.state is State.BAD and os.strerror(number) in check.reason and check.remedy
    assert node.good_ms.keys() == {"air", "dust", "gate"}, "sensors are read"
    waiting = node.agent.node.commits.waiting
    assert waiting > 0 and f"{waiting} readings are kept in memory" in check.reason
    node.live(calls.until_ms + RECOVERY_MS, lambda: not list(node.ills(calls.until_ms)))
    assert not list(node.ills(calls.until_ms)), ", ".join(node.ills(calls.until_ms))
    return node


def cards() -> Iterator[Any]:
    """Each errno in one way in the fast tier, in every way in the deep one."""
    for place, number in enumerate(MENDABLE):
        for way, (writes_only, fresh) in enumerate(product((True, False), repeat=2)):
            marks = [] if way == place else [pytest.mark.deep]
            yield pytest.param(number, writes_only, fresh, marks=marks, id=f"{errno.errorcode[number]}-{way}")


@pytest.mark.parametrize(("number", "writes_only", "fresh"), list(cards()))
def test_a_card_that_refuses_at_the_start(number: int, writes_only: bool, fresh: bool) -> None:
    node = refused(number, writes_only, fresh)
    boot = node.agent.node.boot
    settled(node)
    assert b'"%s"' % node.clock.boot_id.encode() in node.disk.read_small("boot.json"), "written down afterwards"
    assert str(boot.ordinal).encode() in node.disk.read_small("boot.json")


def test_what_waits_is_bounded_and_what_went_is_named() -> None:
    node = Node()
    calls = node.calls = Refusing(node, errno.EROFS, False)
    node.disk = FaultyDisk(calls)
    calls.on = True
    node.begin()
    commits = node.agent.node.commits
    commits._cap_bytes = CAP_BYTES
    node.live(node.clock.boot_ms() + 120_000)
    assert sum(len(entry[2]) for _, entry in commits._waiting) <= CAP_BYTES
    lost = commits.lost
    assert lost > 0
    calls.until_ms = node.clock.boot_ms()
    node.live(calls.until_ms + RECOVERY_MS, lambda: not list(node.ills(calls.until_ms)))
    assert not list(node.ills(calls.until_ms))
    node.end()
    told = [record for record in node.office.records.values() if b'"readings lost"' in record.body]
    assert len(told) == 1 and b'"readings": %d' % lost in told[0].body.replace(b'":', b'": ').replace(b":  ", b": ")
    assert node.office.readings() == node.sampled - lost


def test_a_boot_that_is_known_keeps_its_number_on_a_card_that_takes_nothing() -> None:
    disk, random = MemoryDisk(), Random(1).random
    first = boots.begin(disk, "a" * 32, random)
    disk.fail("write_small", errno.EROFS, times=2)
    assert boots.begin(disk, "a" * 32, random).ordinal == first.ordinal
    other = boots.begin(disk, "b" * 32, random)
    assert other.ordinal >= boots.FIRST_AT_RANDOM
    assert boots.keep(disk, other) and boots.begin(disk, "b" * 32, random).ordinal == other.ordinal


class Unlisted(MemoryDisk):
    """Does not say what it holds."""

    def names(self) -> list[str]:
        raise OSError(errno.EIO, "Input/output error")


def test_a_folder_that_cannot_be_listed_may_hold_earlier_boots() -> None:
    disk = Unlisted()
    disk.create("segment-00000.journal", 512)
    assert boots.begin(disk, "b" * 32, Random(1).random).ordinal >= boots.FIRST_AT_RANDOM


def test_schemas_that_could_not_be_read_at_first_are_not_written_over() -> None:
    disk, old, new = MemoryDisk(), Schema((Column("air", "pm10", "", 2),)), Schema((Column("dust", "pm10", "", 2),))
    before = Schemas(disk)
    before.remember(old.encode())
    before.save()
    disk.fail("read_small", errno.EIO)
    schemas = Schemas(disk)
    assert schemas.body(old.key.hex()) is None
    schemas.remember(new.encode())
    schemas.save()
    assert schemas.body(old.key.hex()) == old.encode()
    assert Schemas(disk).body(old.key.hex()) == old.encode() and Schemas(disk).body(new.key.hex()) == new.encode()


def test_a_floor_that_could_not_be_read_at_first_holds_later() -> None:
    disk, clock = MemoryDisk(), VirtualClock(now_us=100_000_000)
    assert floor.write(disk, Kept(BUILT_MS + 10**9, "f" * 32, 5_000))
    disk.fail("read_small", errno.EIO)
    timekeeper = Timekeeper(clock, disk)
    before = timekeeper.floor
    for later_ms in (0, 1_000):
        timekeeper.recall(clock.boot_ms() + later_ms)
        assert timekeeper.floor == Floor(BUILT_MS + 10**9, clock.boot_ms(), True) != before


# The folder of a real system.


def calls_at_the_start() -> Iterator[tuple[Any, str, int]]:
    for module, name in ((os, "mkdir"), (os, "open"), (fcntl, "flock")):
        for number in MENDABLE:
            yield module, name, number


@pytest.mark.parametrize(("module", "name", "number"), list(calls_at_the_start()))
def test_each_call_that_opens_the_folder(
    module: Any, name: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*words: Any, **more: Any) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken:
        broken.setattr(module, name, fails)
        disk = FolderDisk(tmp_path / "journal")
        with pytest.raises(JournalError, match=os.strerror(number)) as told:
            Journal.open(disk, lambda: 1, 1 << 20)
        assert told.value.remedy
        for attempt in (lambda: disk.write_small("a", b""), lambda: disk.read_small("a"), lambda: disk.remove("a"),
                        lambda: disk.create("a", 512), lambda: disk.set_aside("a")):  # fmt: skip
            with pytest.raises(OSError, match=os.strerror(number)):
                attempt()
    journal = Journal.open(disk, lambda: 1, 1 << 20)
    journal.append([(RecordKind.EVENT, 0, b"{}")])
    with pytest.raises(JournalBusy):
        FolderDisk(tmp_path / "journal")
    disk.close()
    FolderDisk(tmp_path / "journal").close()


def test_who_came_later_finds_that_another_has_it_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(os, "mkdir", lambda *words, **more: (_ for _ in ()).throw(OSError(errno.EIO, "failed")))
        late = FolderDisk(tmp_path / "journal")
    other = FolderDisk(tmp_path / "journal")
    with pytest.raises(JournalError, match=r"another process writes the journal there.*Stop that process"):
        Journal.open(late, lambda: 1, 1 << 20)
    other.close()
    assert late.names() == []
    late.close()


def test_what_is_wrong_for_good_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "open", lambda *words, **more: (_ for _ in ()).throw(OSError(errno.EACCES, "not yours")))
    with pytest.raises(JournalError, match="Give the folder to the user"):
        FolderDisk(tmp_path)


# A real read-only mount.

BOARD = """
[node]
id = "pole-a"
[journal]
folder = "{folder}"
commit_every = "500ms"
[[sensor]]
name = "host"
driver = "vitals"
interval = "1s"
"""


def mounted(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Path]:
    if not MOUNTS:
        pytest.skip("NOT TESTED: a real read-only mount needs root; the faulty disk was tested")
    place = tmp_path / "card"
    place.mkdir()
    mounted("-t", "tmpfs", "-o", "size=96m", "card", str(place))
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def heard(agent: subprocess.Popen[str], what: str, within_s: float = 60) -> list[str]:
    """Lines on stderr until one says this."""
    assert agent.stderr is not None
    lines: list[str] = []
    ends = time.monotonic() + within_s
    while time.monotonic() < ends and (line := agent.stderr.readline()):
        lines.append(line)
        if what in line:
            return lines
    raise AssertionError(f"it did not say {what!r}: {lines}")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("known", [pytest.param(False, marks=pytest.mark.deep), True], ids=["new", "used"])
def test_a_read_only_mount_heals_without_a_restart(card: Path, known: bool, tmp_path: Path) -> None:
    folder, board = card / "journal", tmp_path / "node.toml"
    board.write_text(BOARD.format(folder=folder))
    if known:
        disk = FolderDisk(folder)
        journal = Journal.open(disk, lambda: 7, 1 << 20)
        journal.append([(RecordKind.CHUNK, 1, b"an earlier run")])
        journal.close()
        disk.close()
    mounted("-o", "remount,ro", str(card))
    agent = subprocess.Popen([sys.executable, "-m", "edge.cli", "run", str(board)], stderr=subprocess.PIPE, text=True)
    try:
        said = heard(agent, "journal is bad")
        assert "Read-only file system" in said[-1] and "remount,rw" in said[-1]
        assert "kept in memory" in said[-1]
        words = [sys.executable, "-m", "edge.cli", "status", "--board", str(board)]
        asked = subprocess.run(words, capture_output=True, text=True)
        assert "Read-only file system" in asked.stdout, asked
        mounted("-o", "remount,rw", str(card))
        said += heard(agent, "journal is good again")
    finally:
        agent.send_signal(signal.SIGTERM)
        said += [agent.communicate(timeout=30)[1]]
    assert agent.returncode == 0 and "Traceback" not in "".join(said), said
    disk = FolderDisk(folder)
    journal = Journal.open(disk, lambda: 8, 1 << 20)
    assert (journal.epoch == 7) is known
    assert journal.total_readings > 10
    assert {"boot.json", "epoch.json", "schemas.json"} <= set(disk.names()) and (folder / LOCK).exists()
