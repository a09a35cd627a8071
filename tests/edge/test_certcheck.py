"""What the check named certificate says in each situation, word by word."""

from __future__ import annotations

import pytest

from edge.certcheck import BY_ITSELF, DESK, CertificateView, certificate
from edge.events import Claimed
from edge.validity import Moment, Validity
from edge.wire.messages import CheckResult, State
from tests.edge.signing import DAY_MS, NOW_MS

YEAR = Validity(NOW_MS, NOW_MS + 360 * DAY_MS)
REFUSED = Claimed("refused", "revoked", "This node was revoked.", "Ask your operator.")
AWAY = Claimed("unreachable", "network", "The desk is away.", "Check the network.")
BROKE = Claimed("failed", "disk", "The disk is full.", "Make room.")


def after(days: int) -> Moment:
    return Moment(NOW_MS + days * DAY_MS, 0, 0)


def floor(days: int) -> Moment:
    return Moment(None, 0, NOW_MS + days * DAY_MS)


GOOD, BAD, UNKNOWN = State.GOOD, State.BAD, State.UNKNOWN
CASES = [
    (CertificateView(after(0)), UNKNOWN, "This node has no certificate yet.", BY_ITSELF),
    (CertificateView(after(0), None, AWAY), UNKNOWN, "This node has no certificate yet. The desk is away.", BY_ITSELF),
    (CertificateView(after(0), None, REFUSED), BAD, "This node has no certificate. This node was revoked.",
     "Ask your operator."),
    (CertificateView(after(0), None, BROKE), BAD, "This node has no certificate. The disk is full.", "Make room."),
    (CertificateView(after(9), YEAR), GOOD, "The certificate is good until 2028-01-10.", ""),
    (CertificateView(floor(9), YEAR), GOOD, "The certificate is good until 2028-01-10.", ""),
    (CertificateView(after(290), YEAR, AWAY), GOOD, "The certificate is good until 2028-01-10.", ""),
    (CertificateView(after(301), YEAR, AWAY), BAD,
     "The certificate ends on 2028-01-10 and should have been renewed. The desk is away.", DESK),
    (CertificateView(after(301), YEAR, REFUSED), BAD,
     "The certificate ends on 2028-01-10 and should have been renewed. This node was revoked.", "Ask your operator."),
    (CertificateView(floor(301), YEAR), BAD, "The certificate ends on 2028-01-10 and should have been renewed.", DESK),
    (CertificateView(after(361), YEAR, AWAY), BAD,
     "The certificate is of no use any more: it ended on 2028-01-10. The desk is away.", DESK),
    (CertificateView(floor(361), YEAR), BAD,
     "The certificate is of no use any more: it ended on 2028-01-10.", DESK),
    (CertificateView(after(-5), YEAR), GOOD, "The certificate is good until 2028-01-10.", ""),
    (CertificateView(after(9), YEAR, REFUSED, True), BAD, "No broker takes our certificate. This node was revoked.",
     "Ask your operator."),
    (CertificateView(after(9), YEAR, Claimed("granted", what="Fine."), True), BAD, "No broker takes our certificate.",
     DESK),
    (CertificateView(after(9), YEAR, None, False, "The key can be read by others.", "chmod"), BAD,
     "The key can be read by others.", "chmod"),
]  # fmt: skip


@pytest.mark.parametrize(("view", "state", "reason", "remedy"), CASES)
def test_each_answer_has_its_reason_and_its_remedy(
    view: CertificateView, state: State, reason: str, remedy: str
) -> None:
    assert certificate(view) == CheckResult("certificate", state, reason, remedy)


def test_what_an_office_says_is_not_told_without_end() -> None:
    told = certificate(CertificateView(after(0), None, Claimed("refused", "x", "w" * 9_000, "r" * 9_000)))
    assert len(told.reason) < 400 and len(told.remedy) < 400
