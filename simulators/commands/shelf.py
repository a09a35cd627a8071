"""`sim shelf`: every driver that there is, and how well each is proven."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from drivers.catalog import names
from fleet import show
from fleet.show import Field, Form
from fleet.trouble import Exit, Trouble
from simulators import evidence
from simulators.commands.app import app
from simulators.grades import Proven, proven

FIELDS = [
    Field("name", "DRIVER"),
    Field("grade", "GRADE"),
    Field("bus", "BUS"),
    Field("title", "DEVICE"),
    Field("measures", "MEASURES", wide=True),
    Field("transcripts", "TRANSCRIPTS", wide=True),
    Field("vectors", "VECTORS", wide=True),
    Field("witnesses", "READ BY", wide=True),
    Field("lacks", "LACKS", wide=True),
]
Output = Annotated[Form, typer.Option("-o", "--output", help="How to print it.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="[DRIVER]...", help="Only these.")]


@app.command()
def shelf(only: Names = None, output: Output = Form.TABLE) -> None:
    """List the drivers with their grades: bronze, silver, gold."""
    if evidence.folder() is None:
        raise Trouble("The proofs of the drivers are not part of this installation.", "Nothing was changed.",
                      "run it in a checkout of lantaarn, or install its wheel", Exit.REFUSED)  # fmt: skip
    if unknown := [name for name in only or [] if name not in names()]:
        raise Trouble(f"There is no driver {unknown[0]!r}.", "Nothing was changed.", "sim shelf -o name", Exit.USAGE)
    found = [proven(name) for name in only or names()]
    show.out(_printed(found, output))


def _printed(found: list[Proven], output: Form) -> str:
    if output is Form.JSON:
        return show.card({"drivers": [asdict(one) for one in found]}, Form.JSON, "drivers")
    text = show.listing([_row(one) for one in found], FIELDS, output)
    if output not in (Form.TABLE, Form.WIDE):
        return text
    counts = ", ".join(f"{sum(one.grade == grade for one in found)} {grade}" for grade in ("gold", "silver", "bronze"))
    return f"{text}\n{len(found)} drivers: {counts}.\n"


def _row(one: Proven) -> dict[str, Any]:
    joined = {key: ", ".join(value) for key, value in asdict(one).items() if isinstance(value, tuple)}
    return asdict(one) | joined
