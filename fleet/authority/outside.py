"""An authority elsewhere, the city's own perhaps: a request goes out, a chain comes in, the key never leaves.

The chain is judged before it is believed: it is for our key; each certificate signed the one below; its root is in it,
for nodes pin that; our own may sign leaves of both kinds and nothing else; nothing in it has ended or is outworn. In a
home that has an authority already the chain becomes the next one, known to nodes at once and in charge after the
roll-over; and if it ends in the root that nodes pin already, the roll-over need not wait.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from fleet import files, show
from fleet.authority import certificates, keys, vault
from fleet.authority.authority import Authority, read_key, read_terms, terms
from fleet.authority.certificates import CLIENT, SERVER
from fleet.home import Home
from fleet.trouble import Exit, Trouble

LONGEST = 256 * 1024  # characters
MOST = 10  # certificates
OUTWORN = (hashes.MD5, hashes.SHA1)
Kind = TypeVar("Kind", bound=x509.ExtensionType)
STANDS = "Nothing was changed: the request and its key are kept."


def request_folder(home: Home) -> Path:
    """Where the key waits for its certificate: not among the authority's files, since it signs nothing yet."""
    return home.request


def request(home: Home, passphrase: str | None) -> str:
    """A request for an issuing certificate, as PEM; asked again, for the same key. Raises Trouble, OSError."""
    folder = request_folder(home)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / vault.ISSUING_KEY).exists():
        files.replace(folder / vault.ISSUING_KEY, keys.dump(keys.new_key(), passphrase))
    return certificates.pem(certificates.issuing_request(read_key(folder, vault.ISSUING_KEY, passphrase)))


def install(home: Home, chain: str, passphrase: str | None, now_ms: int) -> Authority | None:
    """Takes the answer in. The authority if this made one, None if it is the next one now. Raises Trouble, OSError."""
    folder = request_folder(home)
    path = rehearse(home, chain, passphrase, now_ms)
    issuing, root = "".join(map(certificates.pem, path[:-1])), certificates.pem(path[-1])
    key_pem = vault.read(folder, vault.ISSUING_KEY)
    if vault.present(home.authority):
        _become_next(home.authority, issuing, key_pem, root, now_ms)
    else:
        vault.put_new(home.authority, {vault.ROOT: root, vault.ISSUING: issuing, vault.ISSUING_KEY: key_pem,
                                        vault.TERMS: terms()})  # fmt: skip
    vault.clear(folder)
    return None if (home.authority / vault.NEXT_ISSUING).exists() else Authority.open(home.authority, passphrase)


def rehearse(home: Home, chain: str, passphrase: str | None, now_ms: int) -> list[x509.Certificate]:
    """What `install` would take in: our certificate, those above it, the root. Raises Trouble that says why not."""
    folder = request_folder(home)
    if not (folder / vault.ISSUING_KEY).exists():
        raise Trouble("No request was made here that a chain could answer.", "Nothing was changed.",
                      "fleet init --csr FILE, and give FILE to whoever signs", Exit.REFUSED)  # fmt: skip
    key = read_key(folder, vault.ISSUING_KEY, passphrase)
    return judged(chain, keys.public_der(key.public_key()), now_ms)


def judged(chain: str, public_der: bytes, now_ms: int) -> list[x509.Certificate]:
    """The path from the certificate for this key (DER) to its root. Raises Trouble."""
    found = _certificates(chain)
    ours = [each for each in found if keys.public_der(each.public_key()) == public_der]
    if not ours:
        raise _refused("None of its certificates is for the key of our request",
                       "give whoever signs the file of the last fleet init --csr")  # fmt: skip
    path = _up(ours[0], found)
    for depth, each in enumerate(path):
        _check_authority(each, depth, now_ms)
    _check_issuing(path[0])
    return path


def _certificates(chain: str) -> list[x509.Certificate]:
    try:
        found = x509.load_pem_x509_certificates(chain.encode()) if len(chain) <= LONGEST else []
    except ValueError:
        found = []
    if not 0 < len(found) <= MOST:
        raise _refused(
            f"It does not hold 1 to {MOST} certificates in PEM", "ask for the chain as PEM, its root included"
        )
    return found


def _up(leaf: x509.Certificate, found: list[x509.Certificate]) -> list[x509.Certificate]:
    """From `leaf` to a root, each signed by the next."""
    path = [leaf]
    while not _is_root(path[-1]):
        if isinstance(path[-1].signature_hash_algorithm, OUTWORN):
            raise _refused(f"{_called(path[-1])} is signed with an outworn hash", "ask for SHA-256")
        above = [each for each in found if each not in path and certificates.signed_by(path[-1], each)]
        if not above:
            lacking = path[-1].issuer.rfc4514_string()
            raise _refused(f"It reaches no root: {_called(path[-1])} is signed by {lacking!r}, which is not in it",
                           "add that certificate to the file, up to the root")  # fmt: skip
        path.append(above[0])
    if len(path) == 1:
        raise _refused("Our certificate signs itself", "have it signed by your authority's root")
    return path


def _is_root(each: x509.Certificate) -> bool:
    """Whether it signs itself; by which hash does not matter, since nobody relies on that signature."""
    outworn = isinstance(each.signature_hash_algorithm, OUTWORN)
    return each.issuer == each.subject and (outworn or certificates.signed_by(each, each))


def _check_authority(each: x509.Certificate, depth: int, now_ms: int) -> None:
    """Whether it may sign, with `depth` authorities beneath it."""
    begin_ms, end_ms = certificates.begins_ms(each), certificates.ends_ms(each)
    if not begin_ms <= now_ms < end_ms:
        raise _refused(f"{_called(each)} counts from {show.when(begin_ms)} to {show.when(end_ms)}, and it is "
                       f"{show.when(now_ms)} here", "ask for one that counts now, or set the clock")  # fmt: skip
    basic = _extension(each, x509.BasicConstraints)
    if basic is None or not basic.ca:
        raise _refused(f"{_called(each)} is not that of an authority", "ask for an issuing authority: CA:TRUE")
    if basic.path_length is not None and basic.path_length < depth:
        raise _refused(f"{_called(each)} allows too few authorities beneath it", "have a higher one sign ours")
    usage = _extension(each, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise _refused(f"{_called(each)} may not sign certificates", "ask for the key usages keyCertSign and cRLSign")


def _check_issuing(ours: x509.Certificate) -> None:
    basic, usage = _extension(ours, x509.BasicConstraints), _extension(ours, x509.KeyUsage)
    if basic is None or basic.path_length != 0:
        raise _refused("Our certificate might sign further authorities", "ask for the path length 0: pathlen:0")
    if usage is not None and not usage.crl_sign:
        raise _refused("Our certificate may not sign the list of the revoked", "ask for the key usage cRLSign")
    uses = _extension(ours, x509.ExtendedKeyUsage)
    if uses is not None and not {CLIENT, SERVER} <= {*uses} and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in uses:
        raise _refused("Our certificate may not sign for both clients and servers", "ask for clientAuth and serverAuth")
    if _extension(ours, x509.NameConstraints) is not None:
        raise _refused("Our certificate limits the names that it may sign", "ask for one without name constraints")


def _become_next(folder: Path, issuing: str, key_pem: str, root: str, now_ms: int) -> None:
    moments = read_terms(folder)
    if root not in (vault.read_if_there(folder, vault.ROOT), vault.read_if_there(folder, vault.NEXT_ROOT)):
        moments["next_told_ms"] = now_ms
    vault.change(folder, {vault.NEXT_ROOT: root, vault.NEXT_ROOT_KEY: None, vault.NEXT_ISSUING: issuing,
                           vault.NEXT_ISSUING_KEY: key_pem, vault.TERMS: terms(**moments)})  # fmt: skip


def _extension(certificate: x509.Certificate, kind: type[Kind]) -> Kind | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except ValueError:
        raise _refused(f"{_called(certificate)} cannot be read in full", "ask for it anew") from None


def _called(certificate: x509.Certificate) -> str:
    return f"The certificate {certificate.subject.rfc4514_string()!r}"


def _refused(what: str, remedy: str) -> Trouble:
    return Trouble(f"The chain cannot be used. {what}.", STANDS, remedy, Exit.REFUSED)
