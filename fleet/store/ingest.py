"""One transaction's work: new records become receipts and rows, whatever their order.

Clocks come first, then schemas, then chunks, so that most of a batch is filed right at once. What arrives in an
unlucky order is mended when the missing part comes: a raw chunk is decoded by its schema, an undated one dated by its
clock. The tables therefore depend on the set of records, not on their order, nor on how they were packed. Rows and
receipts are written with one executemany each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, repeat

from edge.wire.cells import Strip
from edge.wire.chunks import ChunkError, decode_columns, peek
from edge.wire.kept import first_copy
from edge.wire.packs import shares
from edge.wire.record import Pack, Record, RecordError, RecordKind, seqs
from edge.wire.schema import Schema, SchemaError
from fleet.store import copies, shelf
from fleet.store.bodies import BodyError, clock_note, gap_note, mark_of, text_note
from fleet.store.dating import first_touched, mark_for
from fleet.store.memory import Memory, Plan
from fleet.store.runs import folded
from fleet.store.sameness import others
from fleet.store.spans import Gap
from fleet.store.store import State
from fleet.store.tickets import Arrival, Ticket

UNKNOWN_CLOCK = 3
LONGEST_REASON = 500  # characters
ORDER: dict[int, int] = {RecordKind.CLOCK: 0, RecordKind.SCHEMA: 1, RecordKind.GAP: 2, RecordKind.CHUNK: 3}
ADD_RECEIPT = "INSERT INTO receipts VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
ADD_RAW = "INSERT INTO raw VALUES (?,?,?,?,?,?,?,?)"
ADD_ROW = "INSERT INTO readings VALUES (?,?,?,?,?,?)"
WIDTH, AT_ONCE = 6, 50  # values of a row; rows of a statement, for half of a row's cost is the statement's
ADD_ROWS = ADD_ROW + ",(?,?,?,?,?,?)" * (AT_ONCE - 1)
HERE = "SELECT seq, state, id FROM receipts WHERE node=? AND epoch=? AND seq BETWEEN ? AND ?"
DATED = f"""SELECT id, seq, offset_ms, quality, first_row, readings FROM receipts
  WHERE node=? AND epoch=? AND boot=? AND seq>=? AND kind={int(RecordKind.CHUNK)}
  AND (state<>{int(State.ROLLED)} OR id IN (SELECT receipt FROM shelf))"""  # what became hours for good keeps its date
AWAITED = "SELECT schema FROM raw WHERE receipt<=? ORDER BY receipt DESC LIMIT 1"
Row = tuple[int, int, int, int, int, int]


@dataclass(slots=True)
class Ingest:
    """Files one batch of records through `memory.db`, inside a transaction that the caller began."""

    memory: Memory
    rows: list[Iterator[Row]] = field(default_factory=list)
    added: dict[int, int] = field(default_factory=dict)
    wanted: set[tuple[int, bytes]] = field(default_factory=set)
    suspects: copies.Suspects = field(default_factory=copies.Suspects)
    again: list[tuple[Arrival, set[int], int]] = field(default_factory=list)  # items, their seqs that were here, when
    duplicates: int = 0
    quarantined: int = 0

    def file(self, arrivals: Iterable[tuple[int, Record | Pack, int]]) -> None:
        """Files (node key, item, arrived_ms); what is here already is only counted."""
        fresh = self._fresh(arrivals, repeated=True)
        for arrival in sorted(fresh, key=lambda each: ORDER.get(each.kind, 4)):
            try:
                self._file(arrival)
            except (BodyError, ChunkError, SchemaError, RecordError) as error:
                self._quarantine(arrival, str(error))
        self._add_receipts(fresh)
        self._add_rows()
        self._look_twice()

    def learn(self, node: int, body: bytes) -> None:
        """A schema that came without a record; what is none is left."""
        try:
            self._schema(node, body)
        except (BodyError, SchemaError):
            return

    def set_aside(self, arrivals: Iterable[tuple[int, Record | Pack, int]], why: str) -> None:
        """Keeps records as they came, whatever they hold: nothing is decoded, so nothing in them can fail."""
        fresh = self._fresh(arrivals, repeated=False)
        self.wanted.clear()
        for arrival in fresh:
            self._quarantine(arrival, why.encode(errors="replace").decode()[:LONGEST_REASON])
        self._add_receipts(fresh)
        self.suspects.look(self.memory)

    def _look_twice(self) -> None:
        """What came again is what is here, or is kept beside it; journals of which there are copies are noted."""
        for arrival, known, at_ms in self.again:
            if strange := others(self.memory, arrival, known):
                copies.keep(self.memory, arrival, strange, at_ms)
                self.quarantined += len(strange)
        self.suspects.look(self.memory)

    def _add_receipts(self, fresh: Sequence[Arrival]) -> None:
        self.memory.db.executemany(ADD_RECEIPT, (ticket.row() for arrival in fresh for ticket in arrival.tickets))

    def _add_rows(self) -> None:
        values = chain.from_iterable(chain.from_iterable(self.rows))
        parts = iter(lambda: list(islice(values, WIDTH * AT_ONCE)), [])
        for part in parts:
            if len(part) == WIDTH * AT_ONCE:
                self.memory.db.execute(ADD_ROWS, part)
            else:
                self.memory.db.executemany(ADD_ROW, zip(*[iter(part)] * WIDTH, strict=True))

    def _fresh(self, arrivals: Iterable[tuple[int, Record | Pack, int]], repeated: bool) -> list[Arrival]:
        """What is not here yet; with `repeated` also the records that kept ones repeat."""
        seen: set[tuple[int, int, int]] = set()
        fresh: list[Arrival] = []
        for node, item, arrived_ms in arrivals:
            said = [item, *_repeated(item)] if repeated else [item]
            for each in said:
                arrival = self._tickets(node, each, arrived_ms, seen)
                fresh += [arrival] if arrival.tickets else []
                known = set(seqs(each)) - {ticket.seq for ticket in arrival.tickets}
                self.again += [(arrival, known, arrived_ms)] if known else []
                self.duplicates += len(known) if each is item else 0
        return fresh

    def _tickets(self, node: int, item: Record | Pack, at_ms: int, seen: set[tuple[int, int, int]]) -> Arrival:
        arrival, here = Arrival(node, item), self._here(node, item)
        span = (node, item.epoch, item.seq, seqs(item)[-1])
        for seq in seqs(item):
            key = (node, item.epoch, seq)
            if seq not in here and key not in seen:
                seen.add(key)
                kind = arrival.kind_of(seq)
                arrival.tickets.append(Ticket(self.memory.next_receipt, node, item.epoch, seq, kind, at_ms))
                self.memory.next_receipt += 1
        if arrival.tickets and self.memory.coverage(span[:2]).touches(*span[2:]):
            self.suspects.strays.append(span)
        return arrival

    def _here(self, node: int, item: Record | Pack) -> set[int]:
        """Which seqs of an item have their receipt; where one still waits for its schema, that is wanted again."""
        last = seqs(item)[-1]
        if not self.memory.coverage((node, item.epoch)).touches(item.seq, last):
            return set()  # every receipt is covered, but not the reverse: a gap may have been named
        found = self.memory.db.execute(HERE, (node, item.epoch, item.seq, last)).fetchall()
        for _, state, receipt in found:
            if state == State.RAW:
                (schema,) = self.memory.db.execute(AWAITED, (receipt,)).fetchone()
                self.wanted.add((node, schema))
        return {seq for seq, *_ in found} | folded(self.memory.db, node, item.epoch, item.seq, last)

    def _file(self, arrival: Arrival) -> None:
        kind, item = arrival.kind, arrival.item
        if kind == RecordKind.CHUNK:
            self._chunk(arrival)
        elif kind == RecordKind.CLOCK:
            self._clock(arrival.tickets[0], item.body)
        elif kind == RecordKind.SCHEMA:
            self._schema(arrival.node, item.body)
        elif kind == RecordKind.GAP:
            self._gap(arrival.tickets[0], item.body)
        elif kind in (RecordKind.EVENT, RecordKind.HEALTH):
            self._note(arrival.tickets[0], item.body)
        elif kind == RecordKind.KEPT:
            first_copy(arrival.record)  # what it repeats is an arrival of its own
        elif kind != RecordKind.OPEN:  # an open window is the node's own business
            raise BodyError(f"records of kind {kind} are not known here")
        self._cover(arrival)

    def _cover(self, arrival: Arrival) -> None:
        journal, span = (arrival.node, arrival.item.epoch), (arrival.item.seq, seqs(arrival.item)[-1])
        self.memory.coverage(journal).add(*span)
        copies.came(self.memory, journal, *span)

    def _quarantine(self, arrival: Arrival, why: str) -> None:
        self.quarantined += len(arrival.tickets)
        self._put_by(arrival, State.QUARANTINED, None, why)
        self._cover(arrival)

    def _put_by(self, arrival: Arrival, state: State, schema: bytes | None, why: str) -> None:
        """The item as it came, once, under its first new receipt; those of a pack stand in a row."""
        for ticket in arrival.tickets:
            ticket.state, ticket.readings = state, arrival.claimed(ticket.seq)
        item = arrival.item
        counts = json.dumps(item.counts) if isinstance(item, Pack) else None
        row = (arrival.tickets[0].id, arrival.node, schema, why, item.body, len(arrival.tickets), item.seq, counts)
        self.memory.db.execute(ADD_RAW, row)

    def _note(self, ticket: Ticket, body: bytes) -> None:
        self.memory.db.execute("INSERT INTO events VALUES (?,?,?)", (ticket.id, ticket.kind, text_note(body)))

    def _gap(self, ticket: Ticket, body: bytes) -> None:
        gap = gap_note(body)
        key = (ticket.node, ticket.epoch, ticket.seq)
        row = (*key, gap.first, gap.last, gap.readings, gap.why, gap.from_ms, gap.to_ms)
        self.memory.db.execute("INSERT INTO gaps VALUES (?,?,?,?,?,?,?,?,?)", row)
        self.memory.coverage(key[:2]).add(gap.first, gap.last)
        self.memory.owns.pop(key[:2], None)
        if Gap(gap.first, gap.last, gap.readings, gap.why).skip:
            self.suspects.leaps.append((ticket.seq, (*key[:2], gap.first, gap.last)))

    def _chunk(self, arrival: Arrival) -> None:
        head, item = peek(arrival.item.body), arrival.item
        if head.count > item.count:  # of what the envelope says depends how much may come at once
            raise ChunkError(f"a chunk of {head.count} readings, and its record says {item.count}")
        chunks = [ticket for ticket in arrival.tickets if ticket.kind == RecordKind.CHUNK]
        for ticket in chunks:
            ticket.boot = head.boot
            self._date(ticket)
        plan = self.memory.plan(arrival.node, head.schema_key)
        if plan is None:
            self._put_by(arrival, State.RAW, head.schema_key, "its schema has not come yet")
            self.wanted.add((arrival.node, head.schema_key))
            return
        parts = _parts(plan, item.body, item.counts if isinstance(item, Pack) else None)
        for ticket in chunks:
            strips = parts[ticket.seq - item.seq]
            ticket.first_row, ticket.readings = self._spread(ticket.node, plan, strips, ticket.offset_ms, ticket.id)

    def _date(self, ticket: Ticket) -> None:
        boot = (ticket.node, ticket.epoch, ticket.boot or 0)
        mark = mark_for(ticket.seq, self.memory.marks_of(boot))
        ticket.offset_ms = mark.offset_ms if mark else None
        ticket.quality = mark.quality if mark else UNKNOWN_CLOCK

    def _spread(
        self, node: int, plan: Plan, strips: Iterable[Strip], offset_ms: int | None, receipt: int
    ) -> tuple[int, int]:
        """The rows of one receipt, side by side: the first one's id, and how many there are."""
        offset, first = offset_ms or 0, self.memory.next_row
        row = first
        times: list[int] = []
        dated: list[int] = []
        for strip in strips:
            series, count = plan.series[strip.column], len(strip.times)
            if strip.times is not times:  # strips that were read together share one list
                times, dated = strip.times, [at + offset for at in strip.times]
            ids = range(row, row + count)
            self.rows.append(zip(ids, repeat(series), dated, strip.steps, strip.flags, repeat(receipt)))
            row += count
        self.memory.next_row = row
        self.added[node] = self.added.get(node, 0) + row - first
        return first, row - first

    def _schema(self, node: int, body: bytes) -> None:
        schema, db = Schema.decode(body), self.memory.db
        db.execute("INSERT OR IGNORE INTO schemas VALUES (?,?,?)", (node, schema.key, body))
        plan = self.memory.plan(node, schema.key)
        if plan is None or plan.schema != schema:
            raise BodyError("another schema bears the same key")
        self._open_raw(node, schema.key, plan)

    def _open_raw(self, node: int, key: bytes, plan: Plan) -> None:
        sql = "SELECT receipt, receipts, seq, counts, body FROM raw WHERE node=? AND schema=?"
        for receipt, number, seq, counts, body in self.memory.db.execute(sql, (node, key)).fetchall():
            span = (receipt, receipt + number - 1)
            try:
                parts = _parts(plan, body, json.loads(counts) if counts else None)
            except ChunkError as error:
                self._give_up(span, str(error))
                continue
            self._open_receipts(node, plan, span, seq, parts)
            self.memory.db.execute("DELETE FROM raw WHERE receipt=?", (receipt,))

    def _open_receipts(
        self, node: int, plan: Plan, span: tuple[int, int], first: int, parts: Sequence[Sequence[Strip]]
    ) -> None:
        db = self.memory.db
        sql = "SELECT id, seq, offset_ms, kind FROM receipts WHERE id BETWEEN ? AND ?"
        for receipt, seq, offset_ms, kind in db.execute(sql, span).fetchall():
            of_chunk = kind == RecordKind.CHUNK
            rows = self._spread(node, plan, parts[seq - first], offset_ms, receipt) if of_chunk else (None, 0)
            row = (int(State.STORED), *rows, receipt)
            db.execute("UPDATE receipts SET state=?, first_row=?, readings=? WHERE id=?", row)

    def _give_up(self, span: tuple[int, int], why: str) -> None:
        self.quarantined += span[1] - span[0] + 1
        self.memory.db.execute(
            "UPDATE receipts SET state=? WHERE id BETWEEN ? AND ?", (int(State.QUARANTINED), *span)
        )
        self.memory.db.execute("UPDATE raw SET schema=NULL, why=? WHERE receipt=?", (why, span[0]))

    def _clock(self, ticket: Ticket, body: bytes) -> None:
        note = clock_note(body)
        mark, ticket.boot = mark_of(ticket.seq, note), note.boot
        boot = (ticket.node, ticket.epoch, note.boot)
        touched = first_touched(mark, self.memory.marks_of(boot))
        self.memory.remember_mark(boot, mark)
        row = (*boot, ticket.seq, note.boot_id, note.offset_ms, int(note.quality), note.uncertainty_ms)
        self.memory.db.execute("INSERT INTO clocks VALUES (?,?,?,?,?,?,?,?)", row)
        if touched is not None:
            self._redate(boot, touched)

    def _redate(self, boot: tuple[int, int, int], touched: int) -> None:
        db, marks = self.memory.db, self.memory.marks_of(boot)
        chunks = db.execute(DATED, (*boot, touched)).fetchall()
        moved = False
        for receipt, seq, old, before, first, readings in chunks:
            mark = mark_for(seq, marks)
            offset, quality = (mark.offset_ms, mark.quality) if mark else (None, UNKNOWN_CLOCK)
            if (offset, quality) == (old, before):
                continue
            db.execute("UPDATE receipts SET offset_ms=?, quality=? WHERE id=?", (offset, quality, receipt))
            moved = moved or first is None
            move = (offset or 0) - (old or 0)
            if first is not None and move:
                span = (move, first, first + readings - 1)
                db.execute("UPDATE readings SET t_ms=t_ms+? WHERE id BETWEEN ? AND ?", span)
        if moved:
            shelf.redated(db, boot)


def _repeated(item: Record | Pack) -> Iterator[Record]:
    """The record that a kept one says once more; a kept one that repeats nothing is found out when it is filed."""
    if isinstance(item, Record) and item.kind == RecordKind.KEPT:
        try:
            yield first_copy(item)
        except RecordError:
            return


def _parts(plan: Plan, body: bytes, counts: Sequence[int] | None) -> Sequence[Sequence[Strip]]:
    """What of a chunk belongs to each of its seqs: all of it to one, or shares. Raises ChunkError."""
    columns = decode_columns(lambda _key: plan.schema, body)
    return [columns.strips] if counts is None else shares(columns, counts)
