"""How a node comes to be known: registry, broker's user list, and the file that goes to the pole.

With an authority that file is a card with a token, by which the node fetches a certificate for a key of its own (see
`fleet.desk`); without one it holds a password.

The file is written first and entered last: after a power cut between the two there is a file that nobody accepts, and
never a node whose secret is nowhere. The secret exists in three places: the registry, the broker's list and the
credentials file, each readable by its owner only; it is never printed.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.wire.identity import node_id
from edge.wire.jsontext import to_json
from fleet import broker, files
from fleet.cardfile import card_text
from fleet.choose import LONGEST_NAME, labels, printable
from fleet.clock import SystemClock, new_client_id, new_password
from fleet.home import Home, no_url
from fleet.papers import Token
from fleet.registry import COLLECTOR, Credential, Node, Registry
from fleet.tokens import new_token, serial_number
from fleet.trouble import Exit, Trouble

if TYPE_CHECKING:
    from fleet.revoking import Signs

RESERVED = ("office", "collector", "broker", "desk")  # names in certificates, of users, and in lists of both


def new_credential(user: str) -> Credential:
    """A fresh secret for a node or the collector."""
    return Credential(user, new_password(), new_client_id(user))


def make_home(home: Home, registry: Registry) -> None:
    """Gives a new home its collector's credential and a user list. Doing it again changes nothing. Raises Trouble."""
    if registry.credential(COLLECTOR) is None and not home.in_use():
        registry.set_credential(new_credential(COLLECTOR))
    _write_users(home, registry)


def check_signed(home: Home, registry: Registry) -> None:
    """Raises Trouble while a home that nobody is let into yet waits for an authority elsewhere: till then it would
    work with passwords, unencrypted."""
    if home.secure or not home.request.is_dir() or registry.nodes():
        return
    raise Trouble(f"{home.folder} waits for the authority elsewhere that was asked to sign.",
                  "Nothing was started or changed.", "fleet init --chain FILE, with its answer",
                  Exit.REFUSED)  # fmt: skip


def _write_users(home: Home, registry: Registry) -> None:
    """The user list from a registry that is whole: one without the collector has lost more than that."""
    with files.locked(home.broker / "users.lock"):
        credentials = registry.members()
        if COLLECTOR not in [each.user for each in credentials]:
            raise _lost(registry)
        broker.write_users(home.broker, credentials)


def _lost(registry: Registry) -> Trouble:
    stands = "The broker's user list stays as it is; nodes keep their readings."
    return Trouble(f"The registry {registry.path} has lost the collector's credential.", stands,
                   "put your copy of it back", Exit.REFUSED)  # fmt: skip


def check(registry: Registry, node: Node) -> None:
    """Raises Trouble when the node cannot be added."""
    try:
        node_id(node.id)
    except ValueError as error:
        happened = f"{node.id!r} cannot be a node: {error}."
        raise Trouble(happened, "Nothing was changed.", "fleet node add ID …, with another id",
                      Exit.USAGE) from error  # fmt: skip
    if node.id in RESERVED:
        raise Trouble(f"{node.id!r} cannot be a node: the office, or a part of it, is called so.",
                      "Nothing was changed.", f"fleet node add {node.id}-1 …, or any other id", Exit.USAGE)  # fmt: skip
    if not printable(node.site):
        happened = f"{node.site!r} is no name of a site: at most {LONGEST_NAME} signs that can be printed."
        raise Trouble(happened, "Nothing was changed.", "fleet node add again, with another --site", Exit.USAGE)
    labels([f"{key}={value}" for key, value in node.labels.items()])
    for name, value, most in (("latitude", node.lat, 90), ("longitude", node.lon, 180)):
        if value is not None and not -most <= value <= most:
            raise Trouble(f"{value} is no {name}: it lies between -{most} and {most} degrees.", "Nothing was changed.",
                          "fleet node add again, with the right one", Exit.USAGE)  # fmt: skip
    if registry.node(node.id) is not None:
        raise Trouble(f"{node.id} is in the registry already.", "Nothing was changed.",
                      f"fleet node show {node.id}", Exit.REFUSED)  # fmt: skip


def board(hardware: str) -> None:
    """Raises Trouble when this cannot be a board's serial number."""
    try:
        serial_number(hardware)
    except ValueError as error:
        raise Trouble(f"{hardware!r} cannot be one: {error}.", "Nothing was changed.",
                      "take the serial number from /proc/cpuinfo of the board", Exit.USAGE) from error  # fmt: skip


def add(
    home: Home, registry: Registry, node: Node, credentials: Path | None, now_ms: int | None = None, hardware: str = ""
) -> bool:
    """Enters a node and writes its credentials file: a card with a token where there is an authority, else a password.

    `hardware`: the serial number of the only board that may use the token. True when a running broker was told of a
    password; with a token there is nothing to tell yet. Raises Trouble.
    """
    check(registry, node)
    secret, text = _new_secret(home, node.id, now_ms, hardware)
    _with_file(credentials, text, lambda: registry.add(node, secret))
    return isinstance(secret, Credential) and publish(home, registry)


def renew(
    home: Home, registry: Registry, node: str, credentials: Path, now_ms: int | None = None, hardware: str = "",
    signs: Signs | None = None,
) -> bool:  # fmt: skip
    """Gives a known node a new secret; whatever it had is void at once. True when a running broker was told.

    `signs`: the authority, which signs the list of the revoked; it must be given where there is one. Raises Trouble.
    """
    now_ms = _now(now_ms)
    secret, text = _new_secret(home, node, now_ms, hardware)
    _with_file(credentials, text, lambda: registry.readmit(node, secret, now_ms))
    if signs is None:
        return publish(home, registry)
    from fleet import revoking

    return revoking.enforce(home, registry, signs, [node], now_ms).told


def _new_secret(home: Home, node: str, now_ms: int | None, hardware: str) -> tuple[Credential | Token, str]:
    """What the registry is to know of a new secret, and the file that holds it."""
    if not home.secure:
        credential = new_credential(node)
        return credential, credentials_text(home, credential)
    now_ms = _now(now_ms)
    secret, token = new_token(node, now_ms, hardware)
    return token, card_text(home, node, address(home), secret, now_ms)


def _now(now_ms: int | None) -> int:
    return SystemClock().wall_ms() if now_ms is None else now_ms


def know_collector(home: Home, registry: Registry, key: str) -> bool:
    """Lets the collector in by the key with this id, and by no password; its client id stays. Whether that is new.

    Raises Trouble when the registry has lost it.
    """
    known = registry.credential(COLLECTOR)
    if known is None and home.in_use():
        raise _lost(registry)
    known = known or new_credential(COLLECTOR)
    if (known.key, known.password) == (key, ""):
        return False
    registry.set_credential(Credential(COLLECTOR, client_id=known.client_id, key=key))
    return True


def address(home: Home) -> str:
    """What nodes are told to connect to. Raises Trouble when nothing can be told."""
    url = home.ports().node_url
    if not url:
        raise no_url(home, "Nothing was changed.")
    return url


def publish(home: Home, registry: Registry) -> bool:
    """Writes the user list from the registry and has a running broker read it."""
    _write_users(home, registry)
    return broker.reload(home.broker)


def credentials_text(home: Home, credential: Credential) -> str:
    """The credentials file: the JSON that `edge run` reads."""
    facts = {"node": credential.user, "url": address(home), "user": credential.user,
             "password": credential.password, "client_id": credential.client_id}  # fmt: skip
    return to_json(facts).decode() + "\n"


def _with_file(path: Path | None, text: str, enter: Callable[[], None]) -> None:
    if path is None:
        enter()
        return
    _claim(path)
    try:
        files.replace(path, text, 0o600)
        enter()
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def check_new(path: Path) -> None:
    """Raises Trouble when there is a file already where a node's secrets are to go."""
    if os.path.lexists(path):
        raise Trouble(f"{path} is there already; it may be what another node, or this one, still needs.",
                      "Nothing was changed: no secret is void, and the file stays as it is.",
                      f"rm {shlex.quote(str(path))}, if nobody needs it; or name another file with --credentials",
                      Exit.REFUSED)  # fmt: skip


def _claim(path: Path) -> None:
    check_new(path)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        happened = f"The credentials cannot be written to {path}: {error.strerror}."
        raise Trouble(happened, "Nothing was changed.", "name another --credentials file", Exit.REFUSED) from error
