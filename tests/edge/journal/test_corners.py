"""What hardly ever happens to a journal, and must do no harm when it does."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from edge import epochs
from edge.boots import FILE, FIRST_AT_RANDOM, begin
from edge.commits import Commits
from edge.journal.disk import FolderDisk
from edge.journal.errors import JournalBusy
from edge.journal.journal import LEAP, Journal
from edge.journal.layout import SECTOR
from edge.journal.losses import Losses
from edge.journal.naming import FULL, SKIPPED, THINNED
from edge.journal.ring import Gap
from simulators.disk import MemoryDisk
from tests.edge.journal.life import SEGMENT, gaps_in, read_all
from tests.edge.journal.opened import CHUNK, one, open_on, reopened
from tests.edge.journal.test_thinning import Full, settled


def test_a_file_that_reads_and_writes_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FolderDisk(tmp_path)
    disk.create("x", 4096)
    file = disk.open("x")
    whole, read = os.pwrite, os.pread
    monkeypatch.setattr(os, "pwrite", lambda number, data, at: whole(number, bytes(data[:700]), at))
    monkeypatch.setattr(os, "pread", lambda number, count, at: read(number, min(count, 300), at))
    file.pwrite(bytes(range(256)) * 8, 512)
    assert file.pread(2048, 512) == bytes(range(256)) * 8
    monkeypatch.undo()
    file.close()
    disk.close()
    disk.close()


def test_a_node_without_a_journal_yet_closes_and_one_that_is_busy_says_so() -> None:
    def busy() -> Journal:
        raise JournalBusy("what", "stand", "remedy")

    commits = Commits(busy, MemoryDisk())
    with pytest.raises(JournalBusy):
        commits.open(0)
    commits.close()


def test_a_boot_file_of_rubbish_on_a_disk_that_names_nothing() -> None:
    disk = MemoryDisk()
    disk.write_small(FILE, b'{"ordinal": 0, "boot_id": "a", "clean": true}')
    disk.names = lambda: (_ for _ in ()).throw(OSError(errno.EIO, "x"))  # type: ignore[method-assign]
    assert begin(disk, "b" * 32, lambda: 0.5).ordinal > FIRST_AT_RANDOM  # there may be readings of earlier boots


def test_an_epoch_file_that_cannot_be_written_is_done_without() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal)
    disk.fail("write_small", errno.ENOSPC)
    written = journal.bytes_written
    epochs.write(disk, journal)
    assert journal.bytes_written == written and epochs.FILE not in disk.names()


def test_with_nothing_to_give_up_nothing_is_thinned() -> None:
    full = Full(size=16 * SECTOR)
    full.disk.capacity = 3 * 16 * SECTOR
    for _ in range(100):
        full.live(1)
        full.journal.forget(full.journal.next - 1)
    assert gaps_in(read_all(full.journal)) == []


def test_a_second_segment_that_cannot_be_made_at_once_is_made_later() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal)
    disk.fail("create", errno.ENOSPC, times=2)
    for _ in range(10):
        one(journal)
    assert len(disk.names()) == 2 and journal.total_readings == 33


def test_a_restart_in_a_damaged_segment_thins_what_can_be_read() -> None:
    full = Full()
    full.live(1_200)
    first = full.journal.lowest
    while full.journal.lowest == first:  # the first run of a segment
        full.live(1)
    ends = [segment.first for segment in full.journal._ring.used]
    oldest = full.journal._ring.holding(full.journal.lowest)
    assert oldest is not None and full.journal.lowest not in ends
    full.journal.close()
    for sector in range(3, 40):
        full.disk.rot(oldest.name, sector * SECTOR + 20)
    full.boot = 2
    full.open()
    full.live(60)
    assert gaps_in(settled(full))[-1]["why"] == THINNED


class Reticent:
    """A disk that does not say what is free."""

    def __init__(self, disk: MemoryDisk) -> None:
        self._disk = disk

    def __getattr__(self, name: str) -> object:
        return getattr(self._disk, name)

    def free_bytes(self) -> int:
        raise OSError(errno.EIO, "x")


def test_a_disk_that_does_not_say_what_is_free_is_taken_for_full() -> None:
    disk = MemoryDisk()
    journal = open_on(disk, cap=100 * SEGMENT)
    while len(disk.names()) < 2:
        one(journal)
    journal._disk = Reticent(disk)  # type: ignore[assignment]
    for _ in range(60):
        one(journal)
    assert len(disk.names()) == 2 and gaps_in(read_all(journal))[-1]["why"] == FULL


def test_a_spare_that_is_too_small_for_a_commit_is_passed_over() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(12):
        one(journal)
    journal = reopened(journal, disk, cap=40 * SEGMENT, segment=4 * SEGMENT)
    journal.append([(CHUNK, 1, bytes(3 * SEGMENT))])
    assert journal.disk_bytes == 10 * SEGMENT and journal.total_readings == 37  # one to go to, and one to go to next


def test_a_file_that_was_cut_short_is_no_spare() -> None:
    disk = MemoryDisk()
    disk.create("segment-00007.journal", 0)
    disk.create("segment-00009.journal", 4 * SECTOR)
    journal = open_on(disk)
    while len(disk.names()) < 7:
        one(journal)
    disk.fail("create", errno.ENOSPC, times=1000)  # what now goes on has to do without a new one
    for _ in range(100):
        one(journal)
    assert gaps_in(read_all(journal))[-1]["why"] == FULL


def test_an_ack_that_ends_where_the_gap_ends_takes_it_whole() -> None:
    journal = open_on(MemoryDisk())
    while journal.lowest == 1:
        one(journal)
    gone = journal.lowest - 1
    journal.forget(gone)
    assert (journal.acked, journal.backlog_readings) == (gone, journal.total_readings - 3 * gone)


def test_the_seq_of_the_only_record_there_ever_was_does_not_return() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal)
    journal.close()
    disk.rot("segment-00000.journal", SECTOR + 20)
    journal = open_on(disk)
    assert (journal.next, journal.total_readings) == (1 + LEAP, 0)
    assert one(journal) == 2 + LEAP


def test_two_leaps_in_a_row_are_one() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal)
    journal = reopened(journal, disk, leap=5)
    journal.leap()
    assert journal.gaps_to_write == (Gap(2, 6 + LEAP, 0, SKIPPED),)
    assert one(journal) == 8 + LEAP
    losses = Losses([])
    losses.skip(5, 9)
    losses.skip(10, 20)
    assert losses.pending == [Gap(5, 20, 0, SKIPPED)]
