"""How eager the uplink is: every limit it keeps to, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from edge.wiring import OfficePlan

HEALTH_MS, HEALTH_METERED_MS = 60_000, 3_600_000
ACK_METERED_MS = 10_000
SLOW_MS = 1_000


@dataclass(frozen=True, slots=True)
class Pace:
    """The limits; times in ms. A default of `publish_ms` 0: each commit goes at once."""

    publish_ms: int = 0  # readings wait so long for company
    day_bytes: int = 0  # what may be sent on a day; 0: no limit
    brokers: int = 1  # how many there are to choose from
    window: int = 64  # messages without a PUBACK, at most; backlog under way without an ack of the office, at most
    narrow: int = 2  # ... and what that shrinks to while the office is slow
    ack_ms: int = 0  # the office may keep its acks for company so long
    slow_ms: int = SLOW_MS  # an ack that took longer says that more is under way than the office can take
    pack: int = 64  # records in one message, at most
    backlog_rate: float = 1_000.0  # records a second
    burst: int = 20  # messages with events that may go at once
    event_ms: int = 1_000  # ... and then one in so long
    resend_ms: int = 30_000  # without an ack for so long, a record is sent again
    resend_cap_ms: int = 120_000  # ... and while the office stays silent, less and less often
    overtaken_ms: int = 1_000  # what was sent so long before something that is acked, and is not, is sent again now
    retry_ms: int = 1_000  # before the first session: base of the jitter
    retry_cap_ms: int = 300_000  # who lost a session is back within
    proven_ms: int = 60_000  # a session that lasted so long says that its broker is well
    home_ms: int = 600_000  # on another broker for so long: is the first one back?
    answer_ms: int = 30_000  # the broker must answer within
    stuck_ms: int = 30_000  # connected, and no PUBACK for so long: nobody is there
    holes: int = 1_024  # ranges remembered of one kind
    health_ms: int = HEALTH_MS  # how often to say how we do, when nothing changed


def pace_of(office: OfficePlan | None) -> Pace:
    """The pace that a board asks for."""
    if office is None:
        return Pace()
    ack_ms = ACK_METERED_MS if office.metered else 0
    return Pace(office.publish_ms, office.day_bytes, 1 + len(office.others), retry_cap_ms=office.back_ms,
                health_ms=HEALTH_METERED_MS if office.metered else HEALTH_MS, ack_ms=ack_ms,
                slow_ms=SLOW_MS + ack_ms)  # fmt: skip
