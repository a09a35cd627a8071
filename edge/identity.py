"""Who this node is: its key, its certificate, whom it trusts; a folder beside the credentials file, for its owner only.

key.pem           the private key, made here once and never leaving
certificate.pem   what the office signed for it, and a broker has taken: the node's own, then the issuing one
trust.pem         the roots by which brokers and desk are known; until there is one, those on the card
next.pem          a newer certificate that no broker has taken yet
next-trust.pem    the roots that came with it
client-id         the name of our session, a secret

Each file is replaced whole, synced with its folder, and is of use without the ones after it; so whenever the power
goes, what is there leads on. The key is on the card before anybody is asked to sign it, for a token that was spent on
a key which is gone would be a node that nobody can let in again. A certificate that came is first proven: when a broker
took us with it, it and its roots become the ones to use, roots first; else those before go on. `edge enrol` holds the
folder while it works and writes all but `certificate.pem` and `trust.pem`, which the agent writes.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.journal.disk import Disk, FolderDisk
from edge.journal.errors import JournalError
from edge.office import OfficeError
from edge.validity import Validity, of_pem

FOLDER = "identity"
KEY, OWN, TRUST, NEXT, NEXT_TRUST, CLIENT = (
    "key.pem", "certificate.pem", "trust.pem", "next.pem", "next-trust.pem", "client-id",
)  # fmt: skip
Which = Literal["own", "next"]
FILES: dict[Which, tuple[str, str]] = {"own": (OWN, TRUST), "next": (NEXT, NEXT_TRUST)}
LONGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Held:
    """The certificates that there are, by their times; None: there is none, or none that can be read."""

    own: Validity | None = None
    next: Validity | None = None


@dataclass(frozen=True, slots=True)
class Papers:
    """One certificate, what belongs to it, and whom to trust with it; texts in PEM."""

    certificate: str
    trust: str


class Busy(OfficeError):
    """Another process holds the folder."""


def beside(credentials: Path) -> Path:
    """The folder that belongs to this credentials file."""
    return credentials.parent / FOLDER


def folder(credentials: Path, alone: bool = False) -> FolderDisk:
    """The disk of that folder. Raises OfficeError when it cannot be used, or, `alone`, Busy when another
    holds it."""
    place = beside(credentials)
    try:
        return FolderDisk(place, private=True, alone=alone)
    except JournalError as error:
        cause = error.__cause__
        if isinstance(cause, BlockingIOError):
            raise Busy("Another `edge enrol` works here already.", "Let it end.") from None
        why = getattr(cause, "strerror", None) or str(cause)
        raise OfficeError(f"The folder {place} cannot be used: {why}.", "Give it to the user of the agent.") from None


def private(credentials: Path) -> None:
    """Raises OfficeError when others can read the key."""
    key = beside(credentials) / KEY
    with suppress(FileNotFoundError, NotADirectoryError):
        try:
            if key.stat().st_mode & 0o077:
                raise OfficeError(f"The key {key} can be read by others.", f"Run: chmod 600 {key}")
        except PermissionError:
            raise OfficeError(f"The key {key} cannot be read.", "Give it to the user of the agent.") from None


class Identity:
    """What lies in the folder. Methods raise OSError when the disk does; what is not there is None or ""."""

    def __init__(self, disk: Disk, card_trust: str = "", fresh: bool = False, vouched_ms: int | None = None) -> None:
        """`card_trust`: the roots on the card; a `fresh` card has a token, and its word is the newest: of the time too,
        if it says `vouched_ms`."""
        self.disk, self._card_trust, self._fresh, self.vouched_ms = disk, card_trust, fresh, vouched_ms

    def read(self, name: str) -> str:
        """The text of this file; "" when there is none, or it is no text."""
        try:
            data = self.disk.read_small(name)
        except FileNotFoundError:
            return ""
        return data.decode("utf-8", "replace") if len(data) <= LONGEST else ""

    def write(self, name: str, text: str) -> None:
        """Whole, and durable when it returns."""
        self.disk.write_small(name, text.encode())

    def held(self) -> Held:
        """The certificates that there are."""
        return Held(self._validity(OWN), self._validity(NEXT))

    def _validity(self, name: str) -> Validity | None:
        try:
            return of_pem(self.read(name))
        except ValueError:
            return None

    def papers(self, which: Which) -> Papers | None:
        """A certificate and whom to trust with it; None when it is not there."""
        certificate, trust = FILES[which]
        text = self.read(certificate)
        return Papers(text, self._roots(trust) or self.trust()) if text else None

    def trust(self) -> str:
        """The roots to trust where no certificate is in use."""
        return self._card_trust if self._fresh and self._card_trust else self._roots(TRUST) or self._card_trust

    def _roots(self, name: str) -> str:
        """The roots in this file; "" when none can be read there: those on the card do then."""
        text = self.read(name)
        try:
            of_pem(text)
        except ValueError:
            return ""
        return text

    def key(self) -> str:
        """The private key, as PEM; "" while there is none."""
        return self.read(KEY)

    def client_id(self, node: str, draw: Callable[[], str]) -> str:
        """The name of our session, drawn once; another one for as long as the disk keeps none."""
        with suppress(OSError):
            known = self.read(CLIENT).strip()
            if known.startswith(f"{node}-") and known.isascii() and known.removeprefix(f"{node}-").isalnum():
                return known
        fresh = f"{node}-{draw()}"
        with suppress(OSError):
            self.write(CLIENT, fresh)
        return fresh

    # What becomes of a certificate.

    def keep(self, certificate: str, trust: str) -> None:
        """A certificate came; it is not proven yet."""
        self.write(NEXT_TRUST, trust)
        self.write(NEXT, certificate)

    def promote(self, proven: Papers) -> None:
        """A broker took us with these."""
        if self.read(TRUST) != proven.trust:
            self.write(TRUST, proven.trust)
        if self.read(OWN) != proven.certificate:
            self.write(OWN, proven.certificate)
        if self.read(NEXT) == proven.certificate:
            self._remove(NEXT)
            self._remove(NEXT_TRUST)

    def _remove(self, name: str) -> None:
        try:
            self.disk.remove(name)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
