"""One life of a node's disk: real commits, the office's answers, restarts and power cuts, step by step written down.

What runs is what runs on a pole: `Commits` with its schemas and epochs, the `Journal` under it, the boots. The disk is
handed in: one in memory that records, or a real folder on a file system that records. With each power cut one of the
states that it may leave is what the next part of the life begins with, so recovery is crashed into as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from random import Random

from edge import boots
from edge.journal.disk import Disk
from edge.journal.journal import Journal
from edge.sampler import Entry
from edge.wire.chunks import Cell, Column, Schema, encode
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.messages import EventRecord, Health, to_json
from edge.wire.record import Record, RecordKind
from simulators.crash.book import Book, Telling
from simulators.crash.card import Card
from simulators.crash.plan import REAL, Makings, Plan
from simulators.crash.states import Part
from simulators.recording import NOTES, Forgot, Note, Step, Told

COLUMNS = ("temperature", "humidity", "pm10", "count_pedestrian", "sound_level", "rain")
COMMIT_MS = 10_000
RESTART = 0.03
MAXIMUM = 1 << 30


def live(plan: Plan, made: Makings = REAL) -> Iterator[Part]:
    """The parts of a life on a disk in memory."""
    files: dict[str, bytes] = {}
    told, book = Telling(), Book()
    for power in range(plan.powers):
        disk = made.disk(files)
        run = Run(plan, power, disk, disk.note, made)
        run.live(book)
        yield Part(files, told, disk.log, run.book)
        files, told = cut(files, told, disk.log, run.chance)
        told = replace(told, small={name: (files.get(name),) for name in told.small})
        book = run.book


def cut(files: dict[str, bytes], told: Telling, log: list[Step], chance: Random) -> tuple[dict[str, bytes], Telling]:
    """What one power cut near the end leaves, and what had been told by then."""
    card = Card(files)
    for step in log[: len(log) - chance.randrange(min(8, len(log)))]:
        card.take(step)
        if isinstance(step, NOTES):
            told = told.with_note(step)
    return card.drawn(chance, torn=chance.random() < 0.5), told


class Run:
    """One power-on of a node; `note` is told what is told to anybody."""

    def __init__(self, plan: Plan, power: int, disk: Disk, note: Callable[[Note], None], made: Makings = REAL) -> None:
        self.chance = Random(f"run {plan.seed} {power}")
        self.book = Book()
        self._plan, self._disk, self._note, self._made = plan, disk, note, made
        self._boot_id = f"{self.chance.getrandbits(128):032x}"
        self._epoch = 1 + self.chance.getrandbits(31)
        self._now_ms = 0
        self._schema = Schema(())
        self._again = False
        self._events = 0

    def live(self, before: Book) -> None:
        """From power-on until just before the cut; `before` tells what was written in earlier parts."""
        self._start()
        self._read_old(before)
        for number in range(self._plan.commits):
            self._commit([*self._declared(), *self._some()])
            if number not in self._plan.away and self.chance.random() < self._plan.office:
                self._forget()
            if self.chance.random() < RESTART:
                self._stop()
                self._start()

    # Runs of the agent.

    @property
    def journal(self) -> Journal:
        assert self._commits.journal is not None
        return self._commits.journal

    def _start(self) -> None:
        opening = partial(self._plan.open_journal, self._made, self._epoch, self._disk)
        self._commits = self._made.commits(opening, self._disk)
        self._commits.open(self._now_ms)
        self.book.starts.append(self.journal.next)
        newest = boots.newest(self.journal)
        self._boot = boots.begin(self._disk, self._boot_id, self.chance.random, newest)
        self._declare_anew = True

    def _stop(self) -> None:
        self._commits.close()
        boots.end(self._disk, self._boot)

    def _read_old(self, before: Book) -> None:
        found = self.journal.read(self.journal.lowest, MAXIMUM)
        known = {record.seq: before.totals[record.seq] for record in found if record.seq in before.totals}
        self.book = Book({record.seq: record for record in found}, known, self.book.starts)

    # What is committed.

    def _declared(self) -> list[Entry]:
        if not self._declare_anew and self.chance.random() > 0.05:
            return []
        self._declare_anew = False
        many = self.chance.randint(1, len(COLUMNS))
        self._schema = Schema(tuple(Column(f"s{self.chance.randrange(4)}{n}", COLUMNS[n], "", 2) for n in range(many)))
        clock = ClockRecord(self._boot.ordinal, self._boot_id, 10**12, ClockQuality.SYNCED, 5, self._now_ms)
        return [(RecordKind.CLOCK, 0, to_json(clock)), (RecordKind.SCHEMA, 0, self._schema.encode())]

    def _some(self) -> list[Entry]:
        makers = (self._chunk, self._chunk, self._chunk, self._event, self._event, self._health)
        return [self._chunk(), *(self.chance.choice(makers)() for _ in range(self.chance.choice((0, 0, 1, 2))))]

    def _chunk(self) -> Entry:
        width, many = len(self._schema.columns), self.chance.choice((1, 3, 10, 40, 160))
        cells = [
            Cell(self._now_ms + 100 * place, place % width, self.chance.randrange(4_000), self.chance.choice((0, 0, 4)))
            for place in range(many)
        ]
        return RecordKind.CHUNK, many, encode(self._schema, self._boot.ordinal, ClockQuality.SYNCED, cells)

    def _event(self) -> Entry:
        self._events += 1
        text = self.chance.randbytes(self.chance.randrange(self._plan.largest) // 2).hex()
        return RecordKind.EVENT, 0, to_json(EventRecord(self._now_ms, f"event {self._events}", {"text": text}))

    def _health(self) -> Entry:
        return RecordKind.HEALTH, 0, to_json(Health(self._now_ms, [], {"commits": self._events}))

    def _commit(self, entries: list[Entry]) -> None:
        journal = self.journal
        first, total = journal.next, journal.total_readings
        self._now_ms += COMMIT_MS
        held = self._commits.commit(entries, self._now_ms)
        if held is not None:
            self._note(Told(held.epoch, held.next, journal.total_readings, journal.acked))
        found = journal.read(first, MAXIMUM)
        self.book.enter(found, total)
        _check(entries, found)

    def _forget(self) -> None:
        """The office has what it has; some of it, in the order in which it was sent."""
        held = [seq for seq in self.book.records if seq > self.journal.acked]
        if held:
            upto = max(held) if self.chance.random() < 0.7 else self.chance.choice(sorted(held))
            self._note(Forgot(upto))
            self.journal.forget(upto)


def _check(entries: list[Entry], found: list[Record]) -> None:
    """What was handed in is there, in that order; what is there besides is the journal's own."""
    wanted = iter(entries)
    expected = next(wanted, None)
    for record in found:
        if (record.kind, record.count, record.body) == expected:
            expected = next(wanted, None)
    if expected is not None:
        raise AssertionError("the running journal does not hold what it was given")
