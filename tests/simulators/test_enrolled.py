"""A street enrols in process: by the node's own code, at the office's own desk, and quickly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography import x509

from edge import identity
from edge.registrar import Beside, Registrar
from fleet import enrol
from fleet.authority.keys import key_id
from fleet.home import Home, Ports, write_config
from fleet.registry import Node, Registry
from simulators.clock import stopwatch
from simulators.enrolled import claim, open_desk
from simulators.indoors import Asking, Indoors, present

NODES = 20


def test_a_street_is_enrolled_at_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "office")
    write_config(home, Ports(broker_port=8883, broker_kind="none"))
    registry = Registry(home.registry)
    desk = open_desk(home, registry)
    for number in range(NODES):
        (tmp_path / str(number)).mkdir()
        enrol.add(home, registry, Node(f"pole-{number:03}", "here"), tmp_path / str(number) / "credentials.json")
    passed_s = stopwatch()
    cards = [tmp_path / str(number) / "credentials.json" for number in range(NODES)]
    assert {claim(desk, f"pole-{number:03}", card) for number, card in enumerate(cards)} == {"granted"}
    print(f"{NODES} nodes enrolled in {passed_s():.2f} s")
    known = {member.user: member.key for member in registry.members()}
    for number, card in enumerate(cards):
        leaf = x509.load_pem_x509_certificate((identity.beside(card) / identity.NEXT).read_bytes())
        assert known[f"pole-{number:03}"] == key_id(leaf.public_key())
        assert json.loads(card.read_text())["token"], "it is wiped when a broker took the certificate, not before"
    assert len(set(known.values())) == NODES + 1
    assert claim(desk, "pole-000", cards[0]) == "nothing" and claim(desk, "pole-000", cards[0], again=True) == "granted"


@pytest.mark.parametrize("kind", [Registrar, Indoors])
def test_what_a_card_says_of_the_time_is_not_for_a_street_in_another_month(
    tmp_path: Path, kind: type[Registrar]
) -> None:
    home, file = Home(tmp_path / "office"), tmp_path / "credentials.json"
    write_config(home, Ports(broker_port=8883, broker_kind="none"))
    registry = Registry(home.registry)
    desk = open_desk(home, registry)
    enrol.add(home, registry, Node("pole-000", "here"), file)
    assert claim(desk, "pole-000", file) == "granted"
    heard: list[int] = []
    asker = Asking("pole-000", file, tmp_path)
    registrar = kind(Beside(file, "pole-000"), lambda *_: pytest.fail("nobody dials"), asker, print, lambda: 0.5)

    def vouched(unix_ms: int) -> bool:
        heard.append(unix_ms)
        return True

    registrar.attached(lambda *_, **__: None, lambda ready, now_ms: None, vouched)
    registrar.tick(0)
    assert heard == ([] if kind is Indoors else [json.loads(file.read_text())["written_ms"]])


def test_a_password_needs_no_certificate(tmp_path: Path) -> None:
    home = Home(tmp_path / "office")
    write_config(home, Ports(broker_port=1883, broker_kind="none"))
    registry = Registry(home.registry)
    enrol.make_home(home, registry)
    enrol.add(home, registry, Node("pole-000", "here"), tmp_path / "credentials.json")
    desk = open_desk(home, registry)
    assert claim(desk, "pole-000", tmp_path / "credentials.json") == "nothing"


def test_brokers_live_in_the_present() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time_ns", lambda: 1_800_000_000_000_000_000)
        assert present().unix_ms == 1_800_000_000_000
