"""A journal that is not the one that was here before is noticed, with what is known of the old one."""

from __future__ import annotations

import json

import pytest

from edge import epochs
from edge.journal.journal import Journal
from simulators.disk import MemoryDisk
from tests.edge.journal.opened import CHUNK


def opened(disk: MemoryDisk, epoch: int) -> Journal:
    return Journal.open(disk, lambda: epoch, 1 << 20)


def lived(disk: MemoryDisk, epoch: int) -> Journal:
    """Five readings in two records, one of them acked, and written down."""
    journal = opened(disk, epoch)
    journal.append([(CHUNK, 2, b"one"), (CHUNK, 3, b"two")])
    journal.forget(1)
    epochs.write(disk, journal)
    journal.close()
    return journal


def test_the_first_journal_and_the_same_again_are_nothing_to_tell() -> None:
    disk = MemoryDisk()
    assert epochs.replaced(disk, opened(disk, 7)) is None
    lived(disk, 7)
    assert epochs.replaced(disk, opened(disk, 8)) is None


def test_one_whose_files_went_is_told_with_how_it_stood() -> None:
    disk = MemoryDisk()
    lived(disk, 7)
    for name in [name for name in disk.names() if name.endswith(".journal")]:
        disk.remove(name)
    old = {"old_epoch": 7, "old_next": 3, "old_acked": 1, "old_readings": 5}
    assert epochs.replaced(disk, opened(disk, 8)) == {**old, "epoch": 8, "files": 0}


@pytest.mark.parametrize("content", ["", "[]", "7", '{"epoch": 7}', '{"epoch": null, "next": 1, "acked": 1}'])
def test_of_one_of_which_nothing_is_written_down_only_the_files_are_told(content: str) -> None:
    disk = MemoryDisk()
    lived(disk, 7)
    for name in [name for name in disk.names() if name.endswith(".journal")]:
        for at in range(len(disk.content(name))):
            disk.rot(name, at)
    disk.write_small(epochs.FILE, content.encode())
    assert epochs.replaced(disk, opened(disk, 8)) == {"epoch": 8, "files": 1}


def test_what_it_costs_is_counted() -> None:
    disk = MemoryDisk()
    journal = lived(disk, 7)
    written, syncs = journal.bytes_written, journal.syncs
    epochs.write(disk, journal)
    assert (journal.bytes_written - written, journal.syncs - syncs) == (3 * 4096, 2)
    assert json.loads(disk.read_small(epochs.FILE)) == {"epoch": 7, "next": 3, "acked": 1, "readings": 5}
