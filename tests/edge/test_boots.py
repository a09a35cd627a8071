"""Boot numbers: the same within a boot, never the same for two."""

from __future__ import annotations

import errno
import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.boots import FILE, FIRST_AT_RANDOM, LARGEST, Boot, begin, end, keep, newest
from edge.journal.journal import Journal
from edge.wire.chunks import Schema, encode
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.messages import to_json
from edge.wire.record import RecordKind
from simulators.disk import MemoryDisk


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.sampled_from(["ok", "rot", "full"])), max_size=30),
       st.integers(0, 2**32))  # fmt: skip
def test_one_number_never_means_two_boots(lives: list[tuple[int, bool, str]], seed: int) -> None:
    disk, random = MemoryDisk(), Random(seed).random
    disk.create("segment-00000.journal", 512)
    meaning: dict[int, int] = {}
    number = 0
    for stay, clean, trouble in lives:
        number += stay > 0
        if trouble == "rot" and FILE in disk.names():
            disk.write_small(FILE, b"\x00rotten")
        if trouble == "full":
            disk.fail("write_small", errno.ENOSPC)
        boot = begin(disk, f"{number:032x}", random)
        assert meaning.setdefault(boot.ordinal, number) == number
        if clean:
            end(disk, boot)
        disk.heal()


def test_the_same_boot_keeps_its_number() -> None:
    disk, random = MemoryDisk(), Random(1).random
    first = begin(disk, "a" * 32, random)
    assert begin(disk, "a" * 32, random).ordinal == first.ordinal == 1
    assert begin(disk, "b" * 32, random).ordinal == 2


def test_how_the_last_run_ended_is_told() -> None:
    disk, random = MemoryDisk(), Random(1).random
    first = begin(disk, "a" * 32, random)
    assert first.unclean == ""
    assert begin(disk, "a" * 32, random).unclean == "the agent was killed or crashed"
    assert begin(disk, "b" * 32, random).unclean == "the node lost power or was reset"
    end(disk, begin(disk, "b" * 32, random))
    assert begin(disk, "c" * 32, random).unclean == ""


def test_a_run_that_could_not_be_written_down_has_a_number_at_random_and_the_same_id() -> None:
    disk = MemoryDisk()
    end(disk, begin(disk, "a" * 32, Random(1).random))
    begin(disk, "b" * 32, Random(1).random)
    disk.fail("write_small", errno.ENOSPC)
    boot = begin(disk, "c" * 32, lambda: 0.5)
    assert boot == Boot((FIRST_AT_RANDOM + LARGEST) // 2, "c" * 32, "the node lost power or was reset")
    assert begin(disk, "b" * 32, Random(1).random).ordinal == 2


@pytest.mark.parametrize(("thrown", "ordinal"), [(0.0, FIRST_AT_RANDOM), (1 - 2**-48, LARGEST - 1)])
def test_a_number_at_random_leaves_room_for_the_next(thrown: float, ordinal: int) -> None:
    disk = MemoryDisk()
    disk.create("segment-00000.journal", 512)
    assert begin(disk, "a" * 32, lambda: thrown).ordinal == ordinal
    assert begin(disk, "b" * 32, lambda: thrown).ordinal == ordinal + 1 <= LARGEST


def test_within_a_boot_a_disk_that_takes_nothing_changes_no_number() -> None:
    disk = MemoryDisk()
    first = begin(disk, "a" * 32, Random(1).random)
    disk.fail("write_small", errno.EROFS, times=9)
    assert begin(disk, "a" * 32, Random(1).random).ordinal == first.ordinal


def test_a_disk_that_cannot_be_listed_may_hold_readings_of_earlier_boots() -> None:
    class Unlisted(MemoryDisk):
        def names(self) -> list[str]:
            raise OSError(errno.EIO, "no")

    disk = Unlisted()
    assert begin(disk, "a" * 32, Random(1).random).ordinal >= FIRST_AT_RANDOM


def test_what_was_not_written_at_first_is_written_later() -> None:
    disk = MemoryDisk()
    disk.fail("write_small", errno.EROFS)
    boot = begin(disk, "a" * 32, Random(1).random)
    assert keep(disk, boot) and written(disk) == {"ordinal": boot.ordinal, "boot_id": "a" * 32, "clean": False}
    end(disk, boot)
    assert written(disk)["clean"] is True
    other = MemoryDisk()
    end(other, boot)
    assert begin(other, "b" * 32, Random(1).random) == Boot(boot.ordinal + 1, "b" * 32)


def written(disk: MemoryDisk) -> dict[str, object]:
    return dict(json.loads(disk.read_small(FILE)))


@pytest.mark.parametrize(("ordinal", "believed"), [(1, True), (LARGEST, True), (0, False), (LARGEST + 1, False),
                                                   (-1, False), (True, False), (2.0, False), ("3", False)])  # fmt: skip
def test_only_a_number_that_a_boot_can_have_is_believed(ordinal: object, believed: bool) -> None:
    disk = MemoryDisk()
    disk.create("segment-00000.journal", 512)
    disk.write_small(FILE, json.dumps({"ordinal": ordinal, "boot_id": "a" * 32, "clean": True}).encode())
    assert (begin(disk, "a" * 32, lambda: 0.5).ordinal == ordinal) is believed


def clock(boot: int) -> tuple[int, int, bytes]:
    return RecordKind.CLOCK, 0, to_json(ClockRecord(boot, "c" * 32, None, ClockQuality.UNKNOWN))


def chunk(boot: int) -> tuple[int, int, bytes]:
    return RecordKind.CHUNK, 0, encode(Schema(()), boot, ClockQuality.UNKNOWN, [])


def test_the_journal_knows_the_newest_boot_too() -> None:
    """A card that lies lost the small file's newest state, and the journal's not."""
    disk = MemoryDisk()
    journal = Journal.open(disk, lambda: 1, 1 << 20)
    assert newest(journal) == 0
    journal.append([clock(6), chunk(5)])
    assert newest(journal) == 6
    journal.append([chunk(7)])
    assert newest(journal) == 7
    disk.write_small(FILE, b'{"ordinal": 3, "boot_id": "a", "clean": true}')
    assert begin(disk, "b" * 32, Random(1).random, newest(journal)).ordinal == 8
    assert begin(disk, "b" * 32, Random(1).random, newest(journal)).ordinal == 8
    assert begin(disk, "c" * 32, Random(1).random, 3).ordinal == 9


def test_a_journal_that_tells_no_boot_tells_0() -> None:
    disk = MemoryDisk()
    journal = Journal.open(disk, lambda: 1, 1 << 20)
    journal.append([(RecordKind.CHUNK, 0, b"rubbish"), clock(3)])
    assert newest(journal) == 0
    journal.append([(RecordKind.CLOCK, 0, b"rubbish"), chunk(3)])
    assert newest(journal) == 0
    journal.append([clock(3), chunk(4)])
    disk.fail("pread", errno.EIO)
    assert newest(journal) == 0
