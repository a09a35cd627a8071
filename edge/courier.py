"""Carries out what the uplink decides: reads records from the journal, hands messages to the link, forgets.

All of it happens in the agent's loop, so a message's number is known to the uplink before its PUBACK can be heard.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from edge.commits import Commits
from edge.effects import Connect, Deliver, Disconnect, Effect, Forget, Greet, Outcome, Redeclare, Send, Sent, Unreadable
from edge.journal.errors import JournalError
from edge.link import Link
from edge.uplink import Input, Uplink
from edge.wire.record import Record, pack

MESSAGE_BYTES = 16 * 1024
GOODBYE_S = 1.0


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
        self.delivered = 0  # messages from below that nobody here answers yet

    def tell(self, event: Input, now_ms: int) -> None:
        """Let the uplink hear it, and do all that follows."""
        todo = deque(self.uplink.handle(event, now_ms))
        while todo:
            outcome = self._perform(todo.popleft())
            if outcome is not None:
                todo.extend(self.uplink.handle(outcome, now_ms))

    def publish(self, kind: str, payload: bytes, retain: bool = False) -> int | None:
        """Say something that is no record; None when there is no session to say it in."""
        return self._link.publish(kind, payload, 1, retain) if self.uplink.connected else None

    def goodbye(self, status: bytes) -> None:
        """The last message of this run; what is in flight goes out before."""
        if self.uplink.connected:
            self._link.publish("status", status, 1, True)
        self._link.disconnect(GOODBYE_S)

    def _perform(self, effect: Effect) -> Outcome | None:
        match effect:
            case Connect():
                self._link.connect()
            case Disconnect():
                self._link.disconnect()
            case Greet():
                self._greet()
            case Send():
                return self._send(effect)
            case Forget(upto):
                self._forget(upto)
            case Redeclare(keys):
                self._redeclare(keys)
            case Deliver():
                self.delivered += 1
        return None

    def _send(self, send: Send) -> Outcome:
        journal = self._commits.journal
        try:
            records = journal.read(send.first, MESSAGE_BYTES) if journal else []
        except JournalError as error:
            self._commits.trouble = error
            return Sent(send.first, send.last, None)
        if not records or records[0].seq > send.first:
            last = send.last if not records else min(send.last, records[0].seq - 1)
            return Unreadable(send.first, last)
        row = _in_a_row(records, send.last)
        return Sent(send.first, row[-1].seq, self._link.publish("record", pack(*row), 1))

    def _forget(self, upto: int) -> None:
        if self._commits.journal is not None:
            try:
                self._commits.journal.forget(upto)
            except JournalError as error:
                self._commits.trouble = error


def _in_a_row(records: list[Record], last: int) -> list[Record]:
    row = records[:1]
    for record in records[1:]:
        if record.seq != row[-1].seq + 1 or record.seq > last:
            break
        row.append(record)
    return row
