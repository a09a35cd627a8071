"""Events that an earlier life left un-acked go out before its readings, and looking for them costs little."""

from __future__ import annotations

import errno
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.commits import Commits
from edge.effects import Committed
from edge.hindsight import KINDS, LATER_MS, SLICE, Hindsight
from edge.journal.errors import JournalError
from edge.journal.journal import Journal
from edge.outbox import Outbox
from edge.pace import Pace
from edge.wire.record import RecordKind
from edge.wiring import OfficePlan
from simulators.disk import MemoryDisk
from tests.edge.journal.life import SEGMENT, read_all
from tests.edge.loopback import Office
from tests.edge.pole import WIRING, Pole

CHUNK, EVENT, KEPT = RecordKind.CHUNK, RecordKind.EVENT, RecordKind.KEPT
CAP = 64 * SEGMENT
BOARD = replace(WIRING, office=OfficePlan("mqtt://x", "c.json", publish_ms=0))


def journal_of(kinds: list[int], seed: int = 1, disk: MemoryDisk | None = None) -> Journal:
    """One record of each kind a commit, with a leap now and then."""
    random, journal = Random(seed), Journal.open(disk or MemoryDisk(), lambda: 9, CAP, SEGMENT)
    for kind in kinds:
        journal.append([(kind, int(kind == CHUNK), bytes(random.randrange(900)))])
    return journal


@settings(max_examples=25)
@given(st.lists(st.sampled_from([CHUNK, CHUNK, CHUNK, EVENT, KEPT, RecordKind.HEALTH]), min_size=1, max_size=100),
       st.integers(2, 40), st.integers(0, 120), st.integers(0, 3))  # fmt: skip
def test_slices_together_find_what_reading_it_all_finds(kinds: list[int], most: int, acked: int, leaps: int) -> None:
    disk = MemoryDisk()
    journal = journal_of(kinds, len(kinds), disk)
    for _ in range(leaps):
        journal = Journal.open(disk, lambda: 9, CAP, SEGMENT, leap=5_000)
        journal.append([(EVENT, 0, b"a later life")])
    journal.forget(acked)
    journal = Journal.open(disk, lambda: 9, CAP, SEGMENT)
    found, at = list[int](), journal.lowest
    for _ in range(2 + (len(kinds) + 2 * leaps + SEGMENT // 512) // (most - 1)):
        some, at = journal.seqs_of(KINDS, at, most)
        assert len(some) <= most
        found += some
    assert at == journal.next
    assert found == [record.seq for record in read_all(journal) if record.kind in KINDS]


def test_what_earlier_lives_left_out_is_found_too() -> None:
    disk = MemoryDisk()
    journal_of([CHUNK, EVENT, CHUNK, RecordKind.GAP], disk=disk)  # a loss that is named in its turn is in no hurry
    for _ in range(2):
        journal = Journal.open(disk, lambda: 9, CAP, SEGMENT, leap=100)
        journal.append([(CHUNK, 1, b"a later life")])
    assert journal.seqs_of(KINDS, 1, 40) == ([2, 105, 207], 209)


def test_a_slice_reads_no_more_than_its_headers() -> None:
    disk = MemoryDisk()
    journal_of([CHUNK] * 600, 1, disk)
    journal, at = Journal.open(disk, lambda: 9, CAP, SEGMENT), 1
    while at < journal.next:
        before = disk.counts["bytes_read"]
        _, at = journal.seqs_of(KINDS, at, 20)
        assert disk.counts["bytes_read"] - before < 20 * 1_536 + 6 * 8_192, "what lies behind is not read again"


def lives(seconds: int, event_at: int) -> Pole:
    """A life without an office, with an event in its midst; the next one begins."""
    pole = Pole(office=Office(up=False), wiring=BOARD)
    for second in range(seconds):
        pole.live(1)
        if second == event_at:
            pole.agent.node.sampler.note("knock", pole.clock.boot_ms())
    pole.agent.node.end()
    pole.office.up = True
    return pole


def test_an_event_of_an_earlier_life_goes_before_the_readings_of_it() -> None:
    pole = lives(300, 250)
    arrived: list[tuple[int, int]] = []
    take = pole.office.take

    def taken(payload: bytes) -> object:
        known = set(pole.office.records)
        ack = take(payload)
        arrived.extend(seq for seq in pole.office.records if seq not in known)
        return ack

    pole.office.take = taken  # type: ignore[method-assign,assignment]
    pole.start("2" * 32)
    pole.live(60)
    knocks = [place for place, key in enumerate(arrived) if b"knock" in pole.office.records[key].body]
    assert len(knocks) == 1
    before = [pole.office.records[key] for key in arrived[: knocks[0]]]
    assert not [record for record in before if record.kind == CHUNK and record.seq < arrived[knocks[0]][1]]
    assert len([key for key in arrived if pole.office.records[key].kind == CHUNK]) > 290, "and all of them come"


class Opened(Commits):
    """Commits with a journal that is there."""

    def __init__(self, journal: Journal | None) -> None:
        super().__init__(lambda: journal or _none(), MemoryDisk())
        self.journal = journal


def _none() -> Journal:
    raise JournalError("no", "no", "no")


def begun(journal: Journal | None, pace: Pace | None = None) -> tuple[Hindsight, Outbox]:
    commits = Opened(journal)
    outbox = Outbox(pace or Pace(), commits.standing())
    return Hindsight(commits, outbox, 1_000), outbox


def test_it_looks_in_slices_and_ends() -> None:
    hindsight, outbox = begun(journal_of([EVENT, *[CHUNK] * (2 * SLICE)]))
    assert not hindsight.look(999)
    assert (hindsight.look(1_000), hindsight.due_ms) == (True, 1_100)
    assert not any(hindsight.look(at_ms) for at_ms in (1_099, 1_100, 1_200))
    assert (hindsight.look(10**9), hindsight.due_ms) == (False, None)
    sent = outbox.next(1_300)
    assert sent is not None and (sent.first, sent.last) == (1, 1)


def test_what_there_is_no_room_for_is_looked_for_later() -> None:
    hindsight, outbox = begun(journal_of([EVENT, CHUNK] * 40), Pace(holes=16))
    hindsight.look(1_000)
    assert outbox.crowded and outbox.memory == 16
    assert not begun(journal_of([CHUNK]), Pace(holes=16))[1].crowded
    hindsight, outbox = begun(journal_of([EVENT, CHUNK] * (SLICE + 40)), Pace(holes=16))
    hindsight.look(1_000)
    assert not hindsight.look(1_100) and hindsight.due_ms == 1_100 + LATER_MS


def test_a_journal_that_cannot_be_read_now_is_looked_at_later() -> None:
    disk = MemoryDisk()
    journal = journal_of([EVENT] * 3, 1, disk)
    hindsight, outbox = begun(journal)
    disk.fail("open", errno.EIO)
    assert (hindsight.look(1_000), hindsight.due_ms) == (False, 1_000 + LATER_MS)
    assert (hindsight.look(1_000 + LATER_MS), outbox.memory, hindsight.due_ms) == (True, 1, None)
    hindsight, _ = begun(None)
    assert not hindsight.look(1_000) and hindsight.due_ms == 1_000 + LATER_MS


def test_what_is_acked_or_of_this_run_is_not_recalled() -> None:
    outbox = Outbox(Pace(), Committed(9, 1, 20), 7)
    outbox.recall([3, 7, 8, 12])
    assert [outbox.next(0)] and outbox.memory == 2
    with pytest.raises(JournalError):
        _none()
