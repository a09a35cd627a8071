"""The years of a node and its office in told time: the whole agent, the real desk, authority and registry, in minutes.

What brokers and OpenSSL do is played by a third party: the verifier of the library `cryptography`, which judges whole
chains at a told time, for the node as for the broker.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from edge.events import Lost
from edge.identity import OWN, TRUST, Papers
from edge.office import Card
from edge.validity import Moment, fault, of_pem
from edge.wire.enrolment import Claim, Granted, Refused
from edge.wire.messages import State
from fleet import enrol
from fleet.authority.authority import Authority
from fleet.authority.keys import key_id
from fleet.authority.own import COLLECTOR, OwnCertificates
from fleet.authority.rollover import roll
from fleet.desk import Desk
from fleet.home import Home, Ports, write_config
from fleet.registry import Node, Registry
from fleet.tokens import new_token
from simulators.clock import VirtualClock
from simulators.disk import MemoryDisk
from tests.edge.member import MEMBER, NODE, Errand, Member, Spot
from tests.edge.pole import Pole

DAY_MS = 86_400_000
YEAR, DRAWER = 365, 400


class House:
    """An office without its processes; it has the face of a clerk, and of the clock by which it works."""

    def __init__(self, folder: Path, now_ms: int) -> None:
        self.now_ms = now_ms
        self.home = Home(folder)
        write_config(self.home, Ports(broker_port=8883, enrol_port=8443))
        self.registry = Registry(self.home.registry)
        self.authority = Authority.make(self.home.authority, None, now_ms)
        self.open()
        secret, token = new_token(NODE, now_ms)
        self.registry.add(Node(NODE, "here"), token)
        self.card = Card(NODE, "mqtts://localhost:8883", "https://localhost:8443", secret, self.authority.trust())

    def open(self) -> None:
        """As `fleet serve` begins, after a roll-over too."""
        self.authority = Authority.open(self.home.authority)
        self.own = OwnCertificates(self.home, self.authority, self.registry.revoked)
        self.desk = Desk(self.registry, self.authority, "mqtts://localhost:8883", self, steady=lambda: self.now_ms)
        self.keep()
        enrol.know_collector(self.home, self.registry, self.own.key_of(COLLECTOR))

    def keep(self) -> None:
        """What the gate does all the time."""
        self.own.renew(self.now_ms)

    def wall_ms(self) -> int:
        return self.now_ms

    def time_ms(self) -> int | None:
        return self.now_ms

    def claim(self, claim: Claim) -> Granted | Refused:
        return self.desk.claim(claim, "192.0.2.7")

    def text(self, name: str) -> str:
        return (self.home.authority / name).read_text()


class HouseBroker:
    """Judges as TLS does, with the files that the office gives a broker."""

    up = True

    def __init__(self, house: House) -> None:
        self.house = house

    def refuses(self, papers: Papers, now: Moment) -> Lost | None:
        """Why this node is not let in, or does not want to be."""
        house, ours = self.house, self.house.text("broker.pem")
        if why := fault(of_pem(ours), now):
            return Lost(f"the certificate of the broker is not good now: {why}", "trust")
        if why := self._judged(ours, papers.trust, server=True):
            return Lost(why, "trust")
        leaf = x509.load_pem_x509_certificate(papers.certificate.encode())
        members = {each.key for each in house.registry.members()}
        gone = {serial for serial, _ in house.registry.revoked(house.now_ms)}
        why = self._judged(papers.certificate, house.text("trust.pem"), server=False)
        if why or key_id(leaf.public_key()) not in members or leaf.serial_number in gone:
            return Lost(f"the broker refuses our certificate: {why}", "certificate")
        return None

    def _judged(self, chain: str, roots: str, server: bool) -> str:
        leaf, *above = x509.load_pem_x509_certificates(chain.encode())
        store = Store(x509.load_pem_x509_certificates(roots.encode()))
        policy = PolicyBuilder().store(store).time(datetime.fromtimestamp(self.house.now_ms / 1000, UTC))
        try:
            if server:
                policy.build_server_verifier(x509.DNSName("localhost")).verify(leaf, above)
            else:
                policy.build_client_verifier().verify(leaf, above)
        except VerificationError as error:
            return str(error)
        return ""


class Resident(Member):
    """The agent in this house."""

    errands: type[Errand] = Errand

    def __init__(self, folder: Path, clock: VirtualClock | None = None, office_ms: int | None = None) -> None:
        clock = clock or VirtualClock(now_us=50_000_000)
        self.house: Any = House(folder, clock.wall_ms() if office_ms is None else office_ms)
        self.clerk: Any = self.house
        self.keys, self.wires = MemoryDisk(), []
        self.broker: Any = HouseBroker(self.house)
        self.spot = Spot(self.keys, self.house.card)
        desk: Any = self.house
        self.errand = self.errands(self.spot, desk, clock, MemoryDisk())
        self.seen: set[int] = set()
        Pole.__init__(self, clock=clock, wiring=MEMBER)
        self.live(5)

    def years(self, days: float, step_s: int = 2 * 86_400) -> None:
        """So long both are at work."""
        for _ in range(round(days * 86_400 / step_s)):
            self.pass_days(step_s / 86_400, step_s)
            self.house.keep()

    def drawer(self, days: int) -> None:
        """The node is off for so long; the office is not."""
        self.agent.finish()
        self.clock.advance(days * 86_400)
        for each in range(days):
            self.house.now_ms += DAY_MS
            if each % 20 == 0:
                self.house.keep()
        self.house.keep()
        self.start(f"{len(self.wires):032x}")
        self.live(60)

    def well(self) -> None:
        """In, healthy, by one key, and the office has all readings."""
        self.live(10)
        assert self.connected() and self.check().state is State.GOOD, self.check()
        assert len({each.key for each in self.house.registry.certificates(NODE)}) == 1
        assert {each.state for each in self.house.own.checks(self.house.now_ms)} <= {State.GOOD}


@pytest.fixture
def resident(tmp_path: Path) -> Resident:
    lives = Resident(tmp_path / "office")
    lives.well()
    assert lives.spot.card.token == "" and lives.identity.read(OWN)
    return lives


def issued(resident: Resident) -> int:
    """How often it was given a certificate; the registry forgets those that ended long ago."""
    serials = {each.serial for each in resident.house.registry.certificates(NODE)}
    resident.seen |= serials
    return len(resident.seen)


def test_certificates_come_and_go_and_nobody_notices(resident: Resident) -> None:
    first = resident.house.text("broker.pem")
    resident.years(240)
    assert issued(resident) == 1 and resident.house.text("broker.pem") != first
    resident.years(36)
    assert issued(resident) == 2
    resident.well()
    resident.wires[-1].cut()
    resident.years(1, 21_600)
    resident.well()


@pytest.mark.parametrize("days", [1, 399])
def test_a_drawer(resident: Resident, days: int) -> None:
    assert issued(resident) == 1
    resident.drawer(YEAR + days)
    assert issued(resident) == 2
    resident.well()


def test_a_drawer_for_too_long(resident: Resident) -> None:
    assert issued(resident) == 1
    resident.drawer(YEAR + DRAWER + 2)
    assert not resident.connected() and issued(resident) == 1
    assert resident.check().state is State.BAD and "fleet cert renew" in resident.check().remedy
    assert [each.kind for each in resident.house.registry.incidents()] == ["late"]
    resident.house.registry.grant(NODE, resident.house.now_ms)
    resident.years(0.1, 60)
    resident.well()
    assert issued(resident) == 2


def test_the_next_authority(resident: Resident) -> None:
    roots = resident.identity.read(TRUST)
    resident.years(YEAR + DRAWER + 2, 8 * 86_400)
    roll(resident.house.authority, resident.house.now_ms)
    resident.house.open()
    before = resident.identity.read(OWN)
    resident.wires[-1].cut()
    resident.years(1, 21_600)
    resident.well()
    assert resident.identity.read(OWN) == before, "what the old one signed is good yet"
    resident.years(YEAR, 8 * 86_400)
    resident.well()
    assert resident.identity.read(TRUST) not in ("", roots)
    theirs = x509.load_pem_x509_certificates(resident.identity.read(OWN).encode())
    theirs[0].verify_directly_issued_by(resident.house.authority.issuing)


def test_a_stolen_authority_is_forgotten_at_once(resident: Resident) -> None:
    """Every certificate is void in that moment; the node is back with its key, by the root that it pinned before."""
    roll(resident.house.authority, resident.house.now_ms, soon=True, forget=True)
    resident.house.open()
    resident.wires[-1].cut()
    resident.years(0.5, 600)
    resident.well()
    assert issued(resident) == 2


def test_the_verifier_would_refuse(resident: Resident) -> None:
    """A chain of another authority, and one whose time has come."""
    stranger = House(resident.house.home.folder.with_name("stranger"), resident.house.now_ms)
    papers = Papers(resident.identity.read(OWN), stranger.authority.trust())
    now = Moment(resident.house.now_ms, 0, 0)
    refused = resident.broker.refuses(papers, now)
    assert refused is not None and refused.cause == "trust"
    own = replace(papers, trust=resident.identity.read(TRUST))
    assert resident.broker.refuses(own, now) is None
    resident.house.now_ms += 366 * DAY_MS
    resident.house.keep()
    late = resident.broker.refuses(own, Moment(resident.house.now_ms, 0, 0))
    assert late is not None and late.cause == "certificate"
