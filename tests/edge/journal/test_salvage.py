"""D5: whichever byte of a journal is flipped, it opens and goes on; all else is read, and what is lost is named."""

from __future__ import annotations

import json

import pytest

from edge.journal.journal import Journal
from edge.journal.layout import SECTOR
from edge.wire.record import RecordKind
from simulators.disk import MemoryDisk
from tests.edge.journal.life import read_all

SEGMENT = 16 * SECTOR
FILE = "segment-00000.journal"
KINDS = (*RecordKind, RecordKind.CHUNK)
HEAD = 88


def written() -> MemoryDisk:
    """A record of each kind, in one segment; two in the last commit."""
    disk = MemoryDisk()
    journal = open_on(disk)
    for kind in KINDS[:-2]:
        journal.append([(kind, 3, bytes([kind]) * 20)])
    journal.append([(kind, 3, bytes([kind]) * 20) for kind in KINDS[-2:]])
    journal.close()
    return disk


def open_on(disk: MemoryDisk) -> Journal:
    return Journal.open(disk, lambda: 7, 6 * SEGMENT, SEGMENT)


def flip(sector: int, at: int, mask: int) -> None:
    disk = written()
    disk.rot(FILE, sector * SECTOR + at, mask)
    journal = open_on(disk)
    assert journal.epoch == 7
    before = {record.seq: record for record in read_all(journal)}
    lost = set(range(1, len(KINDS) + 1)) - set(before)
    last = {len(KINDS) - 1, len(KINDS)}  # one commit
    assert lost <= (last if sector in last else {sector}) and all(
        record.body == bytes([record.kind]) * 20 for record in before.values()
    )
    (new,) = journal.append([(RecordKind.CHUNK, 1, b"new")])
    assert new > len(KINDS)
    journal.close()
    journal = open_on(disk)
    after = read_all(journal)
    told = [json.loads(record.body) for record in after if record.kind == RecordKind.GAP and record.body[:1] == b"{"]
    covered = {seq for gap in told for seq in range(int(gap["first"]), min(int(gap["last"]), 99) + 1)}
    assert lost <= covered
    assert {record.seq for record in after} >= set(before) | {new}
    counted = sum(record.count for record in after) + sum(int(gap["readings"]) for gap in told)
    assert counted == journal.total_readings


@pytest.mark.once
@pytest.mark.parametrize("sector", range(len(KINDS) + 1))
def test_any_one_byte(sector: int) -> None:
    for at in range(HEAD + 20):
        flip(sector, at, 0xFF)


@pytest.mark.deep
@pytest.mark.once
def test_any_one_bit() -> None:
    for sector in range(len(KINDS) + 1):
        for at in range(HEAD + 20):
            for bit in range(8):
                flip(sector, at, 1 << bit)


def test_padding_is_of_no_consequence() -> None:
    disk = written()
    for sector in range(1, len(KINDS) + 1):
        for at in range(HEAD + 20, SECTOR):
            disk.rot(FILE, sector * SECTOR + at)
    assert [record.seq for record in read_all(open_on(disk))] == list(range(1, len(KINDS) + 1))


@pytest.mark.parametrize("left", range(1, len(KINDS) - 1))
def test_a_segment_is_known_by_any_one_record(left: int) -> None:
    disk = written()
    for sector in range(len(KINDS) + 1):
        if sector != left:
            disk.rot(FILE, sector * SECTOR + 20)
    journal = open_on(disk)
    assert [record.seq for record in read_all(journal)] == [left]
    (new,) = journal.append([(RecordKind.CHUNK, 1, b"new")])
    assert new > len(KINDS)


def test_a_middle_segment_without_header_and_first_records_is_read_from_there_on() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(40):
        journal.append([(RecordKind.CHUNK, 2, b"x")])
    expected = {record.seq for record in read_all(journal)}
    journal.close()
    for sector in range(4):
        disk.rot("segment-00001.journal", sector * SECTOR + 20)
    journal = open_on(disk)
    found = {record.seq for record in read_all(journal)}
    assert len(expected - found) == 3 and not disk.aside
    (gap,) = journal.gaps_to_write
    assert set(range(gap.first, gap.last + 1)) == expected - found and gap.readings == 6


CAPS = [(3 * SEGMENT, SEGMENT), (60 * SEGMENT, SEGMENT), (20 * SEGMENT, 4 * SEGMENT)]


@pytest.mark.parametrize(("cap", "segment"), CAPS)
def test_another_cap_or_segment_size_keeps_everything(cap: int, segment: int) -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(50):
        journal.append([(RecordKind.CHUNK, 2, b"x")])
    before = read_all(journal)
    journal.close()
    journal = Journal.open(disk, lambda: 8, cap, segment)
    assert (journal.epoch, read_all(journal)) == (7, before)
    journal.append([(RecordKind.CHUNK, 2, b"y")])
    assert read_all(journal)[-1].body == b"y"


def recycled() -> tuple[MemoryDisk, Journal]:
    """The newest segment is in use for the second time, and holds the end of the first behind what is new."""
    disk = MemoryDisk()
    journal = open_on(disk)
    while journal.segment < 9:
        journal.append([(RecordKind.CHUNK, 2, b"old")])
    for number in range(3):
        journal.append([(RecordKind.CHUNK, 2, b"%d" % number)])
    return disk, journal


def newest_file(disk: MemoryDisk) -> str:
    return max((disk.content(name)[12:16], name) for name in disk.names())[1]


def test_a_segment_in_use_again_is_known_by_what_is_new_in_it() -> None:
    disk, journal = recycled()
    expected = read_all(journal)
    journal.close()
    disk.rot(newest_file(disk), 20)
    again = open_on(disk)
    assert (again.next, again.total_readings, again.segment) == (journal.next, journal.total_readings, 9)
    assert read_all(again) == expected
    assert again.append([(RecordKind.CHUNK, 1, b"new")]) == [journal.next]


def test_a_segment_known_only_by_a_commit_that_does_not_count_is_none() -> None:
    disk, journal = recycled()
    while journal.segment == 9:
        expected, total, seq = read_all(journal), journal.total_readings, journal.next
        entries = [(RecordKind.CHUNK, 5, b"torn")] * 3
        journal.append(entries)
    journal.close()
    first = disk.content(newest_file(disk)).index(b"torn") // SECTOR
    disk.rot(newest_file(disk), 20)
    disk.rot(newest_file(disk), (first + 2) * SECTOR + 89)
    again = open_on(disk)
    assert again.total_readings == total and again.next > journal.next > seq
    assert read_all(again) == expected
    assert again.append([(RecordKind.CHUNK, 1, b"new")]) > [journal.next]
    assert open_on(disk).total_readings == total + 1
