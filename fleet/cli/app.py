"""The tree of commands."""

from __future__ import annotations

import typer

from fleet.cli import data, health, init, node, serve

app = typer.Typer(
    name="fleet",
    help="The office of Lantaarn: collect, commit, acknowledge, and watch over every node.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("init")(init.init)
app.command("serve")(serve.serve)
app.command("health")(health.health)
app.add_typer(node.app, name="node")
app.add_typer(data.app, name="data")
