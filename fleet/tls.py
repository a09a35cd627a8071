"""The office's side of mutual TLS: which files, and a context that reads them anew for every connection.

There is one way in: at least TLS 1.2, the broker's certificate signed under the roots of our own authority and made
for the name that we asked for, and ours shown to it. No public authority is believed, and nothing goes on without.
Certificates are renewed while the office runs; the next connection uses what then lies in the files.

With TLS 1.3 a broker refuses a certificate only after the handshake, and says why in an alert. paho tells nobody, so
the socket keeps it: `trouble` is the last one, in words.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LEAST = ssl.TLSVersion.TLSv1_2
REASONS = {  # of OpenSSL: parts of their names, and what they mean to us
    "ALERT_CERTIFICATE_EXPIRED": "the office's certificate has ended, or the broker's clock is wrong",
    "ALERT_CERTIFICATE_REVOKED": "the office's certificate was revoked",
    "ALERT_UNKNOWN_CA": "the broker does not know the authority of the office's certificate",
    "ALERT_BAD_CERTIFICATE": "the broker does not believe the office's certificate",
    "ALERT_CERTIFICATE_REQUIRED": "the broker wants a certificate, and the office showed none",
    "ALERT_HANDSHAKE_FAILURE": "the broker and the office have no way of encrypting in common",
    "ALERT_PROTOCOL_VERSION": "the broker speaks no TLS of 1.2 or later",
    "UNSUPPORTED_PROTOCOL": "the broker speaks no TLS of 1.2 or later",
    "WRONG_VERSION_NUMBER": "whoever listens there speaks no TLS",
    "RECORD_LAYER_FAILURE": "whoever listens there speaks no TLS",
    "UNEXPECTED_EOF": "the broker hung up amid the handshake",
    "KEY_VALUES_MISMATCH": "the certificate and its key do not belong together",
}
VERDICTS = {  # of OpenSSL, on the broker's certificate
    9: "the broker's certificate is not valid yet, or the clock here is slow",
    10: "the broker's certificate has ended, or the clock here is fast",
    23: "the broker's certificate was revoked",
    62: "the broker's certificate is for another name",
    64: "the broker's certificate is for another address",
}


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files: our certificate with the issuing one, its key, the roots to believe, and the list of the revoked."""

    certificate: Path
    key: Path
    trust: Path
    crl: Path


def of_broker(authority: Path) -> Tls | None:
    """What the broker shows and asks for; None in a home without an authority: then it is passwords."""
    return named(authority, "broker") if authority.is_dir() else None


def of_collector(authority: Path) -> Tls | None:
    """What the collector shows and asks for; None in a home without an authority."""
    return named(authority, "collector") if authority.is_dir() else None


def named(folder: Path, whose: str) -> Tls:
    """Files of the usual names."""
    return Tls(folder / f"{whose}.pem", folder / f"{whose}.key", folder / "trust.pem", folder / "crl.pem")


def client_context(tls: Tls) -> ssl.SSLContext:
    """For one who connects. Raises OSError, which ssl.SSLError is, when a file cannot be used."""
    return _ready(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), tls)


def _ready(context: ssl.SSLContext, tls: Tls) -> ssl.SSLContext:
    context.minimum_version = LEAST
    context.load_verify_locations(cafile=tls.trust)
    context.load_cert_chain(tls.certificate, tls.key, password="")  # never asked for
    return context


class Door(ssl.SSLContext):
    """A client's context that begins each connection with what is in the files by then, and knows what went wrong."""

    tls: Tls
    trouble: str

    def __new__(cls, tls: Tls) -> Door:
        """Reads the files once, so that a bad one is told at the start. Raises OSError."""
        door = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        door.tls, door.trouble = tls, ""
        _ready(door, tls)
        return door

    def __init__(self, tls: Tls) -> None:
        pass

    def wrap_socket(self, sock: socket.socket, *args: Any, **more: Any) -> ssl.SSLSocket:
        """See ssl.SSLContext. Raises OSError."""
        self.trouble = ""
        try:
            context = client_context(self.tls)
            context.sslsocket_class = Talker
            talker = context.wrap_socket(sock, *args, **more)
        except OSError as error:
            self.trouble = in_words(error)
            raise
        assert isinstance(talker, Talker)
        talker.door = self
        return talker


class Talker(ssl.SSLSocket):
    """A connection that notes at its door why it failed."""

    door: Door

    def do_handshake(self, block: bool = False) -> None:
        """See ssl.SSLSocket."""
        try:
            super().do_handshake(block)
        except OSError as error:
            self._note(error)
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """See ssl.SSLSocket."""
        try:
            return super().recv(buflen, flags)
        except OSError as error:
            self._note(error)
            raise

    def _note(self, error: OSError) -> None:
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLWantReadError | ssl.SSLWantWriteError):
            self.door.trouble = in_words(error)


def in_words(error: OSError) -> str:
    """Why a connection over TLS could not be made, for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return VERDICTS.get(error.verify_code, "the broker's certificate is not signed by the office's authority")
    name = getattr(error, "reason", "") or ""
    known = [words for part, words in REASONS.items() if part in name]
    if isinstance(error, ssl.SSLError):
        return known[0] if known else f"TLS failed ({name or error.strerror})"
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
