"""Opening a small journal on a disk in memory, and committing one record to it."""

from __future__ import annotations

from edge.journal.journal import Journal
from edge.wire.record import RecordKind
from simulators.disk import MemoryDisk
from tests.edge.journal.life import SEGMENT

CHUNK = RecordKind.CHUNK
EPOCH = 0xC0FFEE


def open_on(disk: MemoryDisk, cap: int = 6 * SEGMENT, segment: int = SEGMENT, leap: int = 0) -> Journal:
    return Journal.open(disk, lambda: EPOCH, cap, segment, leap)


def reopened(
    journal: Journal, disk: MemoryDisk, cap: int = 6 * SEGMENT, segment: int = SEGMENT, leap: int = 0
) -> Journal:
    journal.close()
    return open_on(disk, cap, segment, leap)


def one(journal: Journal, text: str = "x", readings: int = 3) -> int:
    return journal.append([(CHUNK, readings, text.encode())])[0]
