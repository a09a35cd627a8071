"""Who signs: a root that may lie in a safe, and the issuing key beneath it that works every day.

Nodes and cards pin the root and the next one, which is made years before it is needed. All certificates are signed by
the issuing key; the roots' own keys are needed for nothing but the roll-over, and may be taken away. After a roll-over
the previous authority still counts at the servers, and its revocation list is still signed, until its last certificate
has ended. What certificates say stands in `certificates`, which files there are in `vault`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from edge.wire.clocks import credible
from edge.wire.identity import node_id
from fleet import show
from fleet.authority import certificates, keys, vault
from fleet.authority.certificates import DAY_MS, HOUR_MS, Issued, Life, Signer
from fleet.authority.keys import PrivateKey, PublicKey
from fleet.home import Home
from fleet.trouble import Exit, Trouble

__all__ = ["OURS", "Authority", "Issued", "make_home_authority"]

OURS = (certificates.OFFICE, "collector")  # users that no node may be
UNCHANGED = "Nothing was signed or changed; certificates that were given out stay good."


@dataclass(frozen=True, slots=True)
class Previous:
    """The authority before a roll-over, as long as certificates of it may be in use (until `until_ms`, Unix ms)."""

    root: str
    signer: Signer
    until_ms: int


class Authority:
    """The authority in a folder. It reads its files once: after a roll-over by another process, open it anew."""

    def __init__(self, folder: Path, passphrase: str | None = None) -> None:
        self.folder, self._passphrase = folder, passphrase
        self.load()

    @classmethod
    def make(cls, folder: Path, passphrase: str | None, now_ms: int) -> Authority:
        """A new authority with its next root; with a passphrase the keys are encrypted. Raises Trouble, OSError."""
        if not credible(now_ms):
            raise Trouble(f"It cannot be {show.when(now_ms)}, as the clock of this machine says.",
                          "No authority was made.", "timedatectl set-ntp true", Exit.REFUSED)  # fmt: skip
        root = new_root(now_ms)
        key = keys.new_key()
        texts = root_papers(root, vault.ROOT, vault.ROOT_KEY, passphrase) | {
            vault.ISSUING: certificates.pem(certificates.issuing(key.public_key(), root, now_ms)),
            vault.ISSUING_KEY: keys.dump(key, passphrase),
            vault.TERMS: terms(next_told_ms=now_ms),
        }
        texts |= root_papers(new_root(now_ms), vault.NEXT_ROOT, vault.NEXT_ROOT_KEY, passphrase)
        vault.put_new(folder, texts)
        return cls(folder, passphrase)

    @classmethod
    def open(cls, folder: Path, passphrase: str | None = None) -> Authority:
        """The authority that is there. Raises Trouble when it cannot be used."""
        if not vault.present(folder):
            raise Trouble(f"There is no authority in {folder}.", UNCHANGED, "fleet init", Exit.REFUSED)
        return cls(folder, passphrase)

    def load(self) -> None:
        """Reads the files anew. Raises Trouble."""
        vault.settle(self.folder)
        self.root_pem = certificates.pem(read_certificate(self.folder, vault.ROOT))
        self.next_root_pem = self._read_next_root()
        self.issuing_pem = vault.read(self.folder, vault.ISSUING)
        self.terms = read_terms(self.folder)
        self._signer = self._read_signer(vault.ISSUING, vault.ISSUING_KEY)
        self._previous = self._read_previous()

    @property
    def passphrase(self) -> str | None:
        """What opens its keys."""
        return self._passphrase

    @property
    def issuing(self) -> x509.Certificate:
        """The certificate that signs every leaf."""
        return self._signer.certificate

    def trust(self) -> str:
        """The roots to pin, the current one and the next, as PEM."""
        return _once(self.root_pem, self.next_root_pem)

    def vouches(self, certificate: str, now_ms: int) -> bool:
        """Whether a leaf (PEM) was signed by an issuing key that our servers believe at this time, roll-over or not."""
        leaf = x509.load_pem_x509_certificate(certificate.encode())
        return any(certificates.signed_by(leaf, issuer) for issuer in self.issuers(now_ms))

    def trust_of_servers(self, now_ms: int) -> str:
        """The roots that the office's servers believe: also the previous one, while certificates of it are in use."""
        previous = self._previous
        return _once(self.trust(), previous.root if previous and now_ms < previous.until_ms else "")

    def node_certificate(
        self, node: str, public_key: PublicKey, now_ms: int, days: int = certificates.NODE_DAYS
    ) -> Issued:
        """A certificate for a node's key. Raises ValueError for a name or key that gets none, and Trouble."""
        if node_id(node) in OURS:
            raise ValueError(f"{node!r} is the office itself")
        return self._client(node, public_key, now_ms, days)

    def client_certificate(self, user: str, now_ms: int, key_pem: str | None = None) -> tuple[str, Issued]:
        """A key (new, unless one is given) and a certificate for a part of the office that connects to the broker."""
        key = keys.load(key_pem) if key_pem else keys.new_key()
        return keys.dump(key), self._client(node_id(user), key.public_key(), now_ms, certificates.OWN_DAYS)

    def server_certificate(self, names: Sequence[str], now_ms: int, key_pem: str | None = None) -> tuple[str, Issued]:
        """A key (new, unless one is given) and a certificate for a server of these names and addresses."""
        key = keys.load(key_pem) if key_pem else keys.new_key()
        life = self._life(now_ms, certificates.OWN_DAYS)
        return keys.dump(key), self._issued(certificates.server(names, key.public_key(), self._signer, life))

    def crl(self, revoked: Iterable[tuple[int, int]], now_ms: int) -> str:
        """The revoked (serial, Unix ms) as PEM, valid for 60 days: a list of each authority whose leaves are in use.

        Serials are random, so each list names all of them: what another authority signed does no harm in it.
        """
        serials = list(revoked)
        return "".join(certificates.revocations(serials, signer, now_ms) for signer in self._signers(now_ms))

    def issuers(self, now_ms: int) -> list[x509.Certificate]:
        """The issuing certificates whose leaves are in use: ours, and the previous one for a while."""
        return [signer.certificate for signer in self._signers(now_ms)]

    def previous_ended(self, now_ms: int) -> bool:
        """Whether there is a previous authority that counts no more."""
        return self._previous is not None and now_ms >= self._previous.until_ms

    def forget_previous(self) -> None:
        """Removes the previous authority, its key included. Raises OSError."""
        vault.change(self.folder, dict.fromkeys(vault.PREVIOUS))
        self.load()

    def _signers(self, now_ms: int) -> list[Signer]:
        previous = self._previous
        return [self._signer, previous.signer] if previous and now_ms < previous.until_ms else [self._signer]

    def _client(self, user: str, public_key: PublicKey, now_ms: int, days: int) -> Issued:
        if not keys.strong(public_key):
            raise ValueError("the key is weak or of a kind that we do not sign")
        if not 0 < days <= certificates.LONGEST_LEAF_DAYS:
            raise ValueError(f"{days} days: a certificate lives for 1 to {certificates.LONGEST_LEAF_DAYS}")
        return self._issued(certificates.client(user, public_key, self._signer, self._life(now_ms, days)))

    def _life(self, now_ms: int, days: int) -> Life:
        begin_ms, end_ms = certificates.begins_ms(self.issuing), certificates.ends_ms(self.issuing)
        if not begin_ms <= now_ms < end_ms:
            raise Trouble(f"The issuing certificate counts from {show.when(begin_ms)} to {show.when(end_ms)}, and "
                          f"it is {show.when(now_ms)} by the clock of this machine.", UNCHANGED,
                          "look at the clock (timedatectl); if it is right: fleet init --roll-over")  # fmt: skip
        return Life(now_ms - HOUR_MS, min(now_ms + days * DAY_MS, end_ms))

    def _issued(self, leaf: x509.Certificate) -> Issued:
        key = leaf.public_key()
        begin_ms, end_ms, text = certificates.begins_ms(leaf), certificates.ends_ms(leaf), certificates.pem(leaf)
        return Issued(leaf.serial_number, keys.key_id(key), begin_ms, end_ms, text, text + self.issuing_pem)

    def _read_signer(self, certificate: str, key: str) -> Signer:
        found = read_certificate(self.folder, certificate)
        signer = Signer(read_key(self.folder, key, self._passphrase), found)
        if keys.public_der(signer.key.public_key()) != keys.public_der(found.public_key()):
            raise Trouble(f"{certificate} and {key} in {self.folder} do not belong together.", UNCHANGED,
                          "put your copies of both back", Exit.REFUSED)  # fmt: skip
        return signer

    def _read_next_root(self) -> str:
        if not (self.folder / vault.NEXT_ROOT).exists():
            return ""
        return certificates.pem(read_certificate(self.folder, vault.NEXT_ROOT))

    def _read_previous(self) -> Previous | None:
        if not (self.folder / vault.PREVIOUS_ROOT).exists():
            return None
        root = certificates.pem(read_certificate(self.folder, vault.PREVIOUS_ROOT))
        signer = self._read_signer(vault.PREVIOUS_ISSUING, vault.PREVIOUS_ISSUING_KEY)
        return Previous(root, signer, self.terms.get("previous_until_ms", 0))


def make_home_authority(home: Home, passphrase: str | None, now_ms: int) -> Authority:
    """The authority of a home, made unless it is there. Raises Trouble, OSError."""
    if vault.present(home.authority):
        return Authority.open(home.authority, passphrase)
    return Authority.make(home.authority, passphrase, now_ms)


def _once(first: str, second: str) -> str:
    return first if second in first else first + second


def new_root(now_ms: int) -> Signer:
    """A fresh root."""
    key = keys.new_key()
    return Signer(key, certificates.root(key, now_ms))


def root_papers(root: Signer, certificate: str, key: str, passphrase: str | None) -> dict[str, str]:
    """A root as two files."""
    return {certificate: certificates.pem(root.certificate), key: keys.dump(root.key, passphrase)}


def terms(**moments: int) -> str:
    """`next_told_ms`: since when the next root is pinned by whoever asks; `previous_until_ms`. Unix ms."""
    return json.dumps(moments) + "\n"


def read_terms(folder: Path) -> dict[str, int]:
    """The moments that `terms` wrote. Raises Trouble."""
    try:
        found = json.loads(vault.read_if_there(folder, vault.TERMS) or "{}")
        return {str(key): int(value) for key, value in found.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise damaged(folder / vault.TERMS, "it holds no moments") from error


def read_key(folder: Path, name: str, passphrase: str | None) -> PrivateKey:
    """A key of the authority. Raises Trouble, which never says what was tried."""
    try:
        return keys.load(vault.read(folder, name), passphrase)
    except keys.Locked as error:
        what = "and the passphrase does not open it" if passphrase else "and no passphrase was given"
        raise Trouble(f"{folder / name} is encrypted, {what}.", UNCHANGED,
                      "put the right passphrase into a file and name that file in FLEET_PASSPHRASE_FILE",
                      Exit.REFUSED) from error  # fmt: skip
    except keys.NoKey as error:
        raise damaged(folder / name, str(error)) from error


def read_certificate(folder: Path, name: str) -> x509.Certificate:
    """The first certificate of a file of the authority. Raises Trouble."""
    try:
        return x509.load_pem_x509_certificate(vault.read(folder, name).encode())
    except ValueError as error:
        raise damaged(folder / name, "it holds no certificate") from error


def damaged(path: Path, why: str) -> Trouble:
    """A file of the authority that is of no use."""
    return Trouble(f"{path} is damaged: {why}.", UNCHANGED, f"put your copy of {path} back", Exit.REFUSED)
