"""The way to the broker as the agent sees it, so that the agent need not know what carries it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from edge.events import Event
from edge.validity import Moment


class Link(Protocol):
    """A way to the broker, as the agent sees it. Connected, Lost, Puback and Arrived come as events."""

    def connect(self, broker: int = 0) -> None:
        """Begin a session with this one of the board's brokers; one that was there before is given up."""
        ...

    def publish(self, kind: str, payload: bytes, qos: int = 1, retain: bool = False) -> int | None:
        """Hand over a message; its number, or None when it could not be taken."""
        ...

    def disconnect(self, wait_s: float = 0.0) -> None:
        """End the session politely, so that the broker keeps the last will to itself; no event follows.

        Waits so long for what was published to go out.
        """
        ...


@runtime_checkable
class Timed(Protocol):
    """A link under TLS, which must be told what time it is to know whom to believe."""

    moment: Callable[[], Moment]


LinkMaker = Callable[[Callable[[Event], None]], Link]  # raises OfficeError
