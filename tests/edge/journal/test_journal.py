"""What the journal promises, one promise at a time."""

from __future__ import annotations

import errno

import pytest

from edge.journal.describe import describe
from edge.journal.errors import JournalError, from_disk
from edge.journal.journal import Journal
from edge.journal.layout import LARGEST_COMMIT, SECTOR, Mark, SegmentHeader, pack_segment
from edge.journal.naming import FULL, UNREADABLE
from edge.wire.record import Record, RecordKind
from simulators.disk import MemoryDisk
from tests.edge.journal.life import SEGMENT, gaps_in, read_all
from tests.edge.journal.opened import CHUNK, EPOCH, one, open_on, reopened


def commits(disk: MemoryDisk) -> tuple[int, int, int]:
    return disk.counts["pwrite"], disk.counts["datasync"], disk.counts["create"]


def test_a_new_journal_is_empty_and_touches_nothing() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    assert (journal.epoch, journal.lowest, journal.next, journal.acked) == (EPOCH, 1, 1, 0)
    assert (journal.total_readings, journal.backlog_readings, journal.used_bytes) == (0, 0, 0)
    assert journal.read(1) == [] and disk.names() == [] and journal.append([]) == []


def test_records_come_back_as_they_were() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    entries = [(kind, kind, bytes([kind]) * 100 * kind) for kind in RecordKind]
    assert journal.append(entries) == list(range(1, len(entries) + 1))
    expected = [Record(EPOCH, seq, *entry) for seq, entry in enumerate(entries, 1)]
    assert journal.read(1) == expected
    assert reopened(journal, disk).read(1) == expected
    assert journal.read(4) == expected[3:]


def test_a_read_stops_at_its_limit_but_gives_at_least_one() -> None:
    journal = open_on(MemoryDisk())
    journal.append([(CHUNK, 1, bytes(100))] * 5)
    assert [record.seq for record in journal.read(1, 250)] == [1, 2]
    assert [record.seq for record in journal.read(3, 1)] == [3]
    assert [record.seq for record in journal.read(0, 10_000)] == [1, 2, 3, 4, 5]
    assert journal.read(6) == []


def test_one_write_and_one_sync_per_commit_also_into_a_recycled_segment() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(40):
        journal.forget(one(journal) - 5)
    sizes = {name: len(disk.content(name)) for name in disk.names()}
    entered, before = set(), commits(disk)
    for step in range(1, 200):
        journal.forget(one(journal) - 5)
        assert commits(disk) == (before[0] + step, before[1] + step, before[2])
        entered.add(disk.writes[-1].at == 0)
    assert entered == {True, False}
    assert {name: len(disk.content(name)) for name in disk.names()} == sizes
    assert len(sizes) <= 3


def test_one_write_and_one_sync_per_commit_also_when_the_oldest_is_given_up() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    while not gaps_in(read_all(journal)):
        one(journal)
    before = commits(disk)
    for step in range(1, 200):
        one(journal)
        assert commits(disk) == (before[0] + step, before[1] + step, before[2])


def test_a_commit_of_many_records_is_one_write() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    before = disk.counts["pwrite"]
    journal.append([(CHUNK, 1, bytes(50))] * 8)
    assert disk.counts["pwrite"] == before + 1
    assert len(disk.writes[-1].data) == 9 * SECTOR  # with the segment's header


@pytest.mark.parametrize("size", [SEGMENT, 1 << 20])
def test_a_commit_too_large_is_refused_whole(size: int) -> None:
    disk = MemoryDisk()
    journal = open_on(disk, cap=8 * size, segment=size)
    limit = min(LARGEST_COMMIT // 2, size - 2 * SECTOR)
    assert journal.append([(CHUNK, 1, bytes(limit - 88))]) == [1]
    with pytest.raises(JournalError, match=r"more than the .* takes at once.*Nothing.*smaller parts"):
        journal.append([(CHUNK, 1, bytes(limit - 87))])
    assert (journal.next, journal.total_readings) == (2, 1)
    assert [len(record.body) for record in reopened(journal, disk, 8 * size, size).read(1)] == [limit - 88]


@pytest.mark.parametrize("entry", [(0, 1, b""), (16, 1, b""), (1, -1, b""), (1, 2**31, b"")])
def test_what_is_no_record_is_refused(entry: tuple[int, int, bytes]) -> None:
    journal = open_on(MemoryDisk())
    with pytest.raises(ValueError, match="no record"):
        journal.append([entry])
    assert journal.next == 1


@pytest.mark.parametrize("size", [0, 100, 7 * SECTOR, 8 * SECTOR + 1])
def test_an_impossible_segment_size_is_refused(size: int) -> None:
    if size:
        with pytest.raises(ValueError, match="multiple"):
            open_on(MemoryDisk(), segment=size)
    else:
        assert Journal.open(MemoryDisk(), lambda: 1, 64 << 20).next == 1


# Forgetting.


def test_what_is_forgotten_is_not_read_and_is_durable_with_the_next_commit() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for number in range(30):
        one(journal, readings=number)
    journal.forget(20)
    assert (journal.acked, journal.lowest, journal.backlog_readings) == (20, 21, sum(range(20, 30)))
    assert journal.read(1)[0].seq == 21
    journal = reopened(journal, disk)
    assert (journal.acked, journal.lowest) == (0, 1)
    journal.forget(20)
    one(journal, readings=7)
    journal = reopened(journal, disk)
    assert (journal.acked, journal.lowest, journal.backlog_readings) == (20, 21, sum(range(20, 30)) + 7)
    assert journal.total_readings == sum(range(30)) + 7


def test_forgetting_never_goes_back_nor_beyond_what_was_given_out() -> None:
    journal = open_on(MemoryDisk())
    for _ in range(5):
        one(journal)
    journal.forget(3)
    journal.forget(1)
    assert journal.acked == 3
    journal.forget(99)
    assert (journal.acked, journal.lowest, journal.next, journal.backlog_readings) == (5, 6, 6, 0)
    assert one(journal) == 6


def test_a_disk_that_cannot_be_read_forgets_nothing() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(9):
        one(journal)
    disk.fail("pread", errno.EIO, times=99)
    journal.forget(4)
    assert (journal.acked, journal.lowest) == (0, 1)
    disk.heal()
    journal.forget(4)
    assert (journal.acked, journal.lowest) == (4, 5)


def test_acked_segments_are_recycled_before_new_ones_are_made() -> None:
    disk = MemoryDisk()
    journal = open_on(disk, cap=100 * SEGMENT)
    for _ in range(500):
        journal.forget(one(journal) - 2)
    assert disk.counts["create"] <= 3


# When it is full.


def test_a_full_ring_gives_up_the_oldest_and_says_so() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for number in range(200):
        one(journal, readings=number % 7)
    assert journal.disk_bytes <= journal.cap_bytes
    found = read_all(journal)
    gaps = gaps_in(found)
    assert found[0].seq == journal.lowest > 1
    assert gaps[-1] == {
        "first": 1, "last": journal.lowest - 1, "why": FULL, "from_ms": None, "to_ms": None,
        "readings": journal.total_readings - sum(record.count for record in found),
    }  # fmt: skip
    assert journal.total_readings == sum(number % 7 for number in range(200))
    assert read_all(reopened(journal, disk)) == found


def test_a_gap_after_an_ack_begins_behind_it() -> None:
    journal = open_on(MemoryDisk())
    for _ in range(40):
        one(journal)
    journal.forget(25)
    for _ in range(60):
        one(journal)
    gaps = gaps_in(read_all(journal))
    assert gaps and {gap["first"] for gap in gaps} == {26}


@pytest.mark.parametrize("segments", [2, 3, 5])
def test_a_full_disk_wraps_within_what_there_is(segments: int) -> None:
    disk = MemoryDisk(capacity=segments * SEGMENT + 3000)
    journal = open_on(disk, cap=100 * SEGMENT)
    for _ in range(200):
        one(journal)
    assert segments - 1 <= len(disk.names()) <= segments  # it never takes the last of the room
    assert journal.total_readings == 600
    assert gaps_in(read_all(journal))[-1]["last"] == journal.lowest - 1


def test_a_disk_with_no_room_for_a_second_segment_says_so_and_goes_on_when_there_is() -> None:
    disk = MemoryDisk(capacity=SEGMENT + 3000)
    journal = open_on(disk)
    with pytest.raises(JournalError, match=r"No space left.*Nothing of this commit was stored.*df -h"):
        for _ in range(40):
            one(journal)
    stored = journal.next
    disk.capacity = None
    assert one(journal) == stored
    assert len(read_all(reopened(journal, disk))) == stored


def test_a_lower_cap_shrinks_the_ring_at_start() -> None:
    disk = MemoryDisk()
    journal = open_on(disk, cap=10 * SEGMENT)
    for _ in range(120):
        one(journal)
    journal.forget(journal.next - 2)
    one(journal)
    journal = reopened(journal, disk, cap=3 * SEGMENT)
    assert journal.disk_bytes == 3 * SEGMENT
    assert [record.seq for record in read_all(journal)] == [120, 121]


# Trouble with the disk.


@pytest.mark.parametrize("operation", ["pwrite", "datasync"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("times", [1, 3, 20])
def test_a_failed_commit_stores_nothing_and_the_journal_goes_on(operation: str, number: int, times: int) -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(20):
        one(journal, "good")
    disk.fail(operation, number, times=times)
    for _ in range(times):
        with pytest.raises(JournalError) as caught:
            one(journal, "bad")
        assert "Nothing of this commit was stored" in caught.value.stand and caught.value.remedy.endswith((".", ")."))
        assert (journal.next, journal.total_readings) == (21, 60)
    assert one(journal, "after") == 21
    bodies = [record.body for record in read_all(journal)]
    assert bodies == [b"good"] * 20 + [b"after"]
    assert [record.body for record in read_all(reopened(journal, disk))] == bodies


def test_after_a_failure_the_next_commit_goes_to_sectors_never_written_since() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal)
    disk.fail("datasync", errno.EIO)
    with pytest.raises(JournalError):
        one(journal)
    failed = disk.writes[-1]
    one(journal)
    assert disk.writes[-1].name != failed.name


def test_what_a_failed_sync_took_along_is_named() -> None:
    """The kernel forgot a page that held committed sectors too."""
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal, readings=5)
    one(journal, readings=8)
    disk.fail("datasync", errno.EIO)
    with pytest.raises(JournalError):
        one(journal)
    disk.rot("segment-00000.journal", 2 * SECTOR + 88)
    one(journal)
    found = read_all(journal)
    assert [record.seq for record in found] == [1, 3, 4]
    assert [(gap["first"], gap["last"], gap["readings"], gap["why"]) for gap in gaps_in(found)] == [
        (2, 2, 8, UNREADABLE)
    ]


def test_a_disk_that_fails_while_reading_is_told_in_three_parts() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal)
    disk.fail("pread", errno.EIO)
    with pytest.raises(JournalError, match=r"while the journal was read.*is kept.*dmesg"):
        journal.read(1)
    assert len(journal.read(1)) == 1
    disk.fail("open", errno.EACCES)
    with pytest.raises(JournalError, match=r"while the journal was opened.*Nothing was changed.*user that runs"):
        reopened(journal, disk)


def test_its_state_in_plain_facts() -> None:
    journal = open_on(MemoryDisk())
    for _ in range(5):
        one(journal)
    journal.forget(2)
    assert describe(journal) == {
        "used_bytes": 6 * SECTOR, "cap_bytes": 6 * SEGMENT, "disk_bytes": SEGMENT, "backlog_readings": 9,
        "total_readings": 15, "epoch": EPOCH, "acked": 2, "lowest": 3, "next": 6, "gaps_to_write": 0,
        "days_left": None, "bytes_written": 7 * 4096 + SEGMENT, "syncs": 7,
    }  # fmt: skip


def test_an_ack_for_what_cannot_be_read_counts_by_what_its_neighbours_tell() -> None:
    for damaged, known in (([5], 15), ([5, 6], 12), ([4, 5], 15)):
        disk = MemoryDisk()
        journal = open_on(disk)
        for _ in range(9):
            one(journal)
        for seq in damaged:
            disk.rot("segment-00000.journal", seq * SECTOR + 88)
        journal = reopened(journal, disk)
        journal.forget(5)
        assert (journal.lowest, journal.total_readings - journal.backlog_readings) == (6, known)


def test_an_entry_to_a_segment_that_failed_holds_nothing() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    texts = [str(number) for number in range(15)]
    for text in texts:
        one(journal, text)
    disk.fail("pwrite", errno.EIO)
    with pytest.raises(JournalError):
        one(journal, "refused")
    one(journal, "again")
    assert journal.segment == 3
    disk.create("segment-00090.journal", SEGMENT)  # the header of the one that failed reached the card all the same
    disk.open("segment-00090.journal").pwrite(pack_segment(SegmentHeader(EPOCH, 2, 0, 16, Mark(45)))[0], 0)
    for _ in range(2):
        assert [record.body.decode() for record in journal.read(1, 9_999)] == [*texts, "again"]
        assert journal.read(16)[0].body == b"again"
        journal = reopened(journal, disk)
    assert journal.total_readings == 48


def test_a_spare_that_failed_is_tried_again_after_all_others() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    while len(disk.names()) < 6:
        one(journal)
    journal.forget(journal.next - 1)
    one(journal)
    disk.fail("datasync", errno.EIO, times=3)
    for _ in range(3):
        with pytest.raises(JournalError):
            one(journal)
    one(journal)
    assert len({write.name for write in disk.writes[-4:]}) == 4


def test_the_disks_own_words_are_told_without_their_number() -> None:
    told = [from_disk("it slept", error).what for error in (OSError(errno.EIO, "Input/output error"), OSError("odd"))]
    assert told == ["The disk failed while it slept: Input/output error.", "The disk failed while it slept: odd."]
