"""This tree beside an earlier commit: what the agent costs in both, on one machine and in one run.

The commit is checked out beside us, and its own bench measures it with our interpreter: agent, office and broker are
those of its day. Only the clock is ours (`tests.bench.process`), because the kernel's ticks are too coarse for a bench
that ran in them. Both are measured by turns, who is first changes each time, and of each figure the median counts: a
machine that is busy for a while is busy for both.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figure import Figure, median
from tests.bench.process import ROOT

ROUNDS, STEADY_S, STARTS = 5, 60.0, 3
PRICE, WORSE = "agent: CPU per reading", 1.05  # what one run and the next of the same tree may differ by
TELL = """
import importlib.util, json, sys
from pathlib import Path
from tests.bench import process
found = importlib.util.spec_from_file_location("clock", sys.argv[1])
clock = importlib.util.module_from_spec(found)
found.loader.exec_module(clock)
process.cpu_s = clock.cpu_s
from tests.bench import agent
scratch = Path(sys.argv[2])
scratch.mkdir(parents=True)
figures = [*agent.measure_steady(scratch, float(sys.argv[3])), *agent.measure_starts(scratch, int(sys.argv[4]))]
print(json.dumps({one.what: [one.value, one.unit] for one in figures}))
"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How often, and how long each time."""

    rounds: int = ROUNDS
    steady_s: float = STEADY_S
    starts: int = STARTS


QUICK = Sizes(1, 20.0, 1)
Values = dict[str, list[float]]  # of each figure, by round


def measure(commit: str, scratch: Path, quick: bool) -> Iterator[Figure]:
    """Raises RuntimeError when the commit is not there or its bench fails."""
    sizes = QUICK if quick else Sizes()
    units: dict[str, str] = {}
    ours, theirs = Values(), Values()
    with _checked_out(commit, scratch / "then") as then:
        for number in range(sizes.rounds):
            pair = [(ROOT, ours), (then, theirs)]
            for tree, values in pair[:: -1 if number % 2 else 1]:
                for what, (value, unit) in _told(tree, scratch / f"{number}-{tree.name}", sizes).items():
                    values.setdefault(what, []).append(value)
                    units[what] = unit
    for what in ours:
        if what in theirs:
            yield figure(what, units[what], commit, ours[what], theirs[what])


def figure(what: str, unit: str, commit: str, ours: list[float], theirs: list[float]) -> Figure:
    """The medians of both; a reading may cost no more than it did then. Memory and start have goals of their own."""
    now, then = (median(values) for values in (ours, theirs))
    note = f"by turns; now {_row(ours)}; then {_row(theirs)}"
    goal = WORSE * then if what == PRICE else None
    return Figure(f"{what}, now and then", now, unit, goal, peer=f"commit {commit}", peer_value=then, note=note)


def _row(values: list[float]) -> str:
    return " ".join(f"{value:.3g}" for value in values)


@contextmanager
def _checked_out(commit: str, tree: Path) -> Iterator[Path]:
    _git("worktree", "add", "--detach", str(tree), commit)
    try:
        yield tree
    finally:
        _git("worktree", "remove", "--force", str(tree))


def _git(*words: str) -> None:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"`git {' '.join(words)}` said: {done.stderr.strip()}")


def _told(tree: Path, scratch: Path, sizes: Sizes) -> dict[str, tuple[float, str]]:
    """Value and unit of each figure of the agent, as the bench of this tree measures it."""
    clock = ROOT / "tests" / "bench" / "process.py"
    command = [sys.executable, "-c", TELL, str(clock), str(scratch), str(sizes.steady_s), str(sizes.starts)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it said nothing"])[-1])
    return {what: (value, unit) for what, (value, unit) in json.loads(done.stdout).items()}
