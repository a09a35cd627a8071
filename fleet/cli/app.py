"""The tree of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from edge.wire.version import VERSION
from fleet.cli import broker, card, cert, data, health, init, node, serve

app = typer.Typer(
    name="fleet",
    help="The office of Lantaarn: collect, commit, acknowledge, and watch over every node.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def tell_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        typer.echo(f"lantaarn {VERSION}")
        raise typer.Exit


@app.callback()
def fleet(
    version: Annotated[
        bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Tell the version.")
    ] = False,
) -> None:
    """The office of Lantaarn: collect, commit, acknowledge, and watch over every node."""


app.command("init")(init.init)
app.command("serve")(serve.serve)
app.command("health")(health.health)
app.add_typer(node.app, name="node")
app.add_typer(data.app, name="data")
app.add_typer(broker.app, name="broker")
app.add_typer(card.app, name="card")
app.add_typer(cert.app, name="cert")
