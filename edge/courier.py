"""Carries out what the uplink decides: reads records from the journal, hands messages to the link, forgets.

What goes out is smaller than what the journal holds: neighbouring chunks are merged, and the state of open counting
windows, which is nobody's business but the node's, leaves it blank. The cuts between messages follow from the seqs and
the journal alone, so that what is sent again is the same message.

All of it happens in the agent's loop, so a message's number is known to the uplink before its PUBACK can be heard.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from edge.commits import Commits
from edge.copies import gave_out, left_out
from edge.effects import Connect, Disconnect, Effect, Forget, Greet, Outcome, Redeclare, Send, Sent, Unreadable
from edge.journal.errors import JournalError
from edge.journal.journal import Journal
from edge.link import Link
from edge.uplink import Input, Uplink
from edge.wire.messages import Health, State, to_json
from edge.wire.packs import repack
from edge.wire.record import MOST_READINGS, Record, RecordKind, pack
from edge.wire.schema import Schema

MESSAGE_BYTES = 16 * 1024  # of bodies as the journal holds them, unless a single one is longer
SLICE_BYTES = 4 * 1024
HEAD_BYTES = 8
GOODBYE_S = 1.0
KNOWN = 64  # schemas


class Courier:
    """The uplink with hands. `greet` says hello, `redeclare` puts schemas into the journal again."""

    def __init__(
        self,
        uplink: Uplink,
        link: Link,
        commits: Commits,
        greet: Callable[[], None],
        redeclare: Callable[[Iterable[str]], None],
    ) -> None:
        self.uplink, self._link, self._commits = uplink, link, commits
        self._greet, self._redeclare = greet, redeclare
        uplink.outbox.gave_out = self._gave_out
        self.delivered = 0  # messages from below that nobody here answers yet
        self._now_ms = uplink.phase_since_ms
        self._schemas: dict[bytes, Schema] = {}
        self._mood: list[tuple[str, State]] | None = None  # how the checks stood when health was last told
        self._told_ms = 0

    def tell(self, event: Input, now_ms: int) -> None:
        """Let the uplink hear it, and do all that follows."""
        self._now_ms = now_ms
        todo = deque(self.uplink.handle(event, now_ms))
        while todo:
            outcome = self._perform(todo.popleft())
            if outcome is not None:
                todo.extend(self.uplink.handle(outcome, now_ms))

    def publish(self, kind: str, payload: bytes, retain: bool = False) -> int | None:
        """Say something that is no record; None when there is no session to say it in."""
        if not self.uplink.connected:
            return None
        self.uplink.outbox.allowance.spend(len(payload), self._now_ms)
        return self._link.publish(kind, payload, 1, retain)

    def say_health(self, health: Health, now_ms: int) -> None:
        """Say how we do, if the last time is long enough ago, or a check stands otherwise, or the session is new."""
        self._now_ms = now_ms
        mood = [(check.name, check.state) for check in health.checks]
        soon = mood == self._mood and now_ms - self._told_ms < self.uplink.pace.health_ms
        if soon or self.uplink.outbox.allowance.event_wait_ms(now_ms) is not None:
            return
        if self.publish("health", to_json(health)) is not None:
            self._mood, self._told_ms = mood, now_ms

    def goodbye(self, status: bytes) -> None:
        """The last message of this run; what is in flight goes out before."""
        if self.uplink.connected:
            self._link.publish("status", status, 1, True)
        self._link.disconnect(GOODBYE_S)

    def _perform(self, effect: Effect) -> Outcome | None:
        match effect:
            case Connect(broker):
                self._link.connect(broker)
            case Disconnect():
                self._link.disconnect()
            case Greet():
                self._mood = None
                self._greet()
            case Send():
                return self._send(effect)
            case Forget(upto):
                self._forget(upto)
            case Redeclare(keys):
                self._redeclare(keys)
            case _:
                self.delivered += 1
        return None

    def _send(self, send: Send) -> Outcome:
        journal = self._commits.journal
        try:
            first, records = _read(journal, send) if journal else (send.last + 1, [])
            leap = left_out(journal, send.first) if journal and not records else None
        except JournalError as error:
            self._commits.trouble = error
            return Sent(send.first, send.last, None)
        if not records:
            return Unreadable(send.first, first - 1, leap is not None)  # maybe far: a journal leaps
        payload = pack(*repack(records, self._schema))
        return Sent(send.first, records[-1].seq, self._link.publish("record", payload, 1), len(payload))

    def _schema(self, key: bytes) -> Schema | None:
        schema = self._schemas.get(key)
        if schema is None and (body := self._commits.schemas.body(key.hex())) is not None:
            if len(self._schemas) >= KNOWN:
                self._schemas.clear()
            schema = self._schemas[key] = Schema.decode(body)
        return schema

    def _gave_out(self, seq: int) -> bool | None:
        """Whether this copy of the journal did; None when the disk does not tell, and the next ack is soon enough."""
        try:
            return (journal := self._commits.journal) is None or gave_out(journal, seq)
        except JournalError as error:
            self._commits.trouble = error
            return None

    def _forget(self, upto: int) -> None:
        if self._commits.journal is not None:
            self._commits.journal.forget(upto)


def _read(journal: Journal, send: Send) -> tuple[int, list[Record]]:
    """What one message may hold of the records asked for, without a hole; with none, where the next records are."""
    row: list[Record] = []
    at, room, readings = send.first, MESSAGE_BYTES, 0
    while at <= send.last:
        found = journal.read(at, min(room, SLICE_BYTES))
        if not row and (not found or found[0].seq > at):
            return found[0].seq if found else journal.next, []
        for record in found:
            room, readings = room - len(record.body) - HEAD_BYTES, readings + record.count
            if record.seq != at or at > send.last or (row and (room < 0 or readings > MOST_READINGS)):
                return at, row
            row.append(blank(record))
            at += 1
        if not found:
            break
    return at, row


def blank(record: Record) -> Record:
    """The record as it may leave the node: what open counting windows hold stays here."""
    return replace(record, count=0, body=b"") if record.kind == RecordKind.OPEN else record
