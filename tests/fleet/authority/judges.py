"""Who judges our certificates besides ourselves: the openssl program, and OpenSSL in real handshakes.

Handshakes run over memory, with the check of times off, so that they can be played in any year; what the times in a
certificate mean is asked of `openssl verify -attime`.
"""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from fleet.authority import keys
from fleet.authority.authority import Authority, Issued

NOW_MS = 1_795_000_000_000  # 2026-11-18
DAY_MS = 86_400_000
NO_CHECK_TIME = 0x200000


def openssl(*words: str | Path, text: str | None = None) -> str:
    """What it prints. Raises AssertionError with what it says when it fails."""
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, input=text, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def verified(folder: Path, issued: Issued, trust: str, now_ms: int, purpose: str = "sslclient", crl: str = "") -> str:
    """What `openssl verify` says of a leaf: "" when it is good, else why not."""
    for name, content in (
        ("v-trust", trust),
        ("v-chain", issued.chain),
        ("v-leaf", issued.certificate),
        ("v-crl", crl),
    ):
        (folder / name).write_text(content)
    words: list[str | Path] = ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-attime", str(now_ms // 1000),
             "-CAfile", folder / "v-trust", "-untrusted", folder / "v-chain"]  # fmt: skip
    lists: list[str | Path] = ["-crl_check", "-CRLfile", folder / "v-crl"] if crl else []
    done = subprocess.run([*words, *lists, folder / "v-leaf"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr


@dataclass
class Pole:
    """A node as the authority sees it: a key of its own, the roots that it pins, the certificate that it has."""

    name: str
    trust: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=keys.new_key)
    issued: Issued | None = None

    def claim(self, authority: Authority, now_ms: int) -> None:
        """It gets a certificate, and the roots of the day."""
        self.issued = authority.node_certificate(self.name, self.key.public_key(), now_ms)
        self.trust = authority.trust()


@dataclass
class Server:
    """A server of the office: its files, and what it believes of clients; "" when it asks for no certificate."""

    key: str
    chain: str
    trust: str = ""
    crl: str = ""


def handshake(folder: Path, server: Server, pole: Pole, host: str = "127.0.0.1") -> str:
    """A TLS connection between the two; who the server saw, "" if it did not ask. Raises ssl.SSLError."""
    ours, theirs = _server_context(folder, server), _client_context(folder, pole)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = theirs.wrap_bio(down, up, server_hostname=host)
    accepted = ours.wrap_bio(up, down, server_side=True)
    done: set[Callable[[], None]] = set()
    for _ in range(10):
        for step in (client.do_handshake, accepted.do_handshake):
            if step not in done:
                try:
                    step()
                    done.add(step)
                except ssl.SSLWantReadError:
                    pass
    assert len(done) == 2, "the handshake did not end"
    seen = accepted.getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(seen).subject.rfc4514_string().removeprefix("CN=") if seen else ""


def _server_context(folder: Path, server: Server) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*_pair(folder, "server", server.chain, server.key))
    context.verify_flags |= NO_CHECK_TIME
    if server.trust:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=server.trust)
    if server.crl:
        (folder / "h-crl").write_text(server.crl)
        context.load_verify_locations(cafile=folder / "h-crl")
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def _client_context(folder: Path, pole: Pole) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pole.trust)
    context.verify_flags |= NO_CHECK_TIME
    if pole.issued is not None:
        context.load_cert_chain(*_pair(folder, "client", pole.issued.chain, keys.dump(pole.key)))
    return context


def _pair(folder: Path, name: str, chain: str, key: str) -> tuple[Path, Path]:
    (folder / f"h-{name}.pem").write_text(chain)
    (folder / f"h-{name}.key").write_text(key)
    return folder / f"h-{name}.pem", folder / f"h-{name}.key"
