"""Certificate requests: only key and name count, and whatever else arrives is refused in one way."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from fleet.authority import keys
from fleet.authority.keys import PrivateKey
from fleet.authority.request import LONGEST, RequestRefused, checked
from tests.fleet.authority.judges import openssl

KEY = keys.new_key()
ALWAYS_THE_SAME = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
COMMON = NameOID.COMMON_NAME


def request(*names: tuple[x509.ObjectIdentifier, str], key: PrivateKey = KEY, hash_: hashes.HashAlgorithm | None = None,
            extensions: tuple[x509.ExtensionType, ...] = ()) -> str:  # fmt: skip
    builder = x509.CertificateSigningRequestBuilder()
    builder = builder.subject_name(x509.Name([x509.NameAttribute(oid, value) for oid, value in names]))
    for each in extensions:
        builder = builder.add_extension(each, critical=True)
    how = hash_ or (None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    signed = builder.sign(key, how)  # type: ignore[arg-type]
    return signed.public_bytes(Encoding.PEM).decode()


def in_pem(der: bytes) -> str:
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{base64.b64encode(der).decode()}\n-----END CERTIFICATE REQUEST-----\n"


def der_of(pem: str) -> bytes:
    return x509.load_pem_x509_csr(pem.encode()).public_bytes(Encoding.DER)


def same(found: object) -> bool:
    assert isinstance(found, keys.PublicKey)
    return keys.key_id(found) == keys.key_id(KEY.public_key())


@pytest.mark.parametrize(
    "pem", [request((COMMON, "pole-a")), request(), f"\n{request()}\n", request().replace("\n", "\r\n")]
)
def test_a_plain_request_gives_its_key(pem: str) -> None:
    assert same(checked(pem, "pole-a"))


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate(),
            rsa.generate_private_key(65537, 3072)], ids=["P-384", "Ed25519", "RSA-3072"])  # fmt: skip
def test_every_strong_key_may_ask(key: PrivateKey) -> None:
    found = checked(request((COMMON, "pole-a"), key=key), "pole-a")
    assert keys.key_id(found) == keys.key_id(key.public_key())


def test_what_the_openssl_program_asks_is_understood(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(keys.dump(KEY))
    assert same(checked(openssl("req", "-new", "-key", tmp_path / "key.pem", "-subj", "/CN=pole-a"), "pole-a"))


def test_wishes_are_neither_read_nor_a_reason_to_refuse() -> None:
    wishes = (
        x509.BasicConstraints(True, None),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.SubjectAlternativeName([x509.DNSName("collector"), x509.DNSName("*")]),
    )
    assert same(checked(request((COMMON, "pole-a"), extensions=wishes), "pole-a"))


@pytest.mark.parametrize(
    "names",
    [
        [(COMMON, "pole-b")],
        [(COMMON, "POLE-A")],
        [(COMMON, "pole-a/up")],
        [(COMMON, "pole-a ")],
        [(COMMON, "pole-a\0")],
        [(COMMON, "pole-a"), (COMMON, "pole-a")],
        [(COMMON, "pole-a"), (COMMON, "pole-b")],
        [(COMMON, "pole-a"), (NameOID.ORGANIZATION_NAME, "office")],
        [(NameOID.SERIAL_NUMBER, "pole-a")],
    ],
)
def test_another_name_is_refused(names: list[tuple[x509.ObjectIdentifier, str]]) -> None:
    with pytest.raises(RequestRefused, match="another name"):
        checked(request(*names), "pole-a")


@pytest.mark.parametrize(
    "node", ["", "ab", "a+b", "w#", "sl/sh", "$SYS", "office.collector", "A-pole", "x" * 33, "pole\n"]
)
def test_nobody_may_be_called_by_what_means_something_to_a_broker(node: str) -> None:
    pem = request((COMMON, node)) if node else request()
    with pytest.raises(RequestRefused):
        checked(pem, node)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP192R1()),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-192", "P-256k1", "RSA-2048"],
)
def test_a_weak_key_is_refused(key: PrivateKey) -> None:
    with pytest.raises(RequestRefused, match="weak"):
        checked(request((COMMON, "pole-a"), key=key), "pole-a")


def test_a_key_for_which_everybody_can_sign_is_refused() -> None:
    """An Ed25519 request with the identity as its key, and the signature that is good for any message."""
    der = der_of(request((COMMON, "pole-a"), key=(own := ed25519.Ed25519PrivateKey.generate())))
    identity = (1).to_bytes(32, "little")
    forged = der.replace(own.public_key().public_bytes_raw(), identity)[:-64] + identity + bytes(32)
    assert x509.load_der_x509_csr(forged).is_signature_valid
    with pytest.raises(RequestRefused, match="weak"):
        checked(in_pem(forged), "pole-a")


def test_somebody_elses_key_is_refused() -> None:
    other = keys.new_key().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    ours = KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    with pytest.raises(RequestRefused, match="not signed by the key"):
        checked(in_pem(der_of(request((COMMON, "pole-a"))).replace(ours, other)), "pole-a")


def test_an_outworn_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(keys.dump(KEY))
    pem = openssl("req", "-new", "-sha1", "-key", tmp_path / "key.pem", "-subj", "/CN=pole-a")
    with pytest.raises(RequestRefused, match="outworn"):
        checked(pem, "pole-a")


@pytest.mark.parametrize(
    "pem",
    [
        "",
        request() * 2,
        request() + "and more",
        request().replace("REQUEST", "REQUESTS"),
        request().replace("CERTIFICATE REQUEST", "CERTIFICATE"),
        in_pem(b""),
        in_pem(der_of(request()) + b"\0"),
        in_pem(der_of(request())[:-1]),
        in_pem(b"\x30\x84\xff\xff\xff\xff" + bytes(40)),
        in_pem(b"\x30\x80" * 2000),
        in_pem(bytes(LONGEST)),
        request().replace("A", "é"),
        "-----BEGIN CERTIFICATE REQUEST-----\n=AAA\n-----END CERTIFICATE REQUEST-----",
        "\ud800",
    ],
    ids=range(14),
)  # fmt: skip
def test_what_is_no_request_is_refused(pem: str) -> None:
    with pytest.raises(RequestRefused):
        checked(pem, "pole-a")


def test_no_single_byte_of_a_request_can_be_changed() -> None:
    """But the one that says how many of the last byte's bits count: it names the same signature in another way."""
    der = der_of(request((COMMON, "pole-a")))
    harmless = len(der) - len(x509.load_der_x509_csr(der).signature) - 1
    for at in {*range(len(der))} - {harmless}:
        for flip in (0x01, 0x20, 0x80, 0xFF):
            with pytest.raises(RequestRefused):
                checked(in_pem(der[:at] + bytes([der[at] ^ flip]) + der[at + 1 :]), "pole-a")


@given(st.text() | st.binary().map(lambda found: found.decode("latin-1")))
def test_any_text_is_refused_and_nothing_worse(text: str) -> None:
    with pytest.raises(RequestRefused):
        checked(text, "pole-a")


@given(st.binary(max_size=600))
def test_any_bytes_in_pem_are_refused_and_nothing_worse(der: bytes) -> None:
    with pytest.raises(RequestRefused):
        checked(in_pem(der), "pole-a")


@given(st.data())
def test_any_mangled_request_is_refused_and_nothing_worse(data: st.DataObject) -> None:
    der = bytearray(der_of(request((COMMON, "pole-a"), key=ALWAYS_THE_SAME)))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(der) - 1))
        der[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=12))
    try:
        found = checked(in_pem(bytes(der)), "pole-a")  # what came out as it went in
        assert keys.key_id(found) == keys.key_id(ALWAYS_THE_SAME.public_key())
    except RequestRefused as refused:
        assert refused.why and "pole" not in refused.why
