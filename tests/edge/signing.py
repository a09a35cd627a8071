"""Certificates for tests, signed as an office would: a root, one who issues, and leaves of any kind and time."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW_MS = 1_800_000_000_000  # some day in 2027
DAY_MS = 86_400_000
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: Key) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def when(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms / 1000, UTC)


def alternatives(names: Sequence[str]) -> x509.SubjectAlternativeName:
    found: list[x509.GeneralName] = []
    for each in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(each)))
        except ValueError:
            found.append(x509.DNSName(each))
    return x509.SubjectAlternativeName(found)


class Signer:
    """One who signs; `above` signed him, or he himself did."""

    def __init__(self, common: str, above: Signer | None = None, begins: int = -1, ends: int = 9_000) -> None:
        """`begins`, `ends`: days from now."""
        self.key, self.name, self.above = new_key(), name(common), above
        life = NOW_MS + begins * DAY_MS, NOW_MS + ends * DAY_MS
        self.certificate = (above or self).sign(self.name, self.key, *life, ca=True)

    def sign(
        self, subject: x509.Name, key: Key | ec.EllipticCurvePublicKey, begins_ms: int, ends_ms: int, ca: bool = False,
        names: Sequence[str] = (), use: x509.ObjectIdentifier = CLIENT,
    ) -> x509.Certificate:  # fmt: skip
        public = key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else key
        builder = x509.CertificateBuilder(self.name, subject, public, x509.random_serial_number())
        builder = builder.not_valid_before(when(begins_ms)).not_valid_after(when(ends_ms))
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        if names:
            builder = builder.add_extension(alternatives(names), critical=False)
        if not ca:
            builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        return builder.sign(self.key, hashes.SHA256())


@dataclass
class Signed:
    """A certificate with its chain, and its key, as files."""

    certificate: Path
    key: Path
    text: str


class Office:
    """A root and one who issues."""

    def __init__(self, root: tuple[int, int] = (-1, 9_000), issuing: tuple[int, int] = (-1, 9_000)) -> None:
        self.root = Signer("root", None, *root)
        self.issuing = Signer("issuing", self.root, *issuing)
        self.trust = pem(self.root.certificate)

    def leaf(
        self, common: str, key: Key | ec.EllipticCurvePublicKey, begins_ms: int = NOW_MS - DAY_MS,
        ends_ms: int = NOW_MS + 364 * DAY_MS, names: Sequence[str] = (), use: x509.ObjectIdentifier = CLIENT,
    ) -> str:  # fmt: skip
        leaf = self.issuing.sign(name(common), key, begins_ms, ends_ms, names=names, use=use)
        return pem(leaf) + pem(self.issuing.certificate)

    def put(
        self, folder: Path, common: str, begins_ms: int = NOW_MS - DAY_MS, ends_ms: int = NOW_MS + 364 * DAY_MS,
        names: Sequence[str] = (), use: x509.ObjectIdentifier = CLIENT,
    ) -> Signed:  # fmt: skip
        """A leaf with a key of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        key = new_key()
        text = self.leaf(common, key, begins_ms, ends_ms, names, use)
        signed = Signed(folder / f"{common}.pem", folder / f"{common}.key", text)
        signed.certificate.write_text(text)
        signed.key.write_text(key_pem(key))
        signed.key.chmod(0o600)
        return signed

    def server(self, folder: Path, *names: str, begins_ms: int = NOW_MS - DAY_MS,
               ends_ms: int = NOW_MS + 89 * DAY_MS) -> Signed:  # fmt: skip
        return self.put(folder, "broker", begins_ms, ends_ms, names or ("127.0.0.1", "localhost"), SERVER)
