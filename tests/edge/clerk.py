"""An office's desk of some lines, for tests of nodes: it keeps the rules that a node leans on, and says what it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge.deskline import Unreachable
from edge.validity import of_pem
from edge.wire.enrolment import Claim, Granted, Refused, Why
from tests.edge.signing import DAY_MS, Office

YEAR_MS = 365 * DAY_MS
DRAWER_MS = 400 * DAY_MS
URL = "mqtts://office:8883"


def public(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_of(certificate: str) -> bytes:
    found = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    assert isinstance(found, ec.EllipticCurvePublicKey)
    return public(found)


@dataclass
class Clerk:
    """One node's desk: `token` is good once, `key` is the registered one."""

    now_ms: int
    token: str = "the-token"
    office: Office = field(default_factory=Office)
    key: bytes = b""
    used: bool = False
    revoked: bool = False
    granted_late: bool = False
    issued: list[tuple[int, str]] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    keys: set[bytes] = field(default_factory=set)  # that were ever shown
    times: int = 0  # how often the time was asked
    away: bool = False
    deaf: bool = False  # it answers, but the answer is lost
    unsure: bool = False
    trust: str = ""
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None

    def time_ms(self) -> int | None:
        if self.away:
            raise Unreachable("network", "The desk is away.")
        self.times += 1
        return None if self.unsure else self.now_ms

    def claim(self, claim: Claim) -> Granted | Refused:
        if self.away:
            raise Unreachable("network", "The desk is away.")
        self.before()
        self.claims.append(claim)
        answer = self._answer(claim)
        self.after()
        if self.deaf:
            raise Unreachable("network", "The answer was lost.")
        return answer

    def _answer(self, claim: Claim) -> Granted | Refused:
        request = x509.load_pem_x509_csr(claim.request.encode())
        assert request.is_signature_valid
        key = request.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        shown = public(key)
        self.keys.add(shown)
        if why := self._why_not(claim, shown):
            return Refused(why, f"No: {why.value}.", "ask your operator")
        self.key, self.used = shown, self.used or bool(claim.token)
        return self._granted(claim.node, key)

    def _why_not(self, claim: Claim, shown: bytes) -> Why | None:
        if self.revoked:
            return Why.REVOKED
        if claim.token and claim.token != self.token:
            return Why.UNKNOWN
        if self.key and shown != self.key:
            return Why.TAKEN
        if not claim.token and shown != self.key:
            return Why.UNKNOWN
        if claim.token and self.used:
            return None
        ended_ms = of_pem(self.issued[-1][1]).not_after_ms if self.issued else self.now_ms
        if self.now_ms > ended_ms + DRAWER_MS and not self.granted_late:
            return Why.LATE
        return None

    def _granted(self, node: str, key: ec.EllipticCurvePublicKey) -> Granted:
        if not self.issued or self.now_ms - self.issued[-1][0] >= DAY_MS:
            text = self.office.leaf(node, key, self.now_ms - 3_600_000, self.now_ms + YEAR_MS)
            self.issued.append((self.now_ms, text))
        text = self.issued[-1][1]
        validity = of_pem(text)
        trust = self.trust or self.office.trust
        return Granted(text, trust, URL, validity.not_before_ms, validity.not_after_ms)
