"""`fleet data gaps`: what is missing, since when, and why."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fleet import choose, show
from fleet.cli.options import HomeFolder, Output, home_of, print_rows, reader_of, registry_of
from fleet.show import Field, Form
from fleet.store.answers import GapLine, Loss
from fleet.store.losses import COPIED, TWICE
from fleet.store.spans import SKIPPED

FIELDS = [
    Field("node", "NODE"),
    Field("state", "STATE"),
    Field("readings", "READINGS"),
    Field("records", "RECORDS"),
    Field("arrived", "ARRIVED", wide=True),
    Field("after", "AFTER"),
    Field("before", "BEFORE"),
    Field("epoch", "EPOCH", wide=True),
    Field("first", "FIRST", wide=True),
    Field("last", "LAST", wide=True),
    Field("why", "WHY"),
]
Only = Annotated[str | None, typer.Argument(metavar="[NODE]", help="One node only: its id, or the beginning of it.")]
All = Annotated[
    bool, typer.Option("--all", help="Also what arrived after all, and numbers that were never given out.")
]


def gaps(node: Only = None, everything: All = False, output: Output = Form.TABLE, home: HomeFolder = None) -> None:
    """What is missing of each journal: how many readings and records, between which moments, and why."""
    place = home_of(home)
    name = choose.by_prefix(registry_of(place).nodes(), node).id if node else None
    found = reader_of(place).gaps(name, everything)
    print_rows([_row(line) for line in found], FIELDS, output)
    missing = [line.loss for line in found if line.loss.records]
    unknown = sum(loss.records for loss in missing if loss.readings is None)
    what = f"{sum(loss.readings or 0 for loss in missing)} readings are missing"
    more = f", and {unknown} records of which nobody can say how many readings they held" if unknown else ""
    show.note(f"{what}{more}.")


def _row(line: GapLine) -> dict[str, Any]:
    loss = line.loss
    return {"node": loss.node, "state": state(loss), "readings": loss.readings, "records": loss.records,
            "arrived": loss.arrived, "after": show.when(line.from_ms), "before": show.when(line.to_ms),
            "epoch": loss.epoch, "first": loss.first, "last": loss.last, "why": loss.why}  # fmt: skip


def state(loss: Loss) -> str:
    """`missing`, `partly` (some came later), `arrived` (all did), `skipped` (there never was anything), or `copied`
    (there is another copy of the journal)."""
    if loss.why in (COPIED, TWICE):
        return "copied"
    if loss.records:
        return "partly" if loss.arrived else "missing"
    return "skipped" if loss.why.startswith(SKIPPED) else "arrived"
