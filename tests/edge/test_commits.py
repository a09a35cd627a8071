"""What waits while the disk refuses: what goes first, what is named, and what the uplink is told comes first."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from edge import epochs
from edge.commits import MARK_MS, MARKS, OVERHEAD, REPLACED, Commits
from edge.effects import Committed
from edge.journal.errors import from_disk
from edge.journal.journal import Journal
from edge.needs import Needs
from edge.sampler import Entry
from edge.wire.chunks import Cell, Column, Schema, decode, encode
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.messages import EventRecord, from_json, to_json
from edge.wire.record import Lane, Record, RecordKind, lane
from simulators.disk import MemoryDisk
from tests.edge.journal.life import read_all

SCHEMA = Schema((Column("air", "pm10", "", 2),))
WIDER = Schema((*SCHEMA.columns, Column("dust", "pm10", "", 2)))
CAP = 20 * OVERHEAD


def clock(at_ms: int) -> Entry:
    return RecordKind.CLOCK, 0, to_json(ClockRecord(1, "b" * 32, 10**12, ClockQuality.SYNCED, None, at_ms))


def declared(schema: Schema) -> Entry:
    return RecordKind.SCHEMA, 0, schema.encode()


def chunk(at_ms: int, schema: Schema = SCHEMA) -> Entry:
    return RecordKind.CHUNK, 2, encode(schema, 1, ClockQuality.SYNCED, [Cell(at_ms, 0, 1), Cell(at_ms + 1, 0, 1)])


def event(at_ms: int) -> Entry:
    return RecordKind.EVENT, 0, to_json(EventRecord(at_ms, "knock"))


@dataclass
class Found:
    """What the journal holds in the end."""

    records: list[Record]

    def events(self, what: str) -> list[EventRecord]:
        told = [from_json(EventRecord, r.body) for r in self.records if r.kind == RecordKind.EVENT]
        return [event for event in told if event.what == what]

    def sum(self, what: str) -> int:
        return sum(int(str(event.details[what])) for event in self.events(f"{what} lost"))

    def chunks(self) -> list[int]:
        """Times of all readings; each chunk's schema and clock must stand before it."""
        schemas: dict[bytes, Schema] = {}
        times: list[int] = []
        dated = False
        for record in self.records:
            dated = dated or record.kind == RecordKind.CLOCK
            if record.kind == RecordKind.SCHEMA:
                schemas[Schema.decode(record.body).key] = Schema.decode(record.body)
            if record.kind == RecordKind.CHUNK:
                assert dated
                times += [cell.at_ms for cell in decode(schemas.__getitem__, record.body).cells]
        return times


class Refusing:
    """A node's commits on a disk that refuses until `heal`."""

    def __init__(self, cap: int = CAP) -> None:
        self.disk = MemoryDisk()
        self.commits = Commits(lambda: Journal.open(self.disk, lambda: 7, 2**20), self.disk, cap)
        self.disk.fail("pwrite", errno.EIO, times=10**6)

    def heal(self, now_ms: int) -> Found:
        self.disk.heal()
        assert self.commits.commit([], now_ms) is not None
        assert self.commits.journal is not None and self.commits.trouble is None
        return Found(read_all(self.commits.journal))


def test_the_oldest_readings_go_first_and_are_named_once() -> None:
    one = Refusing()
    one.commits.commit([clock(0), declared(SCHEMA)], 0)
    for at_ms in range(10, 1_010, 10):
        assert one.commits.commit([chunk(at_ms)], at_ms) is None
    found = one.heal(2_000)
    times = found.chunks()
    assert times == [at for begin in range(1_000 - 10 * (len(times) // 2 - 1), 1_010, 10) for at in (begin, begin + 1)]
    assert 2 * 10 < len(times) < 2 * 20
    assert found.sum("readings") == one.commits.lost == 200 - len(times)
    (lost,) = found.events("readings lost")
    assert (lost.at_ms, lost.details["from_ms"], lost.details["to_ms"]) == (2_000, 10, times[0] - 10)
    assert "Input/output error" in str(lost.details["why"])
    assert one.commits.commit([event(3_000)], 3_000) is not None
    assert len(Found(read_all(one.commits.journal)).events("readings lost")) == 1  # type: ignore[arg-type]


def test_events_stay_as_long_as_there_are_readings_to_go() -> None:
    one = Refusing()
    one.commits.commit([clock(0), declared(SCHEMA)], 0)
    for at_ms in range(10, 1_010, 10):
        one.commits.commit([chunk(at_ms), *([event(at_ms)] if at_ms % 100 == 0 else [])], at_ms)
    found = one.heal(2_000)
    assert [knock.at_ms for knock in found.events("knock")] == list(range(100, 1_010, 100))
    assert one.commits.events_lost == 0 and found.sum("events") == 0
    assert found.chunks()[-1] == 1_001


def test_events_that_must_go_are_counted_and_named_oldest_first() -> None:
    one = Refusing()
    one.commits.commit([clock(0)], 0)
    for at_ms in range(10, 1_010, 10):
        one.commits.commit([event(at_ms)], at_ms)
    found = one.heal(2_000)
    kept = [knock.at_ms for knock in found.events("knock")]
    assert kept == list(range(1_010 - 10 * len(kept), 1_010, 10)) and len(kept) > 10
    assert found.sum("events") == one.commits.events_lost == 100 - len(kept)
    (lost,) = found.events("events lost")
    assert (lost.details["from_ms"], lost.details["to_ms"]) == (10, kept[0] - 10)
    assert one.commits.lost == 0 and not found.events("readings lost")


acts = st.lists(st.sampled_from(["chunk", "wider", "event", "clock"]), max_size=80)


@given(acts, st.integers(0, CAP))
def test_whatever_is_pushed_out_the_rest_is_decoded_dated_and_every_loss_is_counted(life: list[str], cap: int) -> None:
    one = Refusing(cap)
    one.commits.commit([clock(0), declared(SCHEMA)], 0)
    now, readings, knocks, wide = 0, 0, 0, False
    for act in life:
        now += 10
        batch = [clock(now)] if act == "clock" else [event(now)] if act == "event" else []
        if act in ("chunk", "wider"):
            batch = [declared(WIDER)] if act == "wider" and not wide else []
            wide = wide or act == "wider"
            batch.append(chunk(now, WIDER if wide else SCHEMA))
        one.commits.commit(batch, now)
        readings, knocks = readings + 2 * (act in ("chunk", "wider")), knocks + (act == "event")
        assert sum(len(entry[2]) + OVERHEAD for _, entry in one.commits._waiting) <= cap
    one.commits.commit([event(now + 1)], now + 1)
    one.disk.heal()
    one.commits.commit([event(now + 2)], now + 2)
    assert one.commits.journal is not None
    found = Found(read_all(one.commits.journal))
    assert len(found.chunks()) + found.sum("readings") == readings
    assert len(found.events("knock")) + found.sum("events") == knocks + 2
    assert one.commits.journal.total_readings == len(found.chunks())


def test_events_and_only_they_are_urgent() -> None:
    one = Refusing()
    one.disk.heal()
    held = one.commits.commit([clock(0), declared(SCHEMA), event(1), chunk(2), event(3)], 5)
    assert held is not None
    records = read_all(one.commits.journal)  # type: ignore[arg-type]
    assert [r.seq for r in records if r.kind == RecordKind.EVENT] == list(held.urgent) and len(held.urgent) == 2


def test_a_leap_goes_with_the_events_for_the_office_must_know_of_it_before_it_acks() -> None:
    disk = MemoryDisk()

    def opened() -> Journal:
        journal = Journal.open(disk, lambda: 9, 1 << 20)
        journal.leap(100)
        return journal

    first = Commits(opened, disk)
    assert first.commit([clock(0)], 5) == Committed(9, 1, 2)
    second = Commits(opened, disk)
    held = second.commit([clock(0), event(1)], 5)
    assert held == Committed(9, 1, 105, (102, 104))
    assert second.journal is not None and read_all(second.journal)[1].kind == RecordKind.GAP
    assert second.commit([event(2)], 5) == Committed(9, 1, 106, (105,))


def test_lanes() -> None:
    assert {kind: lane(kind) for kind in RecordKind} == {
        RecordKind.CHUNK: Lane.READINGS, RecordKind.SCHEMA: Lane.READINGS, RecordKind.CLOCK: Lane.READINGS,
        RecordKind.GAP: Lane.EVENTS, RecordKind.EVENT: Lane.EVENTS, RecordKind.HEALTH: Lane.HEALTH,
        RecordKind.OPEN: Lane.READINGS, RecordKind.KEPT: Lane.EVENTS,
    }  # fmt: skip
    assert lane(15) is Lane.READINGS


def test_needs_of_nothing_known_are_nothing() -> None:
    one = Refusing()
    assert Needs(one.commits.schemas).split([chunk(1)]) == ([], [])


def test_open_windows_and_health_are_pushed_out_without_a_word() -> None:
    one = Refusing()
    one.commits.commit([clock(0), declared(SCHEMA)], 0)
    for at_ms in range(10, 1_010, 10):
        one.commits.commit([(RecordKind.OPEN, 0, b"open"), (RecordKind.HEALTH, 0, b"well")], at_ms)
    assert (one.commits.lost, one.commits.events_lost) == (0, 0)
    found = one.heal(2_000)
    assert not found.events("events lost") and not found.events("readings lost")


def test_the_cap_is_used_to_the_last_byte() -> None:
    each = len(event(100)[2]) + OVERHEAD
    for cap, kept in ((3 * each, 3), (3 * each - 1, 2), (4 * each - 1, 3)):
        one = Refusing(cap)
        for at_ms in range(100, 900, 100):
            one.commits.commit([event(at_ms)], at_ms)
        assert one.commits.events_lost == 8 - kept
        assert [knock.at_ms for knock in one.heal(2_000).events("knock")] == list(range(900 - 100 * kept, 900, 100))


def test_what_waits_goes_in_parts_that_the_journal_takes() -> None:
    one = Refusing(2**20)
    sizes = [3_000, 20_000, 64_000, 5, 100, 60_000, 60_000, 9_000, 64, 2**16 - OVERHEAD]
    for number, size in enumerate(sizes):
        one.commits.commit([(RecordKind.OPEN, 0, bytes([number]) * size)], number)
    one.disk.heal()
    assert one.commits.commit([], 100) is not None
    assert one.commits.journal is not None and one.commits.commit([], 101) is None
    records = read_all(one.commits.journal)
    assert [(r.body[0], len(r.body)) for r in records] == list(enumerate(sizes))
    one.disk.counts.clear()
    one.commits.commit([(RecordKind.OPEN, 0, b"x")] * 100, 102)
    assert one.disk.counts["pwrite"] == 1
    one.commits.commit([(RecordKind.OPEN, 0, bytes(40_000))] * 4, 103)
    assert one.disk.counts["pwrite"] == 3


def test_readings_wait_as_long_as_nobody_takes_them() -> None:
    one = Refusing()
    assert one.commits.standing() == Committed(0, 0, 0) and one.commits.waiting == 0
    one.commits.commit([clock(0), declared(SCHEMA), chunk(1), event(2), chunk(3)], 10)
    assert one.commits.waiting == 4 and one.commits.trouble is not None
    one.heal(20)
    assert one.commits.waiting == 0 and one.commits.standing((2,)) == Committed(7, 1, 6, (2,))


def test_a_journal_that_cannot_be_opened_is_asked_for_again_and_what_waits_is_kept_to_the_cap() -> None:
    disk = MemoryDisk()
    refused = [OSError(errno.EROFS, "Read-only file system")] * 3

    def opened() -> Journal:
        if refused:
            raise from_disk("the journal was opened", refused.pop())
        return Journal.open(disk, lambda: 7, 2**20)

    commits = Commits(opened, disk, 3 * OVERHEAD)
    for at_ms in range(10, 40, 10):
        assert commits.commit([event(at_ms), event(at_ms + 1)], at_ms) is None
        assert commits.journal is None and "Read-only" in str(commits.trouble)
        assert commits.oldest_ms(at_ms) == 0
    assert commits.events_lost == 4
    assert commits.commit([], 50) is not None
    assert commits.trouble is None and commits.journal is not None and commits.oldest_ms(50) == 0
    found = Found(read_all(commits.journal))
    assert [knock.at_ms for knock in found.events("knock")] == [30, 31] and found.sum("events") == 4
    assert "Read-only" in str(found.events("events lost")[0].details["why"])


def test_a_journal_that_opens_later_is_told_when_it_is_another() -> None:
    one = Refusing()
    one.disk.heal()
    one.commits.commit([clock(0), event(1)], 1)
    assert one.commits.journal is not None
    one.commits.close()
    assert '"next": 3' in one.disk.read_small(epochs.FILE).decode()
    for name in [name for name in one.disk.names() if name.endswith(".journal")]:
        one.disk.remove(name)
    again = Commits(lambda: Journal.open(one.disk, lambda: 8, 2**20), one.disk)
    again.commit([event(5)], 6)
    assert again.journal is not None
    first, second = Found(read_all(again.journal)).records
    told = from_json(EventRecord, first.body)
    assert (told.what, told.at_ms, told.details["old_epoch"], told.details["epoch"]) == (REPLACED, 6, 7, 8)
    assert from_json(EventRecord, second.body).what == "knock"
    assert first.count == again.journal.total_readings == 0
    again.commit([event(7)], 8)
    assert len(Found(read_all(again.journal)).events(REPLACED)) == 1


def test_how_long_the_oldest_has_waited() -> None:
    one = Refusing()
    one.disk.heal()
    commits, minute = one.commits, MARK_MS
    commits.open(0)
    assert commits.oldest_ms(5) == 0
    for number in range(10):
        commits.commit([event(number)], number * minute + 7)
        commits.commit([event(number)], number * minute + 9)
    now = 10 * minute
    journal = commits.journal
    assert journal is not None and commits.oldest_ms(now) == now - 7
    for acked, began in ((1, 0), (2, 1), (3, 1), (4, 2), (13, 6), (19, 9)):
        journal.forget(acked)
        assert commits.oldest_ms(now) == now - began * minute - 7
    journal.forget(20)
    assert commits.oldest_ms(now) == 0
    commits.commit([event(1)], now + 7)
    assert commits.oldest_ms(now + minute) == minute - 7


def test_it_is_known_after_weeks_and_takes_no_more_memory() -> None:
    one = Refusing()
    one.disk.heal()
    one.commits.open(0)
    for number in range(4 * MARKS):
        one.commits.commit([event(number)] if number % 50 == 0 else [], number * MARK_MS)
        assert len(one.commits._marks) <= MARKS
    journal = one.commits.journal
    assert journal is not None and one.commits.oldest_ms(4 * MARKS * MARK_MS) == 4 * MARKS * MARK_MS
    journal.forget(journal.next // 2)
    assert 0 <= one.commits.oldest_ms(4 * MARKS * MARK_MS) - 2 * MARKS * MARK_MS <= 60 * MARK_MS


def test_what_records_lean_on_is_told_once_in_each_segment_and_how_it_stands_is_kept_as_often() -> None:
    one = Refusing()
    one.disk.heal()
    commits = Commits(lambda: Journal.open(one.disk, lambda: 7, 2**20, 2**14), one.disk)
    commits.commit([clock(0), declared(SCHEMA)], 0)
    for at_ms in range(10, 1_010, 10):
        commits.commit([chunk(at_ms)], at_ms)
    assert commits.journal is not None and commits.journal.segment == 4
    kinds = [record.kind for record in read_all(commits.journal)]
    assert (kinds.count(RecordKind.CLOCK), kinds.count(RecordKind.SCHEMA)) == (4, 4)
    assert one.disk.counts["write_small"] == 4 + 1  # the schemas
    assert one.disk.counts["pwrite"] == 101
