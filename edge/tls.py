"""How brokers and desk are known under TLS, and how they know us: one context for each certificate, never for each
connection, for it is the dear part.

Only roots that the office gave are trusted, the name must fit, TLS is 1.2 or newer, and nothing falls back to plain
text. OpenSSL's own look at the system's clock is off; what it leaves out is made up for in the handshake, before the
first byte of ours is sent: the peer's certificate and those that it leans on, up to the root, are judged by what this
node believes of the time (see `validity`). A key that once signed for the office and was stolen after its end could
else write certificates of any date.
"""

from __future__ import annotations

import select
import ssl
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.events import Cause
from edge.office import ANEW, OfficeError, shown
from edge.validity import Moment, fault, of_der

NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which the module ssl has no name for
NAME_CODES = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
ALERTS = {
    "CERTIFICATE_REVOKED": "it was revoked",
    "CERTIFICATE_EXPIRED": "it has ended",
    "CERTIFICATE_REQUIRED": "it wants one, and we had none",
    "UNKNOWN_CA": "it does not know who signed it",
    "BAD_CERTIFICATE": "it does not accept it",
    "CERTIFICATE_UNKNOWN": "it does not accept it",
    "UNSUPPORTED_CERTIFICATE": "it does not accept its kind",
    "ACCESS_DENIED": "it gives it no access",
    "DECRYPT_ERROR": "it does not accept our signature",
}
HEED_S = 2.0  # for servers that give no tickets
OLD = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "VERSION_TOO_LOW", "UNSUPPORTED_SSL_VERSION")
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")


class Untimely(ssl.SSLError):
    """The peer's certificate is not good now, as far as we know the time."""


class Peer(ssl.SSLSocket):
    """A connection that judges the other side's times, and remembers how it was refused."""

    refused: ssl.SSLError | None = None

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        context = self.context
        assert isinstance(context, Pinned)
        context.judge(self._chain())
        if context.shows and self.version() == "TLSv1.3":
            self._heed()

    def _chain(self) -> list[bytes]:
        """What OpenSSL believed, from the peer's own certificate to the root."""
        if sys.version_info >= (3, 13):
            return self.get_verified_chain()
        found = self._sslobj.get_verified_chain()  # type: ignore[attr-defined]  # 3.11 and 3.12 give it no other name
        return [ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in found or ()]

    def _heed(self) -> None:
        """Raises SSLError when the server refuses us."""
        wait_s = self.gettimeout()
        select.select([self], [], [], HEED_S)
        self.setblocking(False)
        try:
            spoke = super().recv(1)
            raise ConnectionResetError(0, "it spoke before it was spoken to" if spoke else "it hung up after TLS stood")
        except ssl.SSLWantReadError:
            pass  # a ticket, or nothing
        finally:
            self.settimeout(wait_s)

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            return super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self.refused = error
            raise


class Pinned(ssl.SSLContext):
    """Trusts but the roots that it was given; `moment` says what time it is. `shows`: we have a certificate too."""

    moment: Callable[[], Moment]
    shows = False

    def judge(self, chain: Sequence[bytes]) -> None:
        """Certificates, the peer's own first. Raises Untimely."""
        now = self.moment()
        if not chain:
            raise Untimely("there is none")
        for place, each in enumerate(chain):
            try:
                why = fault(of_der(each), now)
            except ValueError as error:
                why = str(error)
            if why:
                raise Untimely(f"that of who signed it is not, {why}" if place else why)


def pinned(trust: str, moment: Callable[[], Moment], own: tuple[Path, Path] | None = None) -> Pinned:
    """A context that trusts these roots (PEM); `own`: the files of our certificate and its key. Raises OfficeError."""
    context = Pinned(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= NO_CHECK_TIME
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.sslsocket_class = Peer
    context.moment = moment
    try:
        context.load_verify_locations(cadata=trust)
    except (ssl.SSLError, ValueError, TypeError):
        raise OfficeError("The roots to trust on the card are no certificates.", ANEW) from None
    if own is not None:
        _show(context, *own)
    return context


def _show(context: Pinned, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key, password="")  # a password is never asked for
        context.shows = True
    except (OSError, ValueError) as error:  # SSLError is an OSError
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or "it is none"
        raise OfficeError(f"The certificate {certificate} and its key cannot be used: {why}.",
                          "Run: edge enrol --renew") from None  # fmt: skip


def refusal(error: OSError, host: str, port: int) -> tuple[str, Cause] | None:
    """Why there is no session under TLS, and the cause; None when it is no matter of TLS."""
    where = shown(host, port)
    if isinstance(error, Untimely):
        return f"the certificate of the broker at {where} is not good now: {error.args[0]}", "trust"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _unknown(error, where), "trust"
    if not isinstance(error, ssl.SSLError):
        return None
    reason = error.reason or ""
    for word, why in ALERTS.items():
        if word in reason and "ALERT" in reason:
            return f"the broker at {where} refuses our certificate: {why}", "certificate"
    if any(word in reason for word in OLD):
        return f"what answers at {where} speaks no TLS that is new enough (1.2)", "trust"
    if any(word in reason for word in NO_TLS):
        return f"what answers at {where} does not speak TLS: another service, or a network with a login", "portal"
    return f"there is no TLS with {where}: {reason or error}", "broken"


def _unknown(error: ssl.SSLCertVerificationError, where: str) -> str:
    if error.verify_code in NAME_CODES:
        return f"the certificate of what answers at {where} bears another name"
    return f"the certificate of what answers at {where} is none of those that we trust: {error.verify_message}"
