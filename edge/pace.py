"""How eager the uplink is: every limit it keeps to, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """The limits; times in ms."""

    window: int = 16  # messages without a PUBACK
    pack: int = 16  # records in one message, at most
    backlog_rate: float = 200.0  # records a second
    flight: int = 1_024  # backlog records under way without an ack
    resend_ms: int = 30_000  # without an ack for so long, a record is sent again
    resend_cap_ms: int = 120_000  # ... and while the office stays silent, less and less often
    retry_ms: int = 1_000  # reconnect: base of the jitter
    retry_cap_ms: int = 300_000  # ... and its cap
    proven_ms: int = 60_000  # a session that lasted so long sets the jitter back
    answer_ms: int = 30_000  # the broker must answer within
    holes: int = 1_024  # ranges remembered of one kind
