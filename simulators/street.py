"""A street indoors: an office, nodes on its lampposts, and the troubles that befall them.

The office and the broker are the real ones, and each agent is the real one in a process of its own, so that a fault
hits what it would hit outside. All share one paced clock, anchored at one instant, so that their time is one time. At
the end the street goes quiet, waits for the last acknowledgement, and holds what the journals took against what the
store has.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edge import compile as compiler
from edge.amounts import milliseconds
from edge.board import check
from edge.boardfile import compiled
from fleet.broker import free_port
from fleet.home import Ports
from fleet.registry import Node as RegisteredNode
from fleet.serve import Office, open_office
from fleet.trouble import Trouble
from simulators.boards import board, post
from simulators.census import Census, take_census
from simulators.chance import unit
from simulators.clock import PacedClock
from simulators.enrolled import authority, claim
from simulators.node import BOARD, Place
from simulators.residents import Householder, Lodger, Resident
from simulators.script import Mishap, timetable
from simulators.streets import geojson, spots
from simulators.tally import Tally

MORNING_MS = 1_780_379_400_000  # Tuesday 2 June 2026, 7:50 local time: before the morning peak
MOST_PROCESSES = 50
AT_ONCE = 16  # nodes that claim together
STEP_S = 0.05
LAST_WAIT_S, LOOK_S, SAY_EVERY_S = 90.0, 0.5, 5.0
BURST = 8  # readings that a counter may close in one instant, twice
TALLY = "sampled.tally"


@dataclass(frozen=True, slots=True)
class Plan:
    """What street is wanted. Times are simulated."""

    nodes: int = 12
    seconds: float | None = 60.0
    speed: float = 1.0
    seed: int = 7
    mishaps: tuple[Mishap, ...] = ()
    commit_every: str = "5s"
    web: bool = True


class Street:
    """A street that runs in `folder`; `tell` hears in words what is happening."""

    def __init__(self, plan: Plan, folder: Path, tell: Callable[[str], None] = lambda words: None) -> None:
        self.plan, self.folder, self.tell = plan, folder, tell
        self.names = [f"pole-{number + 1:03d}" for number in range(plan.nodes)]
        self.crowded = plan.nodes > MOST_PROCESSES
        self.mishaps = self._possible(timetable(plan.mishaps, self.names))
        self.clock = PacedClock(plan.speed, MORNING_MS)
        self.residents: dict[str, Resident] = {}
        self.ending = threading.Event()
        self._back: list[tuple[int, Resident]] = []
        self.fallen: list[str] = []
        self._office: Office | None = None
        self._opened_ms = 0

    def _possible(self, mishaps: list[Mishap]) -> list[Mishap]:
        if self.crowded and any(each.kind == "node-kill" for each in mishaps):
            raise ValueError(f"node-kill needs a process for each node, and there is one up to {MOST_PROCESSES} nodes")
        return mishaps

    @property
    def office(self) -> Office:
        assert self._office is not None
        return self._office

    def open(self) -> None:
        """The office opens, and every node is enrolled and started. Raises Trouble."""
        (self.folder / "nodes").mkdir(parents=True)
        streets = self.folder / "streets.geojson"
        streets.write_text(json.dumps(geojson(self.plan.seed)))
        ports = Ports(broker_port=free_port(), web_port=free_port(), enrol_port=free_port())
        office = open_office(self.folder / "office", ports, self.clock, streets, self.plan.web, authority)
        self._office = office
        self.tell(f"The office is open on port {ports.broker_port}; enrolling {self.plan.nodes} nodes.")
        Tally(self.folder / TALLY, self.plan.nodes).close()
        for number, name in enumerate(self.names):
            self.residents[name] = self._settle(number, name)
        self._enrol(office)
        for resident in self.residents.values():
            resident.start()
        self._opened_ms = self.clock.boot_ms()

    @property
    def lived_ms(self) -> int:
        """Simulated ms since the nodes were started."""
        return self.clock.boot_ms() - self._opened_ms

    def _enrol(self, office: Office) -> None:
        """Every node fetches its certificate; many at once, for the broker is told of all who came meanwhile."""
        assert office.gate is not None
        desk = office.gate.desk
        with ThreadPoolExecutor(AT_ONCE) as crowd:
            cards = {name: resident.folder / "credentials.json" for name, resident in self.residents.items()}
            answers = list(crowd.map(lambda name: claim(desk, name, cards[name]), cards))
        if refused := [name for name, answer in zip(cards, answers, strict=True) if answer != "granted"]:
            raise Trouble(f"The office gave {refused[0]} no certificate.", "The street was not opened.",
                          "sim demo again, with --keep FOLDER; then see office/ there")  # fmt: skip

    def _settle(self, number: int, name: str) -> Resident:
        folder = self.folder / "nodes" / name
        folder.mkdir()
        spot = spots(self.plan.seed, number + 1)[number]
        node = RegisteredNode(name, spot.name, spot.latitude, spot.longitude, {"kind": post(number)})
        self.office.add_node(node, folder / "credentials.json")
        text = board(number, name, spot, self.office.ports.node_url, self.plan.commit_every)
        (folder / BOARD).write_text(text)
        wiring = check(text, str(folder / BOARD), simulated=True).wiring
        assert wiring is not None
        compiler.write(compiled(folder / BOARD), wiring.to_json())
        boot_id = f"{int(unit(self.plan.seed, 'boot', number) * 2**64):032x}"
        place = Place(self.plan.seed, number, self.plan.speed, MORNING_MS, self.clock.began_ns, boot_id,
                      str(self.folder / TALLY))  # fmt: skip
        return Lodger(name, folder, place) if self.crowded else Householder(name, folder, place)

    def live(self, each_step: Callable[[], None] = lambda: None) -> None:
        """Let time pass until the planned end, or until `ending` is set."""
        coming = list(self.mishaps)
        end_ms = None if self.plan.seconds is None else int(self.plan.seconds * 1_000)
        while not self.ending.wait(STEP_S) and (end_ms is None or self.lived_ms < end_ms):
            while coming and coming[0].at_ms <= self.lived_ms:
                self._befall(coming.pop(0))
            self._bring_back(self.lived_ms)
            self._mind_the_fallen()
            each_step()

    def _befall(self, mishap: Mishap) -> None:
        at = f"{self.lived_ms / 1_000:.0f} s"
        if mishap.kind == "broker-kill":
            pid = self.office.kill_broker(self.clock.real_s(mishap.down_ms))
            self.tell(f"{at}: the broker (process {pid}) is killed; it is back in {mishap.down_ms / 1_000:g} s.")
        else:
            resident = self.residents[mishap.target]
            resident.kill()
            self._back.append((self.lived_ms + mishap.down_ms, resident))
            self.tell(f"{at}: the agent of {mishap.target} is killed; it is back in {mishap.down_ms / 1_000:g} s.")

    def _bring_back(self, now_ms: int) -> None:
        for due_ms, resident in list(self._back):
            if now_ms >= due_ms:
                self._back.remove((due_ms, resident))
                resident.start()

    def quiet(self) -> None:
        """The sensors stop; every node commits, is acknowledged, and ends."""
        self.tell("Going quiet: the nodes commit, and wait until the office has everything.")
        self._bring_back(1 << 62)
        for resident in self.residents.values():
            resident.ask_to_stop()
        left = [resident for resident in self.residents.values() if resident.alive]
        for look in range(round(LAST_WAIT_S / LOOK_S)):
            left = [resident for resident in left if not resident.ended_within(LOOK_S if resident is left[0] else 0)]
            if not left:
                return
            if look * LOOK_S % SAY_EVERY_S == 0 and look:
                self.tell(f"Still waiting for {', '.join(resident.name for resident in left[:5])}"
                          f"{' and others' if len(left) > 5 else ''}: not everything is acknowledged yet.")  # fmt: skip
        for resident in left:
            self.tell(f"{resident.name} did not come to its end and is stopped; see {resident.folder}/agent.log")
            resident.kill()

    def census(self) -> Census:
        """What was sampled, journalled and stored; call it when it is quiet."""
        tally = Tally(self.folder / TALLY, self.plan.nodes)
        sampled = {name: tally[number] for number, name in enumerate(self.names)}
        tally.close()
        journals = {name: resident.folder / "journal" for name, resident in self.residents.items()}
        may_miss = {name: self._may_miss(name, sampled[name]) for name in self.names}
        return take_census(sampled, journals, self.office.reader, tuple(self.fallen), may_miss)

    def _may_miss(self, name: str, sampled: int) -> int:
        """What one commit interval holds, for each time that the node was killed; counters deliver in bursts."""
        intervals = max(1.0, self.lived_ms / milliseconds(self.plan.commit_every))
        return self.residents[name].deaths * (round(2 * sampled / intervals) + BURST)

    def close(self) -> None:
        """Nothing is left running."""
        for resident in self.residents.values():
            resident.kill()
        if self._office is not None:
            self._office.stop()

    def clear(self) -> None:
        """Take the street's folder away."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def deaths(self) -> int:
        return sum(resident.deaths for resident in self.residents.values())

    def _mind_the_fallen(self) -> None:
        """Agents that ended although nobody asked for it: that is a fault of ours, and said aloud."""
        waiting = [resident for _, resident in self._back]
        for name, each in self.residents.items():
            if name not in self.fallen and not each.alive and each not in waiting:
                self.fallen.append(name)
                self.tell(f"The agent of {name} ended by itself; see {each.folder}/agent.log")
