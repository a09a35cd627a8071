"""The bench computes every line it promises, judges it rightly and says loudly what it could not measure or reach.

How fast this machine is today is no test. The bytes on the wire are: they follow from the readings alone.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge.wire.record import RecordKind
from tests.bench import against, agent, backlog, collector, flash, process, virtual, wire
from tests.bench.__main__ import main
from tests.bench.card import missing
from tests.bench.figure import Figure, Findings, Line, Skipped
from tests.bench.forty import BOARD, STEP_ONE
from tests.bench.meter import Meter
from tests.bench.plant import Plant, lamppost, six, twenty
from tests.bench.report import as_json, as_table


@pytest.mark.parametrize(
    ("value", "goal", "more", "met"),
    [(0.3, 0.3, False, True), (0.31, 0.3, False, False), (9.0, 8.0, True, True), (7.0, 8.0, True, False)],
)
def test_a_goal_is_met_on_its_own_side(value: float, goal: float, more: bool, met: bool) -> None:
    assert Figure("x", value, "u", goal, more_is_better=more).met is met


def test_a_ratio_above_one_is_in_our_favour() -> None:
    assert Figure("bytes", 2.0, "B", peer="them", peer_value=8.0).ratio == 4.0
    assert Figure("rate", 8.0, "rows/s", more_is_better=True, peer="them", peer_value=2.0).ratio == 4.0
    assert Figure("alone", 8.0, "rows/s").ratio is None


def test_what_is_missed_or_not_measured_is_said_aloud() -> None:
    lines: list[Line] = [Figure("slow", 2.0, "s", 1.0), Skipped("flash", "it needs root", "sudo make bench")]
    findings = Findings("2 cores", lines)
    table = as_table(findings)
    assert "*** GOAL MISSED: slow" in table and "*** NOT MEASURED: flash: it needs root" in table
    tree = json.loads(as_json(findings))
    assert tree["figures"][0]["met"] is False and tree["skipped"][0]["remedy"] == "sudo make bench"


def test_a_reading_may_cost_what_it_cost_then_and_no_more() -> None:
    now, then = [0.11, 0.10, 0.90], [0.10, 0.10, 0.10]
    price = against.figure(against.PRICE, "ms", "54dc3d9", now, then)
    assert (price.value, price.peer_value, price.met) == (0.11, 0.10, False)
    assert against.figure(against.PRICE, "ms", "54dc3d9", then, now).met
    assert against.figure("agent: resident memory", "MB", "54dc3d9", now, then).goal is None


def burn(seconds: float) -> None:
    until_s = time.process_time() + seconds
    while time.process_time() < until_s:
        pass


def test_the_meter_counts_the_agent_and_neither_the_world_nor_itself() -> None:
    meter = Meter(on=True)

    def act() -> None:
        burn(0.004)
        with meter:
            burn(0.040)

    meter.agent(act)
    with meter:
        burn(0.020)  # nobody is at work
    assert 4e6 * 0.95 < meter.spent_ns < 4e6 * 3
    assert Meter().agent(lambda: 7) == 7


def test_cpu_time_is_told_more_finely_than_in_ticks() -> None:
    before = process.cpu_s(os.getpid())
    burn(0.003)
    assert 0.002 < process.cpu_s(os.getpid()) - before < 10


@pytest.mark.parametrize(("plant", "each_minute"), [(six(), 360), (twenty(), 1_200), (lamppost(), 12)])
def test_a_plant_says_as_much_as_its_name_promises(plant: Plant, each_minute: int) -> None:
    said = [event for second in range(60, 120) for event in plant.due(second)]
    assert sum(len(event.readings) for event in said) == each_minute


def test_the_wire_keeps_to_its_goals() -> None:
    figures = list(wire.measure(chunks=8))
    assert [figure.met for figure in figures] == [True, True, None]
    assert all(figure.ratio and figure.ratio > 5 for figure in figures)


def test_a_message_is_counted_with_its_envelope() -> None:
    done = wire.sent(six(), 10, 10)
    bodies = [body for entries, _, _ in wire.commits(six(), 10, 10) for kind, _, body in entries
              if kind == RecordKind.CHUNK]  # fmt: skip
    assert done.messages == 1 and done.readings == 60
    assert len(bodies[0]) + 8 <= done.ours <= len(bodies[0]) + 16


def test_the_collector_stores_what_it_is_given(tmp_path: Path) -> None:
    figure, packs = collector.measure(tmp_path, chunks=2, runs=1)
    assert packs.value > 0 and packs.note.startswith(f"{2 * 60 * collector.NODES} rows")
    assert figure.value > 0 and figure.peer_value and figure.note.startswith(f"{2 * 60 * collector.NODES} rows")


@pytest.mark.root
@pytest.mark.once
def test_the_flash_is_counted_at_the_block_device(tmp_path: Path) -> None:
    if why := missing():
        pytest.skip(f"NOT TESTED: no loop-mounted card here: {why}")
    cases = [case for case in flash.CASES if case.commit_s == 1 and case.options == flash.IMAGE]
    with ExitStack() as stack:
        run = flash.begin(stack, tmp_path, 2, cases)
        if isinstance(run, Skipped):
            pytest.skip(f"NOT TESTED: no loop-mounted card here: {run.why}")
        outcomes = run.finish()
    assert [outcome.readings for outcome in outcomes] == [40, 40, 40]
    assert all("noatime" in outcome.mount and "commit=600" in outcome.mount for outcome in outcomes)
    assert all(outcome.written.size >= 4_096 * outcome.commits for outcome in outcomes)
    (figure,) = flash.figures(outcomes, 2)
    assert isinstance(figure, Figure) and figure.goal == 215 and figure.peer_value == outcomes[1].each


@pytest.mark.once
def test_agent_and_script_are_measured_as_processes(tmp_path: Path) -> None:
    (start,) = agent.measure_starts(tmp_path, 1)
    assert start.value > 0 and start.peer_value
    cpu, memory = agent.measure_steady(tmp_path, 2.0, commit="1s")
    assert cpu.unit == "ms" and memory.goal == agent.RSS_GOAL_MB
    assert 5 < memory.value < 200 and memory.peer_value and 5 < memory.peer_value < 200


@pytest.mark.once
def test_what_tls_costs_is_told(tmp_path: Path) -> None:
    start, cpu, memory = agent.measure_tls(tmp_path, 1.0, 1, commit="1s")
    assert start.value > 0 and cpu.value > 0 and cpu.peer_value and start.peer == agent.PLAIN
    assert memory.goal == agent.RSS_TLS_GOAL_MB and memory.peer_value and memory.peer_value < memory.value < 100


@pytest.mark.once
def test_forty_sensors_are_judged_and_priced_in_virtual_time() -> None:
    lost, *rest = virtual.measure(35, 15)
    jitter, prices = rest[:-2], rest[-2:]
    assert lost.met and "readings in the journal" in lost.note
    assert len(jitter) == 7 and all(figure.met for figure in jitter)  # no window of the lines has ended yet
    assert all(figure.peer_value and figure.value > 0 for figure in prices)
    assert virtual.without(frozenset({"hall"})).count("[[sensor]]") == BOARD.count("[[sensor]]") - 1
    assert virtual.cost(STEP_ONE, 15).readings > 150


def test_one_command_prints_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--only", "wire", "-o", "json"]) == 0
    captured = capsys.readouterr()
    tree = json.loads(captured.out)
    assert len(tree["figures"]) == 3
    assert {"value", "unit", "goal", "met", "peer_value", "ratio"} <= tree["figures"][0].keys()
    assert "wire: 360 readings" in captured.err


@pytest.mark.once
def test_a_backlog_drains_into_a_real_office(tmp_path: Path) -> None:
    opened, drained, grew, late = backlog.measure(tmp_path, backlog.Sizes(4, 60_000, 2.5))
    assert opened.value > 0 and "records, 4 MB" in opened.note
    assert drained.value > 1_000 and grew.goal == backlog.GREW_GOAL_MB
    assert 0 <= late.value < 60
