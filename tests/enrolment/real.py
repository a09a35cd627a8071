"""An office and nodes as on the street: `fleet serve` and `edge run`, each a process, each with a clock of its own.

What they are told on the command line is what people type. A node measures the vitals of its host, so it needs no
hardware, and any machine can play it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge import identity
from fleet import enrol, tether
from fleet.broker import free_port
from fleet.clock import steady_ms
from fleet.home import LOOPBACK, Home
from fleet.registry import Node, Registry
from fleet.store.read import StoreReader
from tests.fleet.cli.typed import Done
from tests.fleet.pole import wait_for

FLEET = [sys.executable, "-m", "fleet.cli.main"]
EDGE = [sys.executable, "-m", "edge.cli"]
BOARD = """[node]
id = "{name}"
[office]
url = "{url}"
credentials = "credentials.json"
publish_every = "0s"
back_within = "2s"
[journal]
folder = "journal"
commit_every = "500ms"
[[sensor]]
name = "host"
driver = "vitals"
interval = "1s"
"""
READY = "The office runs"
END_S = 30.0


class Program:
    """A process that can be killed and started again, and does not outlive us. What it says is in `log`."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.command, self.log, self.environment = list(command), log, environment
        self.process: subprocess.Popen[bytes] | None = None
        self.began_ms = 0

    def start(self) -> None:
        with self.log.open("ab") as log:
            tethered = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
            self.began_ms = steady_ms()
            self.process = subprocess.Popen([*tethered, *self.command], env=self.environment, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)  # fmt: skip

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and its exit code; SIGKILL when that does not help."""
        if self.process is None:
            return 0
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


class RealOffice(Program):
    """A home made by `fleet init` in `folder`, listening at `host`, and its `fleet serve`."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str] | None = None, host: str = LOOPBACK, kind: str = "nats"
    ) -> None:
        self.home, self.host = Home(folder), host
        more = {"FLEET_HOME": str(folder), "FLEET_CLOCK": "sure", "NO_COLOR": "1", "COLUMNS": "200"}
        log = folder.with_name(f"{folder.name}.log")
        super().__init__([*FLEET, "serve"], log, {**(environment or os.environ), **more})
        ports = ["--port", str(free_port()), "--web-port", "0"]
        made = self.fleet("init", "--host", host, *ports, "--broker", kind)
        assert made.returncode == 0, made.stderr
        self._listen(host, free_port())

    def _listen(self, host: str, port: int) -> None:
        """The desk, too, is at that address."""
        before, desk = self.home.config.read_text().split("[enrol]")
        desk = re.sub(r'(?m)^host = ".*?"', f'host = "{host}"', desk, count=1)
        desk = re.sub(r"(?m)^port = \d+", f"port = {port}", desk, count=1)
        self.home.config.write_text(f"{before}[enrol]{desk}")

    def fleet(self, *words: str | Path) -> Done:
        """One command of `fleet`, as its own process."""
        done = subprocess.run([*FLEET, *map(str, words)], env=self.environment, capture_output=True, text=True)
        return Done(done.returncode, done.stdout, done.stderr)

    def open(self) -> None:
        """Starts it, and waits until it is up."""
        before = self.said().count(READY)
        self.start()
        wait_for(lambda: self.said().count(READY) > before or not self.alive, "the office")
        assert self.alive, self.said()[-3_000:]

    def add(self, node: str, file: Path) -> None:
        """What `fleet node add` does."""
        enrol.add(self.home, Registry(self.home.registry), Node(node, node), file)

    def stored(self, node: str) -> int:
        """How many readings of it are in the store."""
        if not self.home.readings.exists():
            return 0
        reader = StoreReader(self.home.readings)
        try:
            return reader.readings_by_node().get(node, 0)
        finally:
            reader.close()


class RealNode(Program):
    """A node with a card in `folder`, and its `edge run`; `inside` puts words before its commands."""

    def __init__(
        self, folder: Path, office: RealOffice, environment: Mapping[str, str] | None = None,
        inside: Sequence[str] = (),
    ) -> None:  # fmt: skip
        folder.mkdir(parents=True)
        self.name, self.folder, self.office, self.inside = folder.name, folder, office, inside
        self.board, self.card = folder / "node.toml", folder / "credentials.json"
        super().__init__([*inside, *EDGE, "run", str(self.board)], folder / "edge.log", environment or os.environ)
        office.add(self.name, self.card)
        self.board.write_text(BOARD.format(name=self.name, url=office.home.ports().node_url))

    def edge(self, *words: str) -> Done:
        """One command of `edge`, as its own process."""
        command = [*self.inside, *EDGE, *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        return Done(done.returncode, done.stdout, done.stderr)

    def delivers(self) -> float:
        """Waits until more of its readings are in the store; seconds from its start until then."""
        return first_stored([self])[self.name]

    @property
    def newest_ms(self) -> int:
        """Unix ms of its newest reading in the store."""
        reader = StoreReader(self.office.home.readings)
        try:
            return max(series.last_ms or 0 for series in reader.series(self.name))
        finally:
            reader.close()

    @property
    def token(self) -> str:
        """What stands on its card still; "" when it was wiped."""
        card: dict[str, Any] = json.loads(self.card.read_text())
        return str(card.get("token", ""))

    @property
    def identity(self) -> Path:
        """The folder of its key and certificate."""
        return identity.beside(self.card)

    @property
    def certificate(self) -> str:
        """The one that a broker has taken, as PEM; "" when there is none."""
        file = self.identity / identity.OWN
        return file.read_text() if file.exists() else ""


def first_stored(nodes: Sequence[RealNode]) -> dict[str, float]:
    """Waits until more readings of each are in the store; seconds from its start until then, by node."""
    before = {node.name: node.office.stored(node.name) for node in nodes}
    took: dict[str, float] = {}

    def all_came() -> bool:
        for node in nodes:
            assert node.alive, node.said()[-3_000:]
            if node.name not in took and node.office.stored(node.name) > before[node.name]:
                took[node.name] = (steady_ms() - node.began_ms) / 1000
        return len(took) == len(nodes)

    try:
        wait_for(all_came, "the first readings")
    except AssertionError as error:
        said = "\n".join(f"{node.name}: {node.said()[-1_500:]}" for node in nodes)
        raise AssertionError(f"{error}\n{said}\noffice: {nodes[0].office.said()[-1_500:]}") from None
    return took
