"""The MQTT shell against servers that are no good brokers: each ends in one reason, and in none after the end."""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.events import Arrived, Cause, Connected, Event, Lost, Puback
from edge.inbox import Inbox
from edge.mqtt import MqttLink
from edge.office import Credentials

HOST = "127.0.0.1"
OWN = Credentials("pole-1", "", "pole-1", "secret", "id")
CONNACK, SUBACK_FAILS = b"\x20\x02\x00\x00", b"\x80"
Answer = Callable[[socket.socket], None]


def packet(peer: socket.socket) -> bytes:
    """The next packet of the client, whole; b"" at the end."""
    head = peer.recv(1)
    length = shift = 0
    while head:
        byte = peer.recv(1)[0]
        length, shift = length | (byte & 0x7F) << shift, shift + 7
        if not byte & 0x80:
            break
    body = b""
    while len(body) < length and (more := peer.recv(length - len(body))):
        body += more
    return head + body


class Server:
    """Accepts, answers as it was told, and keeps what was said to it."""

    def __init__(self, answer: Answer) -> None:
        self._answer, self.heard = answer, list[bytes]()
        self._socket = socket.create_server((HOST, 0))
        self.port: int = self._socket.getsockname()[1]
        self._peers: list[socket.socket] = []
        self.over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._socket.accept()
                self._peers.append(peer)
                threading.Thread(target=self._speak, args=(peer,), daemon=True).start()

    def _speak(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError, IndexError):
            self._answer(peer)
        self.over.set()

    def close(self) -> None:
        for each in [self._socket, *self._peers]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture
def serving() -> Iterator[Callable[[Answer], Server]]:
    servers: list[Server] = []

    def serve(answer: Answer) -> Server:
        servers.append(Server(answer))
        return servers[-1]

    yield serve
    for server in servers:
        server.close()


class Session:
    """A link and what came of it."""

    def __init__(self, *ports: int, host: str = HOST) -> None:
        self.inbox = Inbox()
        urls = [f"mqtt://{host}:{port}" for port in ports]
        self.link = MqttLink("pole-1", urls[0], OWN, b"gone", self.inbox.put, urls[1:])

    def lost(self, cause: Cause) -> Lost:
        event = self.inbox.take(20.0)
        assert isinstance(event, Lost) and event.cause == cause, event
        return event


def broker(peer: socket.socket, codes: bytes = b"\x01", connack: bytes = CONNACK, pubacks: bool = True) -> None:
    """A small broker: takes all, and says so."""
    while said := packet(peer):
        if said[0] == 0x10:
            peer.sendall(connack)
        elif said[0] == 0x82:
            peer.sendall(bytes([0x90, 2 + len(codes)]) + said[1:3] + codes)
        elif said[0] >> 4 == 3 and pubacks:
            length = int.from_bytes(said[1:3], "big")
            peer.sendall(b"\x40\x02" + said[3 + length : 5 + length])
        elif said[0] == 0xE0:
            return


def portal(peer: socket.socket) -> None:
    packet(peer)
    peer.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n")
    peer.recv(1)


def slams(peer: socket.socket) -> None:
    packet(peer)
    peer.close()


def test_a_server_that_speaks_http_is_told_from_a_broker(serving: Callable[[Answer], Server]) -> None:
    session = Session(serving(portal).port)
    session.link.connect()
    assert "does not speak MQTT" in session.lost("portal").reason
    assert session.inbox.take(0.2) is None


def test_a_server_that_closes_is_a_broken_connection(serving: Callable[[Answer], Server]) -> None:
    session = Session(serving(slams).port)
    session.link.connect()
    assert "broke" in session.lost("broken").reason
    assert session.inbox.take(0.2) is None


def test_a_port_where_nobody_listens_is_refused() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
    session = Session(port)
    session.link.connect()
    assert f"nobody listens at {HOST}:{port}" in session.lost("refused").reason


def test_a_name_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    session = Session(1883, host="broker.invalid")
    session.link.connect()
    assert "the name broker.invalid" in session.lost("dns").reason


REFUSED: list[tuple[int, Cause]] = [(1, "protocol"), (2, "identity"), (3, "busy"), (4, "identity"), (77, "protocol")]


@pytest.mark.parametrize(("code", "cause"), REFUSED)
def test_what_the_broker_answers_is_a_reason(code: int, cause: Cause, serving: Callable[[Answer], Server]) -> None:
    session = Session(serving(lambda peer: broker(peer, connack=bytes([0x20, 2, 0, code]))).port)
    session.link.connect()
    assert session.lost(cause).reason
    assert session.inbox.take(0.1) is None


def test_a_subscription_that_is_refused_is_no_session(serving: Callable[[Answer], Server]) -> None:
    session = Session(serving(lambda peer: broker(peer, SUBACK_FAILS)).port)
    session.link.connect()
    assert "refused our subscription" in session.lost("rights").reason
    assert session.inbox.take(0.2) is None


def test_a_silent_server_says_nothing_and_the_end_of_it_neither(serving: Callable[[Answer], Server]) -> None:
    server = serving(lambda peer: (packet(peer), peer.recv(1), None)[2])
    session = Session(server.port)
    session.link.connect()
    assert session.inbox.take(0.8) is None
    session.link.disconnect()
    assert server.over.wait(20)  # the connection is let go of
    assert session.inbox.take(0.1) is None


def test_a_broker_that_takes_nothing_is_for_the_uplink_to_notice(serving: Callable[[Answer], Server]) -> None:
    session = Session(serving(lambda peer: broker(peer, pubacks=False)).port)
    session.link.connect()
    assert session.inbox.take(20.0) == Connected()
    assert session.link.publish("record", b"x") is not None
    assert session.inbox.take(0.3) is None
    session.link.disconnect()


def test_each_broker_has_a_number(serving: Callable[[Answer], Server]) -> None:
    session = Session(serving(portal).port, serving(broker).port)
    session.link.connect(1)
    assert session.inbox.take(20.0) == Connected()
    mid = session.link.publish("record", b"x")
    assert session.inbox.take(20.0) == Puback(mid or 0)
    session.link.connect(0)
    assert session.lost("portal")


def test_a_session_given_up_while_the_host_is_looked_for_is_never_heard_of(
    serving: Callable[[Answer], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, found = threading.Event(), threading.Event()
    known = socket.getaddrinfo

    def slow(*where: object, **how: object) -> list[object]:
        looking.set()
        assert found.wait(20)
        return known(*where, **how)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    server = serving(broker)
    session = Session(server.port)
    session.link.connect()
    assert looking.wait(20)
    session.link.disconnect()
    found.set()
    assert server.over.wait(20)
    assert session.inbox.take(0.1) is None


def test_topics_that_are_not_ours_are_left_alone(serving: Callable[[Answer], Server]) -> None:
    def talkative(peer: socket.socket) -> None:
        for _ in range(2):
            said = packet(peer)
            peer.sendall(CONNACK if said[0] == 0x10 else b"\x90\x03" + said[1:3] + b"\x01")
        for topic in (b"lantaarn/v1/pole-1/down/nonsense", b"lantaarn/v1/pole-1/down/order"):
            body = len(topic).to_bytes(2, "big") + topic + b"{}"
            peer.sendall(bytes([0x30, len(body)]) + body)
        peer.recv(1)

    session = Session(serving(talkative).port)
    session.link.connect()
    events: list[Event | None] = [session.inbox.take(20.0) for _ in range(2)]
    assert events == [Connected(), Arrived("order", b"{}")]
    session.link.disconnect()
    assert session.link.publish("record", b"x") is None


def test_a_socket_that_fails_while_we_wait_for_the_first_word_is_left_to_paho(
    serving: Callable[[Answer], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    known, failed = select.select, threading.Event()

    def broken(*how: object) -> object:
        if not failed.is_set():
            failed.set()
            raise OSError(errno.EBADF, "Bad file descriptor")
        return known(*how)  # type: ignore[arg-type]

    monkeypatch.setattr("edge.mqtt.select.select", broken)
    session = Session(serving(broker).port)
    session.link.connect()
    assert session.inbox.take(20.0) == Connected()
    session.link.disconnect()


def test_credentials_are_needed_by_none_of_this(tmp_path: Path) -> None:
    assert "secret" not in repr(OWN)
