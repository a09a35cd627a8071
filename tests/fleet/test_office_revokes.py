"""An office with an authority takes a node out: registry, desk, lists, session; at both brokers, from enrolment on."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as forms

from edge.wire.enrolment import Why
from edge.wire.topics import every_down, up
from fleet import enrol, revoking, servers
from fleet.authority.authority import Authority
from fleet.clock import SystemClock
from fleet.home import Home, Ports
from fleet.registry import Node, Registry
from fleet.revoking import Outcome
from fleet.serve import Office, open_office
from fleet.tokens import new_token
from fleet.trouble import Trouble
from tests.fleet import desks
from tests.fleet.pole import Pole, wait_for

MQ = pytest.param("mosquitto", marks=[pytest.mark.mosquitto])
pytestmark = pytest.mark.once
both = pytest.mark.parametrize("place", ["nats", MQ], indirect=True)


def signer(folder: Path) -> Authority:
    """The authority of a home, made where there is none."""
    there = folder.is_dir()
    return Authority.open(folder) if there else Authority.make(folder, None, SystemClock().wall_ms())


def opened(folder: Path, kind: str) -> Office:
    ports = Ports(broker_port=0, web_port=0, enrol_port=0, broker_kind=kind)
    office = open_office(folder / "home", ports, web=False, signer=signer)
    wait_for(office.inlet.subscribed.is_set, "the collector's subscription")
    return office


@contextmanager
def closing(office: Office) -> Iterator[Office]:
    try:
        yield office
    finally:
        office.stop()


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Office]:
    with closing(opened(tmp_path, request.param)) as office:
        yield office


def enrolled(office: Office, node: str) -> tuple[desks.Pole, Path]:
    """A node with a certificate: its key, and the file with both."""
    secret, token = new_token(node, SystemClock().wall_ms())
    if office.registry.node(node) is None:
        office.registry.add(Node(node, "Plein"), token)
    else:
        office.registry.readmit(node, token, SystemClock().wall_ms())
    pole = desks.Pole(node, secret)
    assert office.gate is not None
    granted = desks.granted(office.gate.desk.claim(pole.claim(), "127.0.0.1"))
    key = pole.key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    file = office.home.folder / f"{node}.{pole.key_id}.pem"
    file.write_text(key.decode() + granted.certificate)
    return pole, file


def session(office: Office, node: str, file: Path, again: bool = True) -> Pole:
    context = ssl.create_default_context(cafile=office.home.authority / "trust.pem")
    context.load_cert_chain(file)
    url = f"mqtts://127.0.0.1:{office.ports.broker_port}"
    return Pole({"client_id": f"{node}-{file.stem[-20:]}", "url": url}, tls=context, again=again)


def authority(office: Office) -> Authority:
    assert office.gate is not None
    return office.gate.authority


def revoked(office: Office, node: str) -> Outcome:
    now_ms = SystemClock().wall_ms()
    return revoking.revoke(office.home, office.registry, authority(office), node, "stolen", now_ms)


def shut_out(pole: Pole) -> None:
    """It had a session, which ended; and the next one is refused."""
    wait_for(lambda: pole.ended >= 2, "a refusal")
    assert pole.connects.count(0) == 1
    pole.leave()


@both
def test_from_the_cradle_to_the_grave_and_back(place: Office, capsys: pytest.CaptureFixture[str]) -> None:
    key, file = enrolled(place, "pole-a")
    victim = session(place, "pole-a", file).joined()
    other = session(place, "pole-b", enrolled(place, "pole-b")[1]).joined()
    assert victim.subscribe(every_down("pole-a")) == 1
    began = time.monotonic()
    assert revoked(place, "pole-a") == Outcome(told=True, ended=True)
    wait_for(lambda: victim.thrown_off, "the end of the session")
    took_s = time.monotonic() - began
    with capsys.disabled():
        print(f"\n{place.ports.broker_kind}: revoked, registry and all, after {took_s * 1000:.0f} ms")
    assert took_s < 5
    shut_out(victim)
    assert place.gate is not None
    assert desks.why(place.gate.desk.claim(key.renewal(), "127.0.0.1")) is Why.REVOKED
    assert desks.why(place.gate.desk.claim(key.claim(), "127.0.0.1")) is Why.REVOKED
    assert revoked(place, "pole-a") == Outcome(told=True, ended=True), "once more is harmless"
    again = session(place, "pole-a", enrolled(place, "pole-a")[1]).joined()
    assert again.subscribe(every_down("pole-a")) == 1
    ghost = session(place, "pole-a", file, again=False)
    wait_for(lambda: ghost.ended, "the refusal of the old certificate")
    assert 0 not in ghost.connects
    ghost.leave()
    again.say(up("pole-a", "hello"), b'{"node":"pole-a","boot_id":"","epoch":1,"lowest":1,"next":1}')
    wait_for(lambda: again.heard, "the office's answer")
    assert (other.thrown_off, again.thrown_off, place.live.sessions_lost, place.live.connected) == (0, 0, 0, True)
    assert isinstance(place.broker.restarts, int) and place.broker.restarts == 0
    for pole in (again, other):
        pole.leave()


@both
def test_who_dies_while_he_revokes_has_it_finished_by_the_office(place: Office) -> None:
    """It died after the registry knew; what is left is done within the minute in which the office looks."""
    victim = session(place, "pole-a", enrolled(place, "pole-a")[1]).joined()
    place.registry.revoke("pole-a", "stolen", SystemClock().wall_ms())
    assert place.gate is not None and "crl" in place.gate.look()
    shut_out(victim)
    assert place.gate.look() == []


@both
def test_a_spoiled_fleet_toml_keeps_nobody_in(place: Office) -> None:
    """Neither whom an operator takes out, nor whom he had taken out when he was stopped."""
    victims = [session(place, name, enrolled(place, name)[1]).joined() for name in ("pole-a", "pole-b")]
    place.home.config.write_text(place.home.config.read_text() + "[brokr]\n")
    assert revoked(place, "pole-a") == Outcome(told=True, ended=True)
    place.registry.revoke("pole-b", "stolen", SystemClock().wall_ms())
    assert place.gate is not None
    with pytest.raises(Trouble, match="brokr"):
        place.gate.look()
    for victim in victims:
        shut_out(victim)


@both
def test_who_dies_when_the_list_is_there_and_the_broker_not_told_has_it_finished_too(place: Office) -> None:
    """Nothing in the list of the revoked shows that anything is left to do; nobody else is disturbed."""
    victim, other = (session(place, name, enrolled(place, name)[1]).joined() for name in ("pole-a", "pole-b"))
    now_ms = SystemClock().wall_ms()
    place.registry.revoke("pole-a", "stolen", now_ms)
    revoking.put_crl(place.home, place.registry, authority(place), now_ms)
    assert place.gate is not None and place.gate.look() == []
    shut_out(victim)
    assert (other.thrown_off, place.live.sessions_lost, place.broker.restarts) == (0, 0, 0)
    other.leave()


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """An office whose Mosquitto has no plug-in that could end a session."""
    monkeypatch.setattr(servers, "plugin", lambda: None)
    with closing(opened(tmp_path, "mosquitto")) as office:
        yield office


@pytest.mark.mosquitto
def test_where_no_plug_in_ends_a_session_only_who_was_just_revoked_costs_a_restart(plain: Office) -> None:
    """Not each list that is signed, every day, for as long as anybody is in it."""
    enrolled(plain, "pole-a")
    plain.registry.revoke("pole-a", "stolen", SystemClock().wall_ms())
    assert plain.gate is not None and "crl" in plain.gate.look()
    wait_for(lambda: plain.broker.restarts == 1 and plain.live.subscribed, "the broker's second life")
    (plain.home.authority / "crl.pem").unlink()
    assert plain.gate.look() == ["crl"]
    assert plain.broker.up and plain.live.connected


@pytest.mark.mosquitto
def test_where_no_plug_in_ends_a_session_the_broker_is_started_again(plain: Office) -> None:
    """Everybody is disturbed then, but who is revoked is out."""
    victim, other = (session(plain, name, enrolled(plain, name)[1]).joined() for name in ("pole-a", "pole-b"))
    assert revoked(plain, "pole-a") == Outcome(told=True, ended=True)
    shut_out(victim)
    wait_for(lambda: other.connects == [0, 0] and plain.live.subscribed, "everybody else")
    other.leave()


def test_somebody_else_s_broker_is_for_its_keeper_to_tell(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (tmp_path / "fleet.toml").write_text('[broker]\nkind = "none"\nport = 8883\n')
    (tmp_path / "broker").mkdir()
    made = Authority.make(home.authority, None, SystemClock().wall_ms())
    registry = Registry(home.registry)
    enrol.know_collector(home, registry, "0" * 32)
    secret = new_token("pole-a", SystemClock().wall_ms())[1]
    registry.add(Node("pole-a", "Plein"), secret)
    outcome = revoking.revoke(home, registry, made, "pole-a", "lost", SystemClock().wall_ms())
    assert not outcome.ended and "keeper" in outcome.remedy
