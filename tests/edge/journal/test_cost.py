"""What opening, reading and holding a backlog costs, counted and not timed."""

from __future__ import annotations

import tracemalloc

from edge.journal.journal import Journal
from edge.journal.layout import SECTOR
from simulators.disk import MemoryDisk
from tests.edge.journal.life import read_all
from tests.edge.journal.opened import CHUNK, one, open_on, reopened


def grown(segments: int, size: int) -> tuple[MemoryDisk, Journal]:
    disk = MemoryDisk()
    journal = open_on(disk, cap=4 * segments * size, segment=size)
    while len(disk.names()) < segments:
        journal.append([(CHUNK, 3, bytes(1800))] * min(16, size // (16 * SECTOR)))
    return disk, journal


def test_opening_reads_the_headers_and_the_end_of_the_newest_segment() -> None:
    size = 1 << 20
    disk, journal = grown(8, size)
    for _ in range(600):
        one(journal)
    disk.counts.clear()
    journal = reopened(journal, disk, 32 * size, size)
    headers = len(disk.names()) * SECTOR
    assert 0 < disk.counts["bytes_read"] <= headers + size // 2
    assert disk.counts["open"] == len(disk.names()) + 1
    few = disk.counts["bytes_read"]
    disk, journal = grown(40, size)
    disk.counts.clear()
    reopened(journal, disk, 160 * size, size)
    assert disk.counts["bytes_read"] <= few + 32 * SECTOR + size // 4


def test_opening_behind_a_large_commit_looks_no_further_back_than_it_takes() -> None:
    size = 4 << 20
    disk = MemoryDisk()
    journal = open_on(disk, 8 * size, size)
    while journal.used_bytes < size - (1 << 19):
        journal.append([(CHUNK, 1, b"x")] * 50)
    journal.append([(CHUNK, 1, bytes(1_400))] * 80)
    disk.counts.clear()
    tracemalloc.start()
    again = reopened(journal, disk, 8 * size, size)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (again.next, again.total_readings) == (journal.next, journal.total_readings)
    assert disk.counts["bytes_read"] < size // 2
    assert peak < 1 << 19


def test_opening_hops_over_large_bodies() -> None:
    size = 4 << 20
    disk = MemoryDisk()
    journal = open_on(disk, 8 * size, size)
    for _ in range(25):
        journal.append([(CHUNK, 1, bytes(120_000))])
    disk.counts.clear()
    assert reopened(journal, disk, 8 * size, size).next == 26
    assert disk.counts["bytes_read"] < 3_000_000 / 3


def test_memory_does_not_grow_with_the_backlog() -> None:
    disk, journal = grown(4, 64 * SECTOR)
    disk.writes.clear()
    tracemalloc.start()
    for _ in range(3):
        read_all(journal)
    held = tracemalloc.get_traced_memory()[0]
    for _ in range(2000):
        one(journal, "z" * 400)
        disk.writes.clear()
    read_all(journal)
    grew = tracemalloc.get_traced_memory()[0] - held
    tracemalloc.stop()
    on_disk = sum(len(disk.content(name)) for name in disk.names())
    assert grew - 2 * on_disk < 200_000


def test_draining_is_linear() -> None:
    size = 1 << 20
    disk, journal = grown(5, size)
    disk.counts.clear()
    seq, backlog = journal.lowest, journal.used_bytes
    while found := journal.read(seq, 20_000):
        seq = found[-1].seq + 1
        journal.read(journal.next - 1, 1000)
        journal.forget(seq - 5)
    assert disk.counts["bytes_read"] < 3 * backlog  # with a live read and an ack beside each
    assert journal.backlog_readings == 4 * 3
