"""What is damaged is left out and named; the rest is read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.journal.errors import JournalError
from edge.journal.journal import LEAP, Journal
from edge.journal.layout import SECTOR, Entry, Mark, SegmentHeader, pack_records, pack_segment
from edge.journal.naming import SKIPPED, UNREADABLE
from edge.journal.ring import Gap
from edge.wire.record import RecordKind
from simulators.disk import MemoryDisk
from tests.edge.journal.life import SEGMENT, gaps_in, read_all
from tests.edge.journal.opened import EPOCH, one, open_on, reopened


def flipped(disk: MemoryDisk, at: int, name: str = "segment-00000.journal") -> None:
    disk.rot(name, at, 0x40)


def every_record_flipped(disk: MemoryDisk, name: str) -> None:
    for at in range(SECTOR, len(disk.content(name)), SECTOR):
        flipped(disk, at + 20, name)


@given(st.integers(0, 7), st.integers(0, 87), st.integers(1, 255))
def test_a_damaged_record_is_left_out_and_named(which: int, at: int, mask: int) -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for number in range(9):
        one(journal, readings=number + 10)
    journal.close()
    disk.rot("segment-00000.journal", (1 + which) * SECTOR + at, mask)
    journal = open_on(disk)
    bad = which + 1
    assert journal.total_readings == sum(range(10, 19))
    assert [record.seq for record in read_all(journal)] == [seq for seq in range(1, 10) if seq != bad]
    assert one(journal) == 11  # 10 is the gap record
    (gap,) = gaps_in(read_all(journal))
    assert (gap["first"], gap["last"], gap["readings"], gap["why"]) == (bad, bad, which + 10, UNREADABLE)
    one(journal)
    assert len(gaps_in(read_all(journal))) == 1


def test_a_damaged_tail_is_named_and_its_seq_never_given_out_again() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(9):
        one(journal, "old")
    journal.close()
    flipped(disk, 9 * SECTOR + 89)
    journal = open_on(disk)
    assert (journal.next, journal.total_readings) == (10 + LEAP, 24)
    assert [record.seq for record in read_all(journal)] == list(range(1, 9))
    assert one(journal, "new") == 11 + LEAP
    (gap,) = gaps_in(read_all(reopened(journal, disk)))
    assert (gap["first"], gap["last"], gap["readings"], gap["why"]) == (9, 9 + LEAP, 0, SKIPPED)


def test_many_damaged_records_are_named_a_few_at_a_time() -> None:
    disk = MemoryDisk()
    journal = open_on(disk, segment=64 * SECTOR, cap=640 * SECTOR)
    for _ in range(41):
        one(journal)
    for seq in range(1, 40, 2):
        flipped(disk, seq * SECTOR)
    read_all(journal)
    assert len(journal.gaps_to_write) == 20
    while journal.gaps_to_write:
        one(journal)
    assert sorted(int(gap["first"]) for gap in gaps_in(read_all(journal))) == list(range(1, 40, 2))


@pytest.mark.parametrize("damaged", ["header", "both"])
@pytest.mark.parametrize("which", ["oldest", "middle", "newest"])
def test_a_damaged_segment_header(damaged: str, which: str) -> None:
    disk = MemoryDisk()
    journal = open_on(disk, cap=20 * SEGMENT)
    for _ in range(62):
        one(journal)
    expected = read_all(journal)
    journal.close()
    used = sorted((header, name) for name in disk.names() if (header := disk.content(name)[:SECTOR]).strip(b"\0"))
    by_ordinal = sorted(used, key=lambda item: item[0][12:16])
    name = {"oldest": by_ordinal[0], "middle": by_ordinal[2], "newest": by_ordinal[-1]}[which][1]
    flipped(disk, 20, name)
    if damaged == "both":
        every_record_flipped(disk, name)
    journal = open_on(disk, cap=20 * SEGMENT)
    assert journal.epoch == EPOCH
    if damaged == "header":
        assert read_all(journal) == expected
    elif which != "newest":
        one(journal)
        read_all(journal)
        one(journal)
        found = read_all(journal)
        missing = {record.seq for record in expected} - {record.seq for record in found}
        named = {seq for gap in gaps_in(found) for seq in range(int(gap["first"]), int(gap["last"]) + 1)}
        assert missing and missing <= named
        assert list(disk.aside) == [f"{name}.0"]


def test_a_gap_record_that_is_damaged_is_written_again() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    while not (gaps := [r for r in read_all(journal) if r.kind == RecordKind.GAP]):
        one(journal)
    named = json.loads(gaps[0].body)
    segment = max(disk.names(), key=lambda name: disk.content(name).rfind(gaps[0].body))
    flipped(disk, disk.content(segment).index(gaps[0].body) + 3, segment)
    assert gaps_in(read_all(journal)) == []
    one(journal)
    again = gaps_in(read_all(journal))
    assert {"first": named["first"], "last": named["last"], "readings": named["readings"]}.items() <= again[-1].items()


def test_when_nothing_can_be_read_all_is_set_aside_and_a_new_epoch_begins() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(30):
        one(journal)
    journal.close()
    used = [name for name in disk.names() if any(disk.content(name))]
    for name in used:
        flipped(disk, 20, name)
        every_record_flipped(disk, name)
    journal = Journal.open(disk, lambda: 99, 6 * SEGMENT, SEGMENT)
    assert (journal.epoch, journal.next, journal.total_readings) == (99, 1, 0)
    assert sorted(disk.aside) == [f"{name}.{number}" for number, name in enumerate(used)]
    assert one(journal) == 1


def test_a_file_of_another_epoch_is_set_aside() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(30):
        one(journal)
    before = read_all(journal)
    disk.create("segment-00077.journal", SEGMENT)
    stray, _ = pack_segment(SegmentHeader(1, 1, 1, 1, Mark()))
    disk.open("segment-00077.journal").pwrite(stray, 0)
    journal = reopened(journal, disk)
    assert read_all(journal) == before
    assert list(disk.aside) == ["segment-00077.journal.0"]


def test_a_newer_format_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = MemoryDisk()
    monkeypatch.setattr("edge.journal.layout.VERSION", 2)
    one(open_on(disk))
    monkeypatch.undo()
    content = {name: disk.content(name) for name in disk.names()}
    with pytest.raises(JournalError, match=r"newer version.*not touched.*Install"):
        open_on(disk)
    assert {name: disk.content(name) for name in disk.names()} == content


def test_what_is_left_of_a_failed_entry_to_a_segment_does_not_count() -> None:
    """Power went as the first commit was written: its third record reached the card, its header did not."""
    disk = MemoryDisk()
    open_on(disk).append([(1, 5, b"a"), (1, 5, b"b"), (1, 5, b"c")])
    left = disk.writes[-1].data[3 * SECTOR :]
    disk = MemoryDisk()
    disk.create("segment-00000.journal", SEGMENT)
    disk.open("segment-00000.journal").pwrite(left, 3 * SECTOR)
    journal = open_on(disk)
    assert one(journal, "new") == 1
    journal = reopened(journal, disk)
    assert (journal.next, journal.total_readings) == (2, 3)
    assert [record.body for record in journal.read(1)] == [b"new"]


def test_what_is_acked_in_memory_only_is_not_written_over() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(5):
        one(journal)
    journal.forget(5)
    journal.append([(1, 1, bytes(900))] * 6)  # does not fit behind the five
    assert disk.writes[-1].at == 0 and disk.writes[-1].name != disk.writes[0].name


def test_a_long_last_commit_that_is_torn_is_named_and_leaves_what_was_before() -> None:
    size = 1 << 20
    disk = MemoryDisk()
    journal = open_on(disk, 8 * size, size)
    for _ in range(250):
        one(journal)
    journal.append([(1, 1, b"torn")] * 100)
    for place in range(100):
        flipped(disk, (251 + place) * SECTOR + 89)
    journal = reopened(journal, disk, 8 * size, size)
    assert (journal.next, journal.total_readings) == (351 + LEAP, 750)
    assert len(read_all(journal)) == 250
    assert [(gap.first, gap.last, gap.readings) for gap in journal.gaps_to_write] == [(251, 350 + LEAP, 0)]


def test_what_survived_of_a_torn_commit_does_not_count_nor_come_back() -> None:
    """A window's counts, and what the next one begins with: the second is torn, so the first must not stand alone."""
    disk = MemoryDisk()
    journal = open_on(disk)
    one(journal, "before")
    journal.append([(1, 5, b"counts"), (7, 0, b"state"), (1, 5, b"more")])
    flipped(disk, 3 * SECTOR + 89)
    for _ in range(2):
        journal = reopened(journal, disk)
        assert [record.body for record in read_all(journal)] == [b"before"]
        assert journal.newest(7) is None and journal.total_readings == 3
    one(journal, "after")
    for _ in range(2):
        bodies = [record.body for record in read_all(journal) if record.kind == 1]
        assert bodies == [b"before", b"after"] and journal.newest(7) is None
        one(journal, "after")
        journal = reopened(journal, disk)
        one(journal, "x")
        assert [r.body for r in read_all(journal) if r.kind == 1][:2] == [b"before", b"after"]
        break


def test_a_torn_commit_takes_nothing_away() -> None:
    """It gave up the oldest segment, and its gap record was torn with it."""
    disk = MemoryDisk()
    journal = open_on(disk)
    while journal.lowest == 1:
        before = {record.seq: record.body for record in read_all(journal)}
        one(journal)
    journal.close()
    write = disk.writes[-1]
    flipped(disk, write.at + (SECTOR if write.at == 0 else 0) + 89, write.name)
    journal = open_on(disk)
    assert {record.seq: record.body for record in read_all(journal)} == before


def test_a_record_with_a_lower_seq_than_the_one_before_is_none() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(3):
        one(journal)
    use = journal._ring.used[0].use
    stray = pack_records([Entry(RecordKind.CHUNK, 1, b"stray")], 2, Mark(), use, EPOCH, 1)
    disk.open("segment-00000.journal").pwrite(stray, 4 * SECTOR)
    assert [record.body for record in read_all(reopened(journal, disk))] == [b"x"] * 3


def test_seqs_of_a_commit_that_does_not_count_are_nobodys() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(2):
        one(journal)
    journal.append([(RecordKind.CHUNK, 1, b"torn")] * 2)
    flipped(disk, 2 * SECTOR + 20)
    flipped(disk, 4 * SECTOR + 89)
    journal = reopened(journal, disk)
    new = one(journal)
    assert journal.seqs_of({RecordKind.CHUNK}, 1, 100)[0] == [1, new]


def test_readings_in_front_of_a_torn_commit_are_counted_though_they_cannot_be_read() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for readings in (3, 40, 500):
        one(journal, readings=readings)
    flipped(disk, 2 * SECTOR + 20)
    flipped(disk, 3 * SECTOR + 88)
    journal = reopened(journal, disk)
    assert journal.total_readings == 43 and [record.seq for record in read_all(journal)] == [1]
    assert [gap.readings for gap in journal.gaps_to_write] == [0, 40]


def test_a_loss_that_begins_where_reading_begins_counts_nothing_from_before() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for readings in (1, 20, 300, 4000):
        one(journal, readings=readings)
    journal.forget(2)
    for seq in (2, 3):
        flipped(disk, seq * SECTOR + 88)
    assert [record.seq for record in read_all(journal)] == [4]
    assert journal.gaps_to_write == (Gap(3, 3, 300, UNREADABLE),)


def test_what_is_named_takes_room_too() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(12):
        one(journal)
    for seq in (1, 3, 5, 7):
        flipped(disk, seq * SECTOR + 88)
    read_all(journal)
    one(journal)
    assert not journal.gaps_to_write and len(gaps_in(read_all(journal))) == 4
    assert max(write.at + len(write.data) for write in disk.writes) <= SEGMENT
