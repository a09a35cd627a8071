"""One simulated node: the agent as it is, on simulated ports and a paced clock.

`python -m simulators.node FOLDER` is the process that the street starts, kills and starts again. The folder holds the
compiled board, the credentials, the journal, and `post.json`, which says where in the city and in time the node is.
Told to stop (SIGTERM), it samples no more, commits, and stays until the office has acknowledged everything or its
patience ends.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from edge.agent import Agent
from edge.boardfile import load
from edge.events import Event, Sampled
from edge.inbox import Inbox
from edge.journal.disk import FolderDisk
from edge.link import Link
from edge.way import link_maker
from simulators.chance import unit
from simulators.clock import PacedClock
from simulators.indoors import Asking, Indoors
from simulators.post import FEEL_S, Post, PostThread
from simulators.streets import spots
from simulators.tally import Tally
from simulators.world import World

BOARD = "node.toml"
POST = "post.json"
PATIENCE_MS = 60_000  # for the last acks
LOOK_MS = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the city and in time a node is; `number` counts from 0, `run` counts its starts."""

    seed: int
    number: int
    speed: float
    start_wall_ms: int
    began_ns: int
    boot_id: str
    tally: str
    run: int = 0

    def write(self, folder: Path) -> None:
        (folder / POST).write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> Place:
        return cls(**json.loads((folder / POST).read_text()))


class CountingInbox(Inbox):
    """The agent's inbox, which counts what was sampled before the agent can know."""

    def __init__(self, tally: Tally, place: int) -> None:
        super().__init__()
        self._tally, self._place = tally, place

    def put(self, event: Event) -> None:
        if isinstance(event, Sampled):
            self._tally.add(self._place, len(event.readings))
        super().put(event)


class SimulatedNode:
    """An agent on its post."""

    def __init__(self, folder: Path, feel_s: float = FEEL_S) -> None:
        self._feel_s = feel_s
        self.place = place = Place.read(folder)
        self.wiring = load(folder / BOARD, simulated=True).wiring
        self.clock = PacedClock(place.speed, place.start_wall_ms, place.boot_id, place.began_ns)
        spot = spots(place.seed, place.number + 1)[place.number]
        self.post = Post(self.wiring.sensors, World(place.seed), spot, self.clock, self.wiring.buses)
        self.tally = Tally(Path(place.tally), place.number + 1)
        self.disk = FolderDisk(Path(self.wiring.journal.folder))
        self.stopping = False
        self._draws = 0
        self.agent = Agent(
            self.wiring, self.clock, self.disk, self.post.ports, self._link, self._random,
            inbox=CountingInbox(self.tally, place.number),
        )  # fmt: skip

    def _random(self) -> float:
        self._draws += 1
        return unit(self.place.seed, self.place.number, self.place.run, self._draws)

    def _link(self, put: Callable[[Event], None]) -> Link:
        since_ms, now_ms = self.clock.wall_ms(), self.clock.boot_ms()
        assert self.wiring.office is not None
        asker = Asking(self.wiring.node, Path(self.wiring.office.credentials), Path(self.wiring.journal.folder))
        make = link_maker(self.wiring, self.clock.boot_id, self._random, asker, since_ms, now_ms, Indoors)
        return make(put)

    def run(self) -> bool:
        """Work until `stopping` is set; whether the office has acknowledged everything at the end."""
        city = PostThread([self.post], self._feel_s)
        city.start()
        self.agent.start()
        while not self.stopping:
            self.agent.step(LOOK_MS)
        drained = self._drain()
        self.agent.finish()
        city.stop()
        self.disk.close()
        return drained

    def _drain(self) -> bool:
        """Sample no more, commit, and wait for the acks."""
        node = self.agent.node
        node.stop_sensors(self.agent.hear)
        node.commit_if_due(self.clock.boot_ms(), everything=True)
        deadline_ms = self.clock.boot_ms() + PATIENCE_MS
        while not self._acked() and self.clock.boot_ms() < deadline_ms:
            self.agent.step(LOOK_MS)
        return self._acked()

    def _acked(self) -> bool:
        journal = self.agent.node.commits.journal
        return journal is not None and journal.lowest >= journal.next and not self.agent.node.commits.waiting


def main(arguments: list[str]) -> int:
    """Exit code 0 when everything was acknowledged, 3 when some is still in the journal."""
    node = SimulatedNode(Path(arguments[0]))

    def stop(*_: object) -> None:
        node.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the street, which then tells us
    return 0 if node.run() else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
