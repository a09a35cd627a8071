"""One transaction's work: new records become receipts and rows, whatever their order.

Clocks come first, then schemas, then chunks, so that most of a batch is filed right at once. What arrives in an
unlucky order is mended when the missing part comes: a raw chunk is decoded by its schema, an undated one dated by its
clock. The tables therefore depend on the set of records, not on their order. Rows and receipts are written with one
executemany each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice, repeat

from edge.wire.chunks import ChunkError, decode_columns, peek
from edge.wire.record import Record, RecordKind
from edge.wire.schema import Schema, SchemaError
from fleet.store.bodies import BodyError, clock_note, gap_note, mark_of, text_note
from fleet.store.dating import first_touched, mark_for
from fleet.store.memory import Memory, Plan
from fleet.store.store import State

UNKNOWN_CLOCK = 3
LONGEST_REASON = 500  # characters
ORDER: dict[int, int] = {RecordKind.CLOCK: 0, RecordKind.SCHEMA: 1, RecordKind.GAP: 2, RecordKind.CHUNK: 3}
ADD_RECEIPT = "INSERT INTO receipts VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
ADD_RAW = "INSERT INTO raw VALUES (?,?,?,?,?)"
ADD_ROW = "INSERT INTO readings VALUES (?,?,?,?,?,?)"
WIDTH, AT_ONCE = 6, 50  # values of a row; rows of a statement, for half of a row's cost is the statement's
ADD_ROWS = ADD_ROW + ",(?,?,?,?,?,?)" * (AT_ONCE - 1)
Row = tuple[int, int, int, int, int, int]


@dataclass(slots=True)
class Ticket:
    """A new record on its way to a receipt."""

    id: int
    node: int
    record: Record
    arrived_ms: int
    state: State = State.STORED
    readings: int = 0
    boot: int | None = None
    offset_ms: int | None = None
    quality: int | None = None
    first_row: int | None = None

    def row(self) -> tuple[int | None, ...]:
        """As the receipts table wants it."""
        record = self.record
        key = (self.id, self.node, record.epoch, record.seq, int(record.kind), self.readings)
        return (*key, self.boot, self.offset_ms, self.quality, self.arrived_ms, int(self.state), self.first_row)


@dataclass(slots=True)
class Ingest:
    """Files one batch of records through `memory.db`, inside a transaction that the caller began."""

    memory: Memory
    rows: list[Iterator[Row]] = field(default_factory=list)
    added: dict[int, int] = field(default_factory=dict)
    wanted: set[tuple[int, bytes]] = field(default_factory=set)
    duplicates: int = 0
    quarantined: int = 0

    def file(self, arrivals: Iterable[tuple[int, Record, int]]) -> None:
        """Files (node key, record, arrived_ms); what is here already is only counted."""
        tickets = self._fresh(arrivals)
        for ticket in sorted(tickets, key=lambda each: ORDER.get(each.record.kind, 4)):
            try:
                self._file(ticket)
            except (BodyError, ChunkError, SchemaError) as error:
                self._quarantine(ticket, str(error))
        self.memory.db.executemany(ADD_RECEIPT, (ticket.row() for ticket in tickets))
        self._add_rows()

    def set_aside(self, arrivals: Iterable[tuple[int, Record, int]], why: str) -> None:
        """Keeps records as they came, whatever they hold: nothing is decoded, so nothing in them can fail."""
        tickets = self._fresh(arrivals)
        self.wanted.clear()
        for ticket in tickets:
            self._quarantine(ticket, why.encode(errors="replace").decode()[:LONGEST_REASON])
        self.memory.db.executemany(ADD_RECEIPT, (ticket.row() for ticket in tickets))

    def _add_rows(self) -> None:
        values = chain.from_iterable(chain.from_iterable(self.rows))
        parts = iter(lambda: list(islice(values, WIDTH * AT_ONCE)), [])
        for part in parts:
            if len(part) == WIDTH * AT_ONCE:
                self.memory.db.execute(ADD_ROWS, part)
            else:
                self.memory.db.executemany(ADD_ROW, zip(*[iter(part)] * WIDTH, strict=True))

    def _fresh(self, arrivals: Iterable[tuple[int, Record, int]]) -> list[Ticket]:
        tickets: dict[tuple[int, int, int], Ticket] = {}
        for node, record, arrived_ms in arrivals:
            key = (node, record.epoch, record.seq)
            if key in tickets or self._known(key):
                self.duplicates += 1
            else:
                tickets[key] = Ticket(self.memory.next_receipt, node, record, arrived_ms)
                self.memory.next_receipt += 1
        return list(tickets.values())

    def _known(self, key: tuple[int, int, int]) -> bool:
        if key[2] not in self.memory.coverage(key[:2]):
            return False  # every receipt is covered, but not the reverse: a gap may have been named
        sql = "SELECT state, id FROM receipts WHERE node=? AND epoch=? AND seq=?"
        found = self.memory.db.execute(sql, key).fetchone()
        if found and found[0] == State.RAW:
            (schema,) = self.memory.db.execute("SELECT schema FROM raw WHERE receipt=?", (found[1],)).fetchone()
            self.wanted.add((key[0], schema))
        return found is not None

    def _file(self, ticket: Ticket) -> None:
        kind = ticket.record.kind
        if kind == RecordKind.CHUNK:
            self._chunk(ticket)
        elif kind == RecordKind.CLOCK:
            self._clock(ticket)
        elif kind == RecordKind.SCHEMA:
            self._schema(ticket)
        elif kind == RecordKind.GAP:
            self._gap(ticket)
        elif kind in (RecordKind.EVENT, RecordKind.HEALTH):
            self._note(ticket)
        else:
            raise BodyError(f"records of kind {kind} are not known here")
        self.memory.coverage((ticket.node, ticket.record.epoch)).add(ticket.record.seq, ticket.record.seq)

    def _quarantine(self, ticket: Ticket, why: str) -> None:
        ticket.state, ticket.readings = State.QUARANTINED, ticket.record.count
        self.quarantined += 1
        row = (ticket.id, ticket.node, None, why, ticket.record.body)
        self.memory.db.execute(ADD_RAW, row)
        self.memory.coverage((ticket.node, ticket.record.epoch)).add(ticket.record.seq, ticket.record.seq)

    def _note(self, ticket: Ticket) -> None:
        body = text_note(ticket.record.body)
        self.memory.db.execute("INSERT INTO events VALUES (?,?,?)", (ticket.id, int(ticket.record.kind), body))

    def _gap(self, ticket: Ticket) -> None:
        record, gap = ticket.record, gap_note(ticket.record.body)
        key = (ticket.node, record.epoch, record.seq)
        row = (*key, gap.first, gap.last, gap.readings, gap.why, gap.from_ms, gap.to_ms)
        self.memory.db.execute("INSERT INTO gaps VALUES (?,?,?,?,?,?,?,?,?)", row)
        self.memory.coverage((ticket.node, record.epoch)).add(gap.first, gap.last)

    def _chunk(self, ticket: Ticket) -> None:
        head = peek(ticket.record.body)
        ticket.boot = head.boot
        self._date(ticket)
        plan = self.memory.plan(ticket.node, head.schema_key)
        if plan is None:
            ticket.state, ticket.readings = State.RAW, ticket.record.count
            row = (ticket.id, ticket.node, head.schema_key, "its schema has not come yet", ticket.record.body)
            self.memory.db.execute(ADD_RAW, row)
            self.wanted.add((ticket.node, head.schema_key))
        else:
            first = self.memory.next_row
            ticket.readings = self._spread(ticket.node, plan, ticket.record.body, ticket.offset_ms, ticket.id)
            ticket.first_row = first

    def _date(self, ticket: Ticket) -> None:
        boot = (ticket.node, ticket.record.epoch, ticket.boot or 0)
        mark = mark_for(ticket.record.seq, self.memory.marks_of(boot))
        ticket.offset_ms = mark.offset_ms if mark else None
        ticket.quality = mark.quality if mark else UNKNOWN_CLOCK

    def _spread(self, node: int, plan: Plan, body: bytes, offset_ms: int | None, receipt: int) -> int:
        columns = decode_columns(lambda _key: plan.schema, body)
        offset, row = offset_ms or 0, self.memory.next_row
        times: list[int] = []
        dated: list[int] = []
        for strip in columns.strips:
            series, count = plan.series[strip.column], len(strip.times)
            if strip.times is not times:  # strips that were read together share one list
                times, dated = strip.times, [at + offset for at in strip.times]
            ids = range(row, row + count)
            self.rows.append(zip(ids, repeat(series), dated, strip.steps, strip.flags, repeat(receipt)))
            row += count
        self.memory.next_row = row
        self.added[node] = self.added.get(node, 0) + columns.count
        return columns.count

    def _schema(self, ticket: Ticket) -> None:
        schema, db = Schema.decode(ticket.record.body), self.memory.db
        db.execute("INSERT OR IGNORE INTO schemas VALUES (?,?,?)", (ticket.node, schema.key, ticket.record.body))
        plan = self.memory.plan(ticket.node, schema.key)
        if plan is None or plan.schema != schema:
            raise BodyError("another schema bears the same key")
        self._open_raw(ticket.node, schema.key, plan)

    def _open_raw(self, node: int, key: bytes, plan: Plan) -> None:
        sql = "SELECT receipt, body, offset_ms FROM raw JOIN receipts ON id=receipt WHERE raw.node=? AND schema=?"
        for receipt, body, offset_ms in self.memory.db.execute(sql, (node, key)).fetchall():
            first = self.memory.next_row
            try:
                readings = self._spread(node, plan, body, offset_ms, receipt)
            except ChunkError as error:
                self._give_up(receipt, str(error))
                continue
            row = (int(State.STORED), first, readings, receipt)
            self.memory.db.execute("UPDATE receipts SET state=?, first_row=?, readings=? WHERE id=?", row)
            self.memory.db.execute("DELETE FROM raw WHERE receipt=?", (receipt,))

    def _give_up(self, receipt: int, why: str) -> None:
        self.quarantined += 1
        self.memory.db.execute("UPDATE receipts SET state=? WHERE id=?", (int(State.QUARANTINED), receipt))
        self.memory.db.execute("UPDATE raw SET schema=NULL, why=? WHERE receipt=?", (why, receipt))

    def _clock(self, ticket: Ticket) -> None:
        record, note = ticket.record, clock_note(ticket.record.body)
        mark, ticket.boot = mark_of(ticket.record.seq, note), note.boot
        boot = (ticket.node, record.epoch, note.boot)
        touched = first_touched(mark, self.memory.marks_of(boot))
        self.memory.remember_mark(boot, mark)
        row = (*boot, record.seq, note.boot_id, note.offset_ms, int(note.quality), note.uncertainty_ms)
        self.memory.db.execute("INSERT INTO clocks VALUES (?,?,?,?,?,?,?,?)", row)
        if touched is not None:
            self._redate(boot, touched)

    def _redate(self, boot: tuple[int, int, int], touched: int) -> None:
        db, marks = self.memory.db, self.memory.marks_of(boot)
        sql = """SELECT id, seq, offset_ms, quality, first_row, readings FROM receipts
                 WHERE node=? AND epoch=? AND boot=? AND seq>=? AND kind=?"""
        chunks = db.execute(sql, (*boot, touched, int(RecordKind.CHUNK))).fetchall()
        for receipt, seq, old, quality, first, readings in chunks:
            mark = mark_for(seq, marks)
            if mark is None or (mark.offset_ms, mark.quality) == (old, quality):
                continue
            db.execute("UPDATE receipts SET offset_ms=?, quality=? WHERE id=?", (mark.offset_ms, mark.quality, receipt))
            move = (mark.offset_ms or 0) - (old or 0)
            if first is not None and move:
                span = (move, first, first + readings - 1)
                db.execute("UPDATE readings SET t_ms=t_ms+? WHERE id BETWEEN ? AND ?", span)
