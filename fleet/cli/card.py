"""`fleet card`: what lies on a node's card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fleet import cardfile, choose, enrol, show
from fleet.cli.node import Hardware, NodeId
from fleet.cli.options import DryRun, HomeFolder, home_of, registry_of
from fleet.clock import SystemClock
from fleet.papers import ADDED
from fleet.trouble import Exit, Trouble

app = typer.Typer(help="Cards: token.", no_args_is_help=True)

Place = Annotated[Path, typer.Argument(metavar="DIR", help="The folder that holds the node's credentials file.")]


@app.callback()
def card() -> None:
    """What lies on a node's card."""


@app.command()
def token(
    node: NodeId, place: Place, hardware: Hardware = "", dry_run: DryRun = False, home: HomeFolder = None
) -> None:
    """Put a fresh token, and the time, on a card that was written before; nothing else on it changes."""
    registry = registry_of(home_of(home))
    known = choose.by_prefix(registry.nodes(), node)
    enrol.board(hardware)
    path = cardfile.found(place.absolute(), known.id)
    cardfile.read(path, known.id)
    if known.state != ADDED:
        raise Trouble(f"{known.id} is {known.state}.", cardfile.UNTOUCHED, cardfile.anew(known.id), Exit.REFUSED)
    if dry_run:
        return show.note(f"Would put a fresh token for {known.id} into {path}.")
    cardfile.refresh(registry, known.id, path, SystemClock().wall_ms(), hardware)
    registry.reissued(known.id, SystemClock().wall_ms())
    show.out(f"{known.id}\n")
    show.note(f"{path} holds a fresh token for {known.id}, good for 180 days and once; the one before is void."
              + (" It has a key already: with that key only." if registry.living_key(known.id) else ""))  # fmt: skip
