"""Where letters come in and answers go out: the seam between the collector and whatever carries messages.

The collector does not know paho: it receives letters, and says which of them are committed, so that whoever carried
them need not bring them again. A city that outgrows one machine can put another inlet here, such as a JetStream
consumer that several collectors share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fleet.collect import Incoming, Outgoing


@dataclass(frozen=True, slots=True)
class Letter:
    """A message waiting for its commit. `number` and `connection` are the inlet's own, to acknowledge it by; 0 when
    there is nothing to acknowledge."""

    message: Incoming
    number: int = 0
    connection: int = 0


class Inlet(Protocol):
    """The collector's way to the nodes. `receive` and `accept` are for one thread, `publish` for any."""

    def start(self) -> None:
        """Lets letters in. Raises Trouble when none could ever come."""

    def receive(self, timeout_s: float) -> Letter | None:
        """The next letter; None when none came in time."""

    def accept(self, letters: Sequence[Letter]) -> None:
        """These are committed, or set aside for good: they need not be brought again."""

    def publish(self, message: Outgoing, qos: int = 1) -> None:
        """Sends a message to a node, if that can be done now; who must be sure sends it again at the next hello."""

    def shut(self) -> None:
        """Lets no more letters in; what is in can still be received, accepted and answered."""

    def stop(self) -> None:
        """Leaves."""
