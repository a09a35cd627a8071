"""`fleet broker`: the broker's own files, for ours and for somebody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from edge.wire.messages import CheckResult, State
from fleet import files, show
from fleet.choose import meant
from fleet.cli.options import DryRun, HomeFolder, Output, home_of, print_rows, registry_of
from fleet.clock import SystemClock
from fleet.home import Home
from fleet.lint import guess, lint
from fleet.servers import NATS, NOBODY, SERVERS, Server
from fleet.show import Field, Form
from fleet.tls import named, of_broker
from fleet.trouble import Exit, Trouble

CERTIFICATE, COPIED = "broker.pem", ("trust.pem", "crl.pem")
LISTED = " crl.pem counts for 60 days, and then it lets nobody in: write and load it again each month."
app = typer.Typer(help="The broker: config, check.", no_args_is_help=True)

FIELDS = [Field("check", "CHECK"), Field("state", "STATE"), Field("reason", "REASON"), Field("remedy", "REMEDY")]
Which = Annotated[str, typer.Argument(metavar="nats|mosquitto", help="For which broker.")]
Folder = Annotated[Path | None, typer.Option("--to", help="Write all its files here, whoever may come in included.")]
File = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A broker's config; else the one of this home.")]
Patterns = Annotated[bool, typer.Option("--patterns", help="Mosquitto: rights by name, for all nodes there ever are.")]
Kind = Annotated[Literal["nats", "mosquitto"] | None, typer.Option(help="What FILE is for; else it is guessed.")]


@app.command()
def config(
    kind: Which, to: Folder = None, patterns: Patterns = False, dry_run: DryRun = False, home: HomeFolder = None
) -> None:
    """Print a broker's config, or write it with the users and rights of this home's registry."""
    place, server = home_of(home), _server(kind)
    server = server.by_pattern() if patterns else server
    folder = (to or place.broker).absolute()
    text = _text(place, server, folder)
    if to is None:
        show.out(text)
        return
    names = [server.config, *server.lists, *(COPIED if place.secure and folder != place.broker else ())]
    if dry_run:
        return show.note(f"Would write {', '.join(names)} to {folder}.")
    _write(place, server, folder, text)
    show.out("".join(f"{folder / name}\n" for name in names))
    show.note(f"Give {', '.join(server.lists)} to the broker's user only (mode 0600), and have it read them: "
              f"kill -HUP. Write them again after {_again(place, patterns)}.")  # fmt: skip
    if place.secure and folder != place.broker:
        show.note(f"{CERTIFICATE} and its key are not copied: put those of {place.authority} there, or the broker's "
                  "own, if they are for its address. Sessions of who was revoked are its keeper's to end."
                  + ("" if server.kind == NATS.kind else LISTED))  # fmt: skip


def _again(place: Home, patterns: bool) -> str:
    if not place.secure:
        return "every `fleet node add`"
    return "a node was revoked" if patterns else "a node enrolled or was revoked"


def _server(kind: str) -> Server:
    if kind not in SERVERS:
        raise Trouble(f"There is no broker {kind!r} here.", "Nothing was written.", meant(kind, SERVERS), Exit.USAGE)
    return SERVERS[kind]


def _text(place: Home, server: Server, folder: Path) -> str:
    ports = place.ports()
    own = folder == place.broker
    tls = (of_broker(place.authority) if own else named(folder, "broker")) if place.secure else None
    return server.config_text(folder, ports.broker_host, ports.broker_port, own, tls)


def _write(place: Home, server: Server, folder: Path, text: str) -> None:
    copied = COPIED if place.secure and folder != place.broker else ()
    lacking = [name for name in copied if not (place.authority / name).is_file()]
    if lacking:
        raise Trouble(f"There is no {lacking[0]} in {place.authority} yet.", "Nothing was written.",
                      "fleet cert renew office; fleet serve does it too", Exit.REFUSED)  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        server.write_lists(folder, registry_of(place).members(), folder == place.broker)
        for name in copied:
            files.replace(folder / name, (place.authority / name).read_text())
        files.replace(folder / server.config, text)
    except OSError as error:
        raise Trouble(f"It cannot be written to {folder}: {error.strerror}.", "The broker goes on as it is.",
                      "name another folder with --to", Exit.REFUSED) from error  # fmt: skip


@app.command()
def check(file: File = None, kind: Kind = None, output: Output = Form.TABLE, home: HomeFolder = None) -> None:
    """Whether a broker's config suits us: what it keeps, how much it queues, whom it lets in. Exit code 1 if not."""
    place = home_of(home)
    text = _read(file) if file else _own(place)
    known = registry_of(place).members()
    keys = {each.user: each.key for each in known if each.key} if place.secure else None
    beside = (file or place.broker / "x").absolute().parent
    found = lint(kind or guess(text), text, lambda name: _beside(beside / name), [each.user for each in known], keys,
                 SystemClock().wall_ms())  # fmt: skip
    print_rows([_row(each) for each in found], FIELDS, output)
    if State.BAD in [each.state for each in found]:
        raise typer.Exit(int(Exit.WRONG))


def _own(place: Home) -> str:
    kind = place.ports().broker_kind
    if kind == NOBODY:
        raise Trouble("The broker of this home is somebody else's.", "Nothing was checked.",
                      "fleet broker check FILE, with that broker's config", Exit.USAGE)  # fmt: skip
    return _text(place, SERVERS[kind], place.broker)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Trouble(f"{file} cannot be read: {why}.", "Nothing was checked.", "name another file",
                      Exit.USAGE) from error  # fmt: skip


def _beside(path: Path) -> str | None:
    try:
        return path.read_text()
    except (OSError, ValueError):
        return None


def _row(each: CheckResult) -> dict[str, str]:
    return {"check": each.name, "state": each.state.value, "reason": each.reason, "remedy": each.remedy}
