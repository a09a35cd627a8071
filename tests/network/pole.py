"""A node of the street behind a bad network: its agent is in this process, so that a test can ask the uplink."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from edge import compile as compiler
from edge.board import check
from edge.boardfile import compiled
from edge.uplink import Uplink
from fleet.clock import steady_ms
from fleet.registry import Node
from fleet.serve import Office
from simulators import node as nodes
from simulators.clock import PacedClock
from simulators.enrolled import claim
from simulators.node import BOARD, Place, SimulatedNode
from simulators.street import MORNING_MS
from tests.fleet.pole import wait_for
from tests.network.proxy import Proxy

SPEED = 30.0
BACK_S = 10  # simulated: who lost a session is back within
BUSY, BUSY_IN_HASTE = 0.10, 0.30  # of one core: at true pace, and where thirty times as much is measured
TEXT = """[node]
id = "{name}"
[office]
url = "mqtts://{host}:{port}"
credentials = "credentials.json"
publish_every = "0s"
back_within = "{back_s}s"
[journal]
folder = "journal"
commit_every = "10s"
cap = "16MiB"
[[sensor]]
name = "dust"
driver = "pms5003"
port = "/dev/ttyUSB0"
interval = "10s"
[[sensor]]
name = "meter"
driver = "dsmr"
port = "/dev/ttyUSB1"
interval = "10s"
"""


class NetworkedPole:
    """The node, its network, and the office that must have everything in the end."""

    def __init__(
        self, office: Office, name: str, folder: Path, host: str = "127.0.0.1", speed: float = SPEED
    ) -> None:
        self.office, self.name, self.speed = office, name, speed
        self.proxy = Proxy(office.ports.broker_port)
        office.add_node(Node(name, "Stationsplein", 52.22, 6.89), folder / "credentials.json")
        assert office.gate is not None and claim(office.gate.desk, name, folder / "credentials.json") == "granted"
        text = TEXT.format(name=name, host=host, port=self.proxy.port, back_s=BACK_S)
        (folder / BOARD).write_text(text)
        wiring = check(text, str(folder / BOARD), simulated=True).wiring
        assert wiring is not None
        compiler.write(compiled(folder / BOARD), wiring.to_json())
        clock = PacedClock(speed)
        Place(7, 0, speed, MORNING_MS, clock.began_ns, "1" * 32, str(folder / "tally")).write(folder)
        self.node = SimulatedNode(folder)
        self.drained = False
        self._pause = Event()
        self._thread = Thread(target=self._live, name=name, daemon=True)

    def _live(self) -> None:
        self.drained = self.node.run()

    @property
    def uplink(self) -> Uplink:
        courier = self.node.agent.node.courier
        assert courier is not None
        return courier.uplink

    @property
    def acked(self) -> int:
        journal = self.node.agent.node.commits.journal
        return journal.acked if journal else -1

    def begin(self) -> None:
        """Starts it, and waits until the office has acked something."""
        self._thread.start()
        self.goes_on("the first ack")

    def goes_on(self, what: str) -> None:
        """Waits until more is acked than by now."""
        before = self.acked
        wait_for(lambda: self.acked > before, what)

    def calm(self, seconds: float) -> tuple[int, float]:
        """Looks at it for so long: how often it knocked meanwhile, and how busy this whole process was."""
        met, before, until = self.proxy.met, used(), steady_ms() + int(seconds * 1000)
        while steady_ms() < until:
            self._pause.wait(seconds / 4)
        return self.proxy.met - met, (used() - before) / seconds

    def end(self) -> None:
        """Quiet; everything is acked, and in the store once."""
        self.node.stopping = True
        self._thread.join(60)
        assert self.drained, f"not everything was acknowledged: {self.uplink.reason}"
        taken = self.node.tally[0]
        assert taken > 0 and self.office.reader.readings_by_node()[self.name] == taken
        assert self.office.reader.duplicated_rows() == 0
        assert self.office.reader.losses(self.name) == []

    def close(self) -> None:
        """Nothing is left running."""
        nodes.PATIENCE_MS, patience = 0, nodes.PATIENCE_MS
        self.node.stopping = True
        self._thread.join(60)
        nodes.PATIENCE_MS = patience
        self.proxy.close()


def used() -> float:
    """Seconds of processor time that this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def networked(
    office: Office, name: str, folder: Path, host: str = "127.0.0.1", speed: float = SPEED
) -> Iterator[NetworkedPole]:
    """A node that has had its first ack; at the end it must have lost nothing."""
    pole = NetworkedPole(office, name, folder, host, speed)
    try:
        pole.begin()
        yield pole
        pole.end()
    finally:
        pole.close()
