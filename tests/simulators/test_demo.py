"""The main job, as a newcomer runs it: a real process, real agents, a real broker, and a count of heads at the end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulators.commands.run import run as sim
from tests.fleet.pole import wait_for

COMMIT_S = 5.0  # the street's commit interval
PACE = 9.0  # readings a second of the busiest post, with room


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulators.cli", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def census(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert run.stdout.count("\n") == 1, f"stdout must carry one object and nothing else: {run.stdout!r}"
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def promised(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert run.returncode == 0, run.stderr
    found = census(run)
    assert found["lost"] == found["duplicated_rows"] == found["gaps"] == 0 and not found["fallen"]
    assert found["stored"] == found["journalled"] <= found["sampled"]
    return found


@pytest.mark.timeout(300)
def test_a_street_loses_nothing() -> None:
    found = promised(demo("--nodes", "5", "--seconds", "20", "--speed", "2", "--seed", "3", "-o", "json"))
    assert found["sampled"] == found["journalled"]
    assert all(node["stored"] > 10 for node in found["nodes"]), found


@pytest.mark.timeout(300)
def test_a_street_loses_nothing_when_broker_and_agent_are_killed() -> None:
    run = demo("--nodes", "4", "--seconds", "30", "--speed", "2", "--seed", "5", "-o", "json",
               "--fault", "broker-kill@8s+8s", "--fault", "node-kill:pole-001@14s+2s")  # fmt: skip
    found = promised(run)
    assert "pole-001 is killed" in run.stderr and "broker" in run.stderr
    assert found["sampled"] - found["journalled"] <= COMMIT_S * PACE, "more than one commit interval of one node"
    others = [node for node in found["nodes"] if node["node"] != "pole-001"]
    assert all(node["sampled"] == node["journalled"] for node in others), "nobody killed these"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fault", "broker-explode@3s"], "broker-kill"),
        (["--fault", "node-kill:pole-099@3s"], "pole-099"),
        (["--nodes", "0"], "nodes"),
        (["--seconds", "4", "--fault", "broker-kill@100s"], "after the end"),
        (["--fault", "broker-kill@20"], "broker-kill@20"),
        (["--nodes", "60", "--fault", "node-kill@3s"], "process"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process; the folder that holds something is refused by a process of its own."""
    assert sim(["demo", *arguments]) == 2
    told = capsys.readouterr()
    assert words in told.err and not told.out


def begun(*arguments: str) -> subprocess.Popen[str]:
    """A demo whose nodes are at work."""
    command = [sys.executable, "-m", "simulators.cli", "demo", "--nodes", "2", "--speed", "8", *arguments]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stderr
    for line in run.stderr:
        if "Look at it" in line:
            return run
    raise AssertionError("it did not begin")


def children(pid: int) -> set[int]:
    """All that descends from this process, as the kernel tells."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found |= {child} | children(child)
    return found


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.timeout(120)
def test_a_demo_that_is_cut_short_counts_heads_and_says_so_by_its_exit_code() -> None:
    run = begun("--seconds", "60", "-o", "json")
    family = children(run.pid)
    run.send_signal(signal.SIGINT)
    out, said = run.communicate(timeout=100)
    assert run.returncode == 130, said
    assert json.loads(out)["lost"] == 0 and "Traceback" not in said
    assert len(family) >= 3 and all(gone(pid) for pid in family)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_nothing_outlives_a_demo(number: signal.Signals) -> None:
    run = begun("-o", "json")
    family = children(run.pid)
    run.send_signal(number)
    run.communicate(timeout=100)
    assert len(family) >= 3
    wait_for(lambda: all(gone(pid) for pid in family), "broker and agents to end with it")


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    run = demo("--keep", str(tmp_path))
    assert run.returncode == 4 and "not an empty folder" in run.stderr and "Traceback" not in run.stderr
    assert (tmp_path / "precious").read_text() == "x"


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_the_street_of_the_readme_under_fire() -> None:
    promised(demo("--nodes", "12", "--seconds", "60", "--seed", "7", "-o", "json",
                  "--fault", "broker-kill@20s", "--fault", "node-kill@30s"))  # fmt: skip


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_a_crowded_street_loses_nothing() -> None:
    found = promised(demo("--nodes", "80", "--seconds", "30", "--seed", "7", "-o", "json"))
    assert len(found["nodes"]) == 80
