"""After "journal full": everything that survived is decoded and dated in a real store, whatever went before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.journal.journal import Journal
from edge.journal.naming import FULL, SKIPPED, THINNED
from edge.needs import Needs
from edge.sampler import Entry
from edge.schemas import FILE, REMEMBERED, Schemas
from edge.wire.chunks import Cell, Column, Schema, encode, peek
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.messages import Ack, GapRecord, from_json, to_json
from edge.wire.record import Record, RecordKind
from edge.wire.topics import up
from edge.wiring import JournalPlan, SensorPlan
from fleet.collect import Incoming, sort
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Committed, State
from simulators.disk import MemoryDisk
from tests.edge.journal.life import SEGMENT, read_all
from tests.edge.loopback import Office
from tests.edge.pole import WIRING, Pole

CAP = 2 * 2**20
COLUMNS = tuple(Column(name, what, "", 2) for name in ("air", "soil") for what in ("humidity", "temperature"))
SMALL = replace(WIRING, journal=JournalPlan("journal", 1_000, CAP))
OTHER_BOARD = replace(SMALL, sensors=(*SMALL.sensors, SensorPlan("wall", "sht31", "i2c", "/dev/i2c-9", 0x45)))


class StoreOffice(Office):
    """An office with a real store; what it acks is what the store committed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.store = SqliteStore(path)

    def take(self, payload: bytes) -> Ack:
        super().take(payload)
        return self._commit("record", payload)

    def greet(self, payload: bytes) -> Ack:
        return self._commit("hello", payload)

    def _commit(self, kind: str, payload: bytes) -> Ack:
        parcel = sort(Incoming(up(WIRING.node, kind), payload, 1))
        assert parcel is not None
        done: Committed = self.store.commit([parcel])
        ack = done.acks[0]
        return Ack(ack.epoch, ack.upto, list(ack.ranges), list(ack.resend_schema))

    def states(self) -> set[State]:
        return {State(state) for (state,) in self.store.db.execute("SELECT DISTINCT state FROM receipts")}

    def count(self, what: str) -> int:
        return int(self.store.db.execute(f"SELECT count(*) FROM {what}").fetchone()[0])


@pytest.fixture
def office(tmp_path: Path) -> Iterator[StoreOffice]:
    office = StoreOffice(tmp_path / "readings.db")
    yield office
    office.store.close()


def deliver(pole: Pole) -> Journal:
    """The office opens; until the journal has nothing left to give."""
    pole.office.up = True
    journal = pole.agent.node.commits.journal
    assert journal is not None
    for _ in range(2_000):
        pole.clock.advance(1)
        pole.settle()
        if journal.acked == journal.next - 1:
            return journal
    raise AssertionError(f"{journal.next - 1 - journal.acked} records were never acked")


def settled(pole: Pole, office: StoreOffice) -> None:
    """All that the journal did not have to give up is in the store, decoded and dated; the rest is named."""
    journal = deliver(pole)
    gaps = [from_json(GapRecord, r.body) for r in office.records.values() if r.kind == RecordKind.GAP]
    lost = max((gap.readings for gap in gaps), default=0)  # each names again what the one before it named
    assert office.count("readings") == journal.total_readings - lost > 0
    assert office.count("receipts WHERE kind=1 AND offset_ms IS NULL") == 0
    assert office.states() == {State.STORED}
    assert {gap.why for gap in gaps} <= {FULL, SKIPPED, THINNED}


def test_what_survives_a_full_journal_is_dated_and_decoded(office: StoreOffice) -> None:
    office.up = False
    pole = Pole(office, wiring=SMALL)
    pole.live(6_000)
    journal = pole.agent.node.commits.journal
    assert journal is not None and journal.lowest > 2_000  # the first clock and schema are long gone
    settled(pole, office)


def test_so_is_what_an_earlier_boot_with_another_board_left(office: StoreOffice) -> None:
    office.up = False
    pole = Pole(office, wiring=SMALL)
    pole.live(4_000)
    pole.wiring = OTHER_BOARD
    pole.disk.crash("kept", Random(1))
    pole.start("f" * 32)
    pole.live(1_500)
    journal = pole.agent.node.commits.journal
    assert journal is not None and journal.lowest > 2_000
    assert {peek(r.body).boot for r in read_all(journal) if r.kind == RecordKind.CHUNK} == {1, 2}
    settled(pole, office)


def test_a_schema_of_an_earlier_run_is_sent_again_when_the_office_asks(office: StoreOffice) -> None:
    """The record that told it is unreadable; the ack brings the request, and the file beside the journal the answer."""
    office.up = False
    pole = Pole(office, wiring=SMALL)
    pole.live(20)
    journal = pole.agent.node.commits.journal
    assert journal is not None
    place = pole.disk.content("segment-00000.journal").index(Schema(COLUMNS).encode())
    pole.disk.rot("segment-00000.journal", place)
    pole.wiring = OTHER_BOARD
    pole.disk.crash("kept", Random(1))
    pole.start("f" * 32)
    pole.live(5)
    deliver(pole)
    pole.live(5)
    deliver(pole)
    assert office.states() == {State.STORED}


# The rule behind it, for any life: in each segment, every record is preceded by all that it leans on.

KINDS = st.sampled_from(["chunk", "chunk", "chunk", "event", "clock", "schema", "fail", "restart"])


def told_in_time(records: list[Record], where: dict[int, tuple[int, int]]) -> None:
    """Within each run of records in one segment: schemas before their chunks, the newest clock of the boot before."""
    schemas: set[bytes] = set()
    clocks: dict[int, int] = {}
    here = 0
    for record in records:
        segment, clock_ms = where[record.seq]
        if segment != here:
            here, schemas, clocks = segment, set(), {}
        if record.kind == RecordKind.SCHEMA:
            schemas.add(Schema.decode(record.body).key)
        if record.kind == RecordKind.CLOCK:
            clock = from_json(ClockRecord, record.body)
            clocks[clock.boot] = clock.at_ms
        if record.kind == RecordKind.CHUNK:
            head = peek(record.body)
            assert head.schema_key in schemas and clocks[head.boot] == clock_ms
        if record.kind == RecordKind.EVENT:
            assert clock_ms in clocks.values()


class Run:
    """One run of an agent that only tells what is new, as the sampler does."""

    def __init__(self, disk: MemoryDisk, boot: int) -> None:
        self.disk, self.boot, self.columns = disk, boot, 0
        self.journal = Journal.open(disk, lambda: 7, 6 * SEGMENT, SEGMENT)
        self.needs = Needs(Schemas(disk))
        self.schema = Schema(())
        self.clock_ms = 0

    def clock(self, at_ms: int) -> Entry:
        self.clock_ms = at_ms
        record = ClockRecord(self.boot, f"{self.boot:032x}", 10**12, ClockQuality.SYNCED, None, at_ms)
        return RecordKind.CLOCK, 0, to_json(record)

    def new_schema(self) -> Entry:
        self.columns += 1
        self.schema = Schema(tuple(Column(f"s{n}b{self.boot}", "pm10", "", 2) for n in range(self.columns)))
        self.needs.schemas.remember(self.schema.encode())
        return RecordKind.SCHEMA, 0, self.schema.encode()

    def chunk(self, at_ms: int) -> Entry:
        return RecordKind.CHUNK, 1, encode(self.schema, self.boot, ClockQuality.SYNCED, [Cell(at_ms, 0, 1)])

    def make(self, what: str, at_ms: int) -> Entry:
        if what == "event":
            return RecordKind.EVENT, 0, b"{}"
        if what == "schema":
            return self.new_schema()
        return self.chunk(at_ms) if what == "chunk" else self.clock(at_ms)

    def append(self, batch: list[Entry]) -> dict[int, tuple[int, int]]:
        """The segment of each new seq, and the newest clock that was told."""
        first = self.journal.next
        lacking, repeated = self.needs.split(batch)
        seqs = self.journal.append([*lacking, *batch], repeated)
        self.needs.went([*lacking, *batch], repeated, self.journal.segment)
        assert seqs == list(range(self.journal.next - len(batch) - len(lacking), self.journal.next))
        return dict.fromkeys(range(first, self.journal.next), (self.journal.segment, self.clock_ms))


@settings(deadline=None, max_examples=60)
@given(st.lists(KINDS, min_size=50, max_size=120))
def test_every_record_finds_what_it_leans_on_in_its_own_segment(life: list[str]) -> None:
    disk = MemoryDisk()
    boot, total = 1, 0
    run = Run(disk, boot)
    where = run.append([run.clock(0), run.new_schema()])
    for at_ms, what in enumerate(life):
        if what == "restart":
            boot += 1
            disk.crash("lost", Random(1))
            run = Run(disk, boot)
            where |= run.append([run.clock(at_ms), run.new_schema(), run.chunk(at_ms)])
            total += 1
        elif what == "fail":
            disk.fail("pwrite", 5)
            with pytest.raises(Exception, match="Nothing of this commit"):
                run.append([run.chunk(at_ms)])
        else:
            writes, syncs = disk.counts["pwrite"], disk.counts["datasync"]
            where |= run.append([run.make(what, at_ms)])
            assert (disk.counts["pwrite"] - writes, disk.counts["datasync"] - syncs) == (1, 1)
            total += what == "chunk"
    assert run.journal.total_readings == total
    records = read_all(run.journal)
    told_in_time(records, where)


def test_nothing_is_repeated_within_a_segment() -> None:
    disk = MemoryDisk()
    run = Run(disk, 1)
    run.append([run.clock(0), run.new_schema()])
    for at_ms in range(5):
        run.append([run.chunk(at_ms)])
    assert [record.kind for record in read_all(run.journal)] == [RecordKind.CLOCK, RecordKind.SCHEMA] + [1] * 5


# The small file.


def schemas(count: int) -> list[bytes]:
    return [Schema((Column(f"s{number}", "pm10", "", 2),)).encode() for number in range(count)]


def key(body: bytes) -> str:
    return Schema.decode(body).key.hex()


def test_schemas_outlive_a_run_and_the_newest_are_kept() -> None:
    disk, bodies = MemoryDisk(), schemas(REMEMBERED + 3)
    one = Schemas(disk)
    for body in bodies[:-1]:
        one.remember(body)
        one.remember(bodies[0])  # in use all the time
    one.remember(bodies[-1])
    one.save()
    again = Schemas(disk)
    kept = [body for body in bodies if again.body(key(body)) == body]
    assert kept == [bodies[0], *bodies[4:]] and len(kept) == REMEMBERED
    assert again.body("no key") is None


def test_the_file_is_written_only_for_a_new_schema_and_again_when_the_disk_refused() -> None:
    disk, (body, other) = MemoryDisk(), schemas(2)
    one = Schemas(disk)
    one.save()
    assert disk.counts["write_small"] == 0
    one.remember(body)
    disk.fail("write_small", 28)
    one.save()
    one.save()
    one.remember(body)
    one.save()
    assert disk.counts["write_small"] == 2
    assert Schemas(disk).body(key(body)) == body and Schemas(disk).body(key(other)) is None


@pytest.mark.parametrize("rubbish", [b"", b"\xff", b"{}", b"[1]", b'["zz"]', b'["00"]', b"3"])
def test_a_file_of_rubbish_is_no_file(rubbish: bytes) -> None:
    disk, (body,) = MemoryDisk(), schemas(1)
    disk.write_small(FILE, rubbish)
    one = Schemas(disk)
    one.remember(body)
    assert one.body(key(body)) == body
