"""What befalls every second sensor of the virtual pole, and when: a script that a seed decides, of the matrix's faults.

What takes a whole bus with it is left out, because there no neighbour could be healthy; in its place one sensor's
transfers hang now and then for a second each, so that its bus is held up. What may be impossible to tell (a value that
freezes, a chip that does not show that it is stuck) is not tried here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from edge.wiring import SensorPlan
from simulators.chance import unit
from simulators.matrix.bench import Bench
from simulators.matrix.faults import FAULTS, Fault, let_go
from tests.bench.rig import Part, Rig

HANG = "hang"
HANGS = ("solar",)  # on a bus where nobody looks more often than once a second
ON_A_SHARED_LINE = ("crc", "stuck busy", "brown-out", "wrong chip", "unplug, replug")  # what a single unit can suffer
FIRST_MS, PAUSE_MS, QUIET_MS = 70_000, 100_000, 60_000
LEAST_MS, MOST_MS = 15_000, 60_000


@dataclass(frozen=True, slots=True)
class Trouble:
    """One sensor's, between two moments."""

    sensor: str
    fault: str
    from_ms: int
    to_ms: int


def ill(plans: tuple[SensorPlan, ...]) -> frozenset[str]:
    """Every second sensor."""
    return frozenset(plan.name for plan in plans[1::2])


def script(rig: Rig, names: frozenset[str], seed: int, from_ms: int, to_ms: int) -> list[Trouble]:
    """Whatever happens between two moments, in order; quiet before the end, so that all come back."""
    found = [trouble for name in sorted(names) for trouble in _of(rig, rig.parts[name], seed, from_ms, to_ms)]
    return sorted(found, key=lambda trouble: (trouble.from_ms, trouble.sensor))


def _of(rig: Rig, part: Part, seed: int, from_ms: int, to_ms: int) -> Iterator[Trouble]:
    name, kinds = part.plan.name, _kinds(rig, part)
    pace_ms = max(part.plan.interval_ms, part.plan.window_ms)
    at_ms, number = from_ms + FIRST_MS + int(60_000 * unit(seed, name, "first")), 0
    while True:
        fault = kinds[(number + int(unit(seed, name, "which") * len(kinds))) % len(kinds)]
        lasts_ms = LEAST_MS + int((MOST_MS - LEAST_MS) * unit(seed, name, number, "lasts"))
        if at_ms + lasts_ms + QUIET_MS + pace_ms > to_ms:
            return
        yield Trouble(name, fault, at_ms // 1_000 * 1_000, (at_ms + lasts_ms) // 1_000 * 1_000)
        at_ms += lasts_ms + PAUSE_MS + 4 * pace_ms + int(PAUSE_MS * unit(seed, name, number, "pause"))
        number += 1


def _kinds(rig: Rig, part: Part) -> list[str]:
    kinds = [f.name for f in FAULTS.values() if f.befalls(part.plan.bus_kind) and not f.shared and not f.untold]
    if part.chip.hides_busy:
        kinds = [kind for kind in kinds if kind != "stuck busy"]
    if not rig.alone(part):
        kinds = [kind for kind in kinds if kind in ON_A_SHARED_LINE]
    return [*kinds, HANG] if part.plan.name in HANGS else kinds


@dataclass(slots=True)
class Bedside:
    """One sensor in the place of the matrix's bench, so that its faults take hold of this one."""

    subject: Part
    lagging: set[str] = field(default_factory=set)
    fault: Fault | None = None
    seconds: int = 0

    @property
    def _bench(self) -> Bench:
        return cast(Bench, self)

    def fall_ill(self, name: str) -> None:
        """It begins."""
        self.fault, self.seconds, self.subject.hangs = FAULTS.get(name), 0, name == HANG
        if self.fault is not None:
            self.fault.begin(self._bench)

    def worsen(self) -> None:
        """Each second of it."""
        if self.fault is not None:
            self.fault.again(self._bench, self.seconds)
            self.seconds += 1

    def recover(self) -> None:
        """It is over."""
        self.fault, self.subject.hangs = None, False
        let_go(self._bench)
