"""What there is to kill: the registry and home of an office, a broker of its own, and nodes with much to say.

Broker and office are processes beside each other, so that each can be killed alone: for the office the broker is
somebody else's (`kind = "none"`). The office's process is `fleet serve`. Everybody is known by his certificate.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from edge import compile as compiler
from edge.board import check
from edge.boardfile import compiled
from fleet import enrol, files, tether
from fleet.broker import catches, free_port
from fleet.home import Home, Ports, write_config
from fleet.registry import Node, Registry
from fleet.servers import SERVERS
from fleet.tls import of_broker
from simulators.clock import PacedClock
from simulators.enrolled import claim, open_desk
from simulators.node import BOARD, Place
from simulators.residents import Householder
from simulators.street import MORNING_MS
from simulators.tally import Tally

BOARD_TEXT = """[node]
id = "{name}"
[office]
url = "{url}"
credentials = "credentials.json"
publish_every = "0s"
back_within = "{back_s}s"
[journal]
folder = "journal"
commit_every = "{commit_s}s"
cap = "256MiB"
"""
SENSOR = """[[sensor]]
name = "{name}"
driver = "{driver}"
{place}
interval = "1s"
"""
SENSORS = (
    ("dust", "sps30", 'bus = "i2c-1"\naddress = 0x69'),
    ("more-dust", "sps30", 'bus = "i2c-3"\naddress = 0x69'),
    ("air", "bme280", 'bus = "i2c-1"\naddress = 0x76'),
    ("road-dust", "pms5003", 'port = "/dev/ttyUSB0"'),
    ("meter", "dsmr", 'port = "/dev/ttyUSB1"'),
)
PER_SECOND = 9 + 9 + 3 + 12 + 12  # readings that all of these give in a second, simulated
BACK_S = 20  # simulated seconds: who lost a session is back within
MEMORY = {"nats": "jetstream", "mosquitto": "mosquitto.db"}  # what a broker keeps, in its folder


class Child:
    """A process that can be killed and started again, and that does not outlive us. What it says is in `log`."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.command, self.log = command, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            tethered = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
            command = [*tethered, *self.command]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self, within_s: float = 20.0) -> None:
        """SIGTERM; SIGKILL when that does not help."""
        if self.process is not None and self.alive:
            self.process.terminate()
            try:
                self.process.wait(within_s)
            except subprocess.TimeoutExpired:
                self.kill()


class Stayer(Householder):
    """A node that stays until everything is acknowledged."""

    module = "tests.killing.agent"

    @property
    def listens(self) -> bool:
        """Whether it catches SIGTERM by now; one that has only just been started would die of it."""
        return self.process is not None and catches(self.process.pid, signal.SIGTERM)

    @property
    def ended_well(self) -> bool:
        """Whether it ended because the office had acknowledged everything."""
        return self.process is not None and self.process.poll() == 0


@dataclass(frozen=True)
class Plan:
    """How much is to be killed, and how much said meanwhile. `commit_s`: simulated seconds between commits."""

    broker: str
    kills: int
    readings: int
    seed: int = 7
    nodes: int = 8
    speed: float = 10.0
    commit_s: int = 5


class Town:
    """Everything in place in `folder`, nothing running."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.server = SERVERS[plan.broker]
        self.home = Home(folder / "office")
        self.port = free_port()
        ports = Ports(broker_port=self.port, web_port=free_port(), broker_kind="none", enrol_port=free_port())
        write_config(self.home, ports)
        self.registry = Registry(self.home.registry)
        self.desk = open_desk(self.home, self.registry)
        enrol.make_home(self.home, self.registry)
        self.names = [f"pole-{number + 1:03d}" for number in range(plan.nodes)]
        Tally(folder / "tally", plan.nodes).close()
        self.tally = Tally(folder / "tally", plan.nodes)
        self.clock = PacedClock(plan.speed)
        self.poles = [self._pole(number, name) for number, name in enumerate(self.names)]
        self.broker = self._broker()
        serve = [sys.executable, "-m", "fleet.cli.main", "serve", "--home", str(self.home.folder)]
        self.office = Child(serve, folder / "office.log")

    def _broker(self) -> Child:
        place = self.folder / "broker"
        place.mkdir()
        self.server.write_lists(place, self.registry.members())
        text = self.server.config_text(place, "127.0.0.1", self.port, True, of_broker(self.home.authority))
        files.replace(place / self.server.config, text)
        return Child(self.server.command(place / self.server.config), self.folder / "broker.log")

    def _pole(self, number: int, name: str) -> Stayer:
        folder = self.folder / name
        folder.mkdir()
        enrol.add(self.home, self.registry, Node(name, "Stationsplein", 52.22, 6.89), folder / "credentials.json")
        assert claim(self.desk, name, folder / "credentials.json") == "granted"
        url = self.home.ports().node_url
        tables = [SENSOR.format(name=name, driver=driver, place=place) for name, driver, place in SENSORS]
        text = BOARD_TEXT.format(name=name, url=url, commit_s=self.plan.commit_s, back_s=BACK_S) + "".join(tables)
        (folder / BOARD).write_text(text)
        wiring = check(text, str(folder / BOARD), simulated=True).wiring
        assert wiring is not None, check(text, str(folder / BOARD), simulated=True).mistakes
        compiler.write(compiled(folder / BOARD), wiring.to_json())
        place = Place(self.plan.seed, number, self.plan.speed, MORNING_MS, self.clock.began_ns, f"{number + 1:032x}",
                      str(self.folder / "tally"))  # fmt: skip
        return Stayer(name, folder, place)

    @property
    def sampled(self) -> int:
        """Readings that were taken at the chips, in all."""
        return sum(self.tally[number] for number in range(self.plan.nodes))

    def forget(self) -> None:
        """The broker, which is down, loses its memory."""
        kept = self.folder / "broker" / MEMORY[self.plan.broker]
        if kept.is_dir():
            shutil.rmtree(kept)
        kept.unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is left running."""
        for pole in self.poles:
            pole.kill()
        self.office.stop()
        self.broker.stop()
        self.tally.close()
