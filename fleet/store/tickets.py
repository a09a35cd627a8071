"""What arrived and is not here yet, on its way to receipts.

One item of a message is one record, or a pack of several; whichever of its seqs have no receipt get a ticket. The
tickets of one item have consecutive numbers, so that a pack which has to wait for its schema is kept once for all.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.wire.record import Pack, Record, RecordKind
from fleet.store.store import State


@dataclass(slots=True)
class Ticket:
    """One seq that becomes receipt `id`."""

    id: int
    node: int
    epoch: int
    seq: int
    kind: int
    arrived_ms: int
    state: State = State.STORED
    readings: int = 0
    boot: int | None = None
    offset_ms: int | None = None
    quality: int | None = None
    first_row: int | None = None

    def row(self) -> tuple[int | None, ...]:
        """As the receipts table wants it."""
        key = (self.id, self.node, self.epoch, self.seq, int(self.kind), self.readings)
        return (*key, self.boot, self.offset_ms, self.quality, self.arrived_ms, int(self.state), self.first_row)


@dataclass(slots=True)
class Arrival:
    """An item and the tickets of its new seqs, lowest first."""

    node: int
    item: Record | Pack
    tickets: list[Ticket] = field(default_factory=list)

    @property
    def kind(self) -> int:
        """What its body is."""
        return self.item.kind if isinstance(self.item, Record) else RecordKind.CHUNK

    def kind_of(self, seq: int) -> int:
        """What the record `seq` was: in a pack, that without readings was an open window."""
        return self.kind if isinstance(self.item, Record) or self.claimed(seq) else RecordKind.OPEN

    @property
    def record(self) -> Record:
        """The item, which is no pack."""
        assert isinstance(self.item, Record)
        return self.item

    def claimed(self, seq: int) -> int:
        """How many readings of `seq` the item says that it holds."""
        return self.item.counts[seq - self.item.seq] if isinstance(self.item, Pack) else self.item.count
