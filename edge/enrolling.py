"""Asks the office for a certificate: a process of its own that ends, the only one on the node that makes keys.

The order is what makes it safe to die anywhere. First the key, durable before anybody hears of it, and the same one
for ever after. Then the time, if the clock of this node cannot be right: asked of the office by its pinned name,
without a word that is secret, and only to raise the floor; what a card with a token lowers it to stands in `floor`.
Then the claim, which is the same however often it is sent. Last the answer, put where the agent finds it.

`python -m edge.enrolling NODE CREDENTIALS` says in one line of JSON what came of it; `edge enrol` says it in words.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge import floor as floors
from edge.clock import Clock, SystemClock, secret
from edge.deskline import DeskLine, Unreachable
from edge.events import Claimed
from edge.floor import MARGIN_MS, Floor, Kept, lowered
from edge.identity import KEY, NEXT, OWN, Busy, Identity, folder, private
from edge.journal.disk import FolderDisk
from edge.journal.errors import JournalError
from edge.office import Card, OfficeError, read_card
from edge.timekeeping import believe, kernels
from edge.tls import pinned
from edge.validity import Moment, day, moment, of_pem
from edge.wire.clocks import credible
from edge.wire.enrolment import Claim, Granted, Refused, Why
from edge.wire.messages import to_json

SERIAL = Path("/proc/device-tree/serial-number")
AGAIN_WITHOUT = (Why.UNKNOWN, Why.EXPIRED, Why.TAKEN)
OFFICE_MS = 5_000  # what the office's word may be off, and how long it was on its way
MOST_ROOTS = 16
LOST = "The certificate here is of no use: its key was lost or replaced, and the one that is here is another. "
PRIVATE_FORM = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
Key = ec.EllipticCurvePrivateKey


class Line(Protocol):
    """The desk, as it is seen from here. Raises Unreachable."""

    def time_ms(self) -> int | None: ...
    def claim(self, claim: Claim) -> Granted | Refused: ...


@dataclass
class Timing:
    """What this process knows of the time; `told` is what the office said, and when since boot."""

    clock: Clock
    floor: Floor
    told: tuple[int, int] | None = None

    def moment(self) -> Moment:
        """Now."""
        now_ms = self.clock.boot_ms()
        if self.told is not None:
            unix_ms, at_ms = self.told
            return Moment(unix_ms + now_ms - at_ms, OFFICE_MS, self.floor.at(now_ms))
        said = self.clock.said()
        return moment(believe(kernels(said, now_ms), said.quality, (), self.floor), self.floor, now_ms)

    def vouched(self, unix_ms: int | None) -> None:
        """An operator's card says what time it was, if it does."""
        self.floor = lowered(self.floor, unix_ms, self.clock.boot_ms())

    def hear(self, unix_ms: int) -> bool:
        """The office says what time it is; whether that can be."""
        now_ms = self.clock.boot_ms()
        if not credible(unix_ms) or unix_ms < self.floor.at(now_ms):
            return False
        self.told, self.floor = (unix_ms, now_ms), Floor(unix_ms - MARGIN_MS, now_ms, True)
        return True


class Enrolling:
    """One attempt. `line` is called when it is time to speak, with what says the time."""

    def __init__(
        self, card: Card, identity: Identity, timing: Timing, line: Callable[[str, Callable[[], Moment]], Line],
        hardware: str = "", draw: Callable[[], str] = secret,
    ) -> None:  # fmt: skip
        self._card, self._identity, self._timing = card, identity, timing
        self._line, self._hardware, self._draw = line, hardware, draw

    def run(self, again: bool = False) -> Claimed:
        """What came of it; `again` although there is a certificate. Raises OSError when the disk fails, OfficeError."""
        self._identity.client_id(self._card.node, self._draw)  # which waits until the kernel has gathered chance
        key = self._key()
        held = self._identity.held()
        newest = held.next or held.own
        stray = LOST if newest is not None and not self._proven(key) else ""
        if newest is not None and not stray and not again:
            return Claimed("nothing", what=f"This node has a certificate, good until {day(newest.not_after_ms)}.")
        self._timing.vouched(self._card.vouched_ms)
        try:
            line = self._line(self._identity.trust(), self._timing.moment)
            self._learn_time(line)
            answer = self._asked(line, key, newest is not None)
            if isinstance(answer, Refused) and answer.why is Why.REVOKED and self._card.token and self._proven(key):
                key = self._another_key()
                answer = self._asked(line, key, False)
        except Unreachable as error:
            return self._timed(Claimed("unreachable", error.why, stray + error.what, error.remedy))
        if isinstance(answer, Refused):
            outcome = "unreachable" if answer.why is Why.BUSY else "refused"
            return self._timed(Claimed(outcome, answer.why.value, stray + answer.what, answer.remedy))
        return self._timed(self._take(answer, key))

    def _timed(self, claimed: Claimed) -> Claimed:
        if self._timing.told is None:
            return claimed
        unix_ms, at_ms = self._timing.told
        return replace(claimed, unix_ms=unix_ms, at_ms=at_ms, vouched_ms=self._card.vouched_ms)

    def _key(self) -> Key:
        """The key of this node; made if there is none that can be read, whose place another one does not take."""
        if text := self._identity.key():
            with suppress(ValueError, TypeError):
                found = serialization.load_pem_private_key(text.encode(), None)
                if isinstance(found, ec.EllipticCurvePrivateKey):
                    return found
            return self._another_key()
        return self._new_key()

    def _another_key(self) -> Key:
        """The one that is there is kept for whoever wants to look at it."""
        self._identity.disk.set_aside(KEY)
        return self._new_key()

    def _new_key(self) -> Key:
        key = ec.generate_private_key(ec.SECP256R1())
        self._identity.write(KEY, key.private_bytes(*PRIVATE_FORM).decode())
        return key

    def _proven(self, key: Key) -> bool:
        """Whether there is a certificate for it. Once such a key is revoked it is of no use for ever; a card with a
        token says that the node may come in again. A key that was never granted anything is not replaced: one that is
        refused over and over shall not fill the folder with keys."""
        for name in (NEXT, OWN):
            with suppress(ValueError):
                found = x509.load_pem_x509_certificate(self._identity.read(name).encode())
                if found.public_key() == key.public_key():
                    return True
        return False

    def _learn_time(self, line: Line) -> None:
        if self._timing.moment().unix_ms is None and (unix_ms := line.time_ms()) is not None:
            self._timing.hear(unix_ms)

    def _asked(self, line: Line, key: Key, known: bool) -> Granted | Refused:
        """With the token if the card has one; where it is worth nothing, the key that the office knows may do."""
        claim = Claim(self._card.node, request(key, self._card.node), self._card.token, self._hardware)
        answer = line.claim(claim)
        if isinstance(answer, Refused) and answer.why in AGAIN_WITHOUT and known and claim.token:
            answer = line.claim(Claim(claim.node, claim.request, "", claim.hardware))
        return answer

    def _take(self, granted: Granted, key: Key) -> Claimed:
        try:
            leaf = x509.load_pem_x509_certificates(granted.certificate.encode())[0]
            roots = x509.load_pem_x509_certificates(granted.trust.encode())
            fits = leaf.public_key() == key.public_key() and 0 < len(roots) <= MOST_ROOTS
            validity = of_pem(granted.certificate)
        except ValueError:
            fits = False
        if not fits:
            return Claimed("failed", "answer", "The office's answer is no certificate for the key of this node.",
                           "Look in the office: fleet health")  # fmt: skip
        self._identity.keep(granted.certificate, granted.trust)
        return Claimed("granted", what=f"The office gave this node a certificate, good until "
                       f"{day(validity.not_after_ms)}.")  # fmt: skip


def request(key: Key, node: str) -> str:
    """A certificate request, as PEM: the key, and the name of the node."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node)])
    signed = x509.CertificateSigningRequestBuilder(subject).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def hardware(serial: Path = SERIAL) -> str:
    """The serial number of the board; "" where there is none."""
    try:
        return serial.read_bytes().rstrip(b"\0\n").decode("ascii")[:64]
    except (OSError, UnicodeDecodeError):
        return ""


def floor_of(journal: Path | None, clock: Clock) -> Floor:
    """The floor that the agent keeps beside its journal, which may be at work."""
    kept = None
    if journal is not None and journal.is_dir():
        with suppress(JournalError):
            kept = floors.read(FolderDisk(journal, alone=False))
    return floors.begin(kept, clock.boot_id, clock.boot_ms())


def keep_floor(journal: Path | None, timing: Timing) -> None:
    """Raise it there, unless the agent is at work, who is told."""
    if timing.told is None or journal is None:
        return
    with suppress(JournalError, OSError):
        disk = FolderDisk(journal)
        floors.write(disk, Kept(timing.floor.unix_ms, timing.clock.boot_id, timing.floor.at_ms))
        disk.close()


def enrol(node: str, credentials: Path, journal: Path | None = None, again: bool = False) -> Claimed:
    """Ask the office for what this node lacks. Raises nothing that the world could cause."""
    try:
        card = read_card(credentials, node)
        if not isinstance(card, Card):
            return Claimed("nothing", "password", "The credentials hold a password: this office gives no certificates.")
        private(credentials)
        clock = SystemClock()
        timing = Timing(clock, floor_of(journal, clock))
        disk = folder(credentials, alone=True)
        try:
            line = _liner(card, clock)
            enrolling = Enrolling(card, Identity(disk, card.trust, bool(card.token)), timing, line, hardware())
            claimed = enrolling.run(again or bool(card.token))  # a card with a token may be for another key than ours
        finally:
            disk.close()
        keep_floor(journal, timing)
        return claimed
    except Busy as error:
        return Claimed("unreachable", "busy", error.what, error.remedy)
    except OfficeError as error:
        return Claimed("failed", "card", error.what, error.remedy)
    except OSError as error:
        return Claimed("failed", "disk", f"The folder for the key cannot be used: {error.strerror or error}.",
                       "Make room or mend the card; nothing was lost.")  # fmt: skip


def _liner(card: Card, clock: Clock) -> Callable[[str, Callable[[], Moment]], Line]:
    return lambda trust, now: DeskLine(card.enrol, pinned(trust, now), clock.boot_ms)


def main(arguments: Sequence[str] | None = None) -> int:
    """For the agent: one line of JSON; the exit code is always 0."""
    parser = argparse.ArgumentParser(prog="python -m edge.enrolling", description="Ask the office for a certificate.")
    parser.add_argument("node")
    parser.add_argument("credentials", type=Path)
    parser.add_argument("--journal", type=Path)
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args(arguments)
    sys.stdout.write(to_json(enrol(options.node, options.credentials, options.journal, options.again)).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
