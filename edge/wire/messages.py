"""What pole and office say to each other, apart from chunks: small sentences in JSON.

Each is a dataclass; `to_json` writes it and `from_json` reads it, checked (see `jsontext`). A field with a default may
be missing, keys that we do not know are ignored, so an old node and a new office understand each other.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from edge.wire.clocks import ClockQuality as ClockQuality
from edge.wire.clocks import ClockRecord as ClockRecord
from edge.wire.identity import node_id
from edge.wire.jsontext import MessageError as MessageError
from edge.wire.jsontext import from_json as from_json
from edge.wire.jsontext import to_json as to_json

LARGEST_EPOCH = 2**32 - 1

Scalar = str | int | float | bool | None


def _check_epoch(epoch: int) -> None:
    if not 0 <= epoch <= LARGEST_EPOCH:
        raise ValueError(f"an epoch has 32 bits: {epoch}")


class State(enum.Enum):
    """The three values of every check."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SensorLine:
    """One sensor of a node's board, as it introduces itself. `quantities` are what its driver can measure; channels
    are told by the schemas."""

    name: str
    driver: str
    quantities: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Hello:
    """up/hello, once per connection, and when the journal opens later. `lowest` is the oldest seq still held, `next`
    the one to be given next.

    The node was told that every seq up to `acked` is with the office; what lies between that and `lowest` it has given
    up, and holds a gap record that says how much it was. None: it does not say.
    """

    node: str
    boot_id: str
    epoch: int
    lowest: int
    next: int
    version: str = ""
    readings_total: int = 0
    sensors: list[SensorLine] = field(default_factory=list)
    acked: int | None = None
    sent_ms: int | None = None  # boot ms; the ack that answers says it again, so that the node knows how old it is
    publish_ms: int = 0  # so long its readings wait for company before they are sent
    ack_ms: int = 0  # so long the office may keep acks for company, for the node pays for each; 0: not at all

    def __post_init__(self) -> None:
        node_id(self.node)
        _check_epoch(self.epoch)
        if self.publish_ms < 0:
            raise ValueError(f"nobody publishes each {self.publish_ms} ms")
        if self.ack_ms < 0:
            raise ValueError(f"nobody waits {self.ack_ms} ms for an ack")
        if not 0 <= self.lowest <= self.next:
            raise ValueError(f"lowest {self.lowest} and next {self.next} do not fit together")
        if self.acked is not None and not 0 <= self.acked <= self.next:
            raise ValueError(f"acked {self.acked} and next {self.next} do not fit together")


@dataclass(frozen=True, slots=True)
class Status:
    """up/status, retained; with `online` false it is the last will."""

    node: str
    online: bool
    boot_id: str = ""
    since_ms: int = 0

    def __post_init__(self) -> None:
        node_id(self.node)


@dataclass(frozen=True, slots=True)
class Ack:
    """down/ack: every seq of `epoch` up to and with `upto` is committed, and so are the `ranges` (first, last) beyond.

    `upto` is one below the first seq when nothing is. `resend_schema`: hex keys of schemas that the office lacks.
    `now_ms`: Unix time at the office, if it is sure of it. The ack that answers a hello repeats its `sent_ms` as
    `echo_ms`: together they tell a node without a clock what time it is. `back_within_ms`: after a lost session the
    node may take so long to come back, for there are many like it.
    """

    epoch: int
    upto: int
    ranges: list[tuple[int, int]] = field(default_factory=list)
    resend_schema: list[str] = field(default_factory=list)
    now_ms: int | None = None
    echo_ms: int | None = None
    back_within_ms: int | None = None

    def __post_init__(self) -> None:
        _check_epoch(self.epoch)
        if self.upto < -1 or any(not 0 <= first <= last for first, last in self.ranges):
            raise ValueError("seqs count upwards from 0")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One named health question and its answer: `reason` in one sentence, `remedy` in the next."""

    name: str
    state: State
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """up/health. `at_ms` is boot time; `counters` only ever grow within a run of the agent.

    `boot`: the end of the boot id, by which the office sees whether two speak in one node's name.
    """

    at_ms: int
    checks: list[CheckResult] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    boot: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """down/order: a one-shot request. The same `id` twice is one order. Unix ms; `expires_ms` None: never."""

    id: str
    verb: str
    arguments: dict[str, Scalar] = field(default_factory=dict)
    issued_ms: int = 0
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True)
class GapRecord:
    """Body of a GAP record: seqs `first` to `last` with so many readings are gone, and why. Times are boot ms."""

    first: int
    last: int
    readings: int
    why: str
    from_ms: int | None = None
    to_ms: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last or self.readings < 0:
            raise ValueError(f"no gap can be {self.first} to {self.last} with {self.readings} readings")


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Body of an EVENT record: `what` happened at boot ms `at_ms`."""

    at_ms: int
    what: str
    details: dict[str, Scalar] = field(default_factory=dict)
