"""How a bus, a port, a chip of lines and a file may be written on a board.

A name that can be nothing on any node is a mistake that a technician wants to hear at her desk: `i2c-1/70.3` for the
third channel of a mux, `tcp://` without a host, `http://`, a port c of a bridge that has two. What may exist somewhere
(`/dev/ttyUSB7`, a link of udev) is believed. Names go to terminals and into logs, so they can be printed.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from drivers.mcp23017 import MCP23017
from drivers.sc16is752 import SC16IS752
from edge.buses.segment import SHAPE, lodging, segment

BUS = re.compile(r"(/([^/]+/)*)?i2c-[0-9]{1,5}|/([^/]+/)*[^/]+")
BENEATH = re.compile(r"(^|/)i2c-[0-9]+/")  # nothing hangs beneath a bus but what its chips offer
HOST = re.compile(r"[\w.-]+|\[[0-9a-fA-F:.%\w]+\]")
PLAIN = 'must be a plain name or path: at most 255 signs that can be printed, and no ".."'
NETWORK = 'must look like "tcp://192.0.2.7:502"'
PORTS = 'must name a port of the chip: "i2c-1/0x4d.a" or "….b"'


def unlike(name: str, path: str) -> str:
    """Why the `bus`, `port`, `chip` or `file` of a sensor can not be written so; "" when it can."""
    try:
        _plain(path)
        {"bus": _bus, "port": _port, "chip": _chip, "file": _file}[name](path)
    except ValueError as error:
        return str(error)
    return ""


def _plain(path: str) -> None:
    if not path.isprintable() or ".." in PurePosixPath(path).parts or len(path) > 255:
        raise ValueError(PLAIN)


def _bus(path: str) -> None:
    root = segment(path).root
    if not BUS.fullmatch(root) or BENEATH.search(root):
        raise ValueError(SHAPE)


def _port(path: str) -> None:
    if "://" in path:
        return _network(path)
    found = lodging(path)
    if not found.part if found else BENEATH.search(path):
        raise ValueError(PORTS)
    if found is not None:
        _offered(found.address, SC16IS752.addresses, "an SC16IS752")
    return None


def _network(path: str) -> None:
    parts = urlsplit(path)  # says ValueError itself of a bracket that is left open
    host, _, port = parts.netloc.rpartition(":") if re.search(r":[^\]:]*$", parts.netloc) else (parts.netloc, "", "502")
    right = port.isascii() and port.isdigit() and 0 < int(port) <= 65_535
    if parts.scheme != "tcp" or not HOST.fullmatch(host) or not right or parts.path.strip("/") or parts.query:
        raise ValueError(NETWORK)


def _chip(path: str) -> None:
    found = lodging(path)
    if found is not None and not found.part:
        _offered(found.address, MCP23017.addresses, "an MCP23017")
    elif found is not None or BENEATH.search(path):
        raise ValueError('must look like "gpiochip0", or "i2c-1/0x20" for the lines of an MCP23017')


def _file(path: str) -> None:
    if not path.startswith("/"):
        raise ValueError("must be a whole path, from / on")


def _offered(address: int, addresses: tuple[int, ...], chip: str) -> None:
    if address not in addresses:
        raise ValueError(f"{chip} answers at 0x{min(addresses):02x} to 0x{max(addresses):02x}, not at 0x{address:02x}")
