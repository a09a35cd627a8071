"""What our certificates say, and nothing more. Every certificate and every revocation list is built in this file.

A root lives for 25 years, since cards that lie in drawers pin it; the issuing certificate beneath it for 10, may sign
no further authority (path length 0) and nothing but clients and servers. A leaf bears one common name, which Mosquitto
takes for the user; a client's leaf also the name that NATS looks for, `<key id>.<user>`: a broker's list that names
it lets in that key only, so an older certificate of another key has no rights. A client cannot serve, a server cannot
be a client. Each begins an hour before it is made, for clocks that are a little slow.

Serial numbers are 159 random bits, drawn by the library from the kernel.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes, CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from fleet.authority.keys import PrivateKey, PublicKey, key_id

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
ROOT_DAYS, ISSUING_DAYS, NODE_DAYS, OWN_DAYS, CRL_DAYS = 25 * 365, 10 * 365, 365, 90, 60
LONGEST_LEAF_DAYS = 2 * 365
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
OFFICE = "office"  # the common name of the office's servers; no node may be called so


@dataclass(frozen=True, slots=True)
class Issued:
    """A leaf. `key`: the id of its public key; `certificate`: PEM of the leaf; `chain`: and of those above it."""

    serial: int
    key: str
    not_before_ms: int
    not_after_ms: int
    certificate: str
    chain: str


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate authority that can sign: its key and its certificate."""

    key: PrivateKey
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True)
class Life:
    """From when to when, Unix ms; whole seconds in the certificate."""

    begin_ms: int
    end_ms: int


def root(key: PrivateKey, now_ms: int) -> x509.Certificate:
    """A certificate that signs itself."""
    name = _name(f"Lantaarn root {key_id(key.public_key())[:8]}")
    life = Life(now_ms - DAY_MS, now_ms + ROOT_DAYS * DAY_MS)
    builder = _authority(_blank(name, name, key.public_key(), life), key.public_key(), key.public_key(), 1)
    return builder.sign(key, _hash(key))


def issuing(public_key: PublicKey, above: Signer, now_ms: int) -> x509.Certificate:
    """The authority beneath a root that signs clients and servers only."""
    end_ms = min(now_ms + ISSUING_DAYS * DAY_MS, ends_ms(above.certificate))
    life = Life(now_ms - DAY_MS, end_ms)
    name = _name(f"Lantaarn issuing {key_id(public_key)[:8]}")
    builder = _blank(name, above.certificate.subject, public_key, life)
    builder = _authority(builder, public_key, above.key.public_key(), 0)
    return builder.add_extension(x509.ExtendedKeyUsage([CLIENT, SERVER]), False).sign(above.key, _hash(above.key))


def issuing_request(key: PrivateKey) -> x509.CertificateSigningRequest:
    """What an authority elsewhere is asked: to make an issuing certificate for this key."""
    builder = x509.CertificateSigningRequestBuilder()
    builder = builder.subject_name(_name(f"Lantaarn issuing {key_id(key.public_key())[:8]}"))
    builder = builder.add_extension(x509.BasicConstraints(True, 0), True).add_extension(_usage(signs=True), True)
    return builder.sign(key, _hash(key))


def client(user: str, public_key: PublicKey, above: Signer, life: Life) -> x509.Certificate:
    """The leaf of a node or of the collector."""
    names = [x509.DNSName(f"{key_id(public_key)}.{user}")]
    return _leaf(user, public_key, above, life, names, CLIENT)


def server(hosts: Sequence[str], public_key: PublicKey, above: Signer, life: Life) -> x509.Certificate:
    """The leaf of the broker or the desk, for these names and addresses."""
    return _leaf(OFFICE, public_key, above, life, [_host(host) for host in hosts], SERVER)


def revocations(revoked: Iterable[tuple[int, int]], above: Signer, now_ms: int) -> str:
    """A list of (serial, Unix ms of the revocation), valid for 60 days, as PEM."""
    first = dict(sorted(revoked, reverse=True))
    builder = x509.CertificateRevocationListBuilder().issuer_name(above.certificate.subject)
    builder = builder.last_update(_date(now_ms - HOUR_MS)).next_update(_date(now_ms + CRL_DAYS * DAY_MS))
    builder = builder.add_extension(x509.CRLNumber(now_ms // 1000), False)
    builder = builder.add_extension(_signed_by(above.key.public_key()), False)
    for serial in sorted(first):
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(_date(first[serial]))
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(above.key, _hash(above.key)).public_bytes(Encoding.PEM).decode()


def pem(certificate: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """As text."""
    return certificate.public_bytes(Encoding.PEM).decode()


def begins_ms(certificate: x509.Certificate) -> int:
    """Unix ms from which it is valid."""
    return int(certificate.not_valid_before_utc.timestamp()) * 1000


def ends_ms(certificate: x509.Certificate) -> int:
    """Unix ms until which it is valid."""
    return int(certificate.not_valid_after_utc.timestamp()) * 1000


def signed_by(certificate: x509.Certificate, above: x509.Certificate) -> bool:
    """Whether `above` names itself in it and signed it."""
    try:
        certificate.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _leaf(
    user: str, key: PublicKey, above: Signer, life: Life, names: Iterable[x509.GeneralName], use: ObjectIdentifier
) -> x509.Certificate:
    builder = _blank(_name(user), above.certificate.subject, key, life)
    builder = builder.add_extension(x509.BasicConstraints(False, None), True).add_extension(_usage(signs=False), True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([use]), False)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
    return builder.add_extension(_signed_by(above.key.public_key()), False).sign(above.key, _hash(above.key))


def _blank(
    subject: x509.Name, issuer: x509.Name, key: CertificatePublicKeyTypes, life: Life
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.not_valid_before(_date(life.begin_ms)).not_valid_after(_date(life.end_ms))
    return builder.serial_number(x509.random_serial_number())


def _authority(
    builder: x509.CertificateBuilder, key: CertificatePublicKeyTypes, above: CertificateIssuerPublicKeyTypes, depth: int
) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(True, depth), True).add_extension(_usage(signs=True), True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
    return builder.add_extension(_signed_by(above), False)


def _signed_by(key: CertificateIssuerPublicKeyTypes) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not signs, False, False, False, False, signs, signs, False, False)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _date(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms // 1000, UTC)


def _hash(key: PrivateKey) -> hashes.SHA256 | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
