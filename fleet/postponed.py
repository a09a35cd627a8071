"""Acks that may wait: a node on a metered link pays for each, and asks in its hello for fewer of them.

The newest ack of a journal says all that those before it said, so only that one is kept, until the first of them is as
old as the node allows, or answers so many messages that the node could run out of what it may have under way. It never
waits longer than `MOST_MS`, for a node that hears nothing sends again after thirty seconds. What is lost here with the
collector's process is asked again by the same rule. Pure; times are any steady clock's.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from fleet.store.store import AckDue, Greeting, Parcel, Records

MOST_MS = 10_000
MANY = 16  # messages; a node has up to 64 of its backlog under way, and begins with two

Journal = tuple[str, int]  # node, epoch


class Postponed:
    """What each node allows, and the acks that wait."""

    def __init__(self) -> None:
        self._allowed: dict[str, int] = {}
        self._waiting: dict[Journal, AckDue] = {}
        self._messages: Counter[Journal] = Counter()
        self._due: list[tuple[int, Journal]] = []  # a heap; of what went since, entries stay until their time

    def sift(self, acks: Iterable[AckDue], parcels: Sequence[Parcel], now_ms: int) -> list[AckDue]:
        """Those that go now, with those whose time has come. A hello is answered at once, and says what may wait."""
        for parcel in parcels:
            if isinstance(parcel, Greeting):
                self._hear(parcel)
            elif isinstance(parcel, Records) and parcel.records and parcel.node in self._allowed:
                self._messages[parcel.node, parcel.records[0].epoch] += 1
        greeted = {(each.node, each.hello.epoch) for each in parcels if isinstance(each, Greeting)}
        now = [ack for each in acks if (ack := self._weigh(each, greeted, now_ms)) is not None]
        return now + self.ripe(now_ms)

    def _hear(self, parcel: Greeting) -> None:
        allowed_ms = min(parcel.hello.ack_ms, MOST_MS)
        if allowed_ms:
            self._allowed[parcel.node] = allowed_ms
        else:
            self._allowed.pop(parcel.node, None)

    def _weigh(self, ack: AckDue, greeted: set[Journal], now_ms: int) -> AckDue | None:
        journal = ack.node, ack.epoch
        before = self._waiting.get(journal)
        if before is not None:
            ack = replace(ack, resend_schema=tuple(dict.fromkeys(before.resend_schema + ack.resend_schema)))
        allowed_ms = self._allowed.get(ack.node, 0)
        if not allowed_ms or journal in greeted or self._messages[journal] >= MANY:
            self._forget(journal)
            return ack
        if before is None:
            heapq.heappush(self._due, (now_ms + allowed_ms, journal))
        self._waiting[journal] = ack
        return None

    def _forget(self, journal: Journal) -> AckDue | None:
        del self._messages[journal]
        return self._waiting.pop(journal, None)

    def ripe(self, now_ms: int) -> list[AckDue]:
        """Those whose time has come."""
        ripe = []
        while self._due and self._due[0][0] <= now_ms:
            ack = self._forget(heapq.heappop(self._due)[1])
            ripe += [ack] if ack is not None else []
        return ripe

    def all(self) -> list[AckDue]:
        """All of them: nobody will come back for the rest."""
        return self.ripe(1 << 62)
