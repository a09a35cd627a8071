"""Who comes in at a broker under mutual TLS, and who does not: real certificates at both brokers."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.wire.topics import every_down, up
from fleet import broker as brokers
from fleet.authority import keys
from fleet.authority.certificates import Life
from fleet.registry import COLLECTOR
from fleet.servers import MOSQUITTO, NATS
from fleet.trouble import Trouble
from tests.fleet.pole import Pole, wait_for
from tests.fleet.town import DAY_MS, HOST, Papers, Town, context, town, visit

MQ = pytest.param(MOSQUITTO, marks=[pytest.mark.mosquitto])
pytestmark = [pytest.mark.once, pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")]


@pytest.fixture(scope="module", params=[NATS, MQ], ids=lambda server: server.kind)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town"), request.param, "pole-a", "pole-b") as made:
        yield made


def refused(pole: Pole) -> None:
    """It was never let in."""
    wait_for(lambda: pole.ended, "the refusal")
    assert 0 not in pole.connects
    pole.leave()


def powerless(place: Town, pole: Pole, user: str) -> None:
    """It was refused; or it was let in, and what it says reaches nobody, and it hears nothing."""
    wait_for(lambda: pole.connects or pole.ended, "the broker's answer")
    if place.server is NATS:
        return refused(pole)
    pole.joined()
    listener, member = visit(place, place.members[COLLECTOR]).joined(), visit(place, place.members["pole-a"]).joined()
    assert listener.subscribe("lantaarn/v1/+/up/+") == 1
    for topic in ("#", "lantaarn/v1/+/up/+", every_down(user)):
        pole.subscribe(topic)
    pole.say(up(user, "status"), b"stranger", retain=True)
    pole.say(up("pole-a", "status"), b"stranger")
    listener.say(f"lantaarn/v1/{user}/down/ack", b"for the stranger")
    member.say(up("pole-a", "hello"), b"member")
    wait_for(lambda: listener.heard, "the member's word")
    assert [payload for _, payload, _ in listener.heard] == [b"member"] and pole.heard == []
    for each in (pole, listener, member):
        each.leave()


def test_members_come_in(place: Town) -> None:
    a, collector = visit(place, place.members["pole-a"]).joined(), visit(place, place.members[COLLECTOR]).joined()
    assert collector.subscribe("lantaarn/v1/+/up/+") == 1 and a.subscribe(every_down("pole-a")) == 1
    a.say(up("pole-a", "hello"), b"here")
    collector.say("lantaarn/v1/pole-a/down/ack", b"heard")
    wait_for(lambda: collector.heard and a.heard, "both words")
    for pole in (a, collector):
        pole.leave()


def test_without_a_certificate_nobody_comes_in(place: Town) -> None:
    refused(visit(place, None, again=False))
    refused(visit(place, None, again=False, user="pole-a", password=""))
    if place.server is MOSQUITTO:
        secret = (place.room / "mosquitto.usher").read_text().strip()
        refused(visit(place, None, again=False, user="office.usher", password=secret))


def test_a_foreign_authority_is_nobody(place: Town, tmp_path: Path) -> None:
    """The same name, the same kind of certificate; even of the same key, which only the list of keys can tell."""
    foreign = Town(tmp_path, place.server)
    refused(visit(place, foreign.client("pole-a"), again=False))
    own = place.members["pole-a"]
    key = keys.load(own.tls.key.read_text())
    issued = foreign.authority.node_certificate("pole-a", key.public_key(), place.now_ms)
    refused(
        visit(place, Papers("pole-a", issued, foreign._put("copied", own.tls.key.read_text(), issued)), again=False)
    )


@pytest.mark.parametrize("days", [-30, 30], ids=["ended", "not begun"])
def test_out_of_its_time_a_certificate_counts_for_nothing(place: Town, days: int) -> None:
    """Though its key is a member's."""
    was, begin_ms = place.members["pole-a"], place.now_ms + days * DAY_MS
    place.members["pole-a"] = place.client("pole-a", "shifted", Life(begin_ms, begin_ms + 10 * DAY_MS))
    place.publish()
    refused(visit(place, place.members["pole-a"], again=False))
    place.members["pole-a"] = was
    place.publish()
    visit(place, was).joined().leave()


def test_a_user_that_nobody_knows_has_no_rights(place: Town) -> None:
    powerless(place, visit(place, place.client("stranger"), again=False), "stranger")


def test_the_certificate_of_the_broker_opens_no_door(place: Town) -> None:
    tls = place.broker.tls
    assert tls is not None
    shown = ssl.create_default_context(cafile=tls.trust)
    shown.load_cert_chain(tls.certificate, tls.key)
    refused(Pole({"client_id": "x", "url": f"mqtts://{HOST}:{place.broker.port}"}, tls=shown, again=False))


def test_a_password_adds_nothing_to_a_certificate(place: Town) -> None:
    """Whoever has one of its own does not become another by saying so."""
    if place.server is MOSQUITTO:
        secret = (place.room / "mosquitto.usher").read_text().strip()
        pole = visit(place, place.client("stranger"), again=False, user="office.usher", password=secret)
        return powerless(place, pole, "stranger")
    other = place.members["pole-b"]
    refused(visit(place, place.client("stranger"), again=False, user=f"{other.issued.key}.pole-b", password=""))
    return None


def test_no_way_in_but_tls_of_1_2_or_later(place: Town) -> None:
    """Plain MQTT, and TLS as old as this OpenSSL can still speak, are refused; 1.2 and 1.3 are not."""
    plain = Pole({"client_id": "x", "url": f"mqtt://{HOST}:{place.broker.port}"}, again=False)
    refused(plain)
    member = place.members["pole-a"]
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with pytest.raises(OSError, match=r"(?i)alert|eof|reset|version|internal"):
            _handshake(place, member, version)
    assert [_handshake(place, member, version) for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)] == [
        "TLSv1.2", "TLSv1.3",
    ]  # fmt: skip


def _handshake(place: Town, papers: Papers, version: ssl.TLSVersion) -> str | None:
    offered = context(papers, place)
    offered.set_ciphers("ALL:@SECLEVEL=0")
    offered.minimum_version = ssl.TLSVersion.TLSv1
    offered.maximum_version = version
    offered.minimum_version = version
    with socket.create_connection((HOST, place.broker.port), 10) as raw, \
         offered.wrap_socket(raw, server_hostname=HOST) as talker:  # fmt: skip
        return talker.version()


def test_a_reload_brings_the_new_certificate_and_disturbs_nobody(place: Town) -> None:
    """What was renewed is shown to the next one; a pair that does not belong together is not taken at all."""
    member = visit(place, place.members["pole-a"]).joined()
    assert member.subscribe(every_down("pole-a")) == 1
    was, tls = _shown(place), place.serve()
    assert brokers.reload_certificates(place.room, tls)
    wait_for(lambda: _shown(place) != was, "the new certificate")
    now = _shown(place)
    tls.key.write_text(keys.dump(keys.new_key()))
    with pytest.raises(Trouble, match="do not belong together"):
        brokers.reload_certificates(place.room, tls)
    assert _shown(place) == now and member.thrown_off == 0
    brokers.reload_certificates(place.room, place.serve())
    wait_for(lambda: _shown(place) != now, "a good one again")
    member.leave()


def _shown(place: Town) -> bytes | None:
    with socket.create_connection((HOST, place.broker.port), 10) as raw, \
         context(place.members["pole-a"], place).wrap_socket(raw, server_hostname=HOST) as talker:  # fmt: skip
        return talker.getpeercert(True)


def test_the_port_for_nats_itself_lets_no_member_in(place: Town) -> None:
    """Members have no password there, and their names are no secret."""
    if place.server is not NATS:
        return
    log = (place.room / "nats.log").read_text()
    port = int(re.findall(r"client connections on 127\.0\.0\.1:(\d+)", log)[-1])
    member = place.members["pole-a"]
    with socket.create_connection((HOST, port), 10) as raw, raw.makefile("rwb") as talk:
        assert talk.readline().startswith(b"INFO")
        talk.write(b'CONNECT {"verbose":true,"user":"%s","pass":""}\r\nPING\r\n' % (
            f"{member.issued.key}.pole-a".encode()))  # fmt: skip
        talk.flush()
        assert b"Authorization Violation" in talk.readline()
