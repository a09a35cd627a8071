"""`fleet serve` as a process: it runs, refuses a second one, and ends in good order."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from edge.wire.jsontext import to_json
from edge.wire.record import pack
from edge.wire.topics import up
from fleet.broker import free_port, knock
from fleet.heartbeat import read
from fleet.pulse import STALE_MS
from tests.fleet.cli.typed import FLEET, environment, fleet
from tests.fleet.pole import Pole, wait_for
from tests.fleet.test_collector import CLOCK, NAMES, chunk

HOST = "127.0.0.1"


def hears_of_its_terminal() -> None:
    """Also where the tests themselves were begun with nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Serving:
    """A `fleet serve` with its log."""

    def __init__(self, home: Path, *init: str, web_host: str = HOST) -> None:
        self.home, self.port, self.web = home, free_port(HOST), free_port(HOST)
        doors = ["--port", str(self.port), "--web-port", str(self.web), "--enrol-port", str(free_port(HOST))]
        made = fleet(home, "init", *doors, *init)
        assert made.returncode == 0, made.stderr
        broker, web = (home / "fleet.toml").read_text().split("[web]")
        (home / "fleet.toml").write_text(f"{broker}[web]{web.replace(HOST, web_host)}")
        self.log = (home / "log").open("w+")
        self.process = subprocess.Popen([*FLEET, "serve"], env=environment(home), stderr=self.log, stdout=self.log,
                                        preexec_fn=hears_of_its_terminal)  # fmt: skip
        wait_for(lambda: "The office runs" in self.said() or self.process.poll() is not None, "the office")

    def said(self) -> str:
        return (self.home / "log").read_text()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def office(*init: str, home: Path, web_host: str = HOST) -> Iterator[Serving]:
    running = Serving(home, *init, web_host=web_host)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGCONT)
            running.end()


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    with office(home=tmp_path / "home") as running:
        yield running


def test_one_day_at_the_office(serving: Serving, tmp_path: Path) -> None:
    home, file = serving.home, tmp_path / "pole-a.json"
    assert "fetches its certificate" in fleet(home, "node", "add", "pole-a", "--credentials", file).stderr
    pole = Pole.of(file).joined()
    pole.say(up("pole-a", "record"), pack(CLOCK, NAMES, chunk(3), chunk(4)))
    wait_for(lambda: fleet(home, "data", "tail", "-o", "name").stdout.count("\n") == 2, "the rows")
    exported = fleet(home, "data", "export", "--node", "pole", "--from", "2023-11-14T22:13:24Z")
    assert exported.stdout == (
        "time,node,sensor,quantity,channel,value,unit,flags,clock,count,low,high,sum\r\n"
        "2023-11-14T22:13:24.000Z,pole-a,air,temperature,,21.04,°C,,synced,,,,\r\n"
    )
    assert len(list(csv.reader(io.StringIO(fleet(home, "data", "export").stdout)))) == 3
    tail = json.loads(fleet(home, "data", "tail", "pole-a", "-n", "1", "-o", "json").stdout)
    assert (tail[0]["value"], tail[0]["unit"]) == (21.04, "°C")
    page = urllib.request.urlopen(f"http://{HOST}:{serving.web}/api/nodes", timeout=10)
    assert json.load(page)["totals"]["readings"] == 2
    shown = fleet(home, "node", "show", "pole-a").stdout
    assert "sensor air" in shown and "21.04 °C" in shown
    assert fleet(home, "health", "-o", "wide").stdout.splitlines()[1].split()[:3] == ["office", "good", "serve"]
    pole.leave()
    assert json.loads(file.read_text())["token"] not in serving.said()
    assert serving.end() == 0
    assert not knock(HOST, serving.port) and not knock(HOST, serving.web)
    assert "everything that was acknowledged is stored" in serving.said()
    assert fleet(home, "data", "tail", "-o", "name").stdout.count("\n") == 2


def test_it_says_where_nodes_and_people_find_it(serving: Serving, tmp_path: Path) -> None:
    (line,) = [line for line in serving.said().splitlines() if "The office runs" in line]
    assert fleet(serving.home, "node", "add", "pole-a", "--credentials", tmp_path / "card").returncode == 0
    card = json.loads((tmp_path / "card").read_text())
    assert line == (f"The office runs in {serving.home}. Nodes: {card['url']}  Certificates: {card['enrol']}  "
                    f"Page: http://{HOST}:{serving.web}/  End: Ctrl-C")  # fmt: skip


def states(home: Path) -> dict[str, str]:
    found = json.loads(fleet(home, "health", "-o", "json").stdout)
    return {each["check"]: each["state"] for each in found if each["node"] == "office"}


PAPERS = ("certificates", "revocation list", "authority", "enrolment", "node certificates")
WELL = dict.fromkeys(("serve", "collector", "session", "broker", "store", *PAPERS), "good")


def test_health_sees_into_the_running_office(serving: Serving) -> None:
    wait_for(lambda: states(serving.home) == WELL, "all to be good")
    assert fleet(serving.home, "health").returncode == 0
    os.kill(int((serving.home / "broker" / "nats.pid").read_text()), signal.SIGKILL)
    wait_for(lambda: states(serving.home)["broker"] != "good", "the dead broker to be seen")
    wait_for(lambda: states(serving.home) == WELL | {"broker": "unknown"}, "the new broker and the collector's return")


def test_health_sees_an_office_that_hangs(serving: Serving) -> None:
    wait_for(lambda: states(serving.home) == WELL, "all to be good")
    serving.process.send_signal(signal.SIGSTOP)
    pulse = read(serving.home / "pulse.json")
    assert pulse is not None and pulse.pid == serving.process.pid
    (serving.home / "pulse.json").write_bytes(to_json(replace(pulse, at_ms=pulse.at_ms - STALE_MS - 1)))
    done = fleet(serving.home, "health")
    assert states(serving.home) == {"serve": "bad"} and done.returncode == 1
    assert "The office hangs" in done.stdout and str(pulse.pid) in done.stdout
    serving.process.send_signal(signal.SIGCONT)
    serving.end()
    assert not (serving.home / "pulse.json").exists()
    assert "No `fleet serve` works in this home" in fleet(serving.home, "health").stdout


def test_a_second_office_in_the_same_home_is_refused(serving: Serving) -> None:
    done = fleet(serving.home, "serve")
    assert done.returncode == 4
    assert f"Another `fleet serve` (process {serving.process.pid}) already works in {serving.home}." in done.stderr
    assert "goes on undisturbed and nothing was lost" in done.stderr and "Next: " in done.stderr
    assert knock(HOST, serving.port)


def test_an_office_that_was_killed_is_followed_by_the_next(serving: Serving) -> None:
    serving.process.kill()
    serving.process.wait()
    wait_for(lambda: not knock(HOST, serving.port), "its broker to end with it")
    again = subprocess.Popen([*FLEET, "serve"], env=environment(serving.home), stderr=serving.log)
    wait_for(lambda: serving.said().count("The office runs") == 2, "the second office")
    again.send_signal(signal.SIGINT)
    assert again.wait(30) == 0
    assert not knock(HOST, serving.port)


@pytest.mark.parametrize("section", ["broker", "web"])
def test_a_port_in_use_is_said_in_one_sentence(tmp_path: Path, section: str) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        other = free_port(HOST)
        ports = {"broker": (port, other), "web": (other, port)}[section]
        fleet(tmp_path / "home", "init", "--port", str(ports[0]), "--web-port", str(ports[1]))
        done = fleet(tmp_path / "home", "serve")
    assert done.returncode == 4
    assert f"cannot listen on {HOST}:{port}: Address already in use." in done.stderr
    assert f"[{section}] port in fleet.toml" in done.stderr
    assert not knock(HOST, ports[0]) or section == "broker"


def test_an_office_that_listens_everywhere_says_what_it_lacks_and_shows_its_page_where_it_was_told(
    tmp_path: Path,
) -> None:
    with office("--host", "0.0.0.0", home=tmp_path / "home", web_host="127.0.0.2") as serving:
        wait_for(lambda: "fleet.toml, with an address" in serving.said(), "the hint")
        assert "It runs, and nodes that know an address are heard; none can be added." in serving.said()
        assert "Nodes: any address, port " in serving.said() and "Certificates: any address, port " in serving.said()
        wait_for(lambda: "set [enrol] url" in serving.said(), "the hint about the desk")
        page = f"http://127.0.0.2:{serving.web}/api/nodes"
        with urllib.request.urlopen(page, timeout=10) as answer:
            assert answer.status == 200
        strange = urllib.request.Request(page, headers={"Host": "127.0.0.3"})
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(strange, timeout=10)


def test_a_page_for_everybody_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    fleet(home, "init", "--port", str(free_port(HOST)))
    broker, web = (home / "fleet.toml").read_text().split("[web]")
    (home / "fleet.toml").write_text(f"{broker}[web]{web.replace(HOST, '0.0.0.0')}")
    done = fleet(home, "serve")
    assert done.returncode == 2
    assert "reverse proxy" in done.stderr and "did not start" in done.stderr and str(home / "fleet.toml") in done.stderr


def test_a_broken_config_is_said_in_one_sentence(tmp_path: Path) -> None:
    fleet(tmp_path / "home", "init")
    (tmp_path / "home" / "fleet.toml").write_text("[broker]\nport = 99999\n")
    done = fleet(tmp_path / "home", "serve")
    assert done.returncode == 2
    assert "port = 99999 is not a port" in done.stderr


def test_follow_ends_with_130(serving: Serving, tmp_path: Path) -> None:
    following = subprocess.Popen([*FLEET, "data", "tail", "--follow"], env=environment(serving.home), text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    assert following.stdout is not None
    assert following.stdout.readline().startswith("TIME")
    fleet(serving.home, "node", "add", "pole-a", "--credentials", tmp_path / "a.json")
    pole = Pole.of(tmp_path / "a.json").joined()
    pole.say(up("pole-a", "record"), pack(CLOCK, NAMES, chunk(3)))
    assert "21.03" in following.stdout.readline()
    following.send_signal(signal.SIGINT)
    assert following.wait(30) == 130
    pole.leave()


def test_without_the_office_installed_fleet_says_how_to_get_it() -> None:
    import sys

    code = "import sys, importlib.util as u; u.find_spec = lambda name: None\nfrom fleet.cli.main import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 4
    assert done.stderr.strip().endswith('pip install "lantaarn[office]"')
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["serve"], ["data", "tail"], ["health"]])
def test_a_damaged_store_is_called_so_with_what_to_do(tmp_path: Path, words: list[str]) -> None:
    home = tmp_path / "home"
    fleet(home, "init", "--port", str(free_port(HOST)), "--web-port", "0")
    (home / "readings.db").write_bytes(b"garbage" * 1000)
    done = fleet(home, *words)
    assert done.returncode == 4 and f"{home}/readings.db is damaged: file is not a database." in done.stderr
    moved = subprocess.run(["sh", "-c", done.stderr.rpartition("Next: ")[2].partition(" && fleet")[0]])
    assert moved.returncode == 0 and not (home / "readings.db").exists()
    assert "damaged" not in fleet(home, "node", "list").stderr


def test_a_terminal_that_goes_away_ends_the_office_in_good_order(serving: Serving) -> None:
    serving.process.send_signal(signal.SIGHUP)
    assert serving.process.wait(30) == 0
    assert "everything that was acknowledged is stored" in serving.said()
    assert not knock(HOST, serving.port)


def test_a_broker_that_dies_is_said_in_words(serving: Serving) -> None:
    os.kill(int((serving.home / "broker" / "nats.pid").read_text()), signal.SIGKILL)
    wait_for(lambda: "The collector's connection ended (" in serving.said(), "the end to be told")
    assert "connection ended (the broker closed it or died)" in serving.said()
