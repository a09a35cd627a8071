"""The desk: where nodes ask for certificates, and what must be true at once is made true at once.

That a token is used, that a key is known and that a certificate was issued is one transaction of the registry. Whatever
ends it early leaves none of the three, and the node asks again; whatever ends it later leaves all three, and the node
that asks again gets the same certificate. Refusals say why only to who has a proof; what is worth telling is noted.
Who has none is noted later (`write_down`): at once it would take longest for nodes that there are, and a stranger
with a watch could list them.

How often one may ask is bounded for each address and for each key of each node; not for a node's bare name, for then
anybody could keep a node out by asking in its name.
"""

from __future__ import annotations

import ipaddress
import logging
import threading
from collections.abc import Callable
from typing import Protocol

from edge.wire.clocks import credible
from edge.wire.enrolment import Claim, Granted, Refused, Why
from fleet.authority.authority import Issued
from fleet.authority.keys import PublicKey, key_id
from fleet.authority.request import RequestRefused, checked
from fleet.claims import Deny, Issue, Kind, Standing, Verdict, decide
from fleet.clock import Clock, steady_ms
from fleet.ledger import Ledger
from fleet.papers import Certificate
from fleet.patience import Patience
from fleet.registry import Registry
from fleet.tokens import hashed
from fleet.trouble import Trouble

LOG = logging.getLogger(__name__)
PEERS = (200, 100)  # so many claims at once, and one more in so many ms
KEYS = (120, 10_000)
NOTES = (5, 60_000)
MOST_WAITING = 256  # nodes of which it is still to be noted that somebody claimed them without a proof
ADMIT = "ask your operator; at the office: fleet node add NODE --renew"
YOUNG = "if the card was written less than 180 days ago, the office's clock is wrong, or was"
WORDS = {
    Why.UNKNOWN: ("This office knows no such node with such a token or key.", ADMIT),
    Why.EXPIRED: ("The token on the card is too old.", f"at the office: fleet card token NODE DIR; {YOUNG}"),
    Why.TAKEN: ("This node, or this token, belongs to another key.", ADMIT),
    Why.HARDWARE: ("The token was made for another board.", "put the card into its own board, or " + ADMIT),
    Why.REVOKED: ("This node was revoked.", ADMIT),
    Why.LATE: ("Its certificate ended too long ago.", "at the office: fleet cert renew NODE"),
    Why.BUSY: ("The office cannot answer now.", "wait: it is asked again"),
}


class Signs(Protocol):
    """What the desk needs of `fleet.authority`."""

    issuing_pem: str  # what ends every chain that is given now

    def trust(self) -> str:
        """The roots to pin, as PEM."""

    def node_certificate(self, node: str, public_key: PublicKey, now_ms: int) -> Issued:
        """A certificate. Raises ValueError for a key that gets none, Trouble when nothing can be signed."""


class Desk:
    """Answers claims; any thread may ask. `told` is called when a key is new, before its node gets the answer."""

    def __init__(
        self, registry: Registry, authority: Signs, url: str, clock: Clock, told: Callable[[], object] = lambda: None,
        steady: Callable[[], int] = steady_ms,
    ) -> None:  # fmt: skip
        self.registry, self.authority, self.url, self.clock = registry, authority, url, clock
        self.told, self._steady = told, steady
        self.peers, self.keys, self.notes = Patience(*PEERS), Patience(*KEYS), Patience(*NOTES)
        self._turn = threading.Lock()  # SQLite's own waiting is not fair
        self._unproven: dict[str, tuple[Deny, int, int]] = {}  # by node: the last refusal, how often, when

    def claim(self, claim: Claim, peer: str) -> Granted | Refused:
        """The answer to a claim that came from the address `peer`. Raises nothing that a claim could cause."""
        try:
            return self._claim(claim, peer)
        except Trouble as trouble:
            LOG.error("A claim could not be answered: %s", trouble.happened)
            return refused(Why.BUSY)

    def _claim(self, claim: Claim, peer: str) -> Granted | Refused:
        now_ms = self.clock.wall_ms()
        if not credible(now_ms) or not self.peers.allows(neighbourhood(peer), self._steady()):
            return refused(Why.BUSY)
        try:
            public_key = checked(claim.request, claim.node)
        except RequestRefused as refusal:
            return Refused(Why.REQUEST, f"The request for a certificate is refused: {refusal.why}.", "edge enrol")
        key = key_id(public_key)
        if not self.keys.allows(f"{claim.node}/{key}", self._steady()):
            return refused(Why.BUSY)
        with self._turn, self.registry.turn() as ledger:
            verdict = decide(
                claim.node, key, claim.hardware.strip().lower(), self._standing(ledger, claim, key), now_ms
            )
            given = self._carry_out(ledger, verdict, claim, public_key, now_ms)
        return self._answer(verdict, given, key)

    def _standing(self, ledger: Ledger, claim: Claim, key: str) -> Standing:
        token = ledger.token(hashed(claim.token)) if claim.token else None
        newest = ledger.newest(claim.node, key)
        current = newest is None or newest.chain.endswith(self.authority.issuing_pem)
        return Standing(
            ledger.state(claim.node), ledger.key(key), ledger.living_key(claim.node), token, newest, current
        )

    def _carry_out(
        self, ledger: Ledger, verdict: Verdict, claim: Claim, public_key: PublicKey, now_ms: int
    ) -> Certificate | None:
        if isinstance(verdict, Deny):
            if verdict.kind is Kind.DENIED:
                self._put_off(verdict, now_ms)
            else:
                self._note(ledger, verdict, now_ms)
            return None
        key = key_id(public_key)
        if isinstance(verdict, Issue):
            given = self._issue(claim.node, key, public_key, now_ms)
            _enter(ledger, verdict, given)
        else:
            given = verdict.certificate
        if verdict.use_token:
            ledger.use_token(hashed(claim.token), key, now_ms)
        return given

    def _issue(self, node: str, key: str, public_key: PublicKey, now_ms: int) -> Certificate:
        issued = self.authority.node_certificate(node, public_key, now_ms)
        return Certificate(issued.serial, node, key, now_ms, issued.not_before_ms, issued.not_after_ms, issued.chain)

    def _note(self, ledger: Ledger, deny: Deny, now_ms: int) -> None:
        if self.notes.allows(f"{deny.kind}/{deny.node}", self._steady()):
            LOG.warning("A claim was refused (%s). %s: %s", deny.why.value, deny.node or "no node of ours", deny.what)
            ledger.note(deny.kind, deny.node, deny.what, now_ms)

    def _put_off(self, deny: Deny, now_ms: int) -> None:
        node = deny.node if deny.node in self._unproven or len(self._unproven) < MOST_WAITING else ""
        _, times, _ = self._unproven.get(node, (deny, 0, 0))
        self._unproven[node] = deny, times + 1, now_ms

    def write_down(self) -> None:
        """Notes those who came without a proof since the last time; to be called now and then. Raises Trouble."""
        with self._turn:
            if not self._unproven:
                return
            with self.registry.turn() as ledger:
                for node, (deny, times, last_ms) in self._unproven.items():
                    ledger.note(deny.kind, node, deny.what, last_ms, times)
            counted = sum(times for _, times, _ in self._unproven.values())
            LOG.warning("%d claims without a proof were refused; see: fleet cert incidents", counted)
            self._unproven.clear()

    def _answer(self, verdict: Verdict, given: Certificate | None, key: str) -> Granted | Refused:
        if isinstance(verdict, Deny) or given is None:
            return refused(verdict.why if isinstance(verdict, Deny) else Why.BUSY)
        if isinstance(verdict, Issue):
            LOG.info("%s has a certificate for its key %s.", given.node, key)
        if isinstance(verdict, Issue) and verdict.register:
            self.told()
        return Granted(given.chain, self.authority.trust(), self.url, given.not_before_ms, given.not_after_ms)


def refused(why: Why) -> Refused:
    """The refusal in words, which repeat nothing of what was asked."""
    return Refused(why, *WORDS[why])


def neighbourhood(peer: str) -> str:
    """Whose patience it is: an address, and of IPv6 the network of 64 bits that one household has."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer[:64]
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:  # at a door that is open to both
        address = address.ipv4_mapped
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64))) if address.version == 6 else str(address)


def _enter(ledger: Ledger, issue: Issue, given: Certificate) -> None:
    if issue.register:
        ledger.register(given.node, given.key, given.issued_ms)
    if issue.use_grant:
        ledger.grant(given.key, 0)
        ledger.note(Kind.RENEWED, given.node, "It renewed its certificate late, by leave.", given.issued_ms)
    ledger.file(given)
