"""Keys: their names, which are too weak, and what opens them."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fleet.authority import keys
from tests.fleet.authority.judges import openssl

CANARY = "a passphrase nobody may see"
RSA_3072 = rsa.generate_private_key(65537, 3072)


def test_a_key_id_is_what_openssl_computes(tmp_path: Path) -> None:
    key = keys.new_key()
    (tmp_path / "key.pem").write_text(keys.dump(key))
    openssl("pkey", "-in", tmp_path / "key.pem", "-pubout", "-outform", "DER", "-out", tmp_path / "key.der")
    assert keys.key_id(key.public_key()) == hashlib.sha256((tmp_path / "key.der").read_bytes()).hexdigest()[:32]


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()).public_key(),
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        ed25519.Ed25519PrivateKey.generate().public_key(),
        RSA_3072.public_key(),
    ],
    ids=["P-256", "P-384", "Ed25519", "RSA-3072"],
)
def test_what_is_strong_is_taken(key: PublicKeyTypes) -> None:
    assert keys.strong(key)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP192R1()).public_key(),
        ec.generate_private_key(ec.SECP224R1()).public_key(),
        ec.generate_private_key(ec.SECP256K1()).public_key(),
        rsa.generate_private_key(65537, 2048).public_key(),
        rsa.RSAPublicNumbers(3, RSA_3072.public_key().public_numbers().n).public_key(),
        rsa.RSAPublicNumbers(65537, (1 << 8200) + 1).public_key(),
        dsa.generate_private_key(2048).public_key(),
        ed448.Ed448PrivateKey.generate().public_key(),
        x25519.X25519PrivateKey.generate().public_key(),
        "no key",
    ],
    ids=["P-192", "P-224", "P-256k1", "RSA-2048", "RSA-e3", "RSA-8201", "DSA", "Ed448", "X25519", "text"],
)
def test_what_is_weak_or_strange_is_refused(key: object) -> None:
    assert not keys.strong(key)


def test_an_rsa_modulus_with_a_small_factor_is_guessable() -> None:
    assert keys.guessable(2 * prime_near(1 << 500))
    assert keys.guessable(1999 * prime_near(1 << 500))
    assert not keys.guessable(prime_near(1 << 500) * prime_near(3 << 500))


def test_an_rsa_key_of_the_faulty_chip_is_known_by_its_fingerprint() -> None:
    """ROCA: its primes are k * M + 65537 ** a mod M, with M the product of the first primes."""
    random = Random(7)
    product = math.prod((2, *keys.PRIMES[:70]))

    def roca_prime() -> int:
        while True:
            found = random.getrandbits(300) * product + pow(65537, random.getrandbits(200), product)
            if is_prime(found):
                return found

    assert keys.guessable(roca_prime() * roca_prime())


def test_ed25519_points_for_which_everybody_can_sign_are_refused() -> None:
    points = [(y | sign << 255).to_bytes(32, "little") for y in keys.LOW_ORDER_Y for sign in (0, 1)]
    found = [ed25519.Ed25519PublicKey.from_public_bytes(point) for point in points]
    assert len(points) == 14 and not any(keys.strong(key) for key in found)


def test_such_a_point_takes_a_signature_of_nobody() -> None:
    identity = ed25519.Ed25519PublicKey.from_public_bytes((1).to_bytes(32, "little"))
    identity.verify((1).to_bytes(32, "little") + bytes(32), b"anything at all")
    assert not keys.strong(identity)


def test_the_table_of_low_orders_is_what_the_curve_says() -> None:
    p = keys.ED25519_P
    d = -121665 * pow(121666, -1, p) % p
    u = keys.ED25519_ORDER_8**2 % p
    # Doubling a point of order 8 gives one of order 4, whose y is 0: then y^2 = -x^2, so d * y^4 + 2 * y^2 - 1 = 0.
    assert (d * u * u + 2 * u - 1) % p == 0


@pytest.mark.parametrize("passphrase", [None, CANARY])
def test_a_key_comes_back_as_it_went(passphrase: str | None) -> None:
    key = keys.new_key()
    text = keys.dump(key, passphrase)
    assert keys.encrypted(text) == (passphrase is not None)
    assert keys.public_der(keys.load(text, passphrase).public_key()) == keys.public_der(key.public_key())
    assert keys.load(keys.dump(key), "one that is not needed")


@pytest.mark.parametrize(
    "key", [keys.new_key(), RSA_3072, ed25519.Ed25519PrivateKey.generate()], ids=["EC", "RSA", "Ed"]
)
def test_the_openssl_program_opens_what_we_shut_and_it_took_pains(key: keys.PrivateKey, tmp_path: Path) -> None:
    shut, words = keys.dump(key, CANARY), tmp_path / "words"
    words.write_text(CANARY)
    opened = openssl("pkey", "-passin", f"file:{words}", text=shut)
    assert keys.public_der(keys.load(opened).public_key()) == keys.public_der(key.public_key())
    described = openssl("asn1parse", text=shut)
    assert "aes-256-cbc" in described and "hmacWithSHA256" in described
    rounds = int(described.split("prim: INTEGER           :")[1].split()[0], 16)
    assert rounds >= 600_000
    assert keys.dump(key, CANARY) != shut  # another salt each time


@pytest.mark.parametrize("tried", [None, "", "another"])
def test_an_encrypted_key_stays_shut_and_says_nothing(tried: str | None) -> None:
    with pytest.raises(keys.Locked) as caught:
        keys.load(keys.dump(keys.new_key(), CANARY), tried)
    assert CANARY not in str(caught.value) and "another" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_said_to_be_none(text: str) -> None:
    with pytest.raises(keys.NoKey):
        keys.load(text)


def test_a_key_of_another_kind_is_not_ours() -> None:
    strange = ed448.Ed448PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(keys.NoKey, match="do not use"):
        keys.load(strange.decode())


def is_prime(n: int) -> bool:
    return all(n % p for p in keys.PRIMES) and n % 2 == 1 and all(pow(a, n - 1, n) == 1 for a in (2, 3, 5))


def prime_near(n: int) -> int:
    return next(each for each in range(n | 1, n + 10_000, 2) if is_prime(each))
