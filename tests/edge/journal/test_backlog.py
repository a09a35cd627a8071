"""A gigabyte of backlog on a real disk. Deep: it writes a gigabyte."""

from __future__ import annotations

import resource
import statistics
import time
from pathlib import Path

import pytest

from edge.journal.disk import FolderDisk
from edge.journal.journal import Journal

pytestmark = [pytest.mark.deep, pytest.mark.timeout(900)]
GIBIBYTE = 1 << 30


def test_a_gigabyte_opens_in_milliseconds_and_drains_in_flat_memory(tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path)
    journal = Journal.open(disk, lambda: 1, GIBIBYTE + (64 << 20))
    batch = [(1, 20, bytes(900))] * 120
    while journal.used_bytes < GIBIBYTE:
        journal.append(batch)
    journal.close()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(9):
        start = time.perf_counter()
        journal = Journal.open(disk, lambda: 1, GIBIBYTE + (64 << 20))
        times.append(time.perf_counter() - start)
        journal.close()
    start, seq, readings = time.perf_counter(), journal.lowest, 0
    while found := journal.read(seq):
        readings += sum(record.count for record in found)
        seq = found[-1].seq + 1
        journal.forget(seq - 1)
    took = time.perf_counter() - start
    grew = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"opened in {1000 * statistics.median(times):.1f} ms; {readings} readings in {took:.1f} s; {grew:.1f} MB")
    assert readings == journal.total_readings and journal.backlog_readings == 0
    assert statistics.median(times) < 0.1  # a generous bound: it must not read the backlog
    assert grew < 4
