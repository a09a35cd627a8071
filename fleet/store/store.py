"""The store's door: what may be handed in, what comes back, and the promise between the two.

`commit` takes a batch and either makes all of it durable or raises and leaves nothing: only after it returned may a
message be acknowledged to anyone. It is idempotent: the same records again change nothing and are acknowledged again.
The seam is here so that a city which outgrows one machine can put PostgreSQL behind it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from edge.wire.messages import Health, Hello, Status
from edge.wire.record import Pack, Record


class State(IntEnum):
    """What became of a record: its rows are here, its schema is awaited, nothing of ours can read it, or its rows were
    old and became hours."""

    STORED = 0
    RAW = 1
    QUARANTINED = 2
    ROLLED = 3


@dataclass(frozen=True, slots=True)
class Records:
    """Journal records of one node, as one message brought them; `rescued` from a card, when the node did not speak."""

    node: str
    records: Sequence[Record | Pack]
    arrived_ms: int
    rescued: bool = False


@dataclass(frozen=True, slots=True)
class Greeting:
    """A node said hello: what it is, and what it still holds."""

    node: str
    hello: Hello
    arrived_ms: int


@dataclass(frozen=True, slots=True)
class Card:
    """How a journal stood that was read from a card, and the schemas found beside it; the node itself said nothing."""

    node: str
    hello: Hello
    schemas: tuple[bytes, ...]
    arrived_ms: int


@dataclass(frozen=True, slots=True)
class Presence:
    """A node's retained status, or its last will."""

    node: str
    status: Status
    arrived_ms: int


@dataclass(frozen=True, slots=True)
class Vitals:
    """A node's own view of its health, the newest only."""

    node: str
    health: Health
    arrived_ms: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A message whose very envelope could not be read: the newest are kept for people, all are counted."""

    node: str
    kind: str
    payload: bytes
    why: str
    arrived_ms: int

    @property
    def digest(self) -> bytes:
        """What duplicates of it have in common."""
        return hashlib.blake2b(self.payload, digest_size=16).digest()


Parcel = Records | Greeting | Card | Presence | Vitals | Refused


def from_card(parcel: Parcel) -> bool:
    """Whether somebody read it from a card, and the node itself said nothing."""
    return isinstance(parcel, Card) or (isinstance(parcel, Records) and parcel.rescued)


def heard_ms(parcel: Parcel) -> int:
    """When the node itself spoke; 0 for a card, and for a status, which the broker may say again or in a dead node's
    place."""
    return 0 if isinstance(parcel, Presence) or from_card(parcel) else parcel.arrived_ms


@dataclass(frozen=True, slots=True)
class AckDue:
    """What one journal may now forget, and the schemas (hex keys) it should send again."""

    node: str
    epoch: int
    upto: int
    ranges: tuple[tuple[int, int], ...] = ()
    resend_schema: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """The fruits of one commit: acks due, rows added per node, and how many records were here already."""

    acks: tuple[AckDue, ...] = ()
    rows: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    quarantined: int = 0


class StoreError(Exception):
    """Nothing of the batch was stored; the store was reopened and may be tried again."""


class PoisonError(StoreError):
    """Nothing of the batch was stored, nor will it ever be: the fault is in what it holds, not in the disk."""


class Store(Protocol):
    """Where readings live."""

    def commit(self, batch: Sequence[Parcel]) -> Committed:
        """Makes the batch durable, or raises StoreError and leaves nothing of it."""

    def quarantine(self, parcel: Records, why: str) -> Committed:
        """Makes records that `commit` found poisonous durable as they came, undecoded, and says that they may be
        acknowledged; what is here already stays as it is. Raises StoreError."""

    def close(self) -> None:
        """Ends it in good order."""
