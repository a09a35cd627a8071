"""What a node asks for, judged: of a certificate request nothing is believed but its key and, if it has one, its name.

The request comes from whoever knocks, so it is bounded before it is parsed, its key is judged before anything is
computed with it, and every failure of the parser, however odd, is a refusal. Wishes for names, powers or lifetimes are
neither read nor granted. That the request is signed by its own key proves that whoever sent it has the private half.
"""

from __future__ import annotations

import base64
import re

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from edge.wire.identity import node_id
from fleet.authority.keys import PublicKey, strong

LONGEST = 8192  # characters: RSA of 8192 bits needs 3,200
PEM = re.compile(r"\s*-----BEGIN CERTIFICATE REQUEST-----\s([A-Za-z0-9+/=\s]*)-----END CERTIFICATE REQUEST-----\s*")
HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
PANIC = "PanicException"  # what a parser in Rust raises when it gives up: no Exception


class RequestRefused(Exception):
    """The request is none that we sign; `why` says so in half a sentence that repeats nothing of it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def checked(pem: str, node: str) -> PublicKey:
    """The key of a PKCS#10 request for `node`, signed by its private half. Raises RequestRefused, and nothing else."""
    try:
        return _checked(pem, node_id(node))
    except RequestRefused:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != PANIC:
            raise
        raise RequestRefused("it cannot be read") from None


def _checked(pem: str, node: str) -> PublicKey:
    request = x509.load_der_x509_csr(_der(pem))
    _check_name(request.subject, node)
    key = request.public_key()
    if not strong(key):
        raise RequestRefused("its key is weak or of a kind that we do not sign")
    how = request.signature_hash_algorithm
    if how is not None and not isinstance(how, HASHES):
        raise RequestRefused("it is signed with an outworn hash")
    if not request.is_signature_valid:
        raise RequestRefused("it is not signed by the key that it names")
    assert isinstance(key, PublicKey)
    return key


def _der(pem: str) -> bytes:
    if len(pem) > LONGEST:
        raise RequestRefused(f"it is longer than {LONGEST} characters")
    found = PEM.fullmatch(pem)
    if found is None:
        raise RequestRefused("it is not one certificate request in PEM")
    return base64.b64decode("".join(found[1].split()), validate=True)


def _check_name(subject: x509.Name, node: str) -> None:
    """Nothing at all, or the one name that is ours to give."""
    names = [(each.oid, each.value) for each in subject]
    if names and names != [(NameOID.COMMON_NAME, node)]:
        raise RequestRefused("it bears another name than the node's")
