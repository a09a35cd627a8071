"""`sim demo`: a street of lampposts for as long as you like, and at the end a count of heads.

With `-o json` stdout carries one object and nothing else; everything that is said on the way goes to stderr.
"""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal

import typer

from fleet.trouble import Exit, Trouble
from simulators.census import Census
from simulators.commands.app import app
from simulators.script import Mishap, mishap
from simulators.street import Plan, Street
from simulators.watch import Watch

UNTIL = "Simulated seconds; without it until Ctrl-C."
KEEP = "Keep the street's folder (office, journals, boards) here instead of in a temporary one."


@app.command()
def demo(
    nodes: Annotated[int, typer.Option(min=1, max=2_000, help="How many lampposts.")] = 12,
    seconds: Annotated[float | None, typer.Option(min=1, max=3e8, help=UNTIL)] = None,
    speed: Annotated[float, typer.Option(min=0.1, max=50, help="Simulated seconds in a real one.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Which city; the same seed is the same city.")] = 7,
    fault: Annotated[list[str] | None, typer.Option(help="broker-kill@20s, node-kill[:NODE]@30s[+5s]; repeat.")] = None,
    keep: Annotated[Path | None, typer.Option(help=KEEP)] = None,
    output: Annotated[Literal["table", "json"], typer.Option("-o", "--output", help="How to print the end.")] = "table",
) -> None:
    """Run a street, look at it, and count heads at the end: nothing may be lost, nothing twice."""
    plan = Plan(nodes, seconds, speed, seed, _mishaps(fault or [], seconds))
    census, cut_short = _in_folder(keep, lambda folder: _run(plan, folder, output))
    _print(census, output)
    if not census.whole:
        raise typer.Exit(Exit.WRONG)
    if cut_short:
        raise typer.Exit(Exit.INTERRUPTED)


def _mishaps(texts: list[str], seconds: float | None) -> tuple[Mishap, ...]:
    try:
        found = tuple(mishap(text) for text in texts)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--fault") from None
    for text, each in zip(texts, found, strict=True):
        if seconds is not None and each.at_ms >= seconds * 1_000:
            raise typer.BadParameter(f"{text!r} comes after the end of {seconds:g} seconds", param_hint="--fault")
    return found


def _in_folder(keep: Path | None, run: Callable[[Path], tuple[Census, bool]]) -> tuple[Census, bool]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="lantaarn-", ignore_cleanup_errors=True) as folder:
            return run(Path(folder) / "street")
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise Trouble(f"{keep} is not an empty folder.", "Nothing was started or changed.",
                      "name a new folder with --keep", Exit.REFUSED)  # fmt: skip
    return run(keep.absolute())


def _run(plan: Plan, folder: Path, output: str) -> tuple[Census, bool]:
    """What the count of heads gave, and whether somebody ended it before its planned end."""
    watch = Watch(plan, quiet=output == "json")
    try:
        street = Street(plan, folder, watch.say)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--fault") from None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _ending(street))
    try:
        street.open()
        with watch.over(street):
            street.live(watch.look)
        cut_short = street.ending.is_set() and plan.seconds is not None
        street.quiet()
        return street.census(), cut_short
    finally:
        street.close()


def _ending(street: Street) -> Callable[[int, FrameType | None], None]:
    """The first Ctrl-C ends the street in good order; the second at once."""

    def end(number: int, _frame: FrameType | None) -> None:
        if street.ending.is_set():
            raise KeyboardInterrupt
        street.ending.set()

    return end


def _print(census: Census, output: str) -> None:
    tree = census.tree()
    if output == "json":
        print(json.dumps(tree))
        return
    words = {"sampled": "readings taken at the chips", "journalled": "taken into the journals",
             "stored": "in the office's store", "duplicated_rows": "stored twice", "lost": "lost in silence",
             "gaps": "gone, and named in a gap"}  # fmt: skip
    for key, word in words.items():
        print(f"{tree[key]:>10,}  {word}")
    for head in census.heads:
        if head.missed > head.may_miss:
            print(f"{head.node}: {head.missed} readings were sampled and not journalled; see its agent.log (--keep).")
    if census.fallen:
        print(f"Agents that ended by themselves: {', '.join(census.fallen)}.")
    print("Nothing was lost, nothing is there twice." if census.whole else "The promise did NOT hold: see above.")
