"""Forty sensors on one agent: what the healthy said is in the journal, every instant of it, whatever befell the others.

The board is a file that `edge check` takes; the agent, its runners, its sampler and its journal are the real ones. The
buses, the chips, the clock and the disk are simulated, and one thread steps everything, so that ten minutes
take seconds (`make test-deep` lives through the whole day). Everything is read back from the journal's bytes. What is
left out: the threads, the kernel, the office; `tests/bench` measures those with a real process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest

from edge.board import check
from simulators.matrix.meddle import Hand
from tests.bench.day import BEGIN_MS, Day
from tests.bench.forty import BOARD, FORTY
from tests.bench.ledger import Judge, Ledger, gaps, read, share
from tests.bench.troubles import HANG, HANGS

SHORT_S, DAY_S = 605, 86_405  # the last windows end before the end
FIRST_MS = 15_000  # within which who has no window must have given its first reading
RECOVERY_MS = 10_000
P99_MS, MOST_MS = 100, 1_000  # how late the healthy are read on a bus of their kind
BUSY_LINE_MS = 2_000  # three units on one line, one of which does not answer now and then
HUNG_MS = 6_500  # one of whose neighbours keeps the bus for a second at each attempt

pytestmark = pytest.mark.once


@dataclass(frozen=True)
class Lived:
    """A stretch of time that was lived through, and what came of it."""

    day: Day
    ledger: Ledger
    judge: Judge

    @property
    def healthy(self) -> list[str]:
        return [name for name in self.day.rig.parts if name not in self.day.ill]


def lived(seconds: int, seed: int = 7, troubled: bool = True) -> Lived:
    day = Day(BOARD, seed, troubled)
    day.live(seconds)
    ledger = read(day.disk, day.wiring.journal.cap_bytes)
    return Lived(day, ledger, Judge(day, ledger, BEGIN_MS + 1_000 * seconds))


@cache
def short() -> Lived:
    """One is enough for all tests."""
    return lived(SHORT_S)


# The board.


def test_the_board_passes_the_check_as_it_stands() -> None:
    checked = check(BOARD, "node.toml")
    assert checked.mistakes == () and checked.wiring is not None
    plans = checked.wiring.sensors
    buses = {plan.bus.split("/0x")[0] for plan in plans if plan.bus_kind == "i2c"}
    ports = {plan.bus for plan in plans if plan.bus_kind == "uart"}
    assert len(plans) == len(FORTY) == 40
    assert (len(buses), len(ports), sum(len(plan.pins) for plan in plans)) == (3, 6, 12)
    assert any("/0x70." in plan.bus for plan in plans), "nobody behind a mux"
    assert any(plan.rest for plan in plans) and any(plan.beside for plan in plans) and any(p.window_ms for p in plans)


# What must hold, of ten minutes and of a day.


def is_whole(run: Lived) -> None:
    ledger, counters = run.ledger, run.day.agent.node.counters()
    assert gaps(ledger.seqs) == [] and ledger.seqs[0] == 1
    assert ledger.readings == ledger.claimed == counters["journalled"] == counters["sampled"]
    assert counters["lost"] == counters["refused"] == counters["events_lost"] == 0


def loses_nothing_of_the_healthy(run: Lived) -> None:
    for name in run.healthy:
        judge, pace_ms = run.judge, run.judge.pace_ms(name)
        assert judge.first_ms(name) <= (pace_ms if judge.windowed(name) else FIRST_MS), name
        assert judge.absent(name) == [], name
        assert judge.crowded(name) == [], name
        assert judge.incomplete(name) == [], name
        assert judge.doubted(name) == [], name
        assert judge.untrue(name) == [], name
        missed = run.day.agent.node.counters().get(f"sensor.{name}.missed", 0)
        assert missed == 0, name


def knows_who_fails(run: Lived) -> None:
    for name in run.day.ill:
        assert run.judge.untrue(name) == [], name
    for trouble in run.day.troubles:
        back_ms = run.judge.back_ms(trouble)
        allowed_ms = RECOVERY_MS + run.judge.first_ms(trouble.sensor) + 3 * run.judge.pace_ms(trouble.sensor)
        assert back_ms is not None and back_ms <= allowed_ms, trouble


def signs(run: Lived, name: str) -> dict[str, int]:
    """What tells that a sensor had troubles: readings that are absent or flagged, and counters by cause."""
    prefix, counters = f"sensor.{name}.", run.day.agent.node.counters()
    found = {key.removeprefix(prefix): count for key, count in counters.items() if key.startswith(prefix) and count}
    found.pop("sampled", None)
    return found | {"absent": len(run.judge.absent(name)), "flagged": len(run.judge.doubted(name))}


def bound_ms(run: Lived, name: str) -> int:
    plan = run.judge.part(name).plan
    neighbours = {other.plan.name for other in run.day.rig.parts.values() if other.root == run.judge.part(name).root}
    if neighbours & set(HANGS):
        return HUNG_MS
    return BUSY_LINE_MS if plan.bus_kind == "uart" and len(neighbours) > 1 else MOST_MS


def is_read_in_time(run: Lived) -> None:
    for name in run.healthy:
        late = run.judge.lateness(name)
        assert max(late) <= bound_ms(run, name), (name, max(late))
        if bound_ms(run, name) == MOST_MS:
            assert share(late, 0.99) <= P99_MS, (name, share(late, 0.99))


def test_every_reading_of_the_healthy_is_there_on_time_and_true() -> None:
    is_whole(short())
    loses_nothing_of_the_healthy(short())


def test_who_fails_is_known_to_fail_and_comes_back() -> None:
    knows_who_fails(short())
    showing = [name for name in short().day.ill if any(signs(short(), name).values())]
    assert {trouble.sensor for trouble in short().day.troubles} == short().day.ill
    assert len(showing) >= 17, sorted(short().day.ill - set(showing))


def test_the_timetable_holds() -> None:
    is_read_in_time(short())


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    runs = [lived(30, seed).ledger.hash for seed in (7, 7, 8)]
    assert runs[0] == runs[1] != runs[2]


# The judge itself is seen to find what is planted.


def test_a_lost_reading_a_false_one_and_a_late_one_are_found() -> None:
    run = lived(70, troubled=False)
    loses_nothing_of_the_healthy(Lived(run.day, run.ledger, run.judge))
    rows = run.ledger.rows["air"]
    victim = sorted(rows)[5]
    kept = rows.pop(victim)
    assert run.judge.absent("air") == [run.judge.instant("air", victim)]
    rows[victim] = {**kept, "temperature": (kept["temperature"][0] + 1.5, kept["temperature"][1])}
    assert len(run.judge.untrue("air")) == 1
    rows[victim + 7_000] = rows.pop(victim)
    assert max(run.judge.lateness("air")) >= 7_000


def test_a_healthy_sensor_that_fails_is_found() -> None:
    day = Day(BOARD, troubled=False)
    day.rig.parts["roof"].hand = hand = Hand()
    hand.refuse = lambda writes, number: number % 5 == 0
    day.live(70)
    ledger = read(day.disk, day.wiring.journal.cap_bytes)
    late = Judge(day, ledger, BEGIN_MS + 70_000).lateness("roof")
    assert max(late) > P99_MS or Judge(day, ledger, BEGIN_MS + 70_000).absent("roof")


# The day.


@pytest.mark.deep
@pytest.mark.timeout(0)
def test_a_whole_day() -> None:
    run = lived(DAY_S)
    is_whole(run)
    loses_nothing_of_the_healthy(run)
    knows_who_fails(run)
    is_read_in_time(run)
    assert any(trouble.fault == HANG for trouble in run.day.troubles)
    assert all(any(signs(run, name).values()) for name in run.day.ill)
