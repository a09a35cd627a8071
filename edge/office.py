"""How this node proves to the office who it is: one file, written by `fleet node add`, readable by its owner only."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path

from edge.wire.messages import MessageError, from_json


class OfficeError(Exception):
    """The office cannot be spoken to as things are: `what` happened, and the `remedy`."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what, self.remedy = what, remedy


@dataclass(frozen=True, slots=True)
class Credentials:
    """Name and secrets of one node. The client id is a secret too: on NATS it takes a session over."""

    node: str
    url: str
    user: str
    password: str = field(repr=False)
    client_id: str = field(repr=False)


def read_credentials(path: Path, node: str) -> Credentials:
    """The credentials of `node`. Raises OfficeError."""
    add = f"Make them in the office with `fleet node add {node}`, and put them there with mode 0600."
    try:
        others = stat.S_IMODE(path.stat().st_mode) & 0o077
        found = from_json(Credentials, path.read_bytes())
    except OSError as error:
        raise OfficeError(f"The credentials {path} cannot be read: {error.strerror}.", add) from None
    except MessageError as error:
        raise OfficeError(f"{path} holds no credentials: {error}.", add) from None
    if others:
        raise OfficeError(f"The credentials {path} can be read by others.", f"Run: chmod 600 {path}")
    if found.node != node:
        raise OfficeError(f"The credentials {path} are those of node {found.node}, this is {node}.", add)
    return found


def address(url: str) -> tuple[str, int]:
    """Host and port of `mqtt://host[:port]`; an IPv6 address stands in brackets there. Raises OfficeError."""
    scheme, _, rest = url.partition("://")
    host, _, port = rest.rstrip("/").rpartition("]") if rest.startswith("[") else rest.rstrip("/").partition(":")
    port = port.removeprefix(":") if rest.startswith("[") else port
    if scheme != "mqtt" or not host.strip("[") or not (port or "1883").isdigit():
        raise OfficeError(f"{url} is no address of a broker.", 'Write url = "mqtt://host:1883" under [office].')
    return host.removeprefix("["), int(port or 1883)


def shown(host: str, port: int) -> str:
    """Host and port as people write them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
