"""The broker as a child: it comes back when it is killed, takes over from an orphan, and says when it cannot start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet import broker as brokers
from fleet.broker import Broker, free_port, knock, program, running, write_users
from fleet.rights import server_config
from fleet.trouble import Exit, Trouble
from tests.fleet.pole import wait_for

HOST = "127.0.0.1"


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Broker]:
    write_users(tmp_path, [])
    broker = Broker(tmp_path, HOST, free_port(HOST))
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
    assert running(child.folder) is None


def test_a_broker_that_an_earlier_office_left_behind_is_replaced(tmp_path: Path) -> None:
    port = free_port(HOST)
    write_users(tmp_path, [])
    (tmp_path / "nats.conf").write_text(server_config(tmp_path, HOST, port))
    orphan = subprocess.Popen([program(), "-c", str(tmp_path / "nats.conf")], stderr=subprocess.DEVNULL)
    wait_for(lambda: running(tmp_path) == orphan.pid and knock(HOST, port), "the orphan")
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
    monkeypatch.setattr(brokers, "PROGRAM", "no-such-server")
    child.kill(down_for_s=0.0)
    wait_for(lambda: "no nats-server" in child.fault, "the fault to be told")
    assert child.pid is None
    monkeypatch.undo()
    wait_for(lambda: child.pid is not None and knock(HOST, child.port), "the broker")
    assert child.fault == "" and child.ended_ms > 0


def test_a_child_that_cannot_be_made_is_tried_again(child: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setattr(brokers, "program", lambda: "/nowhere/nats-server")
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


def test_a_broker_that_cannot_run_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "users.conf").write_text("authorization { users: [ {")
    broker = Broker(tmp_path, HOST, free_port(HOST))
    with pytest.raises(Trouble, match="did not start"):
        broker.start()
    assert broker.pid is None


def test_the_user_list_is_read_anew_on_reload(child: Broker) -> None:
    log = child.folder / "nats.log"
    assert brokers.reload(child.folder)
    wait_for(lambda: "Reloaded" in log.read_text(), "the reload")
