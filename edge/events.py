"""What can happen to a node. Shells put these on the one bounded queue; pure cores answer with effects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from drivers.ongoing import State
from drivers.reading import Reading

Cause = Literal[
    "new", "dns", "refused", "unreachable", "timeout", "portal", "identity", "certificate", "trust", "rights", "busy",
    "protocol", "broken", "mute", "stuck",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sampled:
    """A sensor gave readings at this time since boot. An empty list is a window without anything to say.

    `opened` is what its next window holds already: it must be kept together with these readings, or not at all.
    """

    sensor: str
    at_ms: int
    readings: tuple[Reading, ...]
    opened: State | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """What the open window of a sensor has counted by now, to be kept on the node; nobody else hears of it."""

    sensor: str
    at_ms: int
    state: State


@dataclass(frozen=True, slots=True)
class Failed:
    """A sensor could not be read: the cause is a counter's key, the text a sentence."""

    sensor: str
    at_ms: int
    cause: str
    text: str


@dataclass(frozen=True, slots=True)
class ClockTold:
    """A GPS receiver or a clock chip told the time that it was at this moment since boot."""

    sensor: str
    at_ms: int
    unix_ms: int
    uncertainty_ms: int
    kind: str  # "gps" or "rtc"


@dataclass(frozen=True, slots=True)
class Happened:
    """Something on a bus that is worth a line in the journal."""

    what: str
    at_ms: int
    details: dict[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted us and our subscription stands."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The session ended, or could not begin; `cause` says in one word why, see `edge.delivery`."""

    reason: str
    cause: Cause = "broken"


@dataclass(frozen=True, slots=True)
class Arrived:
    """The fleet said something on `down/<kind>`."""

    kind: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Puback:
    """The broker took a message: a window slot is free, nothing else is proven."""

    mid: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """What came of asking the office for a certificate; `why` in one word, `what` and `remedy` in sentences.

    The outcome is one of granted, nothing (to do), refused, unreachable, failed.

    At `at_ms` since boot the office said that it was `unix_ms`, if it was asked; that may be earlier than the floor, if
    the card with which it was asked says `vouched_ms`.
    """

    outcome: str
    why: str = ""
    what: str = ""
    remedy: str = ""
    unix_ms: int | None = None
    at_ms: int = 0
    vouched_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody at the node asked over the unix socket; the answer is a JSON object."""

    question: dict[str, object]
    answer: Callable[[dict[str, object]], None] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Pressed:
    """The identify button was pressed."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Commit everything and end."""


FromLink = Connected | Lost | Arrived | Puback
Event = (
    Sampled | Opened | Failed | ClockTold | Happened | Connected | Lost | Arrived | Puback | Claimed | Asked | Pressed
    | Stop
)
