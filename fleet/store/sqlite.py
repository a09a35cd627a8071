"""The embedded store: one SQLite file, one writing connection, one transaction per batch.

WAL with `synchronous=FULL`: a commit that returned survives a power cut. After any error the connection is thrown
away and opened anew, never retried in place: the kernel may have forgotten pages that it failed to write.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from edge.wire.clocks import AHEAD_MS
from edge.wire.jsontext import to_json
from edge.wire.record import Pack, Record
from fleet.store import clones, copies, tellings
from fleet.store.attested import Attested
from fleet.store.ingest import Ingest
from fleet.store.journals import epochs_in, greet, settle
from fleet.store.memory import Journal, Memory
from fleet.store.refused import refuse
from fleet.store.retention import Retention
from fleet.store.store import (
    AckDue,
    Card,
    Committed,
    Greeting,
    Parcel,
    PoisonError,
    Presence,
    Records,
    Refused,
    StoreError,
    Vitals,
    from_card,
    heard_ms,
)
from fleet.store.tables import open_writer

DISK_ERRORS = (sqlite3.OperationalError, sqlite3.DatabaseError)  # its subclasses blame the statement or the values
MOST_RANGES = 64  # in one ack; what is left out is acknowledged later
SEEN = f"""INSERT INTO presence(node, last_ms) VALUES (?,?) ON CONFLICT DO UPDATE SET last_ms=CASE
  WHEN excluded.last_ms AND last_ms>excluded.last_ms+{AHEAD_MS} THEN excluded.last_ms
  ELSE max(last_ms, excluded.last_ms) END"""


Done = TypeVar("Done")


class SqliteStore:
    """A `Store` in a file. One at a time: `fleet serve` holds the home's lock."""

    def __init__(self, path: Path, keep_ms: int | None = None) -> None:
        """`keep_ms`: what is older becomes hourly roll-ups; None keeps every reading."""
        self.path = path
        self._retention = Retention(keep_ms) if keep_ms is not None else None
        self._attested = Attested()
        self._open()

    def _open(self) -> None:
        self.db = open_writer(self.path)
        self.memory = Memory(self.db)
        self.memory.forget()
        self._sound = True

    def commit(self, batch: Sequence[Parcel]) -> Committed:
        """Makes the batch durable; see `Store.commit`."""
        return self._transact(lambda: self._write(batch))

    def quarantine(self, parcel: Records, why: str) -> Committed:
        """Makes the records durable as they came; see `Store.quarantine`."""
        return self._transact(lambda: self._set_aside(parcel, why))

    def tidy(self, now_ms: int, sure: bool = True) -> bool:
        """A bounded turn of housekeeping at `now_ms` (Unix ms): some readings that are too old become hourly roll-ups.

        Unless that time is `sure`, they are no older than the readings attest. True while there is more to do. Raises
        StoreError.
        """
        retention = self._retention
        if retention is None:
            return False
        now_ms = now_ms if sure else self._bounded(now_ms)
        if not retention.due(now_ms):
            return False
        self._transact(lambda: retention.turn(self.db))
        return retention.due(now_ms)

    def _bounded(self, now_ms: int) -> int:
        try:
            return self._attested.bounded(self.db, now_ms)
        except sqlite3.Error as error:
            self._reopen()
            raise StoreError(_words(error)) from error

    def _transact(self, work: Callable[[], Done]) -> Done:
        self._begin()
        try:
            done = work()
        except Exception as error:
            self._reopen()
            raise _blamed(error) from error
        self._end()
        self.memory.trim()
        return done

    def _begin(self) -> None:
        """What fails before the batch was looked at is never the batch's fault."""
        if not self._sound:
            self._reopen()
        try:
            self.db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._reopen()
            raise StoreError(_words(error)) from error

    def _end(self) -> None:
        try:
            self.db.execute("COMMIT")
        except sqlite3.Error as error:
            self._reopen()
            raise StoreError(_words(error)) from error

    def _reopen(self) -> None:
        self._sound = False
        try:
            self.db.close()
            self._open()
        except (sqlite3.Error, OSError, ValueError) as error:
            raise StoreError(f"the store cannot be opened again: {error}") from error

    def _write(self, batch: Sequence[Parcel]) -> Committed:
        ingest = Ingest(self.memory)
        records = [parcel for parcel in batch if isinstance(parcel, Records)]
        for card in (parcel for parcel in batch if isinstance(parcel, Card)):
            for body in card.schemas:
                ingest.learn(self.memory.node(card.node), body)
        ingest.file(self._arrivals(records))
        self._note_presence(batch)
        for parcel in batch:
            self._meet(parcel, ingest)
        acks = tuple(self._ack(journal, *heard, ingest) for journal, heard in self._heard(batch).items())
        names = {self.memory.node(parcel.node): parcel.node for parcel in records}
        rows = {names[key]: count for key, count in ingest.added.items()}
        return Committed(acks, rows, ingest.duplicates, ingest.quarantined)

    def _heard(self, batch: Sequence[Parcel]) -> dict[Journal, tuple[str, bool]]:
        """The journals that the batch speaks of, the one heard last at the end, and whether the node itself spoke."""
        heard: dict[Journal, tuple[str, bool]] = {}
        for parcel in batch:
            for epoch in epochs_in(parcel):
                journal = (self.memory.node(parcel.node), epoch)
                _, spoke = heard.pop(journal, ("", False))
                heard[journal] = parcel.node, spoke or not from_card(parcel)
        return heard

    def _set_aside(self, parcel: Records, why: str) -> Committed:
        ingest = Ingest(self.memory)
        ingest.set_aside(self._arrivals([parcel]), why)
        self._note_presence([parcel])
        journals = dict.fromkeys((self.memory.node(parcel.node), record.epoch) for record in parcel.records)
        acks = tuple(self._ack(journal, parcel.node, not parcel.rescued, ingest) for journal in journals)
        return Committed(acks, {}, ingest.duplicates, ingest.quarantined)

    def _arrivals(self, records: Iterable[Records]) -> Iterable[tuple[int, Record | Pack, int]]:
        for parcel in records:
            node = self.memory.node(parcel.node)
            for record in parcel.records:
                yield node, record, parcel.arrived_ms

    def _note_presence(self, batch: Sequence[Parcel]) -> None:
        seen: dict[str, int] = {}
        for parcel in batch:
            seen[parcel.node] = max(heard_ms(parcel), seen.get(parcel.node, 0))
        self.db.executemany(SEEN, [(self.memory.node(node), last_ms) for node, last_ms in seen.items()])

    def _meet(self, parcel: Parcel, ingest: Ingest) -> None:
        node = self.memory.node(parcel.node)
        if isinstance(parcel, Greeting):
            hello = parcel.hello
            self.db.execute("UPDATE presence SET hello=? WHERE node=?", (to_json(hello).decode(), node))
            greet(self.memory, (node, hello.epoch), hello)
            tellings.greeted(self.db, (node, hello.epoch), hello, parcel.arrived_ms)
            clones.spoke(self.db, node, hello.boot_id, hello.sent_ms, parcel.arrived_ms)
            raw = self.db.execute("SELECT DISTINCT schema FROM raw WHERE node=? AND schema IS NOT NULL", (node,))
            ingest.wanted |= {(node, key) for (key,) in raw}
        elif isinstance(parcel, Card):
            greet(self.memory, (node, parcel.hello.epoch), parcel.hello, alive=False)
        elif isinstance(parcel, Presence):
            row = (parcel.status.online, parcel.status.since_ms, node)
            self.db.execute("UPDATE presence SET online=?, since_ms=? WHERE node=?", row)
        elif isinstance(parcel, Vitals):
            self.db.execute("UPDATE presence SET health=? WHERE node=?", (to_json(parcel.health).decode(), node))
            tellings.noted(self.db, node, parcel.health, parcel.arrived_ms)
            clones.spoke(self.db, node, parcel.health.boot, parcel.health.at_ms, parcel.arrived_ms)
        elif isinstance(parcel, Refused):
            refuse(self.memory, parcel)

    def _ack(self, journal: Journal, node: str, alive: bool, ingest: Ingest) -> AckDue:
        covered = settle(self.memory, journal, alive)
        upto, ranges = copies.own(self.memory, journal) or (covered.upto, covered.islands)
        keys = sorted(key for owner, key in ingest.wanted if owner == journal[0])
        wanted = tuple(key.hex() for key in keys if self.memory.plan(journal[0], key) is None)
        return AckDue(node, journal[1], upto, tuple(ranges[:MOST_RANGES]), wanted)

    def close(self) -> None:
        """Checkpoints and closes."""
        self.db.close()


def _blamed(error: Exception) -> StoreError:
    """Whose fault it is: the machine's, so that the next try may succeed, or what the batch holds."""
    machine = type(error) in DISK_ERRORS or isinstance(error, (OSError, MemoryError))
    return (StoreError if machine else PoisonError)(_words(error))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
