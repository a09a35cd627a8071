"""`sim crash`: the power goes at every step of a node's life, and what is left is opened by the node's own code."""

from __future__ import annotations

import json
import os
import subprocess
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fleet import show
from fleet.trouble import Exit, Trouble
from simulators.clock import PacedClock
from simulators.commands.app import app
from simulators.crash.enumerator import PLAIN, TARGETS, Disagreement, Tally, Through, enumerate_lives
from simulators.crash.plan import REAL
from simulators.crash.replay import told
from simulators.crash.states import LIES
from simulators.undisturbed import interruptible


class Target(StrEnum):
    """What crashes."""

    JOURNAL = "journal"
    FILES = "files"
    ALL = "all"


What = Annotated[Target, typer.Argument(help="The journal, the small files beside it, or both.")]
States = Annotated[int, typer.Option(min=1, max=10**9, help="Open at least so many states (of each).")]
Seed = Annotated[int, typer.Option(help="Which lives; the same seed gives the same lives and states.")]
Lying = Annotated[int, typer.Option(min=0, max=1_000, help="Up to so many syncs before the crash lied; 0: none ever.")]
Mounted = Annotated[bool, typer.Option("--mounted", help="As root: what a process did on a file system that records.")]
Jobs = Annotated[int, typer.Option(min=0, max=256, help="Processes; 0: one for each core.")]
Replay = Annotated[str | None, typer.Option(metavar="STATE", help="Tell all about one state, such as 12.345.")]
Output = Annotated[Literal["table", "json"], typer.Option("-o", "--output", help="How to print it.")]


@app.command()
def crash(
    target: What = Target.JOURNAL,
    states: States = 20_000,
    seed: Seed = 7,
    lying: Lying = LIES,
    mounted: Mounted = False,
    jobs: Jobs = 0,
    replay: Replay = None,
    output: Output = "table",
) -> None:
    """Cut the power everywhere, open what is left, and compare it with what had been promised."""
    targets = [name for name in TARGETS if target in (name, Target.ALL)]
    through = _through(mounted)
    clock, total = PacedClock(), Tally()
    begun_ms = clock.boot_ms()
    with interruptible():
        if replay is not None:
            _replay(targets, seed, lying, replay, through)
            return
        for name in targets:
            total.add(_enumerated(name, states, seed, lying, jobs, through))
    _print(total, (clock.boot_ms() - begun_ms) / 1_000, seed, output)
    if not total.whole:
        raise typer.Exit(Exit.WRONG)


def _through(mounted: bool) -> Through:
    """What becomes of each part of a life before it is crashed into."""
    if not mounted:
        return PLAIN
    from simulators.crash.mounted import through_kernel
    from simulators.fuse_disk import lacking

    if why := lacking():
        raise Trouble(f"No file system that records can be mounted here: {why}.", "Nothing was tried.",
                      "leave out --mounted; the disk in memory needs nothing", Exit.REFUSED)  # fmt: skip
    return through_kernel


def _enumerated(name: str, states: int, seed: int, lying: int, jobs: int, through: Through) -> Tally:
    try:
        return enumerate_lives(name, states, seed, lying, jobs or os.cpu_count() or 1, through=through)
    except Disagreement as error:
        raise Trouble(f"The two recording disks do not agree: {error}.", "Nothing more was tried.",
                      "make simulators/recording.py do what edge/journal/disk.py does") from error  # fmt: skip


def _print(total: Tally, seconds: float, seed: int, output: str) -> None:
    tree = tree_of(total, seconds, seed)
    if output == "json":
        show.out(json.dumps(tree) + "\n")
    else:
        for key in ("states", "lost", "wrong", "unopenable"):
            show.out(f"{tree[key]:>10,}  {WORDS[key]}\n")
        for key in ("states", "lost_unnamed", "lost", "wrong", "unopenable"):
            show.out(f"{tree['lying'][key]:>10,}  {WORDS[key]}, on a card that lied\n")
        show.out(f"{seconds:>10,.1f}  seconds\n")
    for name, fault in total.first:
        words = name.split()
        show.note(f"{name}: {fault.verdict}: {fault.what[:400]}\n"
                  f"Next: sim crash {words[0]} --seed {seed} --replay {words[1]}")  # fmt: skip


WORDS = {
    "states": "crashes, each opened by the node's own recovery",
    "lost": "committed readings lost",
    "lost_unnamed": "readings lost and not named",
    "wrong": "things read back that were never written so",
    "unopenable": "states that could not be opened, or did not go on",
}


def tree_of(total: Tally, seconds: float, seed: int) -> dict[str, Any]:
    """What `-o json` prints."""
    verdicts = ("lost", "wrong", "unopenable")
    lying = {key: total.lying[key] for key in ("states", "lost_unnamed", *verdicts)}
    return {
        "states": total.states, **{key: total.faults[key] for key in verdicts}, "seconds": round(seconds, 2),
        "lying": lying, "by_mode": dict(sorted(total.by_mode.items())), "seed": seed, "commit": _commit(),
        "first": [{"state": name, "verdict": fault.verdict, "what": fault.what} for name, fault in total.first],
    }  # fmt: skip


def _commit() -> str | None:
    """Of this source, where it is a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip() or None if asked.returncode == 0 else None


def _replay(targets: list[str], seed: int, lying: int, wanted: str, through: Through) -> None:
    life, _, place = wanted.partition(".")
    if not (life.isdecimal() and place.isdecimal()) or len(targets) != 1:
        raise Trouble(f"{wanted!r} names no state of one target.", "Nothing was opened.",
                      "sim crash journal --replay LIFE.STATE, as it was told", Exit.USAGE)  # fmt: skip
    found = islice(TARGETS[targets[0]](seed, int(life), lying, REAL, through), int(place), int(place) + 1)
    for name, state, judge in found:
        faults = judge.judged(state)
        show.out(told(name, state, faults))
        if faults:
            raise typer.Exit(Exit.WRONG)
        return
    raise Trouble(f"Life {life} has no state {place}.", "Nothing was opened.", "sim crash journal", Exit.USAGE)
