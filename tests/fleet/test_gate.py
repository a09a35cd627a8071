"""The gate of a running office: its certificates are renewed under way, and nobody who is in notices."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from fleet.authority.authority import make_home_authority
from fleet.clock import SystemClock
from fleet.home import Home, Ports
from fleet.registry import COLLECTOR, Node
from fleet.serve import Office, open_office
from fleet.tokens import new_token
from tests.fleet.desks import Pole, granted
from tests.fleet.pole import wait_for

DAY_MS = 86_400_000
NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME


class Calendar:
    """The machine's time, and days ahead of it."""

    def __init__(self) -> None:
        self.days = 0.0

    def wall_ms(self) -> int:
        return SystemClock().wall_ms() + round(self.days * DAY_MS)


@pytest.fixture(params=["nats", "mosquitto"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Office, Calendar]]:
    calendar = Calendar()
    ports = Ports(broker_port=0, web_port=0, enrol_port=0, broker_kind=request.param)
    running = open_office(tmp_path / "home", ports, web=False, signer=lambda folder: make_home_authority(
        Home(folder.parent), None, SystemClock().wall_ms()))  # fmt: skip
    assert running.gate is not None
    running.gate.clock = calendar
    yield running, calendar
    running.stop()


def shown(office: Office, port: int) -> int:
    """The serial number of the certificate that a server shows to somebody who trusts our roots."""
    context = ssl.create_default_context(cafile=office.home.authority / "trust.pem")
    context.load_cert_chain(office.home.authority / "collector.pem", office.home.authority / "collector.key")
    context.verify_flags |= NO_CHECK_TIME  # it may be of the calendar's time, not of the machine's
    with (
        socket.create_connection(("127.0.0.1", port), 30) as door,
        context.wrap_socket(door, server_hostname="localhost") as peer,
    ):
        found = peer.getpeercert(binary_form=True)
        assert found is not None
        return x509.load_der_x509_certificate(found).serial_number


def test_what_is_due_is_renewed_and_shown_while_sessions_stay(office: tuple[Office, Calendar]) -> None:
    running, calendar = office
    assert running.gate is not None
    servers = running.ports.broker_port, running.ports.enrol_port
    wait_for(lambda: running.live.subscribed, "the collector")
    before, key = [shown(running, port) for port in servers], running.gate.own.key_of(COLLECTOR)
    assert running.gate.look() == []
    calendar.days = 1
    assert running.gate.look() == ["crl"]
    calendar.days = 59
    assert "broker" not in running.gate.look()
    assert not {"broker", "desk", "collector"} & set(running.gate.look())
    calendar.days = 59.99  # two thirds of a life that began an hour early; the list is not a day old
    assert set(running.gate.look()) == {"broker", "desk", "collector"}
    wait_for(lambda: all(shown(running, port) not in before for port in servers), "the renewed certificates")
    assert running.gate.own.key_of(COLLECTOR) == key
    assert running.live.connected
    assert running.live.sessions_lost == 0
    assert running.broker.restarts == 0
    assert {each.state.value for each in running.gate.checks()} == {"good"}


def test_an_office_says_when_its_certificates_were_not_renewed(office: tuple[Office, Calendar]) -> None:
    running, calendar = office
    calendar.days = 80
    told = {each.name: each.state.value for each in running.checks()}
    assert told["certificates"] == told["revocation list"] == "bad"


def test_who_came_without_a_proof_is_noted_within_a_minute_and_at_the_end(office: tuple[Office, Calendar]) -> None:
    running, _ = office
    assert running.gate is not None
    for end in (running.gate.look, running.stop):
        running.gate.desk.claim(Pole("pole-9").claim(), "::1")
        end()
    assert [(each.kind, each.times) for each in running.registry.incidents()] == [("denied", 2)]


@pytest.mark.parametrize("office", ["nats"], indirect=True)
def test_two_that_speak_in_one_name_are_noted_when_they_are_seen_and_not_again(office: tuple[Office, Calendar]) -> None:
    running, _ = office
    assert running.gate is not None
    assert running.gate.clones == running.reader.clones, "what the store sees"
    for minute, times in ((0, 0), (0, 0), (1, 1), (1, 1), (2, 2)):
        running.gate.clones = lambda seen_ms=minute: {"pole-1": 5_000 + seen_ms}  # type: ignore[misc]
        running.gate.look()
        found = [each.times for each in running.registry.incidents() if each.kind == "clone"]
        assert found == [times] * (times > 0)


@pytest.mark.parametrize("office", ["nats"], indirect=True)
def test_what_was_under_way_when_a_clone_was_shut_out_is_no_second_alarm(office: tuple[Office, Calendar]) -> None:
    """The last word of the copy, and the first of the node with its new key, come after the operator did his part."""
    running, calendar = office
    gate, registry = running.gate, running.registry
    assert gate is not None
    secret, token = new_token("pole-1", calendar.wall_ms())
    registry.add(Node("pole-1", "Plein"), token)
    granted(gate.desk.claim(Pole("pole-1", secret).claim(), "::1"))

    def seen(last_ms: int) -> str:
        gate.clones = lambda: {"pole-1": last_ms}
        gate.look()
        return {check.name: check.state.value for check in gate._look_over(gate.clock.wall_ms())}["enrolment"]

    assert (seen(1), seen(2)) == ("good", "bad")
    calendar.days += 0.001
    registry.readmit("pole-1", new_token("pole-1", calendar.wall_ms())[1], calendar.wall_ms())
    for number in range(3, 6):
        calendar.days += 0.01
        assert seen(number) == "good"
    calendar.days += 0.02
    assert seen(6) == "bad", "an hour later somebody has a copy again"
    secret, token = new_token("pole-1", calendar.wall_ms())
    registry.readmit("pole-1", token, calendar.wall_ms())
    granted(gate.desk.claim(Pole("pole-1", secret).claim(), "::1"))
    ahead_ms = calendar.wall_ms() + 1000 * DAY_MS
    registry.readmit("pole-1", new_token("pole-1", ahead_ms)[1], ahead_ms)
    for number, state in ((6, "good"), (7, "bad")):
        calendar.days += 0.001
        assert seen(number) == state, "what was done at a clock that was ahead silences nobody until then"


def test_a_collector_that_was_given_a_new_key_by_who_died_of_it_is_let_in(office: tuple[Office, Calendar]) -> None:
    """`fleet cert renew office --new-keys` was killed before the registry knew of the key."""
    running, calendar = office
    assert running.gate is not None
    wait_for(lambda: running.live.subscribed, "the collector")
    running.gate.own.renew(calendar.wall_ms(), new_keys=True)
    assert running.gate.look() == []
    running.kill_broker(0.0)
    wait_for(lambda: running.broker.restarts == 1, "the next broker")
    wait_for(lambda: running.live.subscribed and not running.live.refusal, "the collector again")
    found = running.registry.credential(COLLECTOR)
    assert found is not None and found.key == running.gate.own.key_of(COLLECTOR)


def test_a_node_with_a_token_costs_the_broker_a_reload_when_it_comes_and_not_before(
    office: tuple[Office, Calendar], tmp_path: Path
) -> None:
    """Whoever adds two hundred would have the broker read its lists two hundred times, for nobody."""
    running, _ = office
    assert running.gate is not None
    users = running.home.broker / "users.conf"
    before = users.stat().st_ino
    running.add_node(Node("pole-1", "Plein"), tmp_path / "card.json")
    assert users.stat().st_ino == before
    pole = Pole("pole-1", json.loads((tmp_path / "card.json").read_text())["token"])
    granted(running.gate.desk.claim(pole.claim(), "::1"))
    assert f"{pole.key_id}.pole-1" in users.read_text()


def test_what_was_noted_in_a_year_to_come_stands_for_three_days_and_not_till_then(
    office: tuple[Office, Calendar],
) -> None:
    running, calendar = office
    assert running.gate is not None
    now_ms = calendar.wall_ms()
    for kind, days in (("clone", 9 * 365.0), ("late", 2.9), ("expired", -2.0)):
        running.registry.note_incident(kind, "pole-1", "It did what it should not.", now_ms + round(days * DAY_MS))
    running.gate.look()
    found = {each.kind: (each.last_ms - now_ms) / DAY_MS for each in running.registry.incidents()}
    assert found == {"clone": pytest.approx(0, abs=0.1), "late": pytest.approx(2.9), "expired": pytest.approx(-2)}


def test_an_impossible_clock_is_what_is_said_first(office: tuple[Office, Calendar]) -> None:
    running, calendar = office
    assert running.gate is not None
    calendar.days = 73 * 365
    first, *_ = running.gate.checks()
    assert (first.name, first.state.value) == ("clock", "bad") and "timedatectl" in first.remedy
    (roll_over,) = [each for each in running.gate.checks() if each.name == "authority"]
    assert roll_over.remedy.startswith("If this machine's clock is right"), "one that is made now would be of no use"
    calendar.days += 3 / 86_400
    assert running.gate.checks()[0] == first, "it is written down whenever it changes"
    calendar.days = 0
    assert "clock" not in {each.name for each in running.gate.checks()}


def test_what_the_office_cannot_do_by_itself_is_red_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.gate.LOOK_S", 0.05)
    monkeypatch.setattr("fleet.gate.CHECK_MS", 0)
    monkeypatch.setattr("fleet.members.AGAIN_S", 0.05)
    ports = Ports(broker_port=0, web_port=0, enrol_port=0)
    running = open_office(tmp_path / "home", ports, web=False, signer=lambda folder: make_home_authority(
        Home(folder.parent), None, SystemClock().wall_ms()))  # fmt: skip
    try:
        good = running.home.config.read_text()
        running.home.config.write_text(good + "[brokr]\n")
        wait_for(lambda: [each.remedy for each in running.checks() if each.name == "upkeep"] == [
            f"It is tried again by itself. edit {running.home.config}."], "the office's word on it")  # fmt: skip
        running.home.config.write_text(good)
        wait_for(lambda: {each.name for each in running.checks()} & {"upkeep"} == set(), "silence")
        lock = running.home.broker / "users.lock"
        lock.unlink()
        lock.mkdir()
        assert running.gate is not None and not running.gate.members.changed(0.01)
        wait_for(lambda: [each for each in running.checks() if "who may come in. [Errno 21]" in each.reason], "a word")
        lock.rmdir()
        wait_for(lambda: {each.name for each in running.checks()} & {"upkeep"} == set(), "silence again")
    finally:
        running.stop()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="NOT TESTED: this machine has no IPv6")
@pytest.mark.parametrize("kind", ["nats", pytest.param("mosquitto", marks=pytest.mark.mosquitto)])
def test_an_office_that_listens_everywhere_hears_both_kinds_of_addresses(tmp_path: Path, kind: str) -> None:
    ports = Ports("::", 0, web_port=0, url="mqtts://office.example.org", broker_kind=kind, enrol_host="::",
                  enrol_port=0, enrol_told="https://office.example.org")  # fmt: skip
    running = open_office(tmp_path / "home", ports, web=False, signer=lambda folder: make_home_authority(
        Home(folder.parent), None, SystemClock().wall_ms()))  # fmt: skip
    try:
        wait_for(lambda: running.live.subscribed, "the collector")
        for host in ("127.0.0.1", "::1"):
            for port in (running.ports.broker_port, running.ports.enrol_port):
                socket.create_connection((host, port), 30).close()
    finally:
        running.stop()
