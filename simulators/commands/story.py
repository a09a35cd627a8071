"""`sim story`: a street and its office for days on end, in one thread and in moments, with all that may go wrong.

The same seed tells the same story, on every machine: what is printed of a failure is all that it takes to see it again.
"""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from edge.wire.version import VERSION
from fleet.trouble import Exit
from simulators.clock import stopwatch
from simulators.commands.app import app
from simulators.story.plan import Plan
from simulators.story.runs import keep, kept, shrink, tell
from simulators.story.storm import Storm, storm
from simulators.story.telling import Told
from simulators.story.troubles import Trouble
from simulators.undisturbed import helpers, interruptible

CORPUS = Path("tests/corpus/stories")
TAIL = 12
SEEDS = "Tell the stories of these seeds, A:B, both included."
STORM = "No story: the broker of so many nodes restarts, and how they come back is measured."
KEEP = "Where a story that fails is kept, cut down to the troubles that it takes."
Output = Literal["table", "json"]
Timed = tuple[Told, float]  # and the real seconds that it took


@app.command()
def story(
    seed: Annotated[int, typer.Option(help="Which story.")] = 1,
    seeds: Annotated[str, typer.Option(help=SEEDS)] = "",
    nodes: Annotated[int, typer.Option(min=1, max=500, help="How many lampposts.")] = 5,
    days: Annotated[float, typer.Option(min=0.001, max=400, help="How long, before all is healed.")] = 1 / 12,
    replay: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="A story that was kept.")] = None,
    corpus: Annotated[Path, typer.Option("--keep", help=KEEP)] = CORPUS,
    storm_of: Annotated[int, typer.Option("--storm", min=0, max=1_000_000, help=STORM)] = 0,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="How many stories are told at a time.")] = 2,
    output: Annotated[Output, typer.Option("-o", "--output", help="How to print.")] = "table",
) -> None:
    """Tell what may befall a street, and see whether every promise held."""
    logging.disable(logging.CRITICAL)
    with interruptible():
        if storm_of:
            _weather(storm(storm_of, seed), output)
            return
        plans = [Plan(number, nodes, days) for number in _numbers(seeds, seed)]
        told_all = [_timed(*_replayed(replay))] if replay else _tellings(plans, jobs)
        failed = [told for told in _printed(told_all, output) if not told.ok]
        for told in failed:
            _mourn(told, None if replay else corpus)
        if failed:
            raise typer.Exit(Exit.WRONG)


def _numbers(seeds: str, seed: int) -> range:
    if not seeds:
        return range(seed, seed + 1)
    try:
        first, last = (int(part) for part in seeds.split(":"))
    except ValueError:
        raise typer.BadParameter(f"{seeds!r}: write two numbers, as in 1:30", param_hint="--seeds") from None
    if last < first:
        raise typer.BadParameter(f"{seeds!r}: the first is the lower one", param_hint="--seeds")
    return range(first, last + 1)


def _tellings(plans: Sequence[Plan], jobs: int) -> Iterator[Timed]:
    """In the order of the plans, whoever is ready first."""
    if jobs == 1 or len(plans) == 1:
        yield from map(_timed, plans)
        return
    with helpers(min(jobs, len(plans))) as pool:
        yield from pool.imap(_timed, plans)


def _timed(plan: Plan, troubles: Sequence[Trouble] | None = None) -> Timed:
    """A story, and how many real seconds it took."""
    logging.disable(logging.CRITICAL)
    elapsed_s = stopwatch()
    return tell(plan, troubles), elapsed_s()


def _printed(stories: Iterable[Timed], output: Output) -> Iterator[Told]:
    code, node_days, began_s, number, right = commit(), 0.0, stopwatch(), 0, 0
    for told, seconds in stories:
        speed = round(told.plan.nodes * told.plan.days / seconds, 2)
        _print({**told.tree(), "commit": code, "node_days_per_second": speed}, output)
        number, right = number + 1, right + told.ok
        node_days += told.plan.nodes * told.plan.days
        yield told
    if number > 1:
        seconds = began_s()
        typer.echo(f"{right} of {number} stories held; {node_days:,.1f} node-days in {seconds:.1f} s, "
                   f"{node_days / seconds:.2f} node-days/s.", err=True)  # fmt: skip


def _replayed(file: Path) -> tuple[Plan, list[Trouble]]:
    try:
        return kept(file)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--replay") from None


def _print(tree: dict[str, Any], output: Output) -> None:
    if output == "json":
        print(json.dumps(tree))
        return
    counts = tree["counts"]
    verdict = "every promise held" if tree["ok"] else "a promise did NOT hold"
    print(f"seed {tree['seed']:>6}  {tree['trace_hash']}  {counts['troubles']:>3} troubles  "
          f"{counts['journalled']:>8,} readings  {tree['node_days_per_second']:>6} node-days/s  {verdict}")  # fmt: skip


def _mourn(told: Told, corpus: Path | None) -> None:
    """What it takes to see a failure again, on stderr."""
    plan = told.plan
    for name, verdict in told.invariants.items():
        if verdict != "holds":
            typer.echo(f"{name}: {verdict}", err=True)
    again = f"sim story --seed {plan.seed} --nodes {plan.nodes} --days {plan.days!r}"
    if corpus is not None:
        small = shrink(told)
        file = corpus / f"seed-{plan.seed}-{plan.nodes}x{plan.days:.3f}.json"
        keep(small, file)
        fewer = f"{len(small.troubles)} of {len(told.troubles)} troubles"
        typer.echo(f"Cut down to {fewer}: sim story --replay {file}", err=True)
        told = replace(small, invariants=told.invariants)
    typer.echo(f"seed {plan.seed}, commit {commit()}: {again}", err=True)
    typer.echo("The last that happened (ms, what):", err=True)
    for words in list(told.tail)[-TAIL:]:
        typer.echo("  " + " ".join(map(str, words)), err=True)


def _weather(passed: Storm, output: Output) -> None:
    if output == "json":
        print(json.dumps(passed.tree()))
    else:
        print(passed.words())
    if not passed.ok:
        raise typer.Exit(Exit.WRONG)


def commit() -> str:
    """Which code told it: the commit of this work tree, else the version."""
    place = Path(__file__).parent
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=place, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return VERSION
    return asked.stdout.strip()
