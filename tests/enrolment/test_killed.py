"""Either side is killed at a step of enrolment, as a power cut would: it always finishes after that, with one key.

A step is a call that makes something real: a sync, a rename, a removal, a word to somebody. Every one of them is cut
off once in the long form; the short form takes a handful.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from edge import identity
from fleet import enrol
from fleet.authority.keys import key_id
from fleet.registry import Node, Registry
from tests.enrolment.real import RealOffice
from tests.enrolment.reap import Reaper
from tests.fleet.pole import wait_for

pytestmark = [pytest.mark.once, pytest.mark.timeout(300)]
BEYOND = 1_000_000  # more steps than there are


class Rig:
    """An office and nodes that ask it; the steps of either are counted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nodes, self.offices = Reaper(folder / "reap-nodes"), Reaper(folder / "reap-offices")
        self.office = RealOffice(folder / "office", self.offices.environment())
        self.registry = Registry(self.office.home.registry)
        self.counted = 0

    def card(self) -> Path:
        """Of a new node."""
        self.counted += 1
        name = f"pole-{self.counted:03}"
        (self.folder / name).mkdir()
        card = self.folder / name / "credentials.json"
        enrol.add(self.office.home, self.registry, Node(name, name), card)
        return card

    def asks(self, card: Path) -> str:
        """`edge enrol` as the agent starts it; one word on what came of it, "" when it was killed."""
        command = [sys.executable, "-m", "edge.enrolling", card.parent.name, str(card)]
        done = subprocess.run(command, env=self.nodes.environment(), capture_output=True, text=True)
        assert "Traceback" not in done.stderr, done.stderr
        return str(json.loads(done.stdout)["outcome"]) if done.stdout else ""

    def sound(self, card: Path, before: bytes) -> None:
        """It has a certificate for its key, which is the one that it had, and the only one that is known of it."""
        folder = identity.beside(card)
        private = (folder / identity.KEY).read_bytes()
        assert before in (b"", private), "a key that was made stays"
        known = self.registry.living_key(card.parent.name)
        leaf = x509.load_pem_x509_certificate((folder / identity.NEXT).read_bytes())
        own = serialization.load_pem_private_key(private, None)
        assert own.public_key() == leaf.public_key()
        assert known is not None and known.key == key_id(leaf.public_key())
        assert {each.key for each in self.registry.certificates(card.parent.name)} == {known.key}


def key_of(card: Path) -> bytes:
    file = identity.beside(card) / identity.KEY
    return file.read_bytes() if file.exists() else b""


@contextmanager
def rig(folder: Path) -> Iterator[Rig]:
    made = Rig(folder)
    made.office.open()
    try:
        yield made
    finally:
        made.offices.arm(0)
        made.office.stop()


def cut_the_node(made: Rig, step: int) -> bool:
    """The node dies at this step, and asks again; False when it was through before."""
    card = made.card()
    made.nodes.arm(step)
    first = made.asks(card)
    through, kept = made.nodes.left > 0, key_of(card)
    made.nodes.arm(0)
    assert first == ("granted" if through else "")
    assert made.asks(card) in ("granted", "nothing")
    made.sound(card, kept)
    return not through


def cut_the_office(made: Rig, step: int) -> bool:
    """The office dies at this step of its answer; after its start the node asks again."""
    card = made.card()
    made.offices.arm(step)
    first = made.asks(card)
    through, kept = made.offices.left > 0, key_of(card)
    made.offices.arm(0)
    if not through:
        wait_for(lambda: not made.office.alive, "the end of the office")
        made.office.open()
    assert first == "granted" if through else first in ("granted", "unreachable")
    assert made.asks(card) in ("granted", "nothing")
    made.sound(card, kept)
    return not through


def test_a_node_and_an_office_that_die_at_a_step(tmp_path: Path) -> None:
    with rig(tmp_path) as made:
        assert all(cut_the_node(made, step) for step in (4, 9))
        assert cut_the_office(made, 4)


@pytest.mark.deep
def test_a_node_that_dies_at_every_step(tmp_path: Path) -> None:
    with rig(tmp_path) as made:
        steps = next(step for step in range(1, BEYOND) if not cut_the_node(made, step))
        print(f"a node was cut off at each of {steps - 1} steps")
        assert steps > 12


@pytest.mark.deep
def test_an_office_that_dies_at_every_step(tmp_path: Path) -> None:
    with rig(tmp_path) as made:
        steps = next(step for step in range(1, BEYOND) if not cut_the_office(made, step))
        print(f"an office was cut off at each of {steps - 1} steps")
        assert steps > 4
