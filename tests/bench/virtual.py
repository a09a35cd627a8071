"""Forty sensors on one agent, in virtual time: what was lost, how the timetable held, what a reading cost.

Processor time is the agent's alone, from stepping a runner to the write of a commit; that of the simulated chips is
taken out. The peer is the agent with the two sensors of the step before, lived through in the same run in the same way.
Threads, system calls and the office are not in it: those are in `tests.bench.agent`, which is a real process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.day import BEGIN_MS, Day
from tests.bench.figure import Figure
from tests.bench.forty import BOARD, STEP_ONE
from tests.bench.ledger import Judge, read, share

JITTER_GOAL_MS = 100.0
PEER = "the agent with vitals and PMS5003"
OFTEN_S = 1.0  # who looks more often than this costs by the look and not by the reading


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one board."""

    readings: int
    spent_ms: float

    @property
    def each_ms(self) -> float:
        return self.spent_ms / self.readings


def cost(text: str, seconds: int) -> Cost:
    """Nobody has troubles here."""
    day = Day(text, troubled=False, measured=True)
    day.live(seconds)
    return Cost(day.agent.node.counters()["journalled"], day.meter.spent_ns / 1e6)


def without(names: frozenset[str]) -> str:
    """The board without these sensors."""
    head, *sensors = BOARD.split("[[sensor]]\n")
    kept = [sensor for sensor in sensors if sensor.split('"')[1] not in names]
    return "[[sensor]]\n".join([head, *kept])


def measure(seconds: int, priced_s: int) -> Iterator[Figure]:
    """The day with its troubles first, then what a reading costs without any."""
    day = Day(BOARD)
    day.live(seconds)
    judge = Judge(day, read(day.disk, day.wiring.journal.cap_bytes), BEGIN_MS + 1_000 * seconds)
    yield _lost(day, judge, seconds)
    yield from _jitter(day, judge)
    yield from _prices(priced_s)


def _lost(day: Day, judge: Judge, seconds: int) -> Figure:
    healthy = [name for name in day.rig.parts if name not in day.ill]
    lost = sum(len(judge.absent(name)) + len(judge.doubted(name)) + len(judge.untrue(name)) for name in healthy)
    instants = sum(len(judge.ledger.rows.get(name, {})) for name in healthy)
    absent = sum(len(judge.absent(name)) for name in day.ill)
    note = (f"{seconds / 3600:.3g} h of simulated time, {judge.ledger.readings} readings in the journal, hash "
            f"{judge.ledger.hash[:16]}; {len(day.troubles)} troubles at {len(day.ill)} sensors, which missed {absent} "
            f"instants; {len(healthy)} healthy ones had {instants} instants")  # fmt: skip
    return Figure("forty sensors: instants lost, flagged or false of the healthy", lost, "", 0, note=note)


def _jitter(day: Day, judge: Judge) -> Iterator[Figure]:
    """Of the healthy, by what they hang on: how late they were read, or told where they speak or are counted."""
    kinds: dict[str, list[int]] = {}
    for name, part in day.rig.parts.items():
        if name not in day.ill:
            where = "lines" if part.plan.bus_kind == "gpio" else part.root.removeprefix("/dev/")
            kinds.setdefault(where, []).extend(judge.lateness(name))
    for where, late in kinds.items():
        note = f"p50 {share(late, 0.5)} ms, most {max(late, default=0)} ms, {len(late)} readings; simulated time"
        yield Figure(f"forty sensors: jitter p99, {where}", share(late, 0.99), "ms", JITTER_GOAL_MS, note=note)


def _prices(seconds: int) -> Iterator[Figure]:
    peer = cost(STEP_ONE, seconds)
    parts = Day(BOARD, troubled=False).rig.parts
    often = frozenset(name for name, part in parts.items()
                      if part.plan.window_ms and 0 < getattr(part.made, "window_look_s", 0.0) < OFTEN_S)  # fmt: skip
    for what, text in (("", BOARD), (f", without {' and '.join(sorted(often))}", without(often))):
        ours = cost(text, seconds)
        note = f"{ours.readings} readings in {ours.spent_ms:.0f} ms, {ours.spent_ms / seconds:.2f} ms a second"
        yield Figure(f"forty sensors: CPU per reading{what}", ours.each_ms, "ms", peer=PEER,
                     peer_value=peer.each_ms, note=note)  # fmt: skip
