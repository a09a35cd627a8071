"""`fleet init`: makes a home."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from fleet import enrol, show
from fleet.cli.options import DryRun, HomeFolder
from fleet.home import Ports, find, sound, write_config
from fleet.registry import Registry
from fleet.servers import NATS
from fleet.trouble import Exit, Trouble

Host = Annotated[str, typer.Option(help="Where the broker listens; 127.0.0.1 is this machine only.")]
BrokerPort = Annotated[int, typer.Option("--port", min=1, max=65535, help="The broker's MQTT port.")]
WebPort = Annotated[int, typer.Option(min=0, max=65535, help="The page's port; 0 takes a free one at every start.")]
Kind = Annotated[str, typer.Option("--broker", metavar="nats|mosquitto|none", help="none: somebody else's.")]
Url = Annotated[str, typer.Option(help="What nodes are told, such as mqtt://office.example.org:1883.")]


def init(
    home: HomeFolder = None,
    host: Host = "127.0.0.1",
    port: BrokerPort = 1883,
    web_port: WebPort = 8080,
    url: Url = "",
    broker: Kind = NATS.kind,
    dry_run: DryRun = False,
) -> None:
    """Make a home for an office."""
    place, ports = find(home, os.environ), _ports(host, port, web_port, url, broker)
    if place.config.exists() and place.in_use():
        raise Trouble(f"{place.folder} is a fleet home already.", "Nothing was changed.",
                      f"fleet serve --home {place.folder}", Exit.REFUSED)  # fmt: skip
    if place.in_use() and not place.registry.is_file():
        raise Trouble(f"{place.folder} is a fleet home whose registry.db is missing.", "Nothing was changed.",
                      f"put your copy of {place.registry} back, or choose another folder with --home",
                      Exit.REFUSED)  # fmt: skip
    if dry_run:
        show.note(f"Would make a fleet home in {place.folder}.")
        return
    try:
        write_config(place, ports)
        enrol.make_home(place, Registry(place.registry))
    except OSError as error:
        raise Trouble(f"{place.folder} cannot be made: {error.strerror}.", "There is no office there yet.",
                      "choose another folder with --home") from error  # fmt: skip
    show.out(f"{place.folder}\n")
    show.note(f"A fleet home is made. Next: fleet serve --home {place.folder}")


def _ports(host: str, port: int, web_port: int, url: str, kind: str) -> Ports:
    try:
        return sound(Ports(host, port, web_port=web_port, url=url, broker_kind=kind))
    except ValueError as error:
        raise Trouble(f"{error}.", "Nothing was made.", "fleet init again, with another --host, --url or --broker",
                      Exit.USAGE) from error  # fmt: skip
