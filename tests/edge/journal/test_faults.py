"""Every call to the disk fails once, with each errno that it can give, at every turn: nothing is lost, all goes on."""

from __future__ import annotations

import errno

import pytest

from edge.journal.errors import JournalError
from edge.journal.journal import Journal
from edge.journal.layout import SECTOR
from edge.wire.record import RecordKind
from simulators.disk import MemoryDisk
from tests.edge.journal.life import gaps_in, read_all
from tests.edge.journal.test_thinning import AIR, Full

NUMBERS = (errno.EIO, errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.ENOMEM)
SMALL = 16 * SECTOR
CALLS = ("pwrite", "datasync", "create", "open", "pread")


def commits(disk: MemoryDisk, journal: Journal) -> int:
    """Forty of them, each tried until it succeeds; how often it did not."""
    refused = 0
    for number in range(40):
        for _ in range(4):
            try:
                journal.append([(RecordKind.EVENT, 1, b"%d" % number)])
                break
            except JournalError as error:
                assert error.what and error.stand and error.remedy
                refused += 1
        else:
            raise AssertionError("it does not recover")
    return refused


@pytest.mark.once
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("number", NUMBERS)
def test_one_call_fails_at_any_turn(call: str, number: int) -> None:
    for after in range(0, 44, 3):
        disk = MemoryDisk()
        schemas = {AIR.key.hex(): AIR.encode()}.get
        journal = Journal.open(disk, lambda: 7, 4 * SMALL, SMALL, 0, schemas)
        disk.fail(call, number, after)
        refused = commits(disk, journal)
        assert refused <= 1
        disk.heal()
        journal.close()
        journal = Journal.open(disk, lambda: 8, 4 * SMALL, SMALL, 0, schemas)
        records = read_all(journal)
        assert (journal.epoch, journal.total_readings) == (7, 40)
        lost = int(gaps_in(records)[-1]["readings"]) if gaps_in(records) else 0
        assert sum(record.count for record in records) + lost == 40


@pytest.mark.parametrize("call", ["open", "pread", "create"])
@pytest.mark.parametrize("number", NUMBERS)
def test_opening_fails_in_words_and_changes_nothing(call: str, number: int) -> None:
    full = Full(size=SMALL)
    full.live(20)
    full.journal.close()
    content = {name: full.disk.content(name) for name in full.disk.names()}
    for after in range(6):
        full.disk.fail(call, number, after)
        try:
            Journal.open(full.disk, lambda: 8, 6 * SMALL, SMALL).close()
        except JournalError as error:
            assert "opened" in error.what and error.remedy
        full.disk.heal()
        assert {name: full.disk.content(name) for name in full.disk.names()} == content


def test_a_read_only_disk_is_named_as_such_and_forgiven() -> None:
    full = Full(size=SMALL)
    full.disk.fail("pwrite", errno.EROFS, times=50)
    for _ in range(50):
        with pytest.raises(JournalError, match="remount"):
            full.live(1)
    full.live(1)
    assert full.journal.total_readings == 3


def test_what_a_run_cost_the_card_is_counted_in_blocks() -> None:
    full = Full()
    written, syncs = full.journal.bytes_written, full.journal.syncs
    full.live(10)
    assert full.journal.syncs - syncs == 10
    assert full.journal.bytes_written - written in (10 * 4096, 11 * 4096)
