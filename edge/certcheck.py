"""The check named certificate: whether this node can say who it is, for how long yet, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass

from edge.events import Claimed
from edge.validity import Moment, Validity, day, fault
from edge.wire.messages import CheckResult, State

LATE = 5 / 6  # of its life, without a newer one
BY_ITSELF = "It is tried again by itself; to try now: edge enrol"
DESK = "See whether the node reaches the office's desk: edge enrol --renew"
LONGEST = 300


@dataclass(frozen=True, slots=True)
class CertificateView:
    """The newest certificate that a broker may take, if there is one; what came of the last claim; whether brokers
    refused all there are; what is wrong with the folder or the card ("" when nothing is)."""

    now: Moment
    newest: Validity | None = None
    last: Claimed | None = None
    not_taken: bool = False
    trouble: str = ""
    remedy: str = ""


def certificate(view: CertificateView) -> CheckResult:
    """The answer."""
    if view.trouble:
        return _bad(view.trouble, view.remedy)
    if view.newest is None:
        return _none(view.last)
    if view.not_taken:
        return _bad(f"No broker takes our certificate. {_words(view.last)}".strip(), _remedy(view.last))
    why, until = fault(view.newest, view.now), day(view.newest.not_after_ms)
    if why and view.newest.not_after_ms < view.now.least_ms:
        return _bad(f"The certificate is of no use any more: {why}. {_words(view.last)}".strip(), _remedy(view.last))
    if view.newest.at(LATE) < view.now.least_ms:
        reason = f"The certificate ends on {until} and should have been renewed. {_words(view.last)}".strip()
        return _bad(reason, _remedy(view.last))
    return CheckResult("certificate", State.GOOD, f"The certificate is good until {until}.")


def _none(last: Claimed | None) -> CheckResult:
    if last is not None and last.outcome in ("refused", "failed"):
        return _bad(f"This node has no certificate. {_words(last)}".strip(), _remedy(last))
    reason = f"This node has no certificate yet. {_words(last)}".strip()
    return CheckResult("certificate", State.UNKNOWN, reason, BY_ITSELF)


def _bad(reason: str, remedy: str) -> CheckResult:
    return CheckResult("certificate", State.BAD, reason, remedy)


def _words(last: Claimed | None) -> str:
    if last is None or last.outcome in ("granted", "nothing"):
        return ""
    return last.what[:LONGEST]


def _remedy(last: Claimed | None) -> str:
    refused = last is not None and last.outcome in ("refused", "failed")
    return last.remedy[:LONGEST] if last is not None and refused and last.remedy else DESK
