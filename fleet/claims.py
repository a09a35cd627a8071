"""What becomes of a claim: a certificate, the same one again, or a refusal. Pure; the desk does what is decided here.

Somebody proves himself with a token made for the node, or with a key that the office knows: the request is signed, so
whoever sends it has the private half. Without such a proof nothing is told, not even whether there is such a node.

A key, once known, stays the node's. No token lets another key in beside it: that takes an operator who gives the node
a new secret, by which the old key is revoked. So two cards with one token, or a card that was copied, are seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edge.wire.enrolment import Why
from fleet import show
from fleet.papers import ADDED, Certificate, Key, Token

DAY_MS = 86_400_000
AGAIN_MS = DAY_MS  # for so long the answer to a claim stays the same
DRAWER_MS = 400 * DAY_MS  # after its end a certificate may be renewed for so long without anybody's leave
GRANT_MS = 180 * DAY_MS  # an operator's leave waits for so long


class Kind(StrEnum):
    """Events of security, in one word."""

    CLONE = "clone"  # a second key for one node, or one key for two nodes
    MISUSED = "misused"  # a token shown for another node
    HARDWARE = "hardware"
    REVOKED = "revoked"
    EXPIRED = "expired"
    LATE = "late"
    DENIED = "denied"
    GRANTED = "granted"  # by an operator
    RENEWED = "renewed"  # late, by that grant
    DISOWNED = "disowned"  # by an operator: taken out, or let in anew
    REISSUED = "reissued"  # by an operator: a fresh token


@dataclass(frozen=True, slots=True)
class Standing:
    """All that the registry knows about a claim, read in one transaction."""

    state: str | None  # of the node that is claimed; None: there is none
    signer: Key | None  # the key that signed the request, whosever it is
    living: Key | None  # the node's own key
    token: Token | None  # the one that was shown
    newest: Certificate | None  # what the signing key was given last as this node
    current: bool = True  # whether that was signed as it would be today: not before a roll-over


@dataclass(frozen=True, slots=True)
class Again:
    """The same certificate once more; `use_token`: the token that was shown is used up by it."""

    certificate: Certificate
    use_token: bool = False


@dataclass(frozen=True, slots=True)
class Issue:
    """A new certificate, together with what else becomes true in the same moment."""

    register: bool = False
    use_token: bool = False
    use_grant: bool = False


@dataclass(frozen=True, slots=True)
class Deny:
    """Nothing. `kind` and `node`: what is noted, and of whom."""

    why: Why
    kind: Kind
    node: str
    what: str


Verdict = Again | Issue | Deny


def decide(node: str, key: str, hardware: str, standing: Standing, now_ms: int) -> Verdict:
    """What becomes of the claim of `node`, signed by `key`, from a board called `hardware` ("" for unknown)."""
    signer, token = standing.signer, standing.token
    if token is not None and token.node != node:
        return Deny(Why.UNKNOWN, Kind.MISUSED, token.node, f"Its token was shown for another node, {node}.")
    proven = token is not None or (signer is not None and signer.node == node)
    if standing.state is None or not proven:
        return Deny(Why.UNKNOWN, Kind.DENIED, node if standing.state else "", "Somebody claimed it without a proof.")
    if standing.state != ADDED or (signer is not None and signer.revoked_ms):
        return Deny(Why.REVOKED, Kind.REVOKED, node, "It asked for a certificate, although it is revoked.")
    if signer is not None and signer.node != node:
        return Deny(Why.TAKEN, Kind.CLONE, node, f"It was claimed with the key of another node, {signer.node}.")
    if signer is not None:
        return _renew(hardware, standing, signer, now_ms)
    assert token is not None
    return _enrol(node, hardware, standing, token, now_ms)


def due_ms(certificate: Certificate) -> int:
    """When a certificate is to be renewed: at two thirds of its life."""
    return certificate.not_before_ms + (certificate.not_after_ms - certificate.not_before_ms) * 2 // 3


def late(certificate: Certificate, now_ms: int) -> bool:
    """Whether it ended so long ago that its node may not renew it by itself."""
    return now_ms > certificate.not_after_ms + DRAWER_MS


def _enrol(node: str, hardware: str, standing: Standing, token: Token, now_ms: int) -> Verdict:
    if token.used_ms:
        return Deny(Why.TAKEN, Kind.CLONE, node, "Its token was shown again, with another key.")
    if standing.living is not None:
        return Deny(Why.TAKEN, Kind.CLONE, node, "A token that it does not need was shown, with another key.")
    if now_ms >= token.expires_ms:
        return Deny(Why.EXPIRED, Kind.EXPIRED, node, f"Its token, made on {show.day(token.made_ms)}, is too old.")
    if token.hardware not in ("", hardware):
        return Deny(Why.HARDWARE, Kind.HARDWARE, node, "Its token was shown by another board than it was made for.")
    return Issue(register=True, use_token=True)


def _renew(hardware: str, standing: Standing, key: Key, now_ms: int) -> Verdict:
    token, newest = standing.token, standing.newest
    fresh = token is not None and not token.used_ms and now_ms < token.expires_ms and token.hardware in ("", hardware)
    if newest is not None and standing.current and _same(newest, token is not None, now_ms):
        return Again(newest, use_token=fresh)
    if newest is None or not late(newest, now_ms):
        return Issue(use_token=fresh)
    if fresh or 0 < key.granted_ms <= now_ms < key.granted_ms + GRANT_MS:
        return Issue(use_token=fresh, use_grant=True)
    days = (now_ms - newest.not_after_ms) // DAY_MS
    return Deny(Why.LATE, Kind.LATE, key.node, f"It wants to renew a certificate that ended {days} days ago.")


def _same(newest: Certificate, by_token: bool, now_ms: int) -> bool:
    """Whether the answer is still the one of before: for a day, and to who still shows its token until it is due."""
    until_ms = max(newest.issued_ms + AGAIN_MS, due_ms(newest) if by_token else 0)
    return newest.issued_ms <= now_ms < min(until_ms, newest.not_after_ms)
