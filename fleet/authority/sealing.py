"""A private key shut with a passphrase: PKCS#8 with PBES2 (RFC 8018), PBKDF2 over HMAC-SHA256, AES-256-CBC.

The library writes the same format, with 2,048 rounds: whoever stole such a file tries millions of passphrases a second.
So the few bytes around the ciphertext are written here, with 600,000 rounds; the primitives are the library's, it reads
the result as it reads its own, and so does the openssl program.
"""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7

from fleet.clock import new_password

ROUNDS = 600_000
SEQUENCE, OCTETS, INTEGER, NULL = 0x30, 0x04, 0x02, b"\x05\x00"
PBES2 = bytes.fromhex("06092a864886f70d01050d")
PBKDF2 = bytes.fromhex("06092a864886f70d01050c")
HMAC_SHA256 = bytes.fromhex("06082a864886f70d0209")
AES_256_CBC = bytes.fromhex("060960864801650304012a")


def sealed(pkcs8: bytes, passphrase: str) -> str:
    """A PKCS#8 key (DER) as encrypted PEM."""
    salt, start = (bytes.fromhex(new_password())[:16] for _ in range(2))
    key = PBKDF2HMAC(hashes.SHA256(), 32, salt, ROUNDS).derive(passphrase.encode())
    padder, encryptor = PKCS7(128).padder(), Cipher(AES256(key), CBC(start)).encryptor()
    secret = encryptor.update(padder.update(pkcs8) + padder.finalize()) + encryptor.finalize()
    return _pem(_der(SEQUENCE, _how(salt, start), _der(OCTETS, secret)))


def _how(salt: bytes, start: bytes) -> bytes:
    """The AlgorithmIdentifier of PBES2 with all that is needed to undo it but the passphrase."""
    rounds = _der(INTEGER, ROUNDS.to_bytes(ROUNDS.bit_length() // 8 + 1, "big"))
    stretching = _der(SEQUENCE, PBKDF2, _der(SEQUENCE, _der(OCTETS, salt), rounds, _der(SEQUENCE, HMAC_SHA256, NULL)))
    cipher = _der(SEQUENCE, AES_256_CBC, _der(OCTETS, start))
    return _der(SEQUENCE, PBES2, _der(SEQUENCE, stretching, cipher))


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _pem(der: bytes) -> str:
    text = base64.b64encode(der).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN ENCRYPTED PRIVATE KEY-----", *lines, "-----END ENCRYPTED PRIVATE KEY-----", ""])
