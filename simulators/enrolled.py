"""How a simulated street enrols: the node's own code makes key and claim, and the office's own desk answers it.

Only the way between them is left out, which is HTTPS elsewhere, so a street of fifty nodes is enrolled within a
second. All of it goes by the machine's own clock and not by that of the street: brokers and OpenSSL are programs that
know no other. What a node is given lies beside its credentials, and is proven when a broker takes it, as everywhere.
"""

from __future__ import annotations

import os
from pathlib import Path

from edge.clock import Clock as EdgeClock
from edge.clock import SystemClock as NodeClock
from edge.enrolling import Enrolling, Timing, floor_of
from edge.identity import Identity, beside
from edge.journal.disk import FolderDisk
from edge.office import Card, read_card
from edge.wire.enrolment import Claim, Granted, Refused
from fleet import enrol
from fleet.authority.authority import Authority
from fleet.authority.own import COLLECTOR, OwnCertificates
from fleet.authority.vault import present
from fleet.clock import Clock, SystemClock
from fleet.desk import Desk
from fleet.home import Home
from fleet.registry import Registry


class Hasty(FolderDisk):
    """The folder of a simulated node: nobody cuts its power while it enrols, so it need not wait for the disk."""

    def write_small(self, name: str, data: bytes) -> None:
        """Whole, and durable when the machine likes."""
        handle = os.open(self.path / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as file:
            file.write(data)


class Across:
    """The desk as a node sees it, who stands right before it. `node` is its address, so its patience is its own."""

    def __init__(self, desk: Desk, node: str) -> None:
        self.desk, self.node = desk, node

    def time_ms(self) -> int | None:
        """Unix ms as the office has them."""
        return self.desk.clock.wall_ms()

    def claim(self, claim: Claim) -> Granted | Refused:
        """The desk's answer."""
        return self.desk.claim(claim, self.node)


def claim(desk: Desk, node: str, credentials: Path, again: bool = False, clock: EdgeClock | None = None) -> str:
    """Has the node whose card lies at `credentials` ask for a certificate; one word on what came of it.

    A card with a password needs none: "nothing". Raises OfficeError, OSError.
    """
    card = read_card(credentials, node)
    if not isinstance(card, Card):
        return "nothing"
    asking = clock or NodeClock()
    disk = Hasty(beside(credentials), private=True, alone=False)
    try:
        timing, identity = Timing(asking, floor_of(None, asking)), Identity(disk, card.trust, bool(card.token))
        return Enrolling(card, identity, timing, lambda *_: Across(desk, node)).run(again).outcome
    finally:
        disk.close()


def authority(folder: Path) -> Authority:
    """The authority in this folder, made unless it is there; its keys are not encrypted."""
    if present(folder):
        return Authority.open(folder)
    return Authority.make(folder, None, SystemClock().wall_ms())


def open_desk(home: Home, registry: Registry, clock: Clock | None = None) -> Desk:
    """An authority with all its papers, the collector known by its key, and a desk, in a home where nothing runs."""
    clock = clock or SystemClock()
    signs = authority(home.authority)
    own = OwnCertificates(home, signs)
    own.renew(clock.wall_ms())
    enrol.know_collector(home, registry, own.key_of(COLLECTOR))
    return Desk(registry, signs, home.ports().node_url, clock)

