"""`fleet init`: makes a home; and gives it an authority that is signed elsewhere, or lets the next one take over."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from fleet import adopted, enrol, show
from fleet.cli import authority
from fleet.cli.options import DryRun, HomeFolder, home_of
from fleet.home import LOOPBACK, Home, Ports, find, sound, write_config
from fleet.registry import Registry
from fleet.servers import NATS, NOBODY
from fleet.trouble import Exit, Trouble

Host = Annotated[str, typer.Option(help="Where the broker listens; 127.0.0.1 is this machine only.")]
BrokerPort = Annotated[
    int | None, typer.Option("--port", min=1, max=65535, help="The broker's MQTT port; 8883, or 1883 with passwords.")
]
EnrolPort = Annotated[int, typer.Option(min=1, max=65535, help="The port where nodes fetch certificates.")]
WebPort = Annotated[int, typer.Option(min=0, max=65535, help="The page's port; 0 takes a free one at every start.")]
Broker = Annotated[
    str,
    typer.Option("--broker", metavar="nats|mosquitto|none|URL",
                 help="none: somebody else's; or its address, such as mqtts://broker.example.org:8883."),
]  # fmt: skip
Url = Annotated[str, typer.Option(help="What nodes are told, such as mqtts://office.example.org:8883.")]
Makes = Annotated[
    bool,
    typer.Option("--certificates/--passwords", help="What nodes prove themselves with; passwords go unencrypted."),
]
Encrypt = Annotated[
    bool, typer.Option("--encrypt-keys", help="Encrypt the authority's keys; see FLEET_PASSPHRASE_FILE.")
]
Csr = Annotated[Path | None, typer.Option("--csr", help="Write a request here, for an authority elsewhere to sign.")]
Chain = Annotated[Path | None, typer.Option("--chain", help="Its answer: our certificate up to the root, as PEM.")]
RollOver = Annotated[bool, typer.Option("--roll-over", help="Let the next root take over; the office must be stopped.")]
Soon = Annotated[bool, typer.Option("--soon", help="With --roll-over: even if nodes may not know the next root yet.")]
Forget = Annotated[
    bool, typer.Option("--forget", help="With --roll-over: certificates so far are void at once, as after a theft.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def init(
    home: HomeFolder = None,
    host: Host = "127.0.0.1",
    port: BrokerPort = None,
    web_port: WebPort = 8080,
    enrol_port: EnrolPort = 8443,
    url: Url = "",
    broker: Broker = NATS.kind,
    makes: Makes = True,
    encrypt_keys: Encrypt = False,
    csr: Csr = None,
    chain: Chain = None,
    roll_over: RollOver = False,
    soon: Soon = False,
    forget: Forget = False,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Make a home for an office; or give it an authority from elsewhere, or the next one."""
    _check_one(csr is not None, chain is not None, roll_over)
    _check_with(roll_over, soon or forget)
    if chain is not None:
        return authority.take_in(home_of(home), chain, dry_run)
    if roll_over:
        return authority.roll_over(home_of(home), soon, forget, yes, dry_run)
    makes = makes and (not adopted.is_address(broker) or adopted.with_certificates(broker))
    place, ports = find(home, os.environ), _ports(host, port, web_port, url, broker, makes)
    ports = replace(ports, enrol_port=enrol_port)
    if csr is not None and place.config.is_file() and place.registry.is_file():
        return authority.ask_elsewhere(place, csr, encrypt_keys, dry_run)
    _check_new(place)
    _check_keys(makes or csr is not None, encrypt_keys)
    words = authority.new_words(encrypt_keys and csr is None and not dry_run)
    _make(place, ports, words, makes and csr is None, dry_run)
    _tell_weakened(replace(ports, secure=makes))
    if csr is not None:
        return authority.ask_elsewhere(place, csr, encrypt_keys, dry_run)
    if dry_run:
        return
    show.out(f"{place.folder}\n")
    show.note(f"A fleet home is made. Next: fleet serve --home {place.folder}")


def _check_new(place: Home) -> None:
    if place.config.exists() and place.in_use():
        raise Trouble(f"{place.folder} is a fleet home already.", "Nothing was changed.",
                      f"fleet serve --home {place.folder}", Exit.REFUSED)  # fmt: skip
    if place.in_use() and not place.registry.is_file():
        raise Trouble(f"{place.folder} is a fleet home whose registry.db is missing.", "Nothing was changed.",
                      f"put your copy of {place.registry} back, or choose another folder with --home",
                      Exit.REFUSED)  # fmt: skip


def _make(place: Home, ports: Ports, words: str | None, makes: bool, dry_run: bool) -> None:
    """The list of users comes last: with it the home counts as made."""
    if dry_run:
        return show.note(f"Would make a fleet home in {place.folder}.")
    try:
        write_config(place, ports)
        if makes:
            authority.make(place, words)
        enrol.make_home(place, Registry(place.registry))
        if makes:
            authority.put_own(place, words)
    except OSError as error:
        raise Trouble(f"{place.folder} cannot be made: {error.strerror}.", "There is no office there yet.",
                      "choose another folder with --home") from error  # fmt: skip


def _tell_weakened(ports: Ports) -> None:
    elsewhere = ports.broker_kind == NOBODY
    if not elsewhere and ports.secure:
        return
    url = ports.node_url or ("mqtts://" if ports.secure else "mqtt://")
    show.note(f"The broker at {url} is somebody else's. What that weakens:" if elsewhere else "What passwords weaken:")
    for sentence in adopted.weakened(url) if elsewhere else adopted.of_passwords():
        show.note(f"- {sentence}")
    if elsewhere and ports.secure and ports.enrol_host.startswith("127."):
        show.note(f"Nodes fetch their certificates here, at {ports.enrol_url}, which no other machine can reach: set "
                  "[enrol] host in fleet.toml before the first fleet node add.")  # fmt: skip


def _ports(host: str, port: int | None, web_port: int, url: str, broker: str, makes: bool) -> Ports:
    try:
        if not adopted.is_address(broker):
            port = port or (adopted.TLS_PORT if makes else adopted.PLAIN_PORT)
            here = LOOPBACK if broker == NOBODY else host  # where somebody else's broker is our desk is not
            return sound(Ports(host, port, web_port=web_port, url=url, broker_kind=broker, enrol_host=here))
        if url or port or host != "127.0.0.1":
            raise ValueError("--broker URL says it all; --host, --port and --url go with a broker of our own")
        return sound(adopted.ports_of(broker, web_port))
    except ValueError as error:
        what = f"{error}" + ("" if str(error).endswith("?") else ".")
        raise Trouble(what, "Nothing was made.", "fleet init again, with another --host, --url or --broker",
                      Exit.USAGE) from error  # fmt: skip


def _check_one(*wanted: bool) -> None:
    if sum(wanted) > 1:
        raise Trouble("--csr, --chain and --roll-over are three different things.", "Nothing was changed.",
                      "give one of them", Exit.USAGE)  # fmt: skip


def _check_keys(has_any: bool, encrypt: bool) -> None:
    if encrypt and not has_any:
        raise Trouble("Where nodes have passwords there is no key to encrypt.", "Nothing was changed.",
                      "the same without --encrypt-keys, or with certificates", Exit.USAGE)  # fmt: skip


def _check_with(roll_over: bool, its_own: bool) -> None:
    if its_own and not roll_over:
        raise Trouble("--soon and --forget say how to --roll-over.", "Nothing was changed.",
                      "fleet init --roll-over, with them", Exit.USAGE)  # fmt: skip
