"""Poles with a network stack each: Linux network namespaces, wired to a bridge on which the office listens.

A node in one has no other address, no other interface and no other way than the wire to the office, as on the street:
loopback there is its own, so nothing can reach the office by accident. Needs root and `ip`; where this machine refuses,
the test is skipped and says what was refused.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle

import pytest

from fleet.broker import check_free
from fleet.trouble import Trouble

LETTERS = cycle("abcdefghijklmnopqrstuvwxyz")  # the kernel takes its time to forget a name


@dataclass(frozen=True)
class Pole:
    """A namespace, and the address that is the only one in it beside loopback."""

    space: str
    address: str

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command that runs this one in there."""
        return [shutil.which("nsenter") or "nsenter", f"--net=/run/netns/{self.space}", *command]

    def cut(self) -> None:
        """The wire is pulled."""
        _ip("-n", self.space, "link", "set", "wire", "down")

    def mend(self) -> None:
        """The wire is plugged in again."""
        _ip("-n", self.space, "link", "set", "wire", "up")


@dataclass(frozen=True)
class Neighbourhood:
    """The bridge, the office's address on it, and the poles around it."""

    bridge: str
    office: str
    poles: list[Pole]


@contextmanager
def neighbourhood(poles: int) -> Iterator[Neighbourhood]:
    """So many poles; everything is taken away at the end. Skips where there can be no namespaces."""
    _wanted()
    name, number = f"lt{os.getpid()}{next(LETTERS)}", os.getpid() % 250 + 1
    with ExitStack() as stack:
        office = f"10.213.{number}.1"
        _try("link", "add", name, "type", "bridge")
        stack.callback(_ip, "link", "del", name)
        _ip("addr", "add", f"{office}/24", "dev", name)
        _ip("link", "set", name, "up")
        found = [_pole(stack, name, each, f"10.213.{number}.{each + 10}") for each in range(poles)]
        _await_address(office)
        yield Neighbourhood(name, office, found)


def _pole(stack: ExitStack, bridge: str, number: int, address: str) -> Pole:
    space, end = f"{bridge}n{number}", f"{bridge}v{number}"  # at most 15 letters
    _try("netns", "add", space)
    stack.callback(_ip, "netns", "del", space)
    _try("link", "add", end, "type", "veth", "peer", "name", "wire", "netns", space)
    _ip("link", "set", end, "master", bridge, "up")
    _ip("-n", space, "addr", "add", f"{address}/24", "dev", "wire")
    for each in ("lo", "wire"):
        _ip("-n", space, "link", "set", each, "up")
    return Pole(space, address)


def _wanted() -> None:
    if os.geteuid():
        pytest.skip("NOT TESTED: network namespaces need root")
    for tool in ("ip", "nsenter"):
        if shutil.which(tool) is None:
            pytest.skip(f"NOT TESTED: needs {tool}: sudo apt-get install iproute2 util-linux")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _try(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"NOT TESTED: this machine refuses `ip {' '.join(words)}`: {done.stderr.strip()}")


def _await_address(host: str) -> None:
    try:
        check_free(host, 0, "An office", "")
    except Trouble as trouble:
        pytest.skip(f"NOT TESTED: nobody can listen on a bridge of this machine: {trouble}")
