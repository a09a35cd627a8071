"""How this node proves to the office who it is: one file, written by `fleet node add`, readable by its owner only.

It holds either a password, or what a node needs to fetch a certificate: where the desk is, which roots to trust there,
and a token that is good once. What the node makes and is given after that lies beside the file, see `identity`.
"""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from edge.journal.disk import FolderDisk
from edge.wire.clocks import credible
from edge.wire.messages import MessageError, from_json

SCHEMES = {"mqtt": 1883, "mqtts": 8883}
ANEW = "In the office: fleet node add NODE --renew --credentials FILE, and put the file here."
T = TypeVar("T", "Credentials", "Card")


class OfficeError(Exception):
    """The office cannot be spoken to as things are: `what` happened, and the `remedy`."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what, self.remedy = what, remedy


@dataclass(frozen=True, slots=True)
class Credentials:
    """Name and secrets of one node. The client id is a secret too: on NATS it takes a session over. `trust`: the
    roots, as PEM, by which a broker under TLS is known."""

    node: str
    url: str
    user: str
    password: str = field(repr=False)
    client_id: str = field(repr=False)
    trust: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Card:
    """What a node that fetches a certificate is given: the broker, the desk, a token that is good once ("" when it was
    used), and the roots to trust, as PEM. `written_ms`: the Unix ms at which the office wrote it, if it says so."""

    node: str
    url: str
    enrol: str
    token: str = field(default="", repr=False)
    trust: str = field(default="", repr=False)
    written_ms: int | None = None

    @property
    def vouched_ms(self) -> int | None:
        """What an operator vouches for with a token that is not spent: that it was so late when he wrote the card."""
        return self.written_ms if self.token else None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a broker listens, and whether it is spoken to under TLS."""

    host: str
    port: int
    secure: bool


def read_card(path: Path, node: str) -> Credentials | Card:
    """What lies there for `node`: a password, or a card. Raises OfficeError."""
    data = _private(path, node)
    try:
        tree = json.loads(data)
        data = _timely(tree, data)
    except (ValueError, RecursionError):
        tree = None
    if isinstance(tree, dict) and "enrol" in tree:
        return _of(Card, data, path, node)
    return _of(Credentials, data, path, node)


def read_credentials(path: Path, node: str) -> Credentials:
    """The password of `node`. Raises OfficeError."""
    return _of(Credentials, _private(path, node), path, node)


def wipe_token(path: Path, node: str) -> bool:
    """Take the token out of the card, which is of no more use; whether there was one. Raises OfficeError, OSError."""
    card = read_card(path, node)
    if not isinstance(card, Card) or not card.token:
        return False
    tree = json.loads(path.read_bytes())
    text = json.dumps(tree | {"token": ""}, indent=1)
    FolderDisk(path.parent, private=True, alone=False).write_small(path.name, text.encode())
    return True


def _private(path: Path, node: str) -> bytes:
    try:
        others, data = stat.S_IMODE(path.stat().st_mode) & 0o077, path.read_bytes()
    except OSError as error:
        raise OfficeError(f"The credentials {path} cannot be read: {error.strerror}.", _add(node)) from None
    if others:
        raise OfficeError(f"The credentials {path} can be read by others.", f"Run: chmod 600 {path}")
    return data


def _timely(tree: object, data: bytes) -> bytes:
    """The same without a time that cannot be, for it is good without."""
    written_ms = tree.get("written_ms") if isinstance(tree, dict) else None
    if not isinstance(tree, dict) or written_ms is None or (type(written_ms) is int and credible(written_ms)):
        return data
    return json.dumps(tree | {"written_ms": None}).encode()


def _of(kind: type[T], data: bytes, path: Path, node: str) -> T:
    try:
        found = from_json(kind, data)
    except MessageError as error:
        raise OfficeError(f"{path} holds no credentials: {error}.", _add(node)) from None
    if found.node != node:
        raise OfficeError(f"The credentials {path} are those of node {found.node}, this is {node}.", _add(node))
    return found


def _add(node: str) -> str:
    return f"Make them in the office with `fleet node add {node}`, and put them there with mode 0600."


def endpoint(url: str) -> Endpoint:
    """What `mqtt://host[:port]` or `mqtts://host[:port]` means; an IPv6 address stands in brackets there. Raises
    OfficeError."""
    scheme, _, rest = url.partition("://")
    host, _, port = rest.rstrip("/").rpartition("]") if rest.startswith("[") else rest.rstrip("/").partition(":")
    port = port.removeprefix(":") if rest.startswith("[") else port
    if scheme not in SCHEMES or not host.strip("[") or not (port or "1").isdigit():
        raise OfficeError(f"{url} is no address of a broker.", 'Write url = "mqtt://host:1883" under [office].')
    return Endpoint(host.removeprefix("["), int(port or SCHEMES[scheme]), scheme == "mqtts")


def address(url: str) -> tuple[str, int]:
    """Host and port of a broker's address. Raises OfficeError."""
    place = endpoint(url)
    return place.host, place.port


def shown(host: str, port: int) -> str:
    """Host and port as people write them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
