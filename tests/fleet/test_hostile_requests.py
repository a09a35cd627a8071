"""Certificate requests that nobody honest sends, from nearly right to noise: one key a token, and never a fault."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.wire.enrolment import Claim, Granted, Why
from fleet.authority.keys import key_id
from fleet.patience import Patience
from tests.fleet.desks import Office, Pole, granted, leaf, request, why

NODE = "pole-1"
POINT = (Encoding.X962, PublicFormat.UncompressedPoint)


def der(pem: str) -> bytes:
    return x509.load_pem_x509_csr(pem.encode()).public_bytes(Encoding.DER)


def pem(data: bytes) -> str:
    return (f"-----BEGIN CERTIFICATE REQUEST-----\n{base64.encodebytes(data).decode()}"
            "-----END CERTIFICATE REQUEST-----\n")  # fmt: skip


NAMES = ["", "POLE-1", "pole-1 ", "pole-2", "a/b", "+", "#", "$SYS", "a.b", "*", "pole-1\0", "pole-1/../pole-2",
         "office", "collector", "ä" * 20, "x" * 64, "%u", "pole-1\n", "{}", "'; DROP TABLE keys; --"]  # fmt: skip


def wishes() -> list[x509.ExtensionType]:
    """What a request may ask for, and never gets."""
    names: list[x509.GeneralName] = [x509.DNSName("pole-2"), x509.DNSName(f"{'a' * 32}.pole-2"),
                                     x509.IPAddress(ip_address("10.0.0.1")), x509.RFC822Name("a@b.nl"),
                                     x509.UniformResourceIdentifier("lantaarn:collector")]  # fmt: skip
    return [x509.BasicConstraints(ca=True, path_length=9), x509.SubjectAlternativeName(names),
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]),
            x509.KeyUsage(True, True, True, True, True, True, True, False, False),
            x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\0" * 500)]  # fmt: skip


def odd_keys() -> list[str]:
    """Requests with the right name, whole and well signed, by keys that are weak or odd."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NODE)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    curves = (ec.SECP192R1(), ec.SECP224R1(), ec.SECP256K1())
    short: list[CertificateIssuerPrivateKeyTypes] = [ec.generate_private_key(curve) for curve in curves]
    short.append(rsa.generate_private_key(65537, 1024))
    found = [builder.sign(key, hashes.SHA256()) for key in short]
    found.append(builder.sign(ed448.Ed448PrivateKey.generate(), None))
    return [each.public_bytes(Encoding.PEM).decode() for each in found]


def hostile(chance: random.Random) -> Iterator[str]:
    """A thousand requests, from nearly right to noise."""
    key = ec.generate_private_key(ec.SECP256R1())
    whole = [request(key, NODE), request(key, NODE, more=wishes()), request(ec.generate_private_key(ec.SECP256R1()))]
    yield from odd_keys()
    yield from (request(key, name) for name in NAMES if 0 < len(name.encode()) <= 64)
    yield from (request(key, NODE, other) for other in (NODE, "pole-2"))
    yield from (request(ec.generate_private_key(ec.SECP256R1()), NODE, more=[wish]) for wish in wishes())
    yield from ("", "x" * 8000, "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----", whole[0] * 2,
                whole[0].replace("REQUEST", "REQUEST " * 99), "\0" * 100, "\ud800", whole[0] + "\n" * 9000)  # fmt: skip
    data = [der(each) for each in whole]
    yield from (pem(each + tail) for each in data for tail in (b"\0", b"\x30\x00", each, b"x" * 5000))
    yield pem(b"\x30\x84\xff\xff\xff\xff" + b"\x30" * 4000)
    yield pem(b"\x30\x80" * 2000)
    for _ in range(450):
        spoilt = bytearray(chance.choice(data))
        for _ in range(chance.choice((1, 1, 1, 3, 30))):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        yield pem(bytes(spoilt))
    for _ in range(250):
        each = chance.choice(data)
        yield pem(each[: chance.randrange(len(each))])
    for _ in range(150):
        text = list(chance.choice(whole))
        text[chance.randrange(len(text))] = chance.choice("\0=-A\n\x7fé\U0001f4a3")
        yield "".join(text)
    for _ in range(100):
        yield pem(chance.randbytes(chance.randrange(2000)))


def test_a_thousand_hostile_requests_make_one_key_at_most(here: Office) -> None:
    here.desk.peers = here.desk.keys = Patience(10**6, 1)
    token, strangers = here.token(NODE), 0
    seen: list[Granted] = []
    corpus = list(hostile(random.Random(5)))
    assert len(corpus) >= 1000
    for text in corpus:
        answer = here.desk.claim(Claim(NODE, text, token), "::1")
        if isinstance(answer, Granted):
            seen.append(answer)
        else:
            strangers += answer.why is Why.TAKEN
            assert answer.why in (Why.REQUEST, Why.TAKEN)
    assert strangers > 5 and len({key_id(leaf(each).public_key()) for each in seen}) == 1
    assert len(here.registry.certificates()) == 1
    for extension in leaf(seen[0]).extensions:
        told = str(extension.value)
        assert "pole-2" not in told and "ca=True" not in told and "SERVER_AUTH" not in told.upper(), told


def test_no_name_but_its_own_is_ever_signed(here: Office) -> None:
    for name in NAMES:
        key = ec.generate_private_key(ec.SECP256R1())
        for asked in {name, NODE}:
            try:
                text = request(key, asked)
            except ValueError:
                continue
            assert not isinstance(here.desk.claim(Claim(name, text, here.token(NODE)), "::1"), Granted)
    assert here.registry.members() == []


def test_a_request_must_be_signed_by_its_own_key(here: Office) -> None:
    token = here.token(NODE)
    mine, theirs = Pole(NODE, token), Pole(NODE)
    inner = der(theirs.request())
    swapped = inner.replace(theirs.key.public_key().public_bytes(*POINT), mine.key.public_key().public_bytes(*POINT))
    assert swapped != inner and len(swapped) == len(inner)
    assert why(here.desk.claim(Claim(NODE, pem(swapped), token), "::1")) is Why.REQUEST
    good = ed25519.Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NODE)])
    signed = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(good, None)
    granted(here.desk.claim(Claim(NODE, signed.public_bytes(Encoding.PEM).decode(), token), "::1"))
