"""`fleet health`: what needs a person."""

from __future__ import annotations

import fcntl
from typing import Annotated, Any

import typer

from edge.wire.messages import CheckResult, State
from fleet import choose, show
from fleet.cli.node import heard
from fleet.cli.options import HomeFolder, Labels, Output, home_of, print_rows, registry_of
from fleet.clock import SystemClock
from fleet.health import checks, verdict
from fleet.heartbeat import read
from fleet.home import Home
from fleet.pulse import office_checks
from fleet.registry import Node
from fleet.show import Field, Form
from fleet.trouble import Exit

FIELDS = [
    Field("node", "NODE"),
    Field("state", "STATE"),
    Field("check", "CHECK"),
    Field("reason", "REASON"),
    Field("remedy", "REMEDY"),
]
Only = Annotated[str | None, typer.Argument(metavar="[NODE]", help="One node only: its id, or the beginning of it.")]


def health(node: Only = None, label: Labels = None, output: Output = Form.TABLE, home: HomeFolder = None) -> None:
    """Every check that is not good, with reason and remedy; `-o wide` shows all. Exit code 1 when any is bad."""
    place = home_of(home)
    known = registry_of(place).nodes()
    wanted = [choose.by_prefix(known, node)] if node else choose.by_labels(known, choose.labels(label or []))
    answers = {"office": office(place)} | _nodes(place, wanted)
    everything = output in (Form.WIDE, Form.JSON, Form.YAML, Form.CSV)
    print_rows([row for name, found in answers.items() for row in _rows(name, found, everything)], FIELDS, output)
    worst = [verdict(found).state for found in answers.values()]
    counts = ", ".join(f"{worst[1:].count(state)} {state.value}" for state in State)
    show.note(f"{len(wanted)} {'node' if len(wanted) == 1 else 'nodes'}: {counts}.")
    if State.BAD in worst:
        raise typer.Exit(int(Exit.WRONG))


def office(place: Home) -> list[CheckResult]:
    """What is to be said of the office: whether a `fleet serve` holds the home's lock, and what it says of itself."""
    try:
        with place.lock.open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return office_checks(read(place.pulse), SystemClock().wall_ms(), str(place.folder))
    except OSError:
        pass
    reason = "No `fleet serve` works in this home; nodes keep their readings until one does."
    return [CheckResult("serve", State.BAD, reason, f"Run: fleet serve --home {place.folder}")]


def _nodes(place: Home, wanted: list[Node]) -> dict[str, list[CheckResult]]:
    now_ms = SystemClock().wall_ms()
    return {facts.node: checks(facts, now_ms) for facts in heard(place, wanted)}


def _rows(node: str, answers: list[CheckResult], everything: bool) -> list[dict[str, Any]]:
    shown = answers if everything else [check for check in answers if check.state is not State.GOOD] or answers[:1]
    return [{"node": node, "state": check.state.value, "check": check.name, "reason": check.reason,
             "remedy": check.remedy} for check in shown]  # fmt: skip
