"""The broker as a child: it comes back when it is killed, takes over from an orphan, and says when it cannot start."""

from __future__ import annotations

import os
import socket
import subprocess
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
