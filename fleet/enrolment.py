"""Whether all is well with who is who: what knocked at the desk that should not, and certificates that are not renewed.

Pure. An incident stands for three days, so that what happened on a Friday night is still red on Monday, or until an
operator did what answers it; what happens again after that is red again. What only needed somebody's hand is settled
when the node has its certificate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edge.wire.messages import CheckResult, State
from fleet.claims import Kind, due_ms
from fleet.health import span
from fleet.papers import Certificate, Incident

DAY_MS = 86_400_000
FRESH_MS = 3 * DAY_MS
ANEW = "To give {node} a new key and make the old one void: fleet node add {node} --renew."
REMEDIES = {  # of those that alarm, the worst first
    Kind.CLONE: "Somebody has a copy of its card, or two cards were made from one: look at the site. " + ANEW,
    Kind.MISUSED: "Its card may be in another node, or its token in other hands: look at the site. "
    "Then: fleet card token {node} DIR.",
    Kind.HARDWARE: "If its board was replaced: fleet card token {node} DIR --hardware SERIAL. "
    "If not, its card may be in other hands.",
    Kind.EXPIRED: "Make its token anew: fleet card token {node} DIR. "
    "If its card was written less than 180 days ago, look at this machine's clock before: timedatectl.",
    Kind.LATE: "If it is the node that you know: fleet cert renew {node}.",
    Kind.REVOKED: "It is powered still, or somebody has its card. " + ANEW,
}
SETTLED_BY_CERTIFICATE = (Kind.EXPIRED, Kind.LATE, Kind.HARDWARE, Kind.REVOKED)  # who was let in anew asked by habit
ANSWERS: dict[str, tuple[Kind, ...]] = {  # what operators do, and what it settles
    Kind.DISOWNED: tuple(REMEDIES),
    Kind.REISSUED: (Kind.MISUSED,),
}
EXPECTED = (Kind.REVOKED,)  # a node that was taken out asks once more before it rests


def enrolment_checks(incidents: Iterable[Incident], newest: Sequence[Certificate], now_ms: int) -> list[CheckResult]:
    """The checks `enrolment` and `node certificates`; `newest`: the certificate that each node was given last."""
    return [_enrolment(incidents, newest, now_ms), _certificates(newest, now_ms)]


def _enrolment(incidents: Iterable[Incident], newest: Sequence[Certificate], now_ms: int) -> CheckResult:
    incidents = list(incidents)
    settled = _settled(incidents, [each for each in newest if each.issued_ms < now_ms + DAY_MS])
    standing = [each for each in incidents if each.last_ms > now_ms - FRESH_MS and each.kind in REMEDIES
                and settled.get((each.node, each.kind), 0) <= each.last_ms]  # fmt: skip
    if not standing:
        return CheckResult("enrolment", State.GOOD, "Nobody claimed to be who he is not.")
    order = [kind.value for kind in REMEDIES]
    worst = min(standing, key=lambda each: (order.index(each.kind), -each.last_ms))
    others = len(standing) - 1
    more = f" And {others} more: fleet cert incidents." if others else ""
    ago = f"That was {span(now_ms - worst.last_ms)} ago." if worst.last_ms <= now_ms else "The clock was ahead then."
    reason = f"{worst.node}: {worst.what} {ago}{more}"
    state = State.UNKNOWN if worst.kind in EXPECTED else State.BAD
    return CheckResult("enrolment", state, reason, REMEDIES[Kind(worst.kind)].format(node=worst.node))


def _settled(incidents: Iterable[Incident], newest: Iterable[Certificate]) -> dict[tuple[str, str], int]:
    """Until when a kind of incident of a node is settled, in Unix ms: by an operator, or by a certificate; not by one
    that was given while the clock was ahead, or nothing that happens until it is that late would be told."""
    settled = {(each.node, kind.value): each.issued_ms for each in newest for kind in SETTLED_BY_CERTIFICATE}
    for each in incidents:
        for kind in ANSWERS.get(each.kind, ()):
            place = each.node, kind.value
            settled[place] = max(settled.get(place, 0), each.last_ms)
    return settled


def _certificates(newest: Sequence[Certificate], now_ms: int) -> CheckResult:
    """Bad when five sixths of a life are over: at two thirds the node should have renewed it."""
    valid = [each for each in newest if not each.revoked_ms]
    ended = [each for each in valid if each.not_after_ms <= now_ms]
    overdue = sorted((each for each in valid if each not in ended and now_ms >= _overdue_ms(each)),
                     key=lambda each: each.not_after_ms)  # fmt: skip
    if overdue:
        first, more = overdue[0], f" And {len(overdue) - 1} more." if len(overdue) > 1 else ""
        reason = f"The certificate of {first.node} ends in {span(first.not_after_ms - now_ms)}, not renewed.{more}"
        remedy = (
            "See: fleet cert needs-renewal. A node renews by itself when it reaches the desk: run edge status there."
        )
        return CheckResult("node certificates", State.BAD, reason, remedy)
    if ended:
        reason = f"{len(ended)} certificates of nodes have ended. For 400 days a node renews by itself when it is back."
        return CheckResult("node certificates", State.UNKNOWN, reason, "See: fleet cert needs-renewal.")
    return CheckResult("node certificates", State.GOOD, "All nodes renew their certificates in time.")


def _overdue_ms(certificate: Certificate) -> int:
    return (due_ms(certificate) + certificate.not_after_ms) // 2
