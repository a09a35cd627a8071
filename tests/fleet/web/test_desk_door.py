"""The desk's door over real TLS: what honest nodes get, and that nobody else can hold it open, overfill or crash it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from edge.wire.enrolment import CLAIM_PATH, LARGEST_CLAIM, TIME_PATH, Granted, Refused, TimeTold, Why
from edge.wire.jsontext import from_json, to_json
from fleet.trouble import Trouble
from fleet.web.desk import OpenDesk
from tests.fleet.desks import DAY_MS, Office, Pole, granted
from tests.fleet.pole import wait_for


@dataclass
class Door:
    """An open desk, and a caller that believes the office's roots only."""

    office: Office
    open: OpenDesk
    trust: str
    sure_ms: int | None = 77

    @property
    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.trust)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = HTTPSConnection("localhost", self.open.port, context=self.context, timeout=20)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def refusal(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Why]:
        status, data = self.ask(method, path, body)
        return status, from_json(Refused, data).why

    def call(self) -> ssl.SSLSocket:
        raw = socket.create_connection(("localhost", self.open.port), timeout=20)
        return self.context.wrap_socket(raw, server_hostname="localhost")


def opened(here: Office, folder: Path, **more: float) -> Door:
    certify(here, folder)
    door = Door(here, None, here.authority.trust())  # type: ignore[arg-type]
    door.open = OpenDesk(here.desk, folder, "127.0.0.1", 0, sure=lambda: door.sure_ms, **more)  # type: ignore[arg-type]
    return door


def certify(here: Office, folder: Path, *names: str) -> None:
    """A certificate for the desk, as of now by the real clock, which the callers below go by."""
    from fleet.clock import SystemClock

    key, issued = here.authority.server_certificate(["localhost", *names], SystemClock().wall_ms())
    for name, text in (("desk.key", key), ("desk.pem", issued.chain)):
        (folder / f"{name}.new").write_text(text)
        os.replace(folder / f"{name}.new", folder / name)


@pytest.fixture
def door(here: Office, tmp_path: Path) -> Iterator[Door]:
    found = opened(here, tmp_path)
    yield found
    found.open.close()


@pytest.fixture
def hasty(here: Office, tmp_path: Path) -> Iterator[Door]:
    """A desk without patience."""
    found = opened(here, tmp_path, body_s=0.2, longest_s=0.7, most_of_one=5)
    yield found
    found.open.close()


@pytest.fixture
def narrow(here: Office, tmp_path: Path) -> Iterator[Door]:
    """A desk that lets few in at a time, however slowly they come."""
    found = opened(here, tmp_path, most_of_one=5)
    yield found
    found.open.close()


def test_a_claim_is_answered_over_tls(door: Door) -> None:
    pole = Pole("pole-1", door.office.token("pole-1"))
    status, data = door.ask("POST", CLAIM_PATH, to_json(pole.claim()))
    assert status == 200
    assert from_json(Granted, data) == granted(door.office.desk.claim(pole.claim(), "::1"))
    assert door.refusal("POST", CLAIM_PATH, to_json(Pole("pole-1", pole.token).claim())) == (403, Why.TAKEN)
    assert door.refusal("POST", CLAIM_PATH, to_json(Pole("pole-1").claim())) == (403, Why.UNKNOWN)


def test_the_time_is_told_by_who_is_sure_of_it(door: Door) -> None:
    status, data = door.ask("GET", TIME_PATH)
    assert (status, from_json(TimeTold, data)) == (200, TimeTold(77))
    door.sure_ms = None
    assert door.refusal("GET", TIME_PATH) == (503, Why.BUSY)


HOSTILE = [b"", b"{}", b"[]", b"null", b"{" * 5000, b"[" * 16_000, b"\xff" * 99, b'{"node": 1, "request": "x"}',
           b'{"node": "pole-1"}', b'{"node": "pole-1", "request": "", "token": null}', b"NaN",
           b'"' + b"a" * 9000 + b'"', b'{"node": "\\ud800", "request": "x"}', b"0" * LARGEST_CLAIM]  # fmt: skip


def test_a_hostile_body_is_refused(door: Door) -> None:
    for body in HOSTILE:
        assert door.refusal("POST", CLAIM_PATH, body) == (400, Why.REQUEST), body[:40]


def test_other_methods_and_paths_are_refused_alike(door: Door) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert door.refusal(method, CLAIM_PATH) == (405, Why.REQUEST), method
    assert door.refusal("POST", TIME_PATH, b"x") == (405, Why.REQUEST)
    for path in ("/", "/v1", "/v1/claim/", "/../fleet.toml", "/%2e%2e/", "/v1/claim%00", "/static/index.html"):
        assert door.refusal("GET", path)[0] in (404, 405), path


def test_a_body_that_is_too_large_is_not_read_to_its_end(door: Door) -> None:
    assert door.refusal("POST", CLAIM_PATH, b"x" * (LARGEST_CLAIM + 1)) == (413, Why.REQUEST)
    with door.call() as call:
        call.sendall(head("Transfer-Encoding: chunked") + (b"4000\r\n" + b"y" * 0x4000 + b"\r\n") * 3)
        assert said(call).startswith(b"HTTP/1.1 413 ")


def head(*lines: str) -> bytes:
    return "\r\n".join([f"POST {CLAIM_PATH} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def said(call: ssl.SSLSocket) -> bytes:
    """All that comes until the other side ends it."""
    parts = []
    try:
        while part := call.recv(4096):
            parts.append(part)
    except (ssl.SSLError, ConnectionResetError):
        pass
    return b"".join(parts)


def test_a_slow_body_is_cut_off(hasty: Door) -> None:
    with hasty.call() as call:
        call.sendall(head("Content-Length: 100") + b"{")
        assert said(call).startswith(b"HTTP/1.1 408 ")


def test_no_connection_lives_long(hasty: Door) -> None:
    calls = {}
    for words in (b"", b"POST /v1/claim HTTP/1.1\r\nX-Slow: ", b"\0\0\0\0", b"GET / HTTP/X\r\n\r\n"):
        calls[words] = hasty.call()
        calls[words].sendall(words)
    answers = [said(call).split(b"\r\n")[0] for call in calls.values()]
    assert answers[:2] == [b"", b""] and set(answers[2:]) == {b"HTTP/1.1 400 Bad Request"}


def test_one_address_holds_so_many_connections_and_no_more(narrow: Door) -> None:
    calls = [narrow.call() for _ in range(5)]
    with pytest.raises(OSError, match=r"(?i)reset|eof"):
        narrow.call()
    for call in calls:
        call.close()
    wait_for(lambda: answered(narrow), "room for another")


def test_who_connects_and_says_nothing_at_all_counts_as_well(hasty: Door) -> None:
    """Each holds a file of the office, which needs some for its registry and its store."""
    silent = [socket.create_connection(("localhost", hasty.open.port), timeout=20) for _ in range(40)]
    wait_for(lambda: sum(hung_up(call) for call in silent) >= 35, "the end of those that were too many")
    assert not answered(hasty)
    for call in silent:
        call.close()
    wait_for(lambda: answered(hasty), "room for another")


def hung_up(call: socket.socket) -> bool:
    call.setblocking(False)
    try:
        return call.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_there_is_room_for_the_office_s_own_files(
    here: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (20, 20))
    found = opened(here, tmp_path)
    silent = [socket.create_connection(("localhost", found.open.port), timeout=20) for _ in range(40)]
    wait_for(lambda: sum(hung_up(call) for call in silent) >= 30, "the end of those that were too many")
    for call in silent:
        call.close()
    wait_for(lambda: answered(found), "room for another")
    found.open.close()


def answered(door: Door) -> bool:
    try:
        return door.ask("GET", TIME_PATH)[0] == 200
    except OSError:
        return False


def test_many_may_claim_at_once(door: Door) -> None:
    token, answers = door.office.token("pole-1"), []
    bodies = [to_json(Pole("pole-1", token).claim()) for _ in range(30)]
    threads = [threading.Thread(target=lambda body=body: answers.append(door.ask("POST", CLAIM_PATH, body)[0]))
               for body in bodies]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [403] * 29


def test_a_forwarded_address_is_not_believed(door: Door) -> None:
    asked: list[str] = []
    door.office.desk.peers.allows = lambda name, now_ms: not asked.append(name)  # type: ignore[method-assign, func-returns-value]
    connection = HTTPSConnection("localhost", door.open.port, context=door.context, timeout=20)
    connection.request("POST", CLAIM_PATH, to_json(Pole("pole-1").claim()), {"X-Forwarded-For": "9.9.9.9"})
    connection.getresponse().read()
    connection.close()
    assert asked == ["127.0.0.1"]


def test_a_fault_of_ours_is_a_refusal_and_no_secret_is_logged(
    door: Door, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "c0ffee" * 10
    claim = to_json(Pole("pole-1", canary).claim())

    def broken(*_: object) -> None:
        raise RuntimeError(f"no {canary}")

    for hostile in (claim, claim[:-1], claim.replace(b'"hardware"', b'"request"'), claim + canary.encode()):
        door.ask("POST", CLAIM_PATH, hostile)
    door.office.desk.claim = broken  # type: ignore[method-assign, assignment]
    assert door.refusal("POST", CLAIM_PATH, claim) == (503, Why.BUSY)
    assert door.ask("GET", f"/{canary}?{canary}")[0] == 404
    told = caplog.text + "".join(capfd.readouterr())
    assert "RuntimeError" in told and "Traceback" not in told
    assert canary not in told


def test_tls_is_1_2_at_least_and_nothing_is_said_in_the_clear(door: Door) -> None:
    old = door.context
    with warnings.catch_warnings(action="ignore"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("localhost", door.open.port), 20) as raw, pytest.raises(OSError):
        old.wrap_socket(raw, server_hostname="localhost")
    with socket.create_connection(("localhost", door.open.port), 20) as raw:
        raw.sendall(b"GET /v1/time HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP" not in raw.recv(4096)


def shown(door: Door) -> set[object]:
    with door.call() as call:
        names = call.getpeercert()
    assert names is not None
    return {name[1] for name in names["subjectAltName"]}


def test_a_renewed_certificate_is_shown_at_once_and_a_broken_one_never(door: Door, tmp_path: Path) -> None:
    assert shown(door) == {"localhost"}
    certify(door.office, tmp_path, "new.example.org")
    assert shown(door) == {"localhost", "new.example.org"}
    shutil.copy(tmp_path / "desk.pem", tmp_path / "kept.pem")
    (tmp_path / "desk.pem").write_text("no certificate")
    assert shown(door) == {"localhost", "new.example.org"}
    (tmp_path / "desk.pem").unlink()
    assert shown(door) == {"localhost", "new.example.org"}
    assert door.office.time.now_ms > DAY_MS


def test_a_port_that_is_taken_is_told_in_words(door: Door, here: Office, tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="The desk cannot listen on") as raised:
        OpenDesk(here.desk, tmp_path, "127.0.0.1", door.open.port)
    assert "[enrol]" in str(raised.value)


def test_what_is_said_at_the_door_is_json(door: Door) -> None:
    for method, path in (("GET", TIME_PATH), ("GET", "/"), ("POST", CLAIM_PATH)):
        json.loads(door.ask(method, path, b"x" if method == "POST" else None)[1])
