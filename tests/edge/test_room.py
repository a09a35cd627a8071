"""How large a journal is where nobody says, and how long it lasts."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest

from edge.journal.journal import Journal
from edge.room import DAYS, LEAST_BYTES, cap_bytes, day_bytes, days_left
from edge.wire.record import RecordKind
from edge.wiring import JournalPlan, Wiring
from simulators.disk import MemoryDisk
from tests.edge.pole import WIRING


def board(cap: int, commit_ms: int = 10_000) -> Wiring:
    return replace(WIRING, journal=JournalPlan("journal", commit_ms, cap))


def test_what_the_board_says_holds() -> None:
    assert cap_bytes(board(12_345), MemoryDisk()) == 12_345


def test_else_it_is_worth_ninety_days_or_half_of_what_is_free() -> None:
    wanted = int(DAYS * day_bytes(board(0)))
    assert cap_bytes(board(0), MemoryDisk()) == wanted > LEAST_BYTES
    assert cap_bytes(board(0), MemoryDisk(capacity=wanted)) == wanted // 2
    assert cap_bytes(board(0), MemoryDisk(capacity=1 << 20)) == LEAST_BYTES
    assert day_bytes(board(0, 1_000)) > 5 * day_bytes(board(0, 10_000))


def test_what_the_journal_took_already_counts_as_free() -> None:
    disk = MemoryDisk(capacity=100 << 20)
    before = cap_bytes(board(0), disk)
    disk.create("segment-00000.journal", 40 << 20)
    disk.create("other.json", 1 << 20)
    assert cap_bytes(board(0), disk) == before - (1 << 19)
    disk.fail("open", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        cap_bytes(board(0), disk)


class Mute(MemoryDisk):
    """Does not say what is free."""

    def free_bytes(self) -> int:
        raise OSError(errno.EIO, "Input/output error")


def test_a_disk_that_does_not_say_what_is_free_thins_nothing() -> None:
    disk = Mute()
    assert cap_bytes(board(0), disk) == LEAST_BYTES
    held = MemoryDisk()
    held.create("segment-00000.journal", LEAST_BYTES + 512)
    disk._seen = held._seen
    assert cap_bytes(board(0), disk) == LEAST_BYTES + 512


def test_days_left_by_the_board_and_then_by_what_was_measured() -> None:
    wiring = board(0)
    disk = MemoryDisk()
    journal = Journal.open(disk, lambda: 1, cap_bytes(wiring, disk), 1 << 20)
    assert days_left(journal, wiring, 0) == DAYS
    journal.append([(RecordKind.CHUNK, 1, bytes(400))] * 10)
    assert days_left(journal, wiring, 60_000) == DAYS - 1
    hour, day = 3_600_000, 86_400_000
    assert days_left(journal, wiring, hour) == (journal.cap_bytes - journal.used_bytes) // (5120 * (day // hour))
