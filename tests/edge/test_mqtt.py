"""The MQTT shell against a real broker with an office's users and rights."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.events import Arrived, Connected, Event, Lost, Puback
from edge.inbox import Inbox
from edge.mqtt import MqttLink, unreachable
from edge.office import Credentials, OfficeError, address, read_credentials
from edge.wire.messages import Ack, Status, from_json, to_json
from edge.wire.record import Record, RecordKind, pack
from edge.wire.topics import down, up
from fleet.broker import Broker, free_port
from tests.edge.nats import HOST, collecting, nats, write_credentials
from tests.fleet.pole import wait_for

NODE, OTHER = "pole-017", "pole-018"
WILL = to_json(Status(NODE, False))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with nats(tmp_path / "broker", NODE, OTHER) as running:
        yield running


def credentials(tmp_path: Path, port: int, node: str = NODE) -> Credentials:
    return read_credentials(write_credentials(tmp_path / f"{node}.json", port, node), node)


class Session:
    """A link and what came of it."""

    def __init__(self, port: int, own: Credentials, node: str = NODE) -> None:
        self.inbox, self.passed = Inbox(), list[Event]()
        self.link = MqttLink(node, f"mqtt://{HOST}:{port}", own, WILL, self.inbox.put)

    def expect(self, kind: type[Event]) -> Event:
        """The next of this kind; what comes before it waits, for an answer may overtake the broker's own."""
        for passed in self.passed:
            if isinstance(passed, kind):
                self.passed.remove(passed)
                return passed
        while (event := self.inbox.take(20.0)) is not None:
            if isinstance(event, kind):
                return event
            self.passed.append(event)
        raise AssertionError(f"no {kind.__name__} came")


def test_a_session_publishes_hears_and_leaves_a_will_only_when_it_is_cut(broker: Broker, tmp_path: Path) -> None:
    session = Session(broker.port, credentials(tmp_path, broker.port))
    with collecting(broker.port) as office:
        session.link.connect()
        session.expect(Connected)
        record = Record(5, 1, RecordKind.EVENT, 0, b"{}")
        mid = session.link.publish("record", pack(record))
        assert session.expect(Puback) == Puback(mid or 0)
        arrived = session.expect(Arrived)
        assert isinstance(arrived, Arrived) and from_json(Ack, arrived.payload) == Ack(5, 1)
        session.link.publish("status", to_json(Status(NODE, True)), retain=True)
        office.wait(lambda: "status" in office.last)
        session.link.disconnect(5.0)
        assert session.link.publish("record", pack(record)) is None
        session.link.connect()
        session.expect(Connected)
        assert session.link._session is not None
        sock = session.link._session.client.socket()
        assert isinstance(sock, socket.socket)
        assert from_json(Status, office.last["status"]).online  # a polite end leaves no will
        sock.shutdown(socket.SHUT_RDWR)
        lost = session.expect(Lost)
        assert isinstance(lost, Lost) and lost.reason
        office.wait(lambda: not from_json(Status, office.last["status"]).online)


def test_a_session_that_is_over_is_gone_at_once_and_its_sockets_with_it(broker: Broker, tmp_path: Path) -> None:
    session = Session(broker.port, credentials(tmp_path, broker.port))
    gc.disable()
    try:
        for end in (session.link.disconnect, session.link.connect):
            session.link.connect()
            session.expect(Connected)
            assert session.link._session is not None
            client = weakref.ref(session.link._session.client)
            end()
            wait_for(lambda gone=client: gone() is None, "the end of the client")  # type: ignore[misc]
    finally:
        gc.enable()
        session.link.disconnect()


def test_the_last_will_is_there_for_who_comes_later(broker: Broker, tmp_path: Path) -> None:
    session = Session(broker.port, credentials(tmp_path, broker.port))
    with collecting(broker.port) as office:
        session.link.connect()
        session.expect(Connected)
        session.link.publish("status", to_json(Status(NODE, True)), retain=True)
        office.wait(lambda: "status" in office.last)
        assert session.link._session is not None
        sock = session.link._session.client.socket()
        assert isinstance(sock, socket.socket)
        sock.shutdown(socket.SHUT_RDWR)
        office.wait(lambda: not from_json(Status, office.last["status"]).online)
    with collecting(broker.port) as later:
        later.wait(lambda: "status" in later.last)
        assert not from_json(Status, later.last["status"]).online
        assert "status" in later.retained


def test_a_session_asks_for_what_we_want(tmp_path: Path) -> None:
    """The CONNECT packet as MQTT 3.1.1 spells it: user, password, will retained at QoS 1, clean session."""
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        session = Session(port, credentials(tmp_path, port))
        session.link.connect()
        peer, _ = server.accept()
        with peer, peer.makefile("rb") as stream:
            assert stream.read(1) == b"\x10"
            length = shift = 0
            while (byte := stream.read(1)[0]) & 0x80:
                length, shift = length | (byte & 0x7F) << shift, shift + 7
            packet = stream.read(length | byte << shift)
        assert packet[:8] == b"\x00\x04MQTT\x04\xee"
        for part in (WILL, up(NODE, "status").encode(), NODE.encode()):
            assert len(part).to_bytes(2, "big") + part in packet
        session.link.disconnect()


def test_a_wrong_password_is_a_reason(broker: Broker, tmp_path: Path) -> None:
    session = Session(broker.port, replace(credentials(tmp_path, broker.port), password="wrong"))
    session.link.connect()
    lost = session.expect(Lost)
    assert isinstance(lost, Lost) and "user and password" in lost.reason
    assert session.inbox.take(0) is None  # it is said once


def test_a_refused_subscription_is_a_reason(broker: Broker, tmp_path: Path) -> None:
    session = Session(broker.port, credentials(tmp_path, broker.port, OTHER), NODE)  # OTHER may not hear NODE's topics
    session.link.connect()
    lost = session.expect(Lost)
    assert isinstance(lost, Lost) and "refused our subscription" in lost.reason


def test_no_broker_is_a_reason(tmp_path: Path) -> None:
    port = free_port(HOST)
    session = Session(port, credentials(tmp_path, port))
    session.link.connect()
    lost = session.expect(Lost)
    assert isinstance(lost, Lost) and f"nobody listens at {HOST}:{port}" in lost.reason


def test_a_broker_that_dies_is_a_reason_and_a_new_session_works(broker: Broker, tmp_path: Path) -> None:
    session = Session(broker.port, credentials(tmp_path, broker.port))
    session.link.connect()
    session.expect(Connected)
    broker.kill()
    session.expect(Lost)
    while True:  # the broker comes back when it does
        session.link.connect()
        event = session.inbox.take(20.0)
        assert event is not None
        if isinstance(event, Connected):
            break


def test_what_is_no_topic_of_ours_is_left_alone(broker: Broker, tmp_path: Path) -> None:
    session = Session(broker.port, credentials(tmp_path, broker.port))
    with collecting(broker.port) as office:
        session.link.connect()
        session.expect(Connected)
        office.client.publish(f"lantaarn/v1/{NODE}/down/nonsense", b"?", 1)
        office.client.publish(down(NODE, "order"), b"{}", 1)
        assert session.expect(Arrived) == Arrived("order", b"{}")


def test_a_silent_server_ends_with_disconnect(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as mute:
        port = mute.getsockname()[1]
        session = Session(port, credentials(tmp_path, port))
        session.link.connect()
        peer, _ = mute.accept()
        session.link.disconnect()
        peer.close()
        assert session.inbox.take(0) is None


@pytest.mark.parametrize(
    ("url", "where"), [("mqtt://office.example", ("office.example", 1883)), ("mqtt://10.0.0.1:99/", ("10.0.0.1", 99))]
)
def test_addresses(url: str, where: tuple[str, int]) -> None:
    assert address(url) == where


@pytest.mark.parametrize(("url", "where"), [
    ("mqtt://[::1]:1884", ("::1", 1884)), ("mqtt://[fd00::17]", ("fd00::17", 1883)),
    ("mqtt://[fe80::1%eth0]:1883/", ("fe80::1%eth0", 1883)), ("mqtt://[::ffff:10.0.0.7]:1", ("::ffff:10.0.0.7", 1)),
])  # fmt: skip
def test_an_address_of_version_six_stands_in_brackets(url: str, where: tuple[str, int]) -> None:
    assert address(url) == where
    assert unreachable(ConnectionRefusedError(111, "refused"), *where)[0].startswith(
        f"nobody listens at [{where[0]}]:{where[1]}"
    )


def has_version_six() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_a_broker_that_listens_at_an_address_of_version_six(tmp_path: Path) -> None:
    if not has_version_six():
        pytest.skip("NOT TESTED: this machine has no ::1")
    with nats(tmp_path / "broker", NODE, host="::1") as six:
        inbox = Inbox()
        link = MqttLink(NODE, f"mqtt://[::1]:{six.port}", credentials(tmp_path, six.port), WILL, inbox.put)
        link.connect()
        event = inbox.take(20.0)
        assert isinstance(event, Connected), event
        link.disconnect(2.0)


@pytest.mark.parametrize("url", ["http://x", "mqtt://", "mqtt://x:y", "office.example", "mqtt://[]", "mqtt://[::1]:x",
                                 "mqtt://[::1", "mqtt://::1"])  # fmt: skip
def test_bad_addresses(url: str) -> None:
    with pytest.raises(OfficeError, match="no address of a broker"):
        address(url)


def test_credentials_must_be_there_ours_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    with pytest.raises(OfficeError, match="cannot be read"):
        read_credentials(path, NODE)
    write_credentials(path, 1883, OTHER)
    with pytest.raises(OfficeError, match=f"those of node {OTHER}"):
        read_credentials(path, NODE)
    path.write_text("{}")
    with pytest.raises(OfficeError, match="no credentials"):
        read_credentials(path, NODE)
    write_credentials(path, 1883, NODE).chmod(0o644)
    with pytest.raises(OfficeError, match="by others") as refusal:
        read_credentials(path, NODE)
    assert "chmod 600" in refusal.value.remedy
    path.chmod(0o600)
    found = read_credentials(path, NODE)
    assert found.password not in repr(found) and found.client_id not in repr(found)


def test_paho_is_loaded_without_http_and_the_real_thing_can_still_be_had() -> None:
    code = (
        "import edge.mqtt, sys; assert not {'http.client', 'email', 'urllib.request'} & {*sys.modules};"
        "import urllib.request; assert urllib.request.getproxies() is not None"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=Path(__file__).parents[2])
