"""The office's own certificates and the list of the revoked: made, renewed in time, judged by age."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from edge.wire.messages import State
from fleet.authority import keys, vault
from fleet.authority.ageing import hosts_in
from fleet.authority.authority import Authority, make_home_authority
from fleet.authority.own import OWN, OwnCertificates, hosts_of, leaf_in
from fleet.authority.rollover import TOLD_DAYS, roll
from fleet.home import Home, Ports, write_config
from fleet.registry import Registry
from tests.fleet.authority.judges import DAY_MS, NOW_MS, Pole, Server, handshake, openssl

ALL = ["crl", "trust", *OWN]


class Office:
    """A home with its authority and its own certificates; `revoked` is what its registry would say."""

    def __init__(self, folder: Path, ports: Ports) -> None:
        self.home, self.revoked = Home(folder), list[tuple[int, int]]()
        write_config(self.home, ports)
        self.authority = make_home_authority(self.home, None, NOW_MS)
        self.own = OwnCertificates(self.home, self.authority, lambda now_ms: self.revoked)

    def text(self, name: str) -> str:
        return (self.home.authority / name).read_text()

    def states(self, now_ms: int) -> list[State]:
        return [check.state for check in self.own.checks(now_ms)]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "home", Ports(url="mqtts://office.example.org:8883"))


GOOD, BAD = State.GOOD, State.BAD


def test_everything_is_made_once_and_privately(office: Office) -> None:
    assert office.own.renew(NOW_MS) == ALL
    assert office.own.renew(NOW_MS) == []
    assert {stat.S_IMODE(file.stat().st_mode) for file in office.home.authority.iterdir()} == {0o600}
    assert office.states(NOW_MS) == [GOOD] * 3


def test_broker_collector_and_desk_know_each_other(office: Office, tmp_path: Path) -> None:
    office.own.renew(NOW_MS)
    broker = Server(
        office.text("broker.key"), office.text("broker.pem"), office.text("trust.pem"), office.text("crl.pem")
    )
    collector = Pole("collector", office.authority.trust(), keys.load(office.text("collector.key")))  # type: ignore[arg-type]
    with pytest.raises(OSError):
        handshake(tmp_path, broker, collector)
    leaf = office.text("collector.pem")
    collector.issued = replace(office.authority.client_certificate("collector", NOW_MS)[1], chain=leaf)
    for host in ("127.0.0.1", "::1", "localhost", "office.example.org"):
        assert handshake(tmp_path, broker, collector, host) == "collector"
    assert office.own.key_of("collector") in openssl("x509", "-noout", "-text", text=leaf)


def test_keys_stay_when_certificates_are_renewed(office: Office) -> None:
    office.own.renew(NOW_MS)
    before = {name: (office.text(f"{name}.key"), office.own.key_of(name), office.text(f"{name}.pem")) for name in OWN}
    assert office.own.renew(NOW_MS + 61 * DAY_MS)[-3:] == list(OWN)
    for name, (key, key_id, chain) in before.items():
        assert office.text(f"{name}.key") == key and office.own.key_of(name) == key_id
        assert office.text(f"{name}.pem") != chain
    assert office.own.renew(NOW_MS + 61 * DAY_MS, new_keys=True) == list(OWN)
    assert not {office.own.key_of(name) for name in OWN} & {key_id for _, key_id, _ in before.values()}


def test_certificates_are_renewed_at_two_thirds_of_their_lives(office: Office) -> None:
    office.own.renew(NOW_MS)
    leaf = leaf_in(office.home.authority / "broker.pem")
    assert leaf
    begin, end = (int(each.timestamp() * 1000) for each in (leaf.not_valid_before_utc, leaf.not_valid_after_utc))
    due_ms = begin + (end - begin) * 2 // 3
    assert [name for name in office.own.renew(due_ms - 1) if name in OWN] == []
    assert [name for name in office.own.renew(due_ms) if name in OWN] == list(OWN)


def test_what_does_not_fit_any_more_is_renewed_at_once(office: Office, tmp_path: Path) -> None:
    office.own.renew(NOW_MS)
    text = office.home.config.read_text()
    office.home.config.write_text(text.replace("office.example.org:8883", "other.example.org:8883"))
    assert office.own.renew(NOW_MS) == ["broker", "desk"]
    (office.home.authority / "desk.key").write_text(keys.dump(keys.new_key()))
    assert office.own.renew(NOW_MS) == ["desk"]
    (office.home.authority / "collector.key").write_text("rubbish")
    assert office.own.renew(NOW_MS) == ["collector"]
    (office.home.authority / "broker.pem").unlink()
    (office.home.authority / "crl.pem").write_text("rubbish")
    (office.home.authority / "trust.pem").unlink()
    assert office.own.renew(NOW_MS) == ["crl", "trust", "broker"]
    assert office.own.renew(NOW_MS) == []


def test_a_clock_that_was_wrong_is_made_good(office: Office) -> None:
    office.own.renew(NOW_MS + 300 * DAY_MS)
    assert office.states(NOW_MS + 5 * DAY_MS)[:2] == [BAD, BAD]
    assert office.own.renew(NOW_MS + 5 * DAY_MS) == ["crl", *OWN]
    assert office.states(NOW_MS + 5 * DAY_MS) == [GOOD] * 3


def test_after_a_roll_over_everything_is_signed_anew(office: Office) -> None:
    office.own.renew(NOW_MS)
    then = NOW_MS + TOLD_DAYS * DAY_MS
    office.own.renew(then)
    roll(office.authority, then)
    assert office.own.renew(then) == ALL
    assert office.text("trust.pem").count("BEGIN CERTIFICATE") == 3 and office.text("crl.pem").count("BEGIN X509") == 2
    assert office.own.renew(then) == [] and office.states(then) == [GOOD] * 3
    later = then + 730 * DAY_MS
    assert office.own.renew(later) == ALL
    assert office.text("trust.pem").count("BEGIN CERTIFICATE") == 2 and office.text("crl.pem").count("BEGIN X509") == 1
    assert not (office.home.authority / vault.PREVIOUS_ISSUING_KEY).exists()


def test_the_list_of_the_revoked_is_signed_daily_and_at_once_when_it_lacks_somebody(office: Office) -> None:
    office.own.renew(NOW_MS)
    assert office.own.renew(NOW_MS + DAY_MS - 1) == []
    assert office.own.renew(NOW_MS + DAY_MS) == ["crl"]
    office.revoked.append((0xABCDEF, NOW_MS))
    assert office.own.renew(NOW_MS + DAY_MS) == ["crl"]
    assert "ABCDEF" in openssl("crl", "-noout", "-text", text=office.text("crl.pem"))
    assert office.own.renew(NOW_MS + DAY_MS) == []


def test_the_age_of_the_list_turns_red_at_half_of_its_life(office: Office) -> None:
    assert office.own.crl_check(NOW_MS).state is BAD
    office.own.renew(NOW_MS)
    half = NOW_MS + 30 * DAY_MS
    assert [office.own.crl_check(moment).state for moment in (NOW_MS, half - 1000, half)] == [GOOD, GOOD, BAD]
    assert "30 days old" in office.own.crl_check(half).reason
    assert "nobody in" in office.own.crl_check(NOW_MS + 60 * DAY_MS).reason
    assert "yet to come" in office.own.crl_check(NOW_MS - DAY_MS).reason
    (office.home.authority / "crl.pem").unlink()
    assert "missing" in office.own.crl_check(NOW_MS).reason


def test_certificates_and_authority_turn_red_before_they_end(office: Office) -> None:
    assert office.states(NOW_MS)[0] is BAD
    office.own.renew(NOW_MS)
    assert [office.states(NOW_MS + days * DAY_MS)[0] for days in (74, 76)] == [GOOD, BAD]
    assert [office.states(NOW_MS + days * DAY_MS)[2] for days in (8 * 365 - 1, 8 * 365 + 1)] == [GOOD, BAD]


@pytest.mark.parametrize(
    ("ports", "more"),
    [
        (Ports(), set()),
        (Ports(broker_host="0.0.0.0", enrol_host="::", url="mqtts://Office.Example.ORG"), {"office.example.org"}),
        (Ports(broker_host="10.0.0.7", enrol_host="fd00:0:0::7"), {"10.0.0.7", "fd00::7"}),
        (
            Ports(url="mqtts://[fd00::1]:8883", enrol_told="https://desk.example.org:8443"),
            {"fd00::1", "desk.example.org"},
        ),
    ],
)
def test_servers_are_made_out_to_every_name_that_nodes_are_told(office: Office, ports: Ports, more: set[str]) -> None:
    assert {*hosts_of(ports)} == {"localhost", "127.0.0.1", "::1"} | more
    issued = office.authority.server_certificate(hosts_of(ports), NOW_MS)[1]
    assert hosts_in(x509.load_pem_x509_certificate(issued.certificate.encode())) == hosts_of(ports)


def test_the_registry_says_who_is_revoked(office: Office) -> None:
    Registry(office.home.registry)
    assert OwnCertificates(office.home, office.authority).renew(NOW_MS) == ALL


def test_nothing_is_left_half_written(office: Office) -> None:
    office.own.renew(NOW_MS)
    office.own.renew(NOW_MS + 70 * DAY_MS)
    assert [name for name in os.listdir(office.home.authority) if name.endswith((".new", ".json"))] == [vault.TERMS]
    assert Authority.open(office.home.authority)
