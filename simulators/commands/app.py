"""The command line of `sim`: what all its commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from edge.wire.version import VERSION

app = typer.Typer(
    name="sim", help="The street, indoors.", no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False
)


def tell_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        typer.echo(f"lantaarn {VERSION}")
        raise typer.Exit


@app.callback()
def sim(
    version: Annotated[
        bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Tell the version.")
    ] = False,
) -> None:
    """The street, indoors: simulated lampposts with the real agent, a real broker and a real office."""
