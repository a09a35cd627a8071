"""The ordeal: agents, broker and collector are killed at moments drawn by a seed; then it heals, drains, is counted.

A moment is a count of readings, so the kills are spread over all that is said, however fast the machine. Who is killed
comes back within two seconds. A broker comes back with its memory or without it, by the toss of a coin.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from fleet.clock import steady_ms
from fleet.store.read import StoreReader
from simulators.census import Census, journalled, take_census
from simulators.residents import Resident
from tests.killing.town import PER_SECOND, Child, Town

KINDS = ("agent", "broker", "collector")
STEP_S = 0.02
LONGEST_DOWN_MS = 2_000
HEAL_MS = 600_000
SAY_MS = 10_000
AGAIN_MS = 200


@dataclass
class Ordeal:
    """One run over a town."""

    town: Town
    tell: Callable[[str], None] = lambda words: None
    kills: Counter[str] = field(default_factory=Counter)
    forgot: int = 0
    refused_starts: int = 0
    fallen: list[str] = field(default_factory=list)
    seconds: float = 0.0
    costs: list[tuple[int, str]] = field(default_factory=list)  # of each kill of an agent: readings, whose
    _dismissed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        plan = self.town.plan
        self._random = Random(plan.seed)
        self._moments = sorted(self._random.randrange(plan.readings) for _ in range(plan.kills))
        self._kinds = [KINDS[number % len(KINDS)] for number in range(plan.kills)]
        self._random.shuffle(self._kinds)
        self._back: list[tuple[int, str, Callable[[], None]]] = []
        self._pause = threading.Event()
        self._said_ms = steady_ms()

    @property
    def down(self) -> set[str]:
        """Who is down, and will come back."""
        return {name for _, name, _ in self._back}

    def run(self) -> Census:
        """Everything up, killed, healed, drained and counted."""
        began = steady_ms()
        town = self.town
        for start in (town.broker.start, town.office.start, *(pole.start for pole in town.poles)):
            start()
        while self._moments or town.sampled < town.plan.readings:
            self._step()
            if self._moments and town.sampled >= self._moments[0]:
                self._strike()
        self._heal()
        self.seconds = (steady_ms() - began) / 1000
        return self._count()

    def _step(self) -> None:
        self._pause.wait(STEP_S)
        for due in [each for each in self._back if each[0] <= steady_ms()]:
            self._back.remove(due)
            due[2]()
        if steady_ms() - self._said_ms > SAY_MS:
            self._said_ms = steady_ms()
            self.tell(f"{self.town.sampled:,} readings, {self.kills.total()} kills")
        self._mind()

    def _mind(self) -> None:
        """An office that finds no broker ends, as it should, and is started again; nobody else ends by himself."""
        town = self.town
        if "collector" not in self.down and not town.office.alive:
            self.refused_starts += 1
            self._bring_back("collector", town.office.start, AGAIN_MS)
        for name, alive in [("broker", town.broker.alive), *((pole.name, pole.alive) for pole in town.poles)]:
            if not alive and name not in self.down and name not in (*self.fallen, *self._dismissed):
                self.fallen.append(name)

    def _strike(self) -> None:
        """The next kill. It waits while everybody of its kind is down."""
        kind = self._kinds[0]
        up = [pole for pole in self.town.poles if pole.name not in self.down]
        if kind == "agent" and up:
            pole = self._random.choice(up)
            self._fell(kind, pole, pole.name, pole.start)
            self._cost(pole)
        elif kind == "broker" and self.town.broker.alive:
            self._fell(kind, self.town.broker, kind, self._with_or_without_memory)
        elif kind == "collector" and self.town.office.alive:
            self._fell(kind, self.town.office, kind, self.town.office.start)

    def _fell(self, kind: str, victim: Child | Resident, name: str, back: Callable[[], None]) -> None:
        victim.kill()
        self._bring_back(name, back, self._random.randrange(LONGEST_DOWN_MS))
        self.kills[kind] += 1
        self._kinds.pop(0)
        self._moments.pop(0)

    def _cost(self, pole: Resident) -> None:
        """What this kill cost: sampled by now and not journalled, less what earlier kills of it cost."""
        sampled = self.town.tally[self.town.names.index(pole.name)]
        before = sum(cost for cost, name in self.costs if name == pole.name)
        self.costs.append((sampled - journalled(pole.folder / "journal") - before, pole.name))

    def _with_or_without_memory(self) -> None:
        if self._random.random() < 0.5:
            self.town.forget()
            self.forgot += 1
        self.town.broker.start()

    def _bring_back(self, name: str, start: Callable[[], None], down_ms: int) -> None:
        self._back.append((steady_ms() + down_ms, name, start))

    def _heal(self) -> None:
        """Nobody is killed any more; the sensors stop, and every node ends when all it had is acknowledged."""
        while self.down or not all(pole.listens for pole in self.town.poles if pole.name not in self.fallen):
            self._step()
        self._dismissed = set(self.town.names)
        for pole in self.town.poles:
            pole.ask_to_stop()
        self.tell(f"{self.town.sampled:,} readings, {self.kills.total()} kills; draining")
        until, left = steady_ms() + HEAL_MS, list(self.town.poles)
        while left and steady_ms() < until:
            left = [pole for pole in left if not pole.ended_within(0)]
            self._step()
        self.fallen += [f"{pole.name} was not acknowledged" for pole in self.town.poles if not pole.ended_well]

    def _count(self) -> Census:
        self.town.office.stop()
        reader = StoreReader(self.town.home.readings)
        try:
            town = self.town
            sampled = {name: town.tally[number] for number, name in enumerate(town.names)}
            journals = {pole.name: pole.folder / "journal" for pole in town.poles}
            return take_census(sampled, journals, reader, tuple(self.fallen), self._may_miss(sampled))
        finally:
            reader.close()

    def _may_miss(self, sampled: dict[str, int]) -> dict[str, int]:
        """What one commit interval holds, for each time that the node was killed."""
        each = self.interval_readings
        return {pole.name: pole.deaths * each for pole in self.town.poles}

    @property
    def interval_readings(self) -> int:
        """What the sensors of one node say in a commit interval and a second: a commit comes after a reading."""
        return PER_SECOND * (self.town.plan.commit_s + 1)

    def verdict(self, census: Census) -> dict[str, Any]:
        """Ready for JSON."""
        tree = {key: value for key, value in census.tree().items() if key != "nodes"}
        missed = sum(head.missed for head in census.heads)
        plan = self.town.plan
        return {"broker": plan.broker, "seed": plan.seed, "nodes": plan.nodes, "kills": self.kills.total(),
                **{f"kills_{kind}": self.kills[kind] for kind in KINDS}, "broker_forgot": self.forgot,
                "office_found_no_broker": self.refused_starts, "seconds": round(self.seconds, 1),
                "readings": tree.pop("sampled"), **tree, "sampled_minus_journalled": missed,
                "one_commit_interval": self.interval_readings,
                "costliest_kills": sorted(self.costs, reverse=True)[:5], "whole": census.whole,
                "not_whole": [[head.node, head.lost, head.missed, head.may_miss]
                              for head in census.heads if not head.whole]}  # fmt: skip
