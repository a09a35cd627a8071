"""TLS as it is: real handshakes on loopback, with all that can be the matter with either side."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from edge.events import Cause, Connected, Event, Lost
from edge.inbox import Inbox
from edge.mqtt import MqttLink
from edge.office import Credentials, OfficeError
from edge.tls import pinned
from edge.validity import Moment
from tests.edge.signing import CLIENT, DAY_MS, NOW_MS, SERVER, Office, Signed, new_key
from tests.edge.test_link import CONNACK, broker, packet

HOST = "127.0.0.1"
OWN = Credentials("pole-1", "", "pole-1", "", "pole-1-secret")
SURE = Moment(NOW_MS, 1_000, NOW_MS - 30 * DAY_MS)
FLOOR = Moment(None, 0, NOW_MS - 30 * DAY_MS)
OFFICE = Office()


@dataclass
class Server:
    """A broker of a few lines under TLS; keeps the names of those whom it let in, and the first bytes it was told."""

    context: ssl.SSLContext | None
    answer: Callable[[socket.socket], None] = broker
    peers: list[str] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.socket = socket.create_server((HOST, 0))
        self.port: int = self.socket.getsockname()[1]
        self.done = threading.Semaphore(0)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.socket.accept()
                threading.Thread(target=self._speak, args=(peer,), daemon=True).start()

    def _speak(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError, IndexError):
            spoken = self.context.wrap_socket(peer, server_side=True) if self.context else peer
            if isinstance(spoken, ssl.SSLSocket) and (shown := spoken.getpeercert(binary_form=True)):
                leaf = x509.load_der_x509_certificate(shown)
                self.peers.append(leaf.subject.rfc4514_string())
            self.answer(_Heard(spoken, self.heard))  # type: ignore[arg-type]
        peer.close()
        self.done.release()


class _Heard:
    def __init__(self, peer: socket.socket, heard: list[bytes]) -> None:
        self._peer, self._heard = peer, heard

    def recv(self, count: int) -> bytes:
        data = self._peer.recv(count)
        self._heard.append(data)
        return data

    def sendall(self, data: bytes) -> None:
        self._peer.sendall(data)

    def close(self) -> None:
        self._peer.close()


def serving_context(signed: Signed, trust: str = OFFICE.trust) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed.certificate, signed.key)
    context.load_verify_locations(cadata=trust)
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= 0x200000
    return context


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(context: ssl.SSLContext | None, answer: Callable[[socket.socket], None] = broker) -> Server:
        servers.append(Server(context, answer))
        return servers[-1]

    yield start
    for server in servers:
        with contextlib.suppress(OSError):
            server.socket.shutdown(socket.SHUT_RDWR)
        server.socket.close()


def connect(server: Server, own: Signed | None, now: Moment = SURE, trust: str = OFFICE.trust, host: str = HOST
            ) -> Event | None:  # fmt: skip
    """What comes of it."""
    inbox = Inbox()
    tls = pinned(trust, lambda: now, (own.certificate, own.key) if own else None)
    link = MqttLink("pole-1", f"mqtts://{host}:{server.port}", OWN, b"gone", inbox.put, tls=tls)
    link.connect()
    event = inbox.take(20.0)
    link.disconnect()
    return event


def lost(event: Event | None, cause: Cause, words: str, server: Server) -> None:
    """It was refused for this, and the broker heard nothing of ours."""
    assert isinstance(event, Lost) and event.cause == cause, event
    assert words in event.reason
    assert not any(server.heard)


@pytest.mark.parametrize("now", [SURE, FLOOR], ids=["sure", "floor"])
def test_both_sides_know_each_other(serve: Callable[..., Server], tmp_path: Path, now: Moment) -> None:
    server = serve(serving_context(OFFICE.server(tmp_path)))
    assert connect(server, OFFICE.put(tmp_path, "pole-1"), now) == Connected()
    assert server.peers == ["CN=pole-1"]
    assert b"\x00\x04MQTT\x04\x2e" in b"".join(server.heard), "a will and a clean session, no user and no password"


@pytest.mark.parametrize(("begins", "ends", "now", "words"), [
    (-10, -1, SURE, "ended on"), (-200, -40, SURE, "ended on"), (5, 50, SURE, "begins on"),
    (-200, -40, FLOOR, "ended on"), (-10, -1, FLOOR, ""), (5, 50, FLOOR, ""), (-10, 10, SURE, ""),
    (-10, -1, Moment(NOW_MS, 2 * DAY_MS, 0), ""), (1, 9, Moment(NOW_MS, 2 * DAY_MS, 0), ""),
    (-10, -3, Moment(NOW_MS, 2 * DAY_MS, 0), "ended on"), (3, 9, Moment(NOW_MS, 2 * DAY_MS, 0), "begins on"),
    (5, 50, Moment(0, 1_000, 0), "begins on"),  # somebody vouches for 1970
])  # fmt: skip
def test_times_are_judged_by_what_the_node_believes(
    serve: Callable[..., Server], tmp_path: Path, begins: int, ends: int, now: Moment, words: str
) -> None:
    signed = OFFICE.server(tmp_path, begins_ms=NOW_MS + begins * DAY_MS, ends_ms=NOW_MS + ends * DAY_MS)
    server = serve(serving_context(signed))
    event = connect(server, OFFICE.put(tmp_path, "pole-1"), now)
    if words:
        lost(event, "trust", words, server)
    else:
        assert event == Connected()


ABOVE = {"root": lambda life: Office(root=life), "issuing": lambda life: Office(issuing=life)}


@pytest.mark.parametrize("which", ABOVE)
@pytest.mark.parametrize(("life", "now", "words"), [
    ((-900, -1), SURE, "who signed it is not, it ended on"), ((5, 900), SURE, "who signed it is not, it begins on"),
    ((-900, -40), FLOOR, "who signed it is not, it ended on"), ((-900, -1), FLOOR, ""), ((5, 900), FLOOR, ""),
    ((-900, -1), Moment(NOW_MS, 2 * DAY_MS, 0), ""), ((-900, 1), SURE, ""),
])  # fmt: skip
def test_the_times_of_those_who_signed_are_judged_too(
    serve: Callable[..., Server], tmp_path: Path, which: str, life: tuple[int, int], now: Moment, words: str
) -> None:
    office = ABOVE[which](life)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = serving_context(office.server(tmp_path), office.trust)
        context.minimum_version = context.maximum_version = version
        server = serve(context)
        event = connect(server, office.put(tmp_path, "pole-1"), now, office.trust)
        if words:
            lost(event, "trust", words, server)
        else:
            assert event == Connected()


def test_a_broker_with_another_name_hears_nothing(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve(serving_context(OFFICE.server(tmp_path, "office.example.org", "10.0.0.1")))
    own = OFFICE.put(tmp_path, "pole-1")
    lost(connect(server, own), "trust", "bears another name", server)
    lost(connect(server, own, host="localhost"), "trust", "bears another name", server)


def test_a_broker_whom_others_signed_hears_nothing(serve: Callable[..., Server], tmp_path: Path) -> None:
    other = Office()
    server = serve(serving_context(other.server(tmp_path)))
    lost(connect(server, OFFICE.put(tmp_path, "pole-1")), "trust", "none of those that we trust", server)


def test_a_node_that_plays_the_broker_hears_nothing(serve: Callable[..., Server], tmp_path: Path) -> None:
    """Its certificate is good, and bears the broker's name, but not for servers."""
    signed = OFFICE.put(tmp_path, "broker", names=[HOST], use=CLIENT)
    server = serve(serving_context(signed))
    lost(connect(server, OFFICE.put(tmp_path, "pole-1")), "trust", "none of those that we trust", server)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_nobody_falls_back_to_what_is_old_or_plain(serve: Callable[..., Server], tmp_path: Path) -> None:
    context = serving_context(OFFICE.server(tmp_path))
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    own = OFFICE.put(tmp_path, "pole-1")
    server = serve(context)
    lost(connect(server, own), "trust", "new enough", server)
    plain = serve(None, lambda peer: None if packet(peer) is None else peer.sendall(CONNACK))
    event = connect(plain, own)
    assert isinstance(event, Lost) and event.cause != "new", event
    assert b"pole-1" not in b"".join(plain.heard)


def test_a_portal_is_told_from_a_broker(serve: Callable[..., Server], tmp_path: Path) -> None:
    def portal(peer: socket.socket) -> None:
        peer.recv(1)
        peer.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n")
        peer.recv(64)

    event = connect(serve(None, portal), OFFICE.put(tmp_path, "pole-1"))
    assert isinstance(event, Lost) and event.cause == "portal" and "login" in event.reason


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_broker_that_refuses_our_certificate_says_so(
    serve: Callable[..., Server], tmp_path: Path, version: ssl.TLSVersion
) -> None:
    context = serving_context(OFFICE.server(tmp_path))
    context.minimum_version = context.maximum_version = version
    server = serve(context)
    for own in (Office().put(tmp_path, "pole-1"), OFFICE.put(tmp_path, "pole-2", use=SERVER)):
        lost(connect(server, own), "certificate", "refuses our certificate", server)


@pytest.mark.parametrize("code", [4, 5])
def test_a_broker_that_does_not_know_us_says_so(serve: Callable[..., Server], tmp_path: Path, code: int) -> None:
    """As NATS does with whom nobody mapped: after the handshake."""
    answer = bytes([0x20, 2, 0, code])
    server = serve(serving_context(OFFICE.server(tmp_path)), lambda peer: broker(peer, connack=answer))
    event = connect(server, OFFICE.put(tmp_path, "pole-1"))
    assert isinstance(event, Lost) and event.cause == "certificate" and "by our certificate" in event.reason


def test_what_is_no_certificate_is_a_sentence(tmp_path: Path) -> None:
    signed = OFFICE.put(tmp_path, "pole-1")
    for trust in ("", "nonsense", signed.key.read_text()):
        with pytest.raises(OfficeError, match="roots to trust"):
            pinned(trust, lambda: SURE)
    other = OFFICE.put(tmp_path, "pole-2")
    for key in (other.key, tmp_path / "none", tmp_path):
        with pytest.raises(OfficeError, match="cannot be used") as refused:
            pinned(OFFICE.trust, lambda: SURE, (signed.certificate, key))
        assert "PRIVATE" not in str(refused.value)


def test_a_key_under_a_password_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    signed, key = OFFICE.put(tmp_path, "pole-1"), new_key()
    form = serialization.PrivateFormat.PKCS8
    secret = serialization.BestAvailableEncryption(b"x")
    signed.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, secret))
    with pytest.raises(OfficeError, match="cannot be used"):
        pinned(OFFICE.trust, lambda: SURE, (signed.certificate, signed.key))


def test_what_a_context_stands_for() -> None:
    context = pinned(OFFICE.trust, lambda: SURE)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2 and context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED and len(context.get_ca_certs()) == 1


def test_tls_without_roots_is_refused() -> None:
    with pytest.raises(OfficeError, match="wants TLS"):
        MqttLink("pole-1", "mqtt://a", OWN, b"", Inbox().put, ["mqtts://b"])
