"""Keys: made, named, judged and kept.

A key is known by a name of its own, made of its public half: a certificate comes and goes, the key id stays. What is
weak is refused whoever brings it: short RSA, the RSA keys that a faulty chip made guessable (ROCA), RSA with small
factors or an odd exponent, curves of less than 256 bits, and the points of Ed25519 for which everybody can sign.

The library draws from the kernel's random source itself: a key from a seed would be no key.
"""

from __future__ import annotations

import math
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from fleet.authority.sealing import sealed

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

ID_LENGTH = 32  # hexadecimal digits
CURVES = ("secp256r1", "secp384r1")
RSA_BITS = (3072, 8192)
RSA_EXPONENT = 65537
PRIMES = tuple(n for n in range(3, 2000, 2) if all(n % m for m in range(3, math.isqrt(n) + 1, 2)))
ROCA_PRIMES = PRIMES[:38]  # 3 to 167
ED25519_P = 2**255 - 19
ED25519_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7  # its y, as RFC 8032 counts
LOW_ORDER_Y = {0, 1, ED25519_P - 1, ED25519_P, ED25519_P + 1, ED25519_ORDER_8, ED25519_P - ED25519_ORDER_8}


class NoKey(ValueError):
    """The text holds no private key that we can use."""


class Locked(NoKey):
    """The key is encrypted, and the passphrase is missing or wrong."""


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def public_der(public_key: PublicKeyTypes) -> bytes:
    """The DER SubjectPublicKeyInfo, always written the same way."""
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(public_key: PublicKeyTypes) -> str:
    """The name of a public key: the first 32 hexadecimal digits of SHA-256 over its DER SubjectPublicKeyInfo."""
    return sha256(public_der(public_key)).hexdigest()[:ID_LENGTH]


def dump(key: PrivateKey, passphrase: str | None = None) -> str:
    """PKCS#8 as PEM; encrypted when there is a passphrase."""
    if passphrase:
        return sealed(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def load(pem: str, passphrase: str | None = None) -> PrivateKey:
    """The key in a PEM text; a passphrase that is not needed is not used.

    Raises Locked when it is encrypted and the passphrase does not open it, NoKey when there is no usable key.
    """
    locked = encrypted(pem)
    if locked and not passphrase:
        raise Locked("it is encrypted")
    try:
        key = load_pem_private_key(pem.encode(), passphrase.encode() if locked and passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise (Locked("the passphrase does not open it") if locked else NoKey("it holds no private key")) from None
    if not isinstance(key, PrivateKey):
        raise NoKey("it is a kind of key that we do not use")
    return key


def encrypted(pem: str) -> bool:
    """Whether a PEM text holds a key that needs a passphrase."""
    return "BEGIN ENCRYPTED" in pem or ",ENCRYPTED" in pem


def strong(public_key: object) -> bool:
    """Whether a key may have a certificate: P-256, P-384, Ed25519, RSA of 3072 bits and more, and not known weak."""
    match public_key:
        case ec.EllipticCurvePublicKey():
            return public_key.curve.name in CURVES
        case ed25519.Ed25519PublicKey():
            return not low_order(public_key.public_bytes_raw())
        case rsa.RSAPublicKey():
            numbers = public_key.public_numbers()
            long_enough = RSA_BITS[0] <= public_key.key_size <= RSA_BITS[1]
            return long_enough and numbers.e == RSA_EXPONENT and not guessable(numbers.n)
        case _:
            return False


def low_order(point: bytes) -> bool:
    """Whether an Ed25519 public key (32 bytes) is a point of order 8 or less: every message has a signature then."""
    return int.from_bytes(point, "little") & (2**255 - 1) in LOW_ORDER_Y


def guessable(modulus: int) -> bool:
    """Whether an RSA modulus is even, has a factor below 2000, or bears the fingerprint of ROCA (CVE-2017-15361)."""
    return modulus % 2 == 0 or math.gcd(modulus, math.prod(PRIMES)) > 1 or _roca(modulus)


def _roca(modulus: int) -> bool:
    return all(modulus % prime in _powers(prime) for prime in ROCA_PRIMES)


def _powers(prime: int) -> set[int]:
    """What the powers of 65537 leave when divided by `prime`."""
    return {pow(RSA_EXPONENT, exponent, prime) for exponent in range(prime)}
