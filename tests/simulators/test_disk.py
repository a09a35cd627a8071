"""The disk in memory loses what a card would lose, and keeps what a card would keep."""

from __future__ import annotations

import errno
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.journal.disk import Disk, FolderDisk
from simulators.disk import SECTOR, MemoryDisk, PowerCut

OLD, NEW = b"o" * SECTOR, b"n" * SECTOR


def with_unsynced_sector() -> MemoryDisk:
    disk = MemoryDisk()
    disk.create("a", 2 * SECTOR)
    file = disk.open("a")
    file.pwrite(OLD + OLD, 0)
    file.datasync()
    file.pwrite(NEW, SECTOR)
    return disk


def test_what_was_synced_stays_and_what_was_not_may_go() -> None:
    for keep, expected in (("lost", OLD), ("kept", NEW)):
        disk = with_unsynced_sector()
        disk.crash(keep, Random(1))
        assert disk.content("a") == OLD + expected


def test_a_torn_sector_is_partly_new() -> None:
    seen = set()
    for seed in range(50):
        disk = with_unsynced_sector()
        disk.crash("torn", Random(seed))
        content = disk.content("a")
        assert content[:SECTOR] == OLD
        new = content[SECTOR:].rstrip(b"o")
        assert new == b"n" * len(new)
        seen.add(len(new))
    assert len(seen) > 20


def test_a_mixed_crash_keeps_whole_sectors_here_and_there() -> None:
    seen = set()
    for seed in range(60):
        disk = MemoryDisk()
        disk.create("a", 3 * SECTOR)
        disk.open("a").pwrite(b"n" * 3 * SECTOR, 0)
        disk.crash("mixed", Random(seed))
        seen.add(bytes(disk.content("a")[::SECTOR]))
    assert len(seen) == 8


def test_after_a_crash_open_files_are_useless() -> None:
    disk = with_unsynced_sector()
    file = disk.open("a")
    disk.crash("kept", Random(0))
    with pytest.raises(OSError, match="Bad file"):
        file.pread(1, 0)


def test_the_power_can_go_at_every_step_of_replacing_a_file() -> None:
    steps, outcomes = 0, set()
    while True:
        for keep in ("lost", "kept", "mixed", "torn"):
            disk = MemoryDisk()
            disk.write_small("a", b"old")
            disk.cut_after(steps)
            try:
                disk.write_small("a", b"new")
                done = True
            except PowerCut:
                done = False
            disk.crash(keep, Random(steps))
            outcome = disk.read_small("a")
            assert outcome in ((b"new",) if done else (b"old", b"new"))
            outcomes.add(outcome)
        if done:
            break
        steps += 1
    assert steps == 6 and outcomes == {b"old", b"new"}


def test_faults_come_when_they_are_ordered() -> None:
    disk = MemoryDisk()
    disk.create("a", SECTOR)
    file = disk.open("a")
    disk.fail("pread", errno.EIO, after=1, times=2)
    assert file.pread(1, 0) == b"\0"
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output"):
            file.pread(1, 0)
    assert file.pread(1, 0) == b"\0"
    disk.fail("datasync", errno.EIO)
    disk.heal()
    file.datasync()


def test_a_failed_sync_forgets_what_was_to_be_written_and_then_says_that_all_is_well() -> None:
    disk = with_unsynced_sector()
    file = disk.open("a")
    disk.fail("datasync", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        file.datasync()
    file.datasync()
    assert disk.content("a") == OLD + NEW
    disk.crash("kept", Random(0))
    assert disk.content("a") == OLD + OLD


def test_a_full_disk_takes_no_new_file_and_lets_none_grow() -> None:
    disk = MemoryDisk(capacity=3 * SECTOR)
    disk.create("a", 2 * SECTOR)
    assert disk.free_bytes() == SECTOR
    with pytest.raises(OSError, match="No space"):
        disk.create("b", 2 * SECTOR)
    with pytest.raises(OSError, match="No space"):
        disk.open("a").pwrite(bytes(4 * SECTOR), SECTOR)
    assert "b" not in disk.names()


OPS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), st.sampled_from("abc"), st.integers(0, 3000)),
        st.tuples(st.just("write"), st.sampled_from("abc"), st.integers(0, 3000)),
        st.tuples(st.just("small"), st.sampled_from("abc"), st.integers(0, 300)),
        st.tuples(st.just("remove"), st.sampled_from("abc"), st.just(0)),
        st.tuples(st.just("aside"), st.sampled_from("abc"), st.just(0)),
    ),
    max_size=15,
)


def done_to(disk: Disk, op: str, name: str, number: int) -> object:
    """What an operation answers, an error's name included."""
    try:
        if op == "create":
            disk.create(name, number)
        elif op == "small":
            disk.write_small(name, bytes([number % 256]) * number)
        elif op == "remove":
            disk.remove(name)
        elif op == "aside":
            disk.set_aside(name)
        else:
            file = disk.open(name)
            file.pwrite(b"xyz" * 50, number)
            file.datasync()
            return file.pread(500, max(0, number - 7)), file.size()
    except OSError:
        return "error"
    return None


@given(OPS)
def test_in_good_health_it_is_like_a_folder(
    tmp_path_factory: pytest.TempPathFactory, ops: list[tuple[str, str, int]]
) -> None:
    folder: Path = tmp_path_factory.mktemp("disk")
    real, memory = FolderDisk(folder), MemoryDisk()
    for op, name, number in ops:
        assert done_to(real, op, name, number) == done_to(memory, op, name, number)
        assert real.names() == memory.names()
        assert [real.read_small(name) for name in real.names()] == [memory.content(name) for name in memory.names()]
    real.close()
