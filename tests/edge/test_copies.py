"""An older copy of the journal is put back: no number is given out twice, and nothing of either copy is
forgotten unsent."""

from __future__ import annotations

import errno
from copy import deepcopy

import pytest

from edge import node
from edge.copies import gave_out, left_out
from edge.events import Arrived
from edge.journal.errors import JournalError
from edge.journal.journal import LEAP
from edge.wire.messages import Ack, Hello, from_json, to_json
from edge.wire.record import LARGEST_SEQ
from simulators.disk import MemoryDisk
from tests.edge.journal.opened import one, open_on, reopened
from tests.edge.loopback import Office
from tests.edge.pole import Pole, events

YEARS_OF_STARTS = 10 * 366 * 86_400  # one a second
BODIES_TAKE = 1 << 60  # of numbers in a gap record: fleet/store/bodies.py


class Wary(Office):
    """An office that would notice a number that stands for two records."""

    def take(self, payload: bytes) -> Ack:
        before = dict(self.records)
        ack = super().take(payload)
        for key, record in before.items():
            assert self.records[key] == record, f"{key} is two records"
        return ack


def rest(pole: Pole) -> None:
    for _ in range(5):
        pole.clock.advance(2)
        pole.settle()


@pytest.mark.parametrize("offline", [False, True])
@pytest.mark.parametrize("boot", [None, "d" * 32])
@pytest.mark.parametrize("seed", [0, 1, 7])  # with 7 the older copy leaps to where the newer one leapt over
def test_both_copies_deliver_all_that_they_took(seed: int, boot: str | None, offline: bool) -> None:
    pole = Pole(Wary(), seed=seed)
    pole.live(10)
    rest(pole)
    older = deepcopy(pole.disk)
    if seed % 2:
        pole.start()
    pole.live(10)
    rest(pole)
    pole.disk = older
    pole.office.up = not offline
    for _ in range(3):  # starts; what the first two wrote is not sent when they are offline
        pole.start(boot)
        pole.live(5)
        rest(pole)
    pole.office.up = True
    while not pole.links[-1].joined:
        pole.live(1)
    pole.live(45)
    rest(pole)
    assert pole.office.readings() == pole.sampled


def test_without_a_leap_a_number_would_stand_for_two_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.journal.journal.Journal.leap", lambda *_: None)
    with pytest.raises(AssertionError, match="is two records"):
        test_both_copies_deliver_all_that_they_took(0, None, False)


def test_another_copy_is_told_once_and_the_office_hears_again_what_this_one_holds() -> None:
    pole = Pole()
    pole.live(3)
    hellos = len(pole.office.said["hello"])
    journal = pole.agent.node.commits.journal
    assert journal is not None
    for _ in range(3):
        pole.links[0]._tell(told(journal.epoch, journal.next + 1_000_000))
        pole.live(1)
    (found,) = [event for event in events(pole.office) if event.what == node.COPIED]
    assert found.details["epoch"] == journal.epoch
    assert int(str(found.details["stored"])) > int(str(found.details["next"]))
    assert len(pole.office.said["hello"]) == hellos + 1
    pole.clock.advance(node.HELLO_AGAIN_MS // 1000)
    pole.settle()
    pole.links[0]._tell(told(journal.epoch, journal.next + 1_000_000))
    pole.settle()
    assert len(pole.office.said["hello"]) == hellos + 2
    assert from_json(Hello, pole.office.said["hello"][-1]).next <= journal.next


def told(epoch: int, upto: int) -> Arrived:
    return Arrived("ack", to_json(Ack(epoch, upto)))


def test_what_a_copy_gave_out_and_what_it_leapt_over() -> None:
    disk = MemoryDisk()
    journal = open_on(disk)
    for _ in range(3):
        one(journal)
    journal = reopened(journal, disk, leap=1000)
    for _ in range(2):  # before the first commit of the life, and after it
        assert [left_out(journal, seq) for seq in (3, 4, 1003)] == [None, (4, 1003), (4, 1003)]
        assert [gave_out(journal, seq) for seq in (0, 3, 4, 1002, 1003)] == [True, True, False, False, True]
        assert not gave_out(journal, journal.next)
        one(journal)
    assert left_out(journal, 1004) is None and gave_out(journal, 1005)
    disk.fail("pread", errno.EIO)
    with pytest.raises(JournalError):
        gave_out(journal, 500)


def test_numbers_last_for_ten_years_of_a_crash_loop() -> None:
    mean = LEAP + node.LEAP_SPREAD / 2
    assert YEARS_OF_STARTS * mean * 1.1 < BODIES_TAKE < LARGEST_SEQ
