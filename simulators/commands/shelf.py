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


Matrix = Annotated[bool, typer.Option("--faults", help="Let every fault befall them, and tell what came of it.")]
Frozen = Annotated[bool, typer.Option("--frozen", help="With --faults, also what freezes: minutes.")]


@app.command()
def shelf(only: Names = None, faults: Matrix = False, frozen: Frozen = False, output: Output = Form.TABLE) -> None:
    """List the drivers with their grades: bronze, silver, gold. Or with what faults do to them."""
    if unknown := [name for name in only or [] if name not in names()]:
        raise Trouble(f"There is no driver {unknown[0]!r}.", "Nothing was changed.", "sim shelf -o name", Exit.USAGE)
    if faults:
        return _faults(only, frozen, output)
    if evidence.folder() is None:
        raise Trouble("The proofs of the drivers are not part of this installation.", "Nothing was changed.",
                      "run it in a checkout of lantaarn, or install its wheel", Exit.REFUSED)  # fmt: skip
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


def _faults(only: list[str] | None, frozen: bool, output: Form) -> None:
    from simulators.matrix import table
    from simulators.matrix.faults import FAULTS
    from simulators.matrix.trial import Cell, cells_of, rows, trial

    cells: list[Cell] = []
    for name, windowed in [row for row in rows() if not only or row[0] in only]:
        befall = [fault for fault in cells_of(name) if frozen or fault.name != "freeze"]
        cells += [trial(name, fault, windowed) for fault in befall]
        show.note(f"{name}: {len(befall)} faults")
    if output is Form.JSON:
        show.out(show.card({"cells": [asdict(cell) | {"word": table.word(cell)} for cell in cells]}, output, "cells"))
    else:
        drivers = dict.fromkeys(cell.driver for cell in cells)
        found = [table.row(name, [cell for cell in cells if cell.driver == name]) for name in drivers]
        fields = [Field("name", "DRIVER"), *(Field(f, f.upper()) for f in FAULTS if frozen or f != "freeze")]
        show.out(show.listing(found, fields, output) + f"\n{table.sums(cells)}\n")
    if not all(cell.holds for cell in cells):
        raise typer.Exit(Exit.WRONG)
