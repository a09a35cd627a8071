"""How soon to try again: soon, because a fault that has ended must be over within ten seconds; and cheaply.

A sensor that fails is tried after 1, 2, 4 and then every 4 seconds, however long its interval is: a refused transfer
costs a tenth of a millisecond. What is not cheap is a transfer that hangs until the kernel gives it up after a second,
or an answer that is waited for while others want the line. So once the breaker has opened (five failures in a row) an
attempt that took long is followed by nine times as long of nothing, but never more than nine seconds: one dead sensor
takes at most a tenth of its bus. The first answer closes it.

Measured in virtual time, with a neighbour that is read each second and dead chips whose every transfer hangs for one:
beside one of them it is read at nine of ten instants (four of five where the wait is always 4 s); beside seven, which
all want their turn within ten seconds, at every second one.
"""

from __future__ import annotations

from typing import Literal

from edge.runners.timetable import back_off_ms

OPENS_AFTER = 5  # failures in a row
LONGEST_MS = 4_000
SHARE = 9  # an attempt is paid for with so many times its length
LONGEST_REST_MS = 9_000

State = Literal["closed", "open", "half-open"]


class Breaker:
    """One sensor's; times in ms."""

    def __init__(self) -> None:
        self.failures = 0  # in a row
        self.tries = False  # an attempt is under way

    @property
    def is_open(self) -> bool:
        return self.failures >= OPENS_AFTER

    @property
    def state(self) -> State:
        """`half-open`: it is being tried."""
        if not self.is_open:
            return "closed"
        return "half-open" if self.tries else "open"

    def trying(self) -> None:
        """An attempt begins."""
        self.tries = True

    def failed(self, cost_ms: int = 0) -> int:
        """An attempt failed that kept others waiting for so long; when to try again, in ms from now."""
        self.tries = False
        self.failures += 1
        return self.wait_ms(cost_ms)

    def wait_ms(self, cost_ms: int = 0) -> int:
        """How long to wait after a failure that cost so much."""
        wait_ms = back_off_ms(self.failures, LONGEST_MS)
        return max(wait_ms, min(SHARE * cost_ms, LONGEST_REST_MS)) if self.is_open else wait_ms

    def proven(self) -> None:
        """It works."""
        self.failures, self.tries = 0, False
