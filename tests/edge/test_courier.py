"""What leaves the node: merged, blanked where it is nobody's business, cut the same way each time; what comes of it."""

from __future__ import annotations

import errno
from collections.abc import Iterable

import pytest

from edge.allowance import DAY_MS, OVERHEAD
from edge.commits import Commits
from edge.courier import MESSAGE_BYTES, Courier, blank
from edge.effects import Committed, Hurry, Tick
from edge.events import Arrived, Connected, Lost, Puback
from edge.journal.journal import Journal
from edge.pace import Pace
from edge.uplink import Uplink
from edge.wire.chunks import Cell, Column, Schema, encode
from edge.wire.clocks import ClockQuality
from edge.wire.messages import Ack, CheckResult, Health, State, to_json
from edge.wire.record import Pack, Record, RecordKind, pack, seqs, unpack
from simulators.disk import MemoryDisk
from tests.edge.unpacking import records_of

SCHEMA = Schema((Column("air", "temperature", "", 2), Column("air", "humidity", "", 2)))
Entry = tuple[int, int, bytes]


class Post:
    """A link that keeps what it is handed."""

    def __init__(self) -> None:
        self.said: list[tuple[str, bytes]] = []
        self.how: list[tuple[int, bool]] = []  # qos, and whether the broker keeps it
        self.did: list[str] = []
        self.full = False

    def connect(self, broker: int = 0) -> None:
        self.did.append(f"connect {broker}")

    def publish(self, kind: str, payload: bytes, qos: int = 1, retain: bool = False) -> int | None:
        if self.full:
            return None
        self.said.append((kind, payload))
        self.how.append((qos, retain))
        return len(self.said)

    def disconnect(self, wait_s: float = 0.0) -> None:
        self.did.append(f"disconnect {wait_s}")

    @property
    def records(self) -> list[bytes]:
        return [payload for kind, payload in self.said if kind == "record"]


def chunk(at_s: int, readings: int = 4) -> Entry:
    cells = [Cell(at_s * 1_000 + 100 * n, column, 2_000 + n) for n in range(readings // 2) for column in range(2)]
    return RecordKind.CHUNK, readings, encode(SCHEMA, 1, ClockQuality.SYNCED, cells)


class Desk:
    """A courier between a real journal and a link that keeps all."""

    def __init__(self, *entries: Entry, declared: bool = True, pace: Pace | None = None) -> None:
        self.disk, self.post = MemoryDisk(), Post()
        self.commits = Commits(lambda: Journal.open(self.disk, lambda: 5, 4 * 2**20), self.disk)
        self.commits.open(0)
        assert self.commits.journal is not None
        self.journal = self.commits.journal
        if declared:
            self.commits.schemas.remember(SCHEMA.encode())
        for entry in entries:
            self.journal.append([entry])
        self.greeted, self.redeclared = 0, list[str]()
        uplink = Uplink(self.commits.standing(), lambda: 0.5, pace or Pace(), self.journal.acked)
        self.courier = Courier(uplink, self.post, self.commits, self.greet, self.redeclare)

    def greet(self) -> None:
        self.greeted += 1

    def redeclare(self, keys: Iterable[str]) -> None:
        self.redeclared += keys

    def go(self) -> list[Record | Pack]:
        """Connect; what the first message holds."""
        self.courier.tell(Tick(), 0)
        self.courier.tell(Connected(), 0)
        return unpack(self.post.records[0]) if self.post.records else []


OPEN: Entry = (RecordKind.OPEN, 0, b'{"gate":{"count":17}}')


def test_a_minute_of_commits_and_what_only_the_node_may_know_leave_as_one_pack() -> None:
    entries = [entry for at_s in range(0, 60, 10) for entry in (chunk(at_s), OPEN)]
    desk = Desk(*entries)
    first = desk.journal.lowest
    (item,) = desk.go()
    assert isinstance(item, Pack) and item.seq == first and item.counts == (4, 0) * 6
    assert b"gate" not in b"".join(desk.post.records)
    apart = records_of(desk.post.records[0], {SCHEMA.key: SCHEMA})
    assert [(r.count, r.body) for r in apart if r.count] == [(4, body) for kind, _, body in entries if body != OPEN[2]]
    assert len(desk.post.records[0]) < 0.75 * sum(len(body) for _, count, body in entries if count)


def test_what_cannot_be_merged_goes_as_it_is_and_still_blank() -> None:
    desk = Desk(chunk(0), OPEN, OPEN, chunk(10), declared=False)
    kinds = [(item.kind, item.body == b"") for item in desk.go() if isinstance(item, Record)]
    assert kinds == [(RecordKind.CHUNK, False), (RecordKind.OPEN, True), (RecordKind.OPEN, True),
                     (RecordKind.CHUNK, False)]  # fmt: skip


def test_large_chunks_are_not_taken_apart() -> None:
    desk = Desk(chunk(0, 200), chunk(100, 200), OPEN, chunk(200, 6))
    assert [type(item) for item in desk.go()] == [Record] * 4


def test_one_chunk_and_what_is_blank_is_the_same_chunk() -> None:
    (item,) = Desk(chunk(0), OPEN).go()
    assert isinstance(item, Pack) and item.counts == (4, 0) and item.body == chunk(0)[2]


def test_only_open_windows_are_blanked() -> None:
    event = Record(5, 1, RecordKind.EVENT, 0, b"{}")
    assert blank(event) is event
    assert blank(Record(5, 1, RecordKind.OPEN, 3, b"x")) == Record(5, 1, RecordKind.OPEN, 0, b"")


def test_a_message_ends_where_the_next_record_would_not_fit_and_so_each_time() -> None:
    events = [(RecordKind.EVENT, 0, bytes([number]) * 5_000) for number in range(7)]
    desk = Desk(*events, (RecordKind.EVENT, 0, bytes(20_000)), *events[:2], pace=Pace(narrow=9))
    desk.go()
    assert [len(unpack(payload)) for payload in desk.post.records] == [3, 3, 1, 1, 2]
    assert all(len(payload) <= MESSAGE_BYTES or len(unpack(payload)) == 1 for payload in desk.post.records)
    before = list(desk.post.records)
    desk.post.said.clear()
    desk.courier.tell(Lost("cut"), 10)
    desk.courier.tell(Tick(), 400_000)
    desk.courier.tell(Connected(), 400_000)
    assert desk.post.records == before


def test_a_message_holds_no_more_readings_than_the_office_takes_at_once() -> None:
    """Half a day of a thing that never moves, sampled ten times a second, is thirty bytes."""
    cells = [Cell(1_000 * row, column, 5) for row in range(1 << 15) for column in range(2)]
    still = RecordKind.CHUNK, len(cells), encode(SCHEMA, 1, ClockQuality.SYNCED, cells)
    desk = Desk(*[still] * 17, pace=Pace(narrow=9))
    desk.go()
    assert len(still[2]) < 40 and [len(unpack(payload)) for payload in desk.post.records] == [16, 1]


def test_a_record_that_is_longer_than_a_message_goes_alone() -> None:
    desk = Desk((RecordKind.EVENT, 0, bytes(20_000)), (RecordKind.EVENT, 0, b"{}"))
    (item,) = desk.go()
    assert isinstance(item, Record) and len(item.body) == 20_000


def test_a_hole_ends_a_message_and_is_passed_over() -> None:
    desk = Desk(*[chunk(at_s) for at_s in range(6)])
    first = desk.journal.lowest
    for name, at in places(desk, chunk(2)[2]):
        desk.disk.rot(name, at)
    desk.go()
    desk.courier.tell(Puback(1), 1)
    assert [item.seq for payload in desk.post.records for item in unpack(payload)] == [first, first + 3]


def test_what_cannot_be_read_at_the_end_ends_a_message() -> None:
    desk = Desk(*[chunk(at_s) for at_s in range(4)])
    for name, at in places(desk, chunk(3)[2]):
        desk.disk.rot(name, at)
    first = desk.journal.lowest
    assert [seq for item in desk.go() for seq in seqs(item)] == [first, first + 1, first + 2]


def places(desk: Desk, body: bytes) -> list[tuple[str, int]]:
    """Where in which file this body lies."""
    found = []
    for name in desk.disk.names():
        if name.endswith(".journal"):
            file = desk.disk.open(name)
            at = file.pread(file.size(), 0).find(body)
            found += [(name, at)] if at >= 0 else []
    return found


def test_a_journal_that_is_empty_or_not_there_gives_nothing() -> None:
    desk = Desk(chunk(0))
    desk.commits.journal = None
    assert desk.go() == []
    assert desk.courier.uplink.due_ms is None
    desk.courier.tell(Arrived("ack", to_json(Ack(5, 1))), 1)  # nothing to forget it in


def test_a_disk_that_cannot_be_read_is_tried_again_and_told() -> None:
    desk = Desk(chunk(0))
    desk.disk.fail("pread", errno.EIO)
    assert desk.go() == []
    assert desk.commits.trouble is not None
    assert desk.courier.uplink.due_ms == 1_000
    desk.courier.tell(Tick(), 1_000)
    assert len(desk.post.records) == 1


def test_a_link_that_is_full_is_tried_again() -> None:
    desk = Desk(chunk(0))
    desk.post.full = True
    assert desk.go() == []
    desk.post.full = False
    desk.courier.tell(Tick(), 1_000)
    assert len(desk.post.records) == 1


def test_the_rest_of_what_the_uplink_wants() -> None:
    desk = Desk(chunk(0), pace=Pace(brokers=2, stuck_ms=5_000))
    desk.go()
    assert desk.greeted == 1 and desk.post.did == ["connect 0"]
    desk.courier.tell(Arrived("ack", to_json(Ack(5, desk.journal.next - 1, [], ["00aa"]))), 1)
    assert desk.redeclared == ["00aa"] and desk.journal.lowest == desk.journal.next
    desk.courier.tell(Arrived("order", b"{}"), 2)
    assert desk.courier.delivered == 1
    desk.courier.tell(Tick(), 5_000)
    assert desk.post.did == ["connect 0", "disconnect 0.0"]


def test_what_is_said_beside_records_counts_and_needs_a_session() -> None:
    desk = Desk(chunk(0))
    assert desk.courier.publish("hello", b"x" * 60) is None
    desk.go()
    before = desk.courier.uplink.outbox.allowance.spent
    assert desk.courier.publish("hello", b"x" * 60) == len(desk.post.said)
    assert desk.courier.uplink.outbox.allowance.spent == before + 300


def health(at_ms: int, state: State = State.GOOD) -> Health:
    return Health(at_ms, [CheckResult("clock", state)])


def test_health_is_told_in_its_time_at_once_when_it_changes_and_not_beyond_the_day() -> None:
    desk = Desk(pace=Pace(health_ms=3_600_000, day_bytes=10_000))
    desk.courier.say_health(health(0), 0)
    desk.go()
    told = []
    for minute in range(100):
        state = State.BAD if 10 <= minute < 20 else State.GOOD
        before = len(desk.post.said)
        desk.courier.say_health(health(60_000 * minute, state), 60_000 * minute)
        told += [minute] * (len(desk.post.said) - before)
    assert told == [0, 10, 20, 80]
    desk.courier.uplink.outbox.allowance.spend(10_000, 6_000_000)
    desk.courier.say_health(health(6_000_000, State.BAD), 6_000_000)
    assert len(desk.post.said) == 4


def test_the_last_words() -> None:
    desk = Desk(chunk(0))
    desk.courier.goodbye(b"offline")
    assert desk.post.said == [] and desk.post.did == ["disconnect 1.0"]
    desk.go()
    desk.courier.tell(Hurry(), 1)
    desk.courier.goodbye(b"offline")
    assert desk.post.said[-1] == ("status", b"offline")


def test_schemas_are_decoded_once_and_not_without_end() -> None:
    desk = Desk()
    for number in range(200):
        schema = Schema((Column(f"s{number}", "temperature", "", 2),))
        desk.commits.schemas.remember(schema.encode())
        assert desk.courier._schema(schema.key) is desk.courier._schema(schema.key)
        assert len(desk.courier._schemas) <= 64
    assert desk.courier._schema(b"none") is None


@pytest.mark.parametrize("count", [1, 2])
def test_payloads_are_those_of_the_wire(count: int) -> None:
    desk = Desk(*[(RecordKind.EVENT, 0, b"{}")] * count)
    desk.go()
    first = desk.journal.lowest
    assert desk.post.records == [pack(*[Record(5, first + n, RecordKind.EVENT, 0, b"{}") for n in range(count)])]


def test_commits_are_told_to_the_uplink() -> None:
    desk = Desk()
    desk.go()
    desk.journal.append([chunk(0)])
    desk.courier.tell(Committed(5, desk.journal.lowest, desk.journal.next), 1)
    assert len(desk.post.records) == 1


def test_everything_goes_with_the_promise_that_the_broker_took_it_and_only_the_status_stays_there() -> None:
    desk = Desk(chunk(0))
    desk.go()
    desk.courier.publish("hello", b"h")
    desk.courier.publish("status", b"online", retain=True)
    desk.courier.say_health(health(7), 1)
    desk.courier.goodbye(b"offline")
    kinds = [(kind, qos, retain) for (kind, _), (qos, retain) in zip(desk.post.said, desk.post.how, strict=True)]
    assert kinds == [("record", 1, False), ("hello", 1, False), ("status", 1, True), ("health", 1, False),
                     ("status", 1, True)]  # fmt: skip
    assert [payload for _, payload in desk.post.said[1:]] == [b"h", b"online", to_json(health(7)), b"offline"]


def test_what_a_message_holds_counts_for_the_day() -> None:
    desk = Desk(chunk(0), chunk(10))
    desk.go()
    assert desk.courier.uplink.outbox.allowance.spent == len(desk.post.records[0]) + OVERHEAD


def test_what_is_said_at_the_turn_of_the_day_counts_for_the_new_one() -> None:
    desk = Desk(pace=Pace(day_bytes=100_000))
    desk.go()
    desk.courier.tell(Tick(), DAY_MS - 1)
    desk.courier.say_health(health(0), DAY_MS)
    assert desk.courier.uplink.outbox.allowance.live_wait_ms(DAY_MS) is None
    assert desk.courier.uplink.outbox.allowance.spent == len(to_json(health(0))) + OVERHEAD


@pytest.mark.parametrize(("more", "messages"), [(0, [2]), (1, [1, 1])])
def test_a_message_is_filled_to_the_last_byte(more: int, messages: list[int]) -> None:
    half = MESSAGE_BYTES // 2 - 8
    desk = Desk((RecordKind.EVENT, 0, bytes(half + more)), (RecordKind.EVENT, 0, bytes(half)))
    desk.go()
    assert [len(unpack(payload)) for payload in desk.post.records] == messages


def test_what_nobody_here_answers_is_counted() -> None:
    desk = Desk()
    desk.go()
    for _ in range(3):
        desk.courier.tell(Arrived("order", b"{}"), 1)
    assert desk.courier.delivered == 3


def test_health_is_told_anew_in_each_session() -> None:
    desk = Desk(pace=Pace(health_ms=3_600_000))
    desk.go()
    desk.courier.say_health(health(0), 0)
    desk.courier.tell(Lost("cut"), 10)
    desk.courier.tell(Tick(), 300_000)
    desk.courier.tell(Connected(), 300_000)
    desk.courier.say_health(health(0), 300_000)
    assert [kind for kind, _ in desk.post.said] == ["health", "health"]


def test_an_ack_that_tells_a_number_of_somebody_else_forgets_nothing_and_neither_does_a_disk_that_cannot_tell() -> None:
    desk = Desk(chunk(0), chunk(10))
    desk.go()
    last, lowest = desk.journal.next - 1, desk.journal.lowest
    heard = []
    for upto, failing in ((last + 1, False), (last, True), (last, False)):
        if failing:
            desk.disk.fail("pread", errno.EIO)
        desk.courier.tell(Arrived("ack", to_json(Ack(5, upto))), 1)
        heard.append((desk.journal.lowest, desk.courier.uplink.outbox.stranger, desk.commits.trouble is not None))
    assert heard == [(lowest, last + 1, False), (lowest, None, True), (last + 1, None, True)]


@pytest.mark.parametrize("leaps", [True, False])
def test_a_leap_is_passed_when_what_stands_behind_it_is_acked_and_what_is_unreadable_is_not(leaps: bool) -> None:
    desk = Desk(chunk(0))
    desk.go()
    last = desk.journal.next - 1
    if leaps:
        desk.journal.leap(1_000)
    desk.journal.append([chunk(10)])
    if not leaps:
        ((name, at),) = places(desk, chunk(10)[2])
        desk.journal.append([chunk(20)])
        desk.disk.rot(name, at)
    desk.courier.tell(desk.commits.standing(), 1)
    behind = next(seq for item in unpack(desk.post.records[-1]) for seq in seqs(item))
    assert behind == last + (1_001 if leaps else 2)
    desk.courier.tell(Arrived("ack", to_json(Ack(5, last, [(behind, desk.journal.next - 1)]))), 2)
    assert desk.journal.acked == (desk.journal.next - 1 if leaps else last)
