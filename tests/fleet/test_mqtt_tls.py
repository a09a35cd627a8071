"""The collector over TLS: it hears with its certificate, goes nowhere without one, and says why in words."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.wire.topics import up
from fleet.authority import keys
from fleet.authority.certificates import Life
from fleet.clock import SystemClock
from fleet.live import Live
from fleet.mqtt import MqttInlet
from fleet.registry import COLLECTOR
from fleet.servers import MOSQUITTO, NATS
from fleet.tls import Tls
from fleet.trouble import Trouble
from tests.fleet.pole import wait_for
from tests.fleet.town import DAY_MS, HOST, Papers, Town, town, visit

MQ = pytest.param(MOSQUITTO, marks=[pytest.mark.mosquitto])
pytestmark = pytest.mark.once


@pytest.fixture(params=[NATS, MQ], ids=lambda server: server.kind)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path, request.param, "pole-a") as made:
        yield made


def inlet_of(place: Town, papers: Papers, host: str = HOST, port: int = 0) -> MqttInlet:
    return MqttInlet(Live(), SystemClock(), host, port or place.broker.port, papers.credential, tls=papers.tls)


def why_not(inlet: MqttInlet, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the office says when it cannot begin."""
    monkeypatch.setattr("fleet.mqtt.ANSWER_WITHIN_S", 1.0)
    with pytest.raises(Trouble) as raised:
        inlet.start()
    assert "nothing was lost" in raised.value.stands
    return re.sub(".*hear the nodes: ", "", raised.value.happened)


def test_it_hears_and_takes_its_new_certificate_at_the_next_connection(place: Town) -> None:
    inlet = inlet_of(place, place.members[COLLECTOR])
    inlet.start()
    pole = visit(place, place.members["pole-a"]).joined()
    pole.say(up("pole-a", "hello"), b"over TLS")
    letter = inlet.receive(60)
    assert letter is not None and letter.message.payload == b"over TLS"
    inlet.accept([letter])
    place.members[COLLECTOR] = renewed = place.client(COLLECTOR)
    for file, new in ((inlet_tls(inlet).certificate, renewed.tls.certificate), (inlet_tls(inlet).key, renewed.tls.key)):
        file.write_text(new.read_text())
    place.publish()
    place.broker.kill(down_for_s=0.0)
    wait_for(lambda: not inlet.live.connected, "the end of the connection")
    wait_for(lambda: inlet.live.subscribed, "the new one, by the new key")
    pole.leave()
    inlet.stop()


def inlet_tls(inlet: MqttInlet) -> Tls:
    assert inlet._door is not None
    return inlet._door.tls


def test_whom_the_broker_does_not_know_is_told_so(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    if place.server is NATS:
        why = why_not(inlet_of(place, place.client(COLLECTOR)), monkeypatch)
        assert why == "it does not know the office's certificate, and refused the connection (Not authorized)."
    ended = place.client(COLLECTOR, life=Life(place.now_ms - 9 * DAY_MS, place.now_ms - DAY_MS))
    assert "certificate has ended" in why_not(inlet_of(place, ended), monkeypatch)


def test_whom_the_collector_does_not_know_is_told_so(
    place: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = Town(tmp_path / "other", place.server)
    stranger = foreign.client(COLLECTOR)
    why = why_not(inlet_of(place, stranger), monkeypatch)
    assert why == "the broker's certificate is not signed by the office's authority."
    assert place.broker.pid is not None
    with socket.create_server(("127.0.0.2", 0)) as door:
        other = _relay(door, place.broker.port)
        why = why_not(inlet_of(place, place.members[COLLECTOR], "127.0.0.2", other), monkeypatch)
    assert why == "the broker's certificate is for another address."


def _relay(door: socket.socket, port: int) -> int:
    """Somebody in between, by another name."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(4096):
                sink.sendall(data)
        except OSError:
            pass

    def serve() -> None:
        while True:
            try:
                near = door.accept()[0]
            except OSError:
                return
            far = socket.create_connection((HOST, port))
            for ends in ((near, far), (far, near)):
                threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return int(door.getsockname()[1])


def papers_alone(tmp_path: Path) -> tuple[Town, Papers]:
    place = Town(tmp_path / "alone", NATS)
    return place, place.client(COLLECTOR)


def meeting(door: socket.socket, greet: Callable[[socket.socket], None]) -> list[OSError]:
    """Somebody who greets every guest in his own way; what went wrong with it."""
    met: list[OSError] = []

    def serve() -> None:
        while True:
            try:
                guest, _ = door.accept()
            except OSError:
                return
            try:
                greet(guest)
            except OSError as error:
                met.append(error)

    threading.Thread(target=serve, daemon=True).start()
    return met


def test_a_broker_without_tls_gets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No name, no password, not one word of MQTT: all that it is sent is the greeting of TLS."""
    place, papers = papers_alone(tmp_path)
    said = bytearray()

    def greet(guest: socket.socket) -> None:
        said.extend(guest.recv(65536))
        guest.sendall(b"\x20\x02\x00\x00\x90\x03\x00\x01\x01")  # CONNACK and SUBACK: come in
        while more := guest.recv(65536):
            said.extend(more)

    with socket.create_server((HOST, 0)) as door:
        meeting(door, greet)
        why = why_not(inlet_of(place, papers, port=door.getsockname()[1]), monkeypatch)
    assert why == "whoever listens there speaks no TLS."
    assert said[:2] == b"\x16\x03" and b"MQTT" not in said and papers.credential.client_id.encode() not in said


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_broker_with_an_old_tls_gets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, papers = papers_alone(tmp_path)
    tls = place.serve()
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.load_cert_chain(tls.certificate, tls.key)
    with socket.create_server((HOST, 0)) as door:
        met = meeting(door, lambda guest: old.wrap_socket(guest, server_side=True).close())
        why = why_not(inlet_of(place, papers, port=door.getsockname()[1]), monkeypatch)
    assert "1.2" in why and met


def test_a_certificate_that_is_not_there_is_told_before_anything(tmp_path: Path) -> None:
    place, papers = papers_alone(tmp_path)
    papers.tls.key.write_text(keys.dump(keys.new_key()))
    with pytest.raises(Trouble, match="do not belong together"):
        inlet_of(place, papers, port=1)
    papers.tls.certificate.unlink()
    with pytest.raises(Trouble, match="No such file"):
        inlet_of(place, papers, port=1)
