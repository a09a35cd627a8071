"""What the uplink wants done, and what the agent tells it came of that."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connect:
    """Begin a new session with this broker, 0 is the first; Connected or Lost will follow."""

    broker: int = 0


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Give up the session that is or was beginning."""


@dataclass(frozen=True, slots=True)
class Greet:
    """Say that we are online, and what we hold."""


@dataclass(frozen=True, slots=True)
class Send:
    """Read the records `first` to `last` from the journal and publish as many of them as one message may hold."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Forget:
    """The store has everything up to and with `upto`."""

    upto: int


@dataclass(frozen=True, slots=True)
class Redeclare:
    """The store lacks these schemas (hex keys): put them into the journal again."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deliver:
    """Something came down that is not the uplink's: an order, a desired state."""

    kind: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Committed:
    """The journal now holds `lowest` up to but without `next`; `urgent` of them are events."""

    epoch: int
    lowest: int
    next: int
    urgent: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """Records `first` to `last` went out in one message of so many bytes; `mid` None: nothing could go out."""

    first: int
    last: int
    mid: int | None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The journal has no records `first` to `last` any more; a gap record will name them. A `leap` never had any."""

    first: int
    last: int
    leap: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class Hurry:
    """The run ends: what waits for company goes now."""


@dataclass(frozen=True, slots=True)
class Ready:
    """There is something new to connect with: do so now."""


Effect = Connect | Disconnect | Greet | Send | Forget | Redeclare | Deliver
Outcome = Committed | Sent | Unreadable | Tick | Hurry | Ready
