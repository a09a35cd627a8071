"""Bytes that reach the flash per reading, counted by the kernel at the block device, our journal beside SQLite.

Twenty readings a second at true pace, for a file system writes by its own clock and a hurried run flatters it. Every
case has a card and a process of its own, so that all run at the same time. Files are made, and the file system synced,
before the count begins: in steady state the ring is recycled and never grows. The sync at the end is counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edge.wear import POOREST, years
from tests.bench.card import Card, NoCard, Written, card, missing
from tests.bench.figure import Figure, Line, Skipped
from tests.bench.process import ROOT

IMAGE = "noatime,commit=600"  # the journal's mount on a node
DEFAULT = ""
A_DAY = 20 * 86_400  # readings
GOALS = {10: 25.0, 1: 215.0}
WAYS = {
    "journal": "segment journal", "blob": "SQLite WAL FULL, a blob a commit", "row": "SQLite WAL FULL, a row a reading",
}  # fmt: skip
WHAT = "flash: bytes at the block layer"
REMEDY = "as root: make bench"


@dataclass(frozen=True, slots=True)
class Case:
    """One way of keeping on one card."""

    way: str
    commit_s: int
    options: str

    @property
    def name(self) -> str:
        return f"{self.way}-{self.commit_s}-{'image' if self.options else 'default'}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What it kept and what that cost."""

    case: Case
    mount: str
    readings: int
    commits: int
    written: Written

    @property
    def each(self) -> float:
        """Bytes per reading."""
        return self.written.size / self.readings


CASES = [Case(way, commit_s, options) for options in (IMAGE, DEFAULT) for commit_s in (10, 1) for way in WAYS]


class Run:
    """All cases, each on its card in its process; `finish` waits for the last and reads the counters."""

    def __init__(self, stack: ExitStack, folder: Path, seconds: int, cases: list[Case]) -> None:
        """Raises NoCard."""
        self.seconds = seconds
        self._cards = [(case, stack.enter_context(card(folder, case.name, case.options))) for case in cases]
        self._processes = [_recorder(stack, case, here, seconds) for case, here in self._cards]
        for process in self._processes:
            if _out(process).readline().strip() != "ready":
                raise NoCard("a recorder did not begin")
        self._mounts = [here.options() for _, here in self._cards]
        self._before = [_settled(here) for _, here in self._cards]
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()

    def finish(self) -> list[Outcome]:
        return [self._outcome(number) for number in range(len(self._cards))]

    def _outcome(self, number: int) -> Outcome:
        case, here = self._cards[number]
        said = json.loads(_out(self._processes[number]).readline())
        written = _settled(here).since(self._before[number])
        return Outcome(case, self._mounts[number], said["readings"], said["commits"], written)


def _recorder(stack: ExitStack, case: Case, here: Card, seconds: int) -> subprocess.Popen[str]:
    what = [case.way, str(here.folder), str(case.commit_s), str(seconds)]
    command = [sys.executable, "-m", "tests.bench.recorder", *what]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    stack.enter_context(process)
    stack.callback(process.kill)
    return process


def _out(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


def _settled(here: Card) -> Written:
    here.sync()
    return here.written()


def begin(stack: ExitStack, folder: Path, seconds: int, cases: list[Case] = CASES) -> Run | Skipped:
    """The run under way, or why there is none."""
    if why := missing():
        return Skipped(WHAT, why, REMEDY)
    try:
        return Run(stack, folder, seconds, cases)
    except NoCard as error:
        return Skipped(WHAT, str(error), REMEDY)


def figures(outcomes: list[Outcome], seconds: int) -> Iterator[Line]:
    """Our journal against the leaner SQLite, which takes the same chunks; the row a reading in the note."""
    by_case = {outcome.case: outcome for outcome in outcomes}
    for case, ours in by_case.items():
        if case.way == "journal":
            blob = by_case[Case("blob", case.commit_s, case.options)]
            row = by_case[Case("row", case.commit_s, case.options)]
            yield _figure(ours, blob, row, seconds)


def _figure(ours: Outcome, blob: Outcome, row: Outcome, seconds: int) -> Figure:
    case = ours.case
    note = (
        f"{seconds} s of 20 readings/s on {ours.mount}; {ours.commits} commits, "
        f"{ours.written.flushes} flushes; {WAYS['row']}: {row.each:.0f} B/reading ({row.each / ours.each:.1f}x); "
        f"{ours.each * A_DAY / 1e6:.0f} MB a day against {blob.each * A_DAY / 1e6:.0f}: "
        f"{years(POOREST, ours.each * A_DAY):.0f} years of {POOREST.name} against "
        f"{years(POOREST, blob.each * A_DAY):.0f}"
    )
    what = f"flash: commits of {case.commit_s} s, {case.options or 'default mount'}"
    goal = GOALS[case.commit_s] if case.options == IMAGE else None
    return Figure(what, ours.each, "B/reading", goal, peer=WAYS["blob"], peer_value=blob.each, note=note)
