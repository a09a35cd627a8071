"""What a node says of its journal: in each hello, when it opens late, and when another one was here before."""

from __future__ import annotations

import errno

import pytest

from edge.commits import REPLACED
from edge.events import Stop
from edge.wire.messages import Hello, from_json
from edge.wire.record import Record, RecordKind, unpack
from simulators.disk import MemoryDisk
from tests.edge.loopback import Office
from tests.edge.pole import Pole, cells, events


def hellos(office: Office) -> list[Hello]:
    return [from_json(Hello, payload) for payload in office.said.get("hello", [])]


def test_a_hello_says_how_the_journal_stands() -> None:
    pole = Pole()
    pole.live(7)
    journal = pole.agent.node.commits.journal
    assert journal is not None and journal.acked > 3
    pole.office.acks = False
    pole.live(5)
    pole.office.up = False
    pole.links[0].cut()
    pole.live(3)
    pole.live(3, readings=0)
    pole.office.up = True
    while len(hellos(pole.office)) < 2:
        pole.live(1, readings=0)
    hello = hellos(pole.office)[-1]
    assert (hello.epoch, hello.lowest, hello.next) == (journal.epoch, journal.lowest, journal.next)
    assert hello.readings_total == journal.total_readings == pole.sampled
    assert 1 < journal.acked + 1 == hello.lowest < hello.next


def test_a_journal_that_opens_after_the_session_began_is_greeted_for_before_its_records() -> None:
    pole = Pole()
    pole.live(5)
    before = pole.agent.node.commits.standing()
    pole.office.said.clear()
    pole.disk.fail("open", errno.EIO, times=10**6)
    pole.start("f" * 32)
    pole.live(5)
    assert pole.links[0].joined and list(pole.office.said) == ["status", "health"]
    pole.disk.heal()
    pole.live(5)
    assert list(pole.office.said) == ["status", "health", "hello", "record"]
    (hello,) = hellos(pole.office)
    assert hello.epoch == before.epoch and hello.next > before.next and pole.office.readings() > 20
    pole.live(20)
    assert len(hellos(pole.office)) == 1


def test_an_event_overtakes_what_waits() -> None:
    pole = Pole()
    pole.live(3)
    pole.office.up = False
    pole.links[0].cut()
    pole.live(100)
    pole.agent.node.sampler.note("knock", pole.clock.boot_ms())
    pole.live(100)
    pole.office.up = True
    before = len(pole.office.said["record"])
    while len(pole.office.said["record"]) == before:
        pole.live(1, readings=0)
    kinds = [record.kind for payload in pole.office.said["record"][before:] for record in unpack(payload)
             if isinstance(record, Record)]
    assert kinds[0] == RecordKind.EVENT


def rot_journal(disk: MemoryDisk) -> int:
    segments = [name for name in disk.names() if name.endswith(".journal")]
    for name in segments:
        for sector in range(0, len(disk.content(name)), 512):
            disk.rot(name, sector + 20)
    return len(segments)


def test_a_journal_that_had_to_be_set_aside_is_told_with_what_is_known_of_it() -> None:
    pole = Pole()
    pole.live(10)
    journal = pole.agent.node.commits.journal
    assert journal is not None
    pole.agent.inbox.put(Stop())
    pole.agent.run()
    pole.agent.finish()
    files = rot_journal(pole.disk)
    pole.start("f" * 32)
    pole.live(5)
    (told,) = [event for event in events(pole.office) if event.what == REPLACED]
    now = pole.agent.node.commits.journal
    assert now is not None and now.epoch != journal.epoch
    assert told.details == {
        "old_epoch": journal.epoch, "old_next": journal.next, "old_acked": journal.acked,
        "old_readings": journal.total_readings, "epoch": now.epoch, "files": files,
    }  # fmt: skip
    assert files > 0 and cells(pole.office) > 0
    pole.start("e" * 32)
    pole.live(5)
    assert len([event for event in events(pole.office) if event.what == REPLACED]) == 1


@pytest.mark.parametrize("known", [True, False])
def test_a_journal_whose_files_are_gone_is_told_if_there_is_a_trace_of_it(known: bool) -> None:
    pole = Pole()
    pole.live(10)
    journal = pole.agent.node.commits.journal
    assert journal is not None
    for name in pole.disk.names():
        if name.endswith(".journal") or not known:
            pole.disk.remove(name)
    pole.start("f" * 32)
    pole.live(5)
    told = [event.details for event in events(pole.office) if event.what == REPLACED]
    assert [(d["old_epoch"], d["files"]) for d in told] == ([(journal.epoch, 0)] if known else [])


def test_a_journal_set_aside_of_which_nothing_else_is_known_is_told() -> None:
    pole = Pole()
    pole.live(10)
    files = rot_journal(pole.disk)
    pole.disk.remove("epoch.json")
    pole.start("f" * 32)
    pole.live(5)
    (told,) = [event.details for event in events(pole.office) if event.what == REPLACED]
    now = pole.agent.node.commits.journal
    assert now is not None and told == {"epoch": now.epoch, "files": files}
