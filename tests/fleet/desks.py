"""A desk over a real authority and a real registry file, and nodes that claim at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from edge.wire.enrolment import Claim, Granted, Refused, Why
from edge.wire.version import BUILT_MS
from fleet.authority.authority import Authority
from fleet.authority.keys import key_id
from fleet.desk import Desk
from fleet.registry import Node, Registry
from fleet.tokens import new_token

DAY_MS = 86_400_000
URL = "mqtts://office.example.org:8883"


@dataclass
class Time:
    """A clock that stands still until it is told otherwise."""

    now_ms: int = BUILT_MS + DAY_MS

    def wall_ms(self) -> int:
        return self.now_ms


class Pole:
    """A node's key, and the claims it makes with it."""

    def __init__(self, node: str, token: str = "", hardware: str = "") -> None:
        self.node, self.token, self.hardware = node, token, hardware
        self.key = ec.generate_private_key(ec.SECP256R1())

    @property
    def key_id(self) -> str:
        return key_id(self.key.public_key())

    def request(self) -> str:
        return request(self.key, self.node)

    def claim(self) -> Claim:
        return Claim(self.node, self.request(), self.token, self.hardware)

    def renewal(self) -> Claim:
        return Claim(self.node, self.request())


def request(key: ec.EllipticCurvePrivateKey, *names: str, more: Sequence[x509.ExtensionType] = ()) -> str:
    """A certificate request as PEM, with these common names and extensions."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for extension in more:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@dataclass
class Office:
    """What a desk needs, and the desk."""

    folder: Path
    time: Time
    registry: Registry
    authority: Authority
    desk: Desk

    def token(self, node: str, hardware: str = "") -> str:
        """A fresh token for a node, which is entered when it is not known."""
        secret, token = new_token(node, self.time.now_ms, hardware)
        if self.registry.node(node) is None:
            self.registry.add(Node(node, "Markt"), token)
        else:
            with self.registry.turn() as ledger:
                ledger.add_token(token)
        return secret

    def kinds(self) -> list[str]:
        """The incidents, in one word each, the newest first."""
        return [incident.kind for incident in self.registry.incidents()]


def office(folder: Path, made: Path | None = None) -> Office:
    """An office in a folder; its authority is made there, unless it lies elsewhere."""
    time = Time()
    registry = Registry(folder / "registry.db")
    place = made or folder / "authority"
    authority = Authority.open(place) if place.exists() else Authority.make(place, None, time.now_ms)
    return Office(folder, time, registry, authority, Desk(registry, authority, URL, time, steady=lambda: 0))


def granted(answer: Granted | Refused) -> Granted:
    """The answer, which must be a certificate."""
    assert isinstance(answer, Granted), answer
    return answer


def why(answer: Granted | Refused) -> Why:
    """The word of the answer, which must be a refusal."""
    assert isinstance(answer, Refused), answer
    return answer.why


def leaf(answer: Granted) -> x509.Certificate:
    """The node's own certificate."""
    return x509.load_pem_x509_certificates(answer.certificate.encode())[0]
