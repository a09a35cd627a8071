"""What the collector decides: how messages become parcels for the store, when a batch is full, and which acks follow.

Pure. The shell that uses it (`fleet/collector.py`) holds the thread and the store, the inlet the connection. A message
that cannot be read becomes a `Refused` parcel: the store counts it and keeps each node's newest. `kept` is for one that
fails in a way nobody foresaw, so that it does not stand in the way of the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from edge.wire.jsontext import MessageError, from_json, to_json
from edge.wire.messages import Ack, Health, Hello, Status
from edge.wire.record import RecordError, unpack
from edge.wire.topics import down, parse
from fleet.store.store import AckDue, Card, Greeting, Parcel, Presence, Records, Refused, Vitals

MOST_MESSAGES = 256
MOST_BYTES = 32 << 10  # of a batch, but for its last message: packed tightly they are some 65,000 readings
LONGEST_WAIT_MS = 20
LEAST_BACK_MS, BACK_MS_EACH = 5_000, 30

Said = TypeVar("Said", Hello, Status)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as the broker handed it over; `arrived_ms` is Unix time. `rescued`: somebody read it from a card."""

    topic: str
    payload: bytes
    arrived_ms: int
    rescued: bool = False


@dataclass(frozen=True, slots=True)
class CardSaid:
    """In place of a hello, of a journal that was read from a card: how it stood, and schemas as hexadecimal text."""

    hello: Hello
    schemas: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for a node."""

    topic: str
    payload: bytes


def sort(message: Incoming) -> Parcel | None:
    """The parcel that a message holds; None for a topic that no node of ours can have written to."""
    try:
        topic = parse(message.topic)
    except ValueError:
        return None
    if topic.way != "up":
        return None
    try:
        return _open(topic.node, topic.kind, message)
    except (MessageError, RecordError) as error:
        return Refused(topic.node, topic.kind, message.payload, str(error), message.arrived_ms)


def kept(message: Incoming, why: str) -> list[Parcel]:
    """What to keep of a message that could not be filed whole: its records one by one, else the message as it came."""
    try:
        topic = parse(message.topic)
    except ValueError:
        return []
    try:
        parcel = sort(message)
    except Exception:  # whatever it is that this message does to us, its bytes are kept
        parcel = None
    if isinstance(parcel, Records):
        return [Records(parcel.node, [record], parcel.arrived_ms, parcel.rescued) for record in parcel.records]
    return [Refused(topic.node, topic.kind, message.payload, why, message.arrived_ms)]


def _open(node: str, kind: str, message: Incoming) -> Parcel:
    if kind == "record":
        return Records(node, unpack(message.payload), message.arrived_ms, message.rescued)
    if message.rescued:
        said = from_json(CardSaid, message.payload)
        return Card(node, _signed(node, said.hello), tuple(map(bytes.fromhex, said.schemas)), message.arrived_ms)
    if kind == "hello":
        return Greeting(node, _signed(node, from_json(Hello, message.payload)), message.arrived_ms)
    if kind == "status":
        return Presence(node, _signed(node, from_json(Status, message.payload)), message.arrived_ms)
    return Vitals(node, from_json(Health, message.payload), message.arrived_ms)


def _signed(node: str, said: Said) -> Said:
    if said.node != node:
        raise MessageError(f"{node} speaks in the name of {said.node}")
    return said


def back_within_ms(nodes: int) -> int:
    """How long so many nodes may take to come back after a broker's restart: 10,000 of them 5 minutes."""
    return max(LEAST_BACK_MS, BACK_MS_EACH * nodes)


def acks(
    due: Iterable[AckDue], parcels: Iterable[Parcel] = (), now_ms: int | None = None, back_ms: int | None = None
) -> list[Outgoing]:
    """The messages that tell journals what they may forget: one per journal and commit, however many records it had.

    The one that answers a hello among `parcels` tells the time too: `now_ms`, Unix ms, if the office is sure of it;
    and within which time its node should be back when it loses its session (`back_ms`).
    """
    greeted = {(each.node, each.hello.epoch): each.hello.sent_ms for each in parcels if isinstance(each, Greeting)}
    return [Outgoing(down(each.node, "ack"), to_json(_ack(each, greeted.get((each.node, each.epoch)), now_ms, back_ms)))
            for each in due]  # fmt: skip


def _ack(due: AckDue, sent_ms: int | None, now_ms: int | None, back_ms: int | None) -> Ack:
    plain = Ack(due.epoch, due.upto, list(due.ranges), list(due.resend_schema))
    return plain if sent_ms is None else replace(plain, now_ms=now_ms, echo_ms=sent_ms, back_within_ms=back_ms)


def full(messages: int, oldest_ms: int, now_ms: int, size: int = 0) -> bool:
    """Whether the batch at hand, of `size` bytes, should be committed now."""
    return messages >= MOST_MESSAGES or size >= MOST_BYTES or (messages > 0 and now_ms - oldest_ms >= LONGEST_WAIT_MS)
