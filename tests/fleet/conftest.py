"""An office that really runs: the NATS process, the store's file, threads and all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.home import Ports
from fleet.registry import Node
from fleet.serve import Office, open_office
from simulators.enrolled import authority
from tests.fleet import desks
from tests.fleet.pole import Pole, wait_for


@pytest.fixture
def office(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Office]:
    """An office on free ports, without its page, with two nodes whose credentials lie beside it; with NATS and
    certificates, unless a test names another kind of broker, or wants "passwords" after it."""
    kind, _, passwords = getattr(request, "param", "nats").partition(" ")
    ports = Ports(broker_port=0, web_port=0, enrol_port=0, broker_kind=kind)
    running = open_office(tmp_path / "home", ports, web=False, signer=None if passwords else authority)
    wait_for(running.inlet.subscribed.is_set, "the collector's subscription")
    for name in ("pole-a", "pole-b"):
        running.add_node(Node(name, "Stationsplein", 52.2, 6.9), tmp_path / f"{name}.json")
    yield running
    running.stop()


@pytest.fixture
def pole_a(office: Office, tmp_path: Path) -> Iterator[Pole]:
    pole = Pole.of(tmp_path / "pole-a.json", will=("lantaarn/v1/pole-a/up/status", b'{"node":"pole-a","online":false}'))
    yield pole.joined()
    pole.leave()


@pytest.fixture
def pole_b(office: Office, tmp_path: Path) -> Iterator[Pole]:
    pole = Pole.of(tmp_path / "pole-b.json")
    yield pole.joined()
    pole.leave()


@pytest.fixture(scope="session")
def authority_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority that many desks may use."""
    return desks.office(tmp_path_factory.mktemp("authority")).authority.folder


@pytest.fixture
def here(tmp_path: Path, authority_folder: Path) -> desks.Office:
    """A desk with an empty registry of its own."""
    return desks.office(tmp_path, authority_folder)
