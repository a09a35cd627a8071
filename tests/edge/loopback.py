"""A link that ends in the same process: a broker and an office that keep what they are given, for agents in tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.events import Arrived, Connected, Event, Lost, Puback
from edge.mqtt import Put
from edge.wire.messages import Ack, GapRecord, from_json, to_json
from edge.wire.record import Record, RecordKind
from edge.wire.schema import Schema
from tests.edge.unpacking import records_of

GAP = RecordKind.GAP


@dataclass
class Office:
    """The far end: what was said, by kind, and the records that arrived. Outlives any link."""

    up: bool = True
    acks: bool = True
    said: dict[str, list[bytes]] = field(default_factory=dict)
    retained: dict[str, bytes] = field(default_factory=dict)
    records: dict[tuple[int, int], Record] = field(default_factory=dict)
    schemas: dict[bytes, Schema] = field(default_factory=dict)
    doubles: int = 0
    sessions: int = 0

    def take(self, payload: bytes) -> Ack:
        records = records_of(payload, self.schemas)
        for record in records:
            self.doubles += (record.epoch, record.seq) in self.records
            self.records[record.epoch, record.seq] = record
        epoch = records[0].epoch
        seqs = {seq for of, seq in self.records if of == epoch}
        gaps = [from_json(GapRecord, r.body) for r in self.records.values() if (r.epoch, r.kind) == (epoch, GAP)]
        named = {gap.first: gap.last for gap in gaps}
        upto = 0
        while upto + 1 in seqs or upto + 1 in named:
            upto = named.get(upto + 1, upto + 1)
        return Ack(epoch, upto, [(seq, seq) for seq in sorted(seqs) if seq > upto])

    def greet(self, payload: bytes) -> Ack | None:
        """What it answers to a hello: nothing."""
        return None

    def readings(self) -> int:
        return sum(record.count for record in self.records.values())


class Loopback:
    """One node's link to it."""

    def __init__(self, office: Office, put: Put) -> None:
        self.office, self._put = office, put
        self.joined = False
        self._mid = 0

    def connect(self, broker: int = 0) -> None:
        self.joined = self.office.up
        self.office.sessions += self.joined
        self._put(Connected() if self.joined else Lost("the office is shut"))

    def publish(self, kind: str, payload: bytes, qos: int = 1, retain: bool = False) -> int | None:
        if not self.joined:
            return None
        self._mid += 1
        self.office.said.setdefault(kind, []).append(payload)
        if retain:
            self.office.retained[kind] = payload
        self._tell(Puback(self._mid))
        ack = self.office.take(payload) if kind == "record" else self.office.greet(payload) if kind == "hello" else None
        if ack is not None and self.office.acks:
            self._tell(Arrived("ack", to_json(ack)))
        return self._mid

    def disconnect(self, wait_s: float = 0.0) -> None:
        self.joined = False

    def cut(self) -> None:
        """The network goes."""
        self.joined = False
        self._put(Lost("cut"))

    def _tell(self, event: Event) -> None:
        self._put(event)
