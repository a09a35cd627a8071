"""How a simulated node judges certificates: by the clock of this machine, whatever its street believes.

A street may live in another month; brokers, OpenSSL and the desk are programs that know no time but the machine's, and
by that their certificates are made. So is a node's belief of the time set aside where certificates are concerned, and
what the desk says of the time is not told to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from edge.child import Child, Told
from edge.clock import SystemClock
from edge.effects import Ready
from edge.events import Claimed
from edge.registrar import Registrar
from edge.validity import Moment

ERROR_MS = 1_000


def present() -> Moment:
    """What time it is for brokers."""
    now_ms = SystemClock().wall_ms()
    return Moment(now_ms, ERROR_MS, now_ms - ERROR_MS)


class Indoors(Registrar):
    """Lives in the present."""

    @property
    def moment(self) -> Callable[[], Moment]:
        """That of this machine."""
        return present

    @moment.setter
    def moment(self, moment: Callable[[], Moment]) -> None:
        """What the node believes does not matter here."""

    def attached(
        self, note: Callable[..., None], tell: Callable[[Ready, int], None], vouched: Callable[[int], bool]
    ) -> Registrar:
        """Nor does what its card says change that."""
        return super().attached(note, tell, lambda unix_ms: False)


class Asking(Child):
    """Asks the real desk, and keeps the time that it tells to itself."""

    def start(self, again: bool, told: Told) -> None:
        """See `edge.child`."""

        def heard(claimed: Claimed) -> None:
            told(replace(claimed, unix_ms=None))

        super().start(again, heard)
