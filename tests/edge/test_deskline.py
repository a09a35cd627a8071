"""The line to the desk, against what may answer there: real HTTPS on loopback, portals, strangers and slow ones."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge import deskline
from edge.deskline import DeskLine, Unreachable
from edge.office import OfficeError
from edge.tls import pinned
from edge.validity import Moment
from edge.wire.enrolment import CLAIM_PATH, TIME_PATH, Claim, Granted, Refused, TimeTold, Why
from edge.wire.messages import to_json
from tests.edge.signing import CLIENT, DAY_MS, NOW_MS, Office

HOST = "127.0.0.1"
OFFICE = Office()
SURE, VAGUE = Moment(NOW_MS, 1_000, NOW_MS - 30 * DAY_MS), Moment(None, 0, NOW_MS - 30 * DAY_MS)
CLAIM = Claim("pole-1", "a request", "the-token", "serial")
GRANTED = Granted("certificate", "trust", "mqtts://x", 1, 2)


def http(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


class Desk:
    """Answers each connection with the same bytes, piece by piece; keeps what it was told in clear text."""

    def __init__(self, context: ssl.SSLContext | None, *pieces: bytes) -> None:
        self._context, self._pieces, self.heard = context, pieces, bytearray()
        self.hold, self._socket = threading.Event(), socket.create_server((HOST, 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._socket.accept()
                threading.Thread(target=self._speak, args=(peer,), daemon=True).start()

    def _speak(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError):
            spoken = self._context.wrap_socket(peer, server_side=True) if self._context else peer
            spoken.settimeout(5)
            while not self._whole() and (more := spoken.recv(4096)):
                self.heard += more
            for piece in self._pieces:
                spoken.sendall(piece)
            if not self._pieces:
                self.hold.wait(5)
            spoken.close()
        peer.close()

    def _whole(self) -> bool:
        """Whether the question is here, its body too; of somebody who speaks TLS to us, anything."""
        head, end, body = bytes(self.heard).partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        return bool(end and len(body) >= int(length[1] if length else 0)) or bool(self.heard and not self._context)

    def close(self) -> None:
        self.hold.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


Serve = Callable[..., Desk]


@pytest.fixture
def serve() -> Iterator[Serve]:
    desks: list[Desk] = []

    def start(context: ssl.SSLContext | None, *pieces: bytes) -> Desk:
        desks.append(Desk(context, *pieces))
        return desks[-1]

    yield start
    for desk in desks:
        desk.close()


@pytest.fixture
def ours(tmp_path: Path) -> ssl.SSLContext:
    return context(tmp_path)


def context(
    folder: Path, office: Office = OFFICE, begins: int = -10, ends: int = 10, name: str = HOST
) -> ssl.SSLContext:
    signed = office.server(folder, name, begins_ms=NOW_MS + begins * DAY_MS, ends_ms=NOW_MS + ends * DAY_MS)
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(signed.certificate, signed.key)
    return found


def line(desk: Desk, now: Moment = SURE, calm_s: float = 5.0, boot_ms: Callable[[], int] = lambda: 0) -> DeskLine:
    return DeskLine(f"https://{HOST}:{desk.port}", pinned(OFFICE.trust, lambda: now), boot_ms, calm_s)


def failure(desk: Desk, now: Moment = SURE, calm_s: float = 5.0) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        line(desk, now, calm_s).claim(CLAIM)
    assert "the-token" not in f"{caught.value!r} {caught.value.what} {caught.value.remedy}"
    return caught.value


def test_a_claim_and_its_answer(serve: Serve, ours: ssl.SSLContext) -> None:
    desk = serve(ours, http(to_json(GRANTED)))
    assert line(desk).claim(CLAIM) == GRANTED
    assert desk.heard.startswith(f"POST {CLAIM_PATH} HTTP/1.1\r\n".encode()) and b"the-token" in desk.heard


@pytest.mark.parametrize("status", ["400 Bad", "403 No", "409 Taken", "429 Busy", "503 Later"])
def test_a_refusal_is_an_answer(serve: Serve, ours: ssl.SSLContext, status: str) -> None:
    refused = Refused(Why.TAKEN, "It is taken.", "Ask.")
    assert line(serve(ours, http(to_json(refused), status))).claim(CLAIM) == refused


def test_the_time_is_asked_without_a_secret_by_who_does_not_know_it(serve: Serve, tmp_path: Path) -> None:
    """Even of a desk whose certificate is not valid yet by the clock of the kernel, and wherever the time stands."""
    desk = serve(context(tmp_path, begins=5, ends=50), http(to_json(TimeTold(NOW_MS))))
    assert line(desk, VAGUE).time_ms() == NOW_MS
    assert desk.heard.startswith(f"GET {TIME_PATH} HTTP/1.1\r\n".encode())
    assert b"the-token" not in desk.heard and b"pole-1" not in desk.heard


@pytest.mark.parametrize("answer", [http(b"{}", "503 Later"), http(b"{}"), http(b'{"now_ms":"x"}'), http(b"<html>")])
def test_an_office_that_does_not_know_the_time_says_nothing(serve: Serve, ours: ssl.SSLContext, answer: bytes) -> None:
    assert line(serve(ours, answer), VAGUE).time_ms() is None


HTML = b"<html><title>Welcome to our wifi</title></html>"


@pytest.mark.parametrize("pieces", [
    (http(HTML),), (http(HTML, "302 Found", "Location: http://login.example/\r\n"),), (http(b"{}"),),
    (http(b"[]", "403 No"),), (http(to_json(GRANTED), "302 Found"),), (http(b"", "204 No Content"),),
    (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000,), (http(to_json(GRANTED) + b" " * 100_000),),
    (b"nonsense\r\n\r\n",),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",), (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",),
    (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",), (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",),
], ids=lambda pieces: repr(pieces[0][:24]))  # fmt: skip
def test_other_answers_are_a_network_that_does_not_let_us_through(
    serve: Serve, ours: ssl.SSLContext, pieces: tuple[bytes, ...]
) -> None:
    assert failure(serve(ours, *pieces)).why == "network"


def test_silence_ends(serve: Serve, ours: ssl.SSLContext) -> None:
    assert failure(serve(ours), calm_s=0.3).why == "network"


def test_an_answer_that_drips_ends(serve: Serve, ours: ssl.SSLContext) -> None:
    ticking = iter(range(0, 10_000_000, deskline.WHOLE_MS // 2))
    desk = serve(ours, b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", *(b" " for _ in range(400)))
    with pytest.raises(Unreachable, match="takes too long"):
        line(desk, boot_ms=lambda: next(ticking)).claim(CLAIM)


def test_a_portal_without_tls_hears_no_secret(serve: Serve) -> None:
    desk = serve(None, http(HTML, "302 Found", "Location: http://login.example/\r\n"))
    told = failure(desk)
    assert told.why == "network" and "speaks no TLS" in told.what and "_" not in told.what
    assert b"the-token" not in desk.heard


@pytest.mark.parametrize(("office", "name"), [(Office(), HOST), (OFFICE, "10.0.0.1"), (OFFICE, "office.example")])
def test_who_is_not_the_office_hears_nothing(serve: Serve, tmp_path: Path, office: Office, name: str) -> None:
    desk = serve(context(tmp_path, office, name=name), http(to_json(GRANTED)))
    told = failure(desk)
    assert (told.why, bytes(desk.heard)) == ("trust", b"") and "Nothing was told to it" in told.what


def test_a_node_that_plays_the_desk_hears_nothing(serve: Serve, tmp_path: Path) -> None:
    signed = OFFICE.put(tmp_path, "pole-2", names=[HOST], use=CLIENT)
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(signed.certificate, signed.key)
    desk = serve(found, http(to_json(GRANTED)))
    assert (failure(desk).why, bytes(desk.heard)) == ("trust", b"")


@pytest.mark.parametrize(("begins", "ends", "now"), [(-20, -1, SURE), (5, 9, SURE), (-90, -40, VAGUE)])
def test_a_desk_out_of_its_time_hears_no_claim(
    serve: Serve, tmp_path: Path, begins: int, ends: int, now: Moment
) -> None:
    desk = serve(context(tmp_path, begins=begins, ends=ends), http(to_json(GRANTED)))
    told = failure(desk, now)
    assert (told.why, bytes(desk.heard)) == ("trust", b"") and "is not good now" in told.what
    assert "fleet card token NODE DIR" in told.remedy


def test_nobody_there_is_a_sentence() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
    gone = DeskLine(f"https://{HOST}:{port}", pinned(OFFICE.trust, lambda: SURE), lambda: 0)
    with pytest.raises(Unreachable, match="cannot be reached: Connection refused"):
        gone.claim(CLAIM)
    nowhere = DeskLine("https://office.invalid", pinned(OFFICE.trust, lambda: SURE), lambda: 0)
    with pytest.raises(Unreachable, match=r"office.invalid:443"):
        nowhere.time_ms()


@pytest.mark.parametrize("url", ["http://x", "x", "", "https://", "https://x:99999", "https://[", "mqtts://x",
                                 "https://x ", "https://x:8443 ", "https://our office", "https://x\0y"])  # fmt: skip
def test_what_is_no_desk_is_refused_and_a_new_card_wanted(url: str) -> None:
    """A fresh token alone would leave the address as it is."""
    with pytest.raises(OfficeError, match="names no desk") as told:
        DeskLine(url, pinned(OFFICE.trust, lambda: SURE), lambda: 0)
    assert "fleet node add NODE --renew" in told.value.remedy


def test_the_port_of_a_broker_is_told_from_a_broken_wire() -> None:
    """As NATS says it to who shows no certificate, if the word arrives before the connection ends."""
    assert "look at the port" in deskline._no_desk("TLSV13_ALERT_CERTIFICATE_REQUIRED", "office.example:8883")
    assert deskline._no_desk("it broke", "office.example:8443") == "There is no TLS with office.example:8443: it broke."
