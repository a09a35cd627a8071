"""A real journal that overflows, a post that loses and repeats, a real store: every reading is here or named once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.journal.journal import Journal
from edge.wire.cells import Cell
from edge.wire.chunks import encode
from edge.wire.clocks import ClockQuality
from edge.wire.messages import Hello, State
from edge.wire.record import Record, RecordKind
from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Greeting, Records
from fleet.verify import journal_check, stock_checks
from simulators.disk import MemoryDisk
from tests.fleet.store.lives import FAST, SCHEMAS

SEGMENT = 8 * 512
CAP = 3 * SEGMENT
SCHEMA = SCHEMAS[0]
STEPS = st.one_of(
    st.tuples(st.just("measure"), st.integers(1, 12)),
    st.tuples(st.just("send"), st.integers(0, 12)),
    st.tuples(st.just("hear"), st.integers(0, 3)),
    st.tuples(st.just("greet"), st.just(0)),
)


def chunk(readings: int) -> tuple[int, int, bytes]:
    cells = [Cell(at, 0, at) for at in range(readings)]
    return RecordKind.CHUNK, readings, encode(SCHEMA, 1, ClockQuality.SYNCED, cells)


class Street:
    """One journal, one store, and the acks between them that were not heard yet."""

    def __init__(self, path: Path) -> None:
        self.journal = Journal.open(MemoryDisk(1 << 20), lambda: 7, CAP, SEGMENT)
        self.store, self.reader = SqliteStore(path), StoreReader(path)
        self.acks: list[int] = []
        self.journal.append([(RecordKind.SCHEMA, 0, SCHEMA.encode())])
        self.send(list(self.held()))

    def held(self) -> Iterator[Record]:
        return iter(self.journal.read(self.journal.lowest, 1 << 20))

    def send(self, records: list[Record]) -> None:
        if records:
            self.acks += [ack.upto for ack in self.store.commit([Records("pole-1", records, 1000)]).acks]

    def step(self, what: str, how: int) -> None:
        if what == "measure":
            for size in range(how):
                self.journal.append([chunk(1 + size % 5)])
        elif what == "send":
            self.send([record for record in self.held() if record.seq % 13 <= how])
        elif what == "hear" and self.acks:
            self.journal.forget(self.acks.pop(-1 - how % len(self.acks)))
        elif what == "greet":
            self.greet()

    def greet(self) -> None:
        journal = self.journal
        total = journal.total_readings
        hello = Hello("pole-1", "b" * 32, 7, journal.lowest, journal.next, "", total, acked=journal.acked)
        self.store.commit([Greeting("pole-1", hello, 1000)])

    def end(self) -> None:
        self.journal.append([chunk(1)])
        self.greet()
        self.send(list(self.held()))
        self.reader.close()


ACKED_AMIDST = [("measure", 5), ("send", 2), ("measure", 11), ("hear", 0)]
GREETED_FIRST = [("measure", 5), ("measure", 12), ("greet", 0), ("send", 0), ("hear", 0), ("measure", 9)]


@settings(max_examples=150)
@given(st.lists(STEPS, max_size=40))
@example(ACKED_AMIDST)
@example(GREETED_FIRST)
def test_every_reading_of_a_full_journal_is_here_or_named_once(steps: list[tuple[str, int]]) -> None:
    with TemporaryDirectory(dir=FAST) as folder:
        street = Street(Path(folder) / "readings.db")
        for step in steps:
            street.step(*step)
        street.end()
        losses = street.reader.losses()
        stored = street.reader.readings_by_node().get("pole-1", 0)
        assert stored + sum(loss.readings or 0 for loss in losses) == street.journal.total_readings, losses
        assert all(loss.readings is not None for loss in losses), "the journal names all that it drops"
        (arrived,) = street.store.db.execute("SELECT count(*) FROM receipts").fetchone()
        assert arrived + sum(loss.records for loss in losses) == street.journal.next - 1
        assert [journal_check(account).state for account in street.reader.accounts()] == [State.GOOD]
        assert stock_checks(street.reader.stock("pole-1"))[0].state is State.GOOD
        street.store.close()


def test_a_journal_that_overflows_many_times_names_the_same_loss_again_and_again(tmp_path: Path) -> None:
    street = Street(tmp_path / "readings.db")
    for _ in range(20):
        street.step("measure", 12)
        street.send(street.journal.read(street.journal.next - 3))
    street.end()
    told = street.store.db.execute("SELECT first, last, readings FROM gaps").fetchall()
    assert len(told) > 5 and sum(readings for *_, readings in told) > 2 * street.journal.total_readings
    stored = street.reader.readings_by_node()["pole-1"]
    assert stored + sum(loss.readings or 0 for loss in street.reader.losses()) == street.journal.total_readings
