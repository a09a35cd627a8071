"""Options that several commands share, and the office they lead to."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleet import show
from fleet.home import Home, existing, find
from fleet.registry import Registry
from fleet.show import Field, Form, Row
from fleet.store.damage import damaged, is_damage
from fleet.store.read import StoreReader
from fleet.trouble import Exit, Trouble

if TYPE_CHECKING:
    from fleet.authority.authority import Authority

HomeFolder = Annotated[
    Path | None, typer.Option("--home", help="The office's folder; else FLEET_HOME, else the default.")
]
Output = Annotated[Form, typer.Option("-o", "--output", help="How to print.")]
Labels = Annotated[list[str] | None, typer.Option("-l", "--label", help="key=value; may be given more than once.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def home_of(folder: Path | None) -> Home:
    """The home that is meant, which must exist."""
    return existing(find(folder, os.environ))


def registry_of(home: Home) -> Registry:
    """Its registry."""
    return Registry(home.registry)


def authority_of(home: Home) -> Authority:
    """Who signs for it; the passphrase is asked for where there is one. Raises Trouble."""
    from fleet.authority import passphrase
    from fleet.authority.authority import Authority

    if not home.secure:
        raise Trouble("This office has no authority: its nodes prove themselves with passwords.",
                      "Nothing was changed.", "fleet node list", Exit.REFUSED)  # fmt: skip
    return Authority.open(home.authority, passphrase.given(home.authority))


def sure(what: str, yes: bool) -> None:
    """Asks whether this is to be done, unless `yes` is said already. Raises Trouble when it is not."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Trouble(f"This would {what}, and nobody is there to ask.", "Nothing was changed.", "the same with --yes",
                      Exit.REFUSED)  # fmt: skip
    if not typer.confirm(f"This will {what}. Go on?", err=True):
        raise Trouble("You did not want it.", "Nothing was changed.", "fleet cert list", Exit.REFUSED)


def reader_of(home: Home) -> StoreReader:
    """Its store, for reading. Raises Trouble when nothing was ever stored."""
    reader = StoreReader(home.readings)
    try:
        reader.nodes()
    except sqlite3.Error as error:
        if is_damage(error):
            raise damaged(home.readings, str(error)) from error
        raise Trouble(f"The store of {home.folder} cannot be read: {error}.",
                      "Nothing was changed; without a first `fleet serve` there is none.",
                      f"fleet serve --home {home.folder}", Exit.WRONG) from error  # fmt: skip
    return reader


def print_rows(rows: Sequence[Row], fields: Sequence[Field], form: Form) -> None:
    """Prints a list in the form asked for."""
    show.out(show.listing(rows, fields, form, show.coloured()))
