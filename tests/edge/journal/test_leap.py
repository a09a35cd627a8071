"""After a restart of the node seqs go on further up, so that none is ever given out twice; and the newest records."""

from __future__ import annotations

import errno
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.journal.errors import JournalError
from edge.journal.journal import LEAP, Journal
from edge.journal.layout import SECTOR
from edge.journal.losses import Losses
from edge.journal.naming import FULL, SKIPPED, UNREADABLE
from edge.journal.ring import Gap
from edge.wire.record import Record, RecordKind
from simulators.disk import MemoryDisk
from tests.edge.journal.life import SEGMENT, gaps_in, read_all
from tests.edge.journal.opened import CHUNK, one, open_on, reopened


def skips(records: list[Record]) -> list[tuple[int, int]]:
    return [(int(gap["first"]), int(gap["last"])) for gap in gaps_in(records) if gap["why"] == SKIPPED]


def test_a_new_journal_has_nothing_to_leap_over() -> None:
    journal = open_on(MemoryDisk(), leap=LEAP)
    assert journal.next == 1 and journal.gaps_to_write == ()


def test_what_is_leapt_over_is_named_with_the_first_commit_and_read_as_nothing() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(3):
        one(journal)
    journal = reopened(journal, disk, leap=1000)
    assert (journal.next, journal.lowest, journal.total_readings) == (1004, 1, 9)
    assert [record.seq for record in read_all(journal)] == [1, 2, 3]
    syncs = disk.counts["datasync"]
    assert one(journal, "new") == 1005
    assert disk.counts["datasync"] == syncs + 1
    for _ in range(2):
        found = read_all(journal)
        assert [record.seq for record in found] == [1, 2, 3, 1004, 1005]
        assert gaps_in(found) == [
            {"first": 4, "last": 1003, "readings": 0, "why": SKIPPED, "from_ms": None, "to_ms": None}
        ]
        assert journal.gaps_to_write == ()
        journal = reopened(journal, disk)


def test_a_restart_before_the_first_commit_leaps_from_the_same_place() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal)
    for _ in range(3):
        journal = reopened(journal, disk, leap=1000)
        assert journal.next == 1002


def test_a_journal_that_is_empty_stays_so() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal)
    journal.forget(1)
    one(journal)
    journal.forget(2)
    one(journal)
    journal.forget(3)
    journal = reopened(journal, disk, leap=1000)
    journal.forget(3)
    assert (journal.lowest, journal.acked, journal.backlog_readings) == (4, 3, 0)
    journal.append([(CHUNK, 0, b"")])
    journal.forget(journal.next - 1)
    one(journal)
    seq = journal.next
    journal = reopened(journal, disk, leap=1000)
    journal.forget(seq - 1)
    assert journal.backlog_readings == 0 and one(journal) == seq + 1001


def test_the_lowest_leaps_along_when_all_was_acked() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal)
    journal.forget(1)
    disk.fail("pwrite", errno.EIO)
    with pytest.raises(JournalError):
        one(journal)
    journal.append([(CHUNK, 0, b"")])
    journal.forget(2)
    journal.append([(CHUNK, 0, b"")])
    journal = reopened(journal, disk, leap=10)
    assert (journal.acked, journal.lowest, journal.next) == (2, 3, 14)


def test_an_ack_from_before_the_disk_lied_is_no_trouble() -> None:
    """The office has seqs up to 8, the disk knows only 5 of them."""
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(5):
        one(journal)
    journal = reopened(journal, disk, leap=1000)
    journal.forget(8)
    assert (journal.lowest, journal.backlog_readings) == (9, 0)
    assert one(journal) == 1007
    journal.forget(1007)
    assert (journal.lowest, journal.acked, journal.backlog_readings) == (1008, 1007, 0)


@given(st.integers(1, 60), st.integers(1, 6), st.integers(0, 12))
def test_however_full_it_is_each_leap_is_named_once_and_no_seq_returns(before: int, restarts: int, size: int) -> None:
    disk = MemoryDisk()
    journal, given_out = open_on(disk), set[int]()
    for _ in range(restarts):
        for _ in range(before):
            seqs = journal.append([(CHUNK, 3, bytes(size * SECTOR))])
            assert not given_out & set(seqs)
            given_out |= set(seqs)
        journal = reopened(journal, disk, leap=5000)
    one(journal)
    found = read_all(journal)
    assert len(set(skips(found))) == len(skips(found))
    assert {gap["why"] for gap in gaps_in(found)} <= {SKIPPED, "journal full"}
    assert journal.total_readings == 3 * (restarts * before + 1)


def test_a_first_commit_that_leaves_no_room_goes_behind_the_name_of_the_leap() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal)
    journal = reopened(journal, disk, leap=1000)
    journal.append([(CHUNK, 1, bytes(SEGMENT - 2 * SECTOR - 88))])
    assert [record.seq for record in read_all(journal)] == [1, 1002, 1003]
    assert skips(read_all(journal)) == [(2, 1001)] and journal.gaps_to_write == ()


def test_what_was_lost_just_before_a_leap_is_named_with_its_readings() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(3):
        one(journal)
    journal = reopened(journal, disk, leap=1000)
    one(journal)
    disk.rot("segment-00000.journal", 3 * SECTOR + 88)
    read_all(journal)
    (gap,) = journal.gaps_to_write
    assert (gap.first, gap.last, gap.readings, gap.why) == (3, 1003, 3, UNREADABLE)


def test_a_damaged_name_of_a_leap_is_named_again() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal)
    journal = reopened(journal, disk, leap=1000)
    one(journal)
    disk.rot("segment-00000.journal", 2 * SECTOR + 89)
    read_all(journal)
    assert [(gap.first, gap.last, gap.readings) for gap in journal.gaps_to_write] == [(2, 1002, 0)]


# The newest of a kind.


def test_the_newest_of_a_kind_is_found_acked_or_not_also_in_the_segment_before() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    assert journal.newest(RecordKind.OPEN) is None
    journal.append([(RecordKind.OPEN, 0, b"first"), (CHUNK, 1, b"")])
    journal.append([(RecordKind.OPEN, 0, b"second"), (CHUNK, 1, b"")])
    journal.forget(journal.next - 1)
    assert journal.newest(RecordKind.OPEN) == Record(journal.epoch, 3, RecordKind.OPEN, 0, b"second")
    segment = journal.segment
    while journal.segment == segment:
        one(journal)
    found = journal.newest(RecordKind.OPEN)
    assert found is not None and found.body == b"second"
    assert reopened(journal, disk).newest(RecordKind.OPEN) == found
    assert journal.newest(RecordKind.HEALTH) is None


def test_a_damaged_one_is_passed_over() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for text in (b"first", b"second"):
        journal.append([(RecordKind.OPEN, 0, text)])
    disk.rot("segment-00000.journal", 2 * SECTOR + 89)
    found = journal.newest(RecordKind.OPEN)
    assert found is not None and found.body == b"first"
    disk.fail("pread", errno.EIO)
    with pytest.raises(JournalError, match="while the journal was read"):
        journal.newest(RecordKind.OPEN)


def test_only_the_last_commits_are_looked_through() -> None:
    size = 4 << 20
    disk = MemoryDisk()
    journal = Journal.open(disk, lambda: 1, 8 * size, size)
    journal.append([(RecordKind.OPEN, 0, b"old")])
    for _ in range(30):
        journal.append([(CHUNK, 1, bytes(120_000))])
    journal.append([(RecordKind.OPEN, 0, b"new"), (CHUNK, 1, bytes(60_000))])
    disk.counts.clear()
    found = journal.newest(RecordKind.OPEN)
    assert found is not None and found.body == b"new"
    assert disk.counts["bytes_read"] < size // 3
    assert journal.newest(RecordKind.HEALTH) is None
    assert disk.counts["bytes_read"] < size + size // 2


def test_looking_for_what_is_not_there_takes_no_memory() -> None:
    size = 1 << 20
    disk = MemoryDisk()
    journal = Journal.open(disk, lambda: 1, 8 * size, size)
    batch = [(CHUNK, 1, b"x")] * 200
    journal.append([(RecordKind.OPEN, 0, b"far back")])
    while journal.segment < 2:
        journal.append(batch)
    for _ in range(9):
        journal.append(batch)
    tracemalloc.start()
    found = journal.newest(RecordKind.OPEN)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found is not None and found.body == b"far back"
    assert journal.newest(RecordKind.HEALTH) is None
    assert peak < size // 2


def test_what_was_of_a_commit_that_does_not_count_is_never_the_newest() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for text in (b"first", b"second"):
        journal.append([(RecordKind.OPEN, 0, text), (CHUNK, 10, text)])
    journal.close()
    disk.rot("segment-00000.journal", 4 * SECTOR + 89)
    journal = open_on(disk)
    for _ in range(3):
        found = journal.newest(RecordKind.OPEN)
        assert found is not None and (found.seq, found.body) == (1, b"first")
        one(journal)


def test_an_ack_for_a_commit_that_does_not_count_counts_no_readings_of_it() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for text in (b"first", b"second"):
        journal.append([(CHUNK, 1, text), (CHUNK, 10, text)])
    journal.close()
    disk.rot("segment-00000.journal", 4 * SECTOR + 89)
    journal = open_on(disk)
    journal.forget(3)
    assert (journal.acked, journal.total_readings, journal.backlog_readings) == (3, 11, 0)
    one(journal)
    assert reopened(journal, disk).backlog_readings == 3


def test_it_is_looked_for_in_two_segments_and_no_more_also_when_the_newest_holds_nothing() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    journal.append([(RecordKind.OPEN, 0, b"far back")])
    while journal.segment == 1:
        one(journal)
    journal = reopened(journal, disk)
    for at in range(SECTOR, SEGMENT, SECTOR):
        disk.rot("segment-00001.journal", at + 20)
    found = journal.newest(RecordKind.OPEN)
    assert found is not None and found.body == b"far back"
    while journal.segment < 3:
        one(journal)
    assert journal.newest(RecordKind.OPEN) is None


def test_what_is_given_up_with_the_first_commit_takes_no_leap_along() -> None:
    leap, torn = Gap(30, 1029, 0, SKIPPED), Gap(21, 25, 7, UNREADABLE)
    losses = Losses([torn])
    losses.skip(leap.first, leap.last)
    assert losses.beside(Gap(11, 1029, 90, FULL), losses.some(8)) == [Gap(11, 29, 90, FULL), leap]
    assert losses.beside(Gap(30, 1029, 0, FULL), losses.some(8)) == [leap]
    assert losses.beside(Gap(11, 20, 90, FULL), losses.some(8)) == [Gap(11, 20, 90, FULL), leap, torn]
    losses.wrote([leap], 0)
    assert losses.beside(Gap(11, 29, 90, FULL), losses.some(8)) == [Gap(11, 29, 90, FULL)]


def test_a_leap_may_be_a_single_step() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal)
    journal = reopened(journal, disk, leap=1)
    assert journal.next == 3 and journal.gaps_to_write == (Gap(2, 2, 0, SKIPPED),)


def test_a_first_commit_that_leaves_one_sector_takes_the_name_of_the_leap_along() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal)
    journal = reopened(journal, disk, leap=1000)
    disk.counts.clear()
    journal.append([(CHUNK, 1, bytes(SEGMENT - 3 * SECTOR - 88))])
    assert disk.counts["pwrite"] == 1 and skips(read_all(journal)) == [(2, 1001)]


def test_a_loss_waits_until_it_is_named_or_lies_below_all_that_is_held_or_the_office_knows_of_it() -> None:
    gap = Gap(3, 5, 7, UNREADABLE)
    losses = Losses([gap])
    losses.wrote([], 5)
    losses.forget(4)
    assert losses.pending == [gap]
    losses.forget(5)
    assert losses.pending == []
    losses = Losses([gap])
    losses.wrote([], 6)
    assert losses.pending == []


def test_to_look_for_more_at_the_end_opens_no_file() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal)
    disk.counts.clear()
    assert journal.seqs_of({CHUNK}, journal.next, 100) == ([], journal.next)
    assert disk.counts["open"] == 0
