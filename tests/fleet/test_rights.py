"""Who may say and hear what, asked of the real broker; and that a broker's PUBACK proves nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.wire.record import LARGEST_PACKET, LONGEST_PAYLOAD, Record, pack
from edge.wire.topics import down, every_down, up
from fleet.registry import COLLECTOR, Credential
from fleet.rights import rights, server_config, user_list
from fleet.serve import Office
from fleet.servers import SERVERS
from tests.fleet.pole import Pole, wait_for

HELLO = b'{"node":"pole-a","boot_id":"","epoch":1,"lowest":1,"next":1}'


MOSQUITTO = pytest.param("mosquitto", marks=[pytest.mark.mosquitto, pytest.mark.once])
both = pytest.mark.parametrize("office", ["nats", MOSQUITTO], indirect=True)
FOREIGN = [
    every_down("pole-b"), "lantaarn/v1/pole-b/down/ack", "lantaarn/v1/+/down/+", "lantaarn/v1/+/up/+", "#", "+/#",
    "lantaarn/v1/pole-a/up/+", "lantaarn/v1/pole-a/down/#", "lantaarn/#", "lantaarn/v1/pole-b/#", "+/+/+/+/+",
    "$share/group/lantaarn/v1/+/up/+", "$share/group/#", "$MQTT/sub/+", "$MQTT/#", "$SYS/#", "$SYS/broker/version",
    "$JS/API/#", "$CONTROL/#",
]  # fmt: skip


@both
def test_a_node_hears_its_own_tree_and_no_other(office: Office, pole_a: Pole, pole_b: Pole) -> None:
    """NATS refuses a foreign filter; Mosquitto grants it, and nothing comes: what was retained before included."""
    pole_b.say(up("pole-b", "status"), b'{"node":"pole-b","online":true}', retain=True)
    codes = [pole_a.subscribe(topic) for topic in FOREIGN]
    assert pole_a.subscribe(every_down("pole-a")) == 1
    pole_b.say(up("pole-b", "hello"), HELLO.replace(b"pole-a", b"pole-b"))
    pole_b.say(up("pole-b", "status"), b'{"node":"pole-b","online":true}', retain=True)
    wait_for(lambda: "pole-b" in office.live.snapshot()["nodes"], "node b's word in the office")
    pole_a.say(up("pole-a", "hello"), HELLO)
    wait_for(lambda: pole_a.heard, "the office's answer to node a")
    assert {topic for topic, _, _ in pole_a.heard} == {down("pole-a", "ack")}
    assert office.ports.broker_kind == "mosquitto" or codes == [128] * len(FOREIGN)


@both
def test_a_node_speaks_in_its_own_tree_and_no_other(office: Office, pole_a: Pole, pole_b: Pole) -> None:
    """Every publish is acknowledged by the broker, the dropped ones too."""
    assert pole_b.subscribe(every_down("pole-b")) == 1
    forbidden = [
        up("pole-b", "status"), down("pole-b", "ack"), down("pole-a", "ack"), "lantaarn/v1/pole-b", "$SYS/x",
        "$share/group/" + up("pole-b", "status"), "lantaarn/v1/pole-a/up/../../pole-b/up/status",
    ]  # fmt: skip
    for topic in forbidden:
        pole_a.say(topic, b'{"node":"pole-b","online":true}', retain=True)
    pole_a.say(up("pole-a", "hello"), HELLO)
    wait_for(lambda: "pole-a" in office.live.snapshot()["nodes"], "node a's own word")
    assert "pole-b" not in office.live.snapshot()["nodes"]
    assert pole_b.heard == []


@both
def test_who_takes_another_s_client_id_throws_nobody_off_mosquitto(office: Office, tmp_path: Path) -> None:
    """On NATS it does: there the client id is a secret that no other node has."""
    victim = Pole.of(tmp_path / "pole-a.json").joined()
    collector = office.registry.credential(COLLECTOR)
    stolen = (tmp_path / "pole-a.node" / "identity" / "client-id").read_text()
    assert collector is not None
    thieves = [Pole.of(tmp_path / "pole-b.json", client_id=each).joined() for each in (stolen, collector.client_id)]
    if office.ports.broker_kind == "nats":
        wait_for(lambda: victim.ended, "the end of the victim's session")
        wait_for(lambda: office.live.sessions_lost, "the loss of the collector's session to be told")
    else:
        victim.say(up("pole-a", "hello"), HELLO)
        wait_for(lambda: "pole-a" in office.live.snapshot()["nodes"], "the victim's word")
        assert (victim.thrown_off, office.live.sessions_lost, office.live.connected) == (0, 0, True)
    for pole in (*thieves, victim):
        pole.leave()


@both
def test_the_collector_may_answer_and_may_not_forge(office: Office, pole_a: Pole) -> None:
    assert rights(COLLECTOR)[0] == ["lantaarn.v1.*.down.*"]
    other = Pole.collector(office.home, "a-second-one").joined()
    assert pole_a.subscribe(every_down("pole-a")) == 1
    other.say(up("pole-a", "hello"), HELLO)
    other.say(down("pole-a", "ack"), b'{"epoch":1,"upto":0}')
    wait_for(lambda: pole_a.heard, "the collector's ack")
    assert office.live.snapshot()["nodes"] == {}
    other.leave()


@both
@pytest.mark.parametrize(("user", "password"), [("pole-a", "wrong"), ("pole-z", "x"), ("", ""), ("pole-a", None)])
def test_whoever_is_not_known_is_not_let_in(office: Office, user: str, password: str | None) -> None:
    facts = {"user": user, "password": password, "client_id": "somebody", "url": office.ports.node_url}
    pole = Pole(facts)  # type: ignore[arg-type]
    wait_for(lambda: pole.connects or pole.ended, "the broker's answer")
    assert 0 not in pole.connects
    pole.leave()


@both
def test_the_status_is_retained_and_the_last_will_is_told(office: Office, tmp_path: Path) -> None:
    will = (up("pole-a", "status"), b'{"node":"pole-a","online":false}')
    pole = Pole.of(tmp_path / "pole-a.json", will=will).joined()
    pole.say(up("pole-a", "status"), b'{"node":"pole-a","online":true,"since_ms":5}', retain=True)
    wait_for(lambda: [line.online for line in office.reader.nodes()] == [True], "the status in the store")
    pole.vanish()
    wait_for(lambda: [line.online for line in office.reader.nodes()] == [False], "the last will in the store")
    assert [line.last_ms for line in office.reader.nodes()] == [0], "a will is no sign of life"
    pole.leave()


@both
def test_a_node_that_is_renewed_is_thrown_off_and_its_old_secret_is_void(office: Office, tmp_path: Path) -> None:
    from fleet import enrol

    pole = Pole.of(tmp_path / "pole-a.json").joined()
    signs = office.gate.authority if office.gate else None
    assert enrol.renew(office.home, office.registry, "pole-a", tmp_path / "new.json", signs=signs)
    wait_for(lambda: pole.ended and pole.refused, "the refusal of the old secret")
    pole.leave()
    Pole.of(tmp_path / "new.json").joined().leave()


@pytest.mark.parametrize("office", ["nats passwords"], indirect=True)
def test_every_secret_is_long_random_and_in_files_of_the_owner_only(office: Office, tmp_path: Path) -> None:
    facts = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("pole-a", "pole-b")]
    assert len({fact["password"] for fact in facts}) == 2
    assert all(len(bytes.fromhex(fact["password"])) == 32 for fact in facts)
    assert all(len(bytes.fromhex(fact["client_id"].removeprefix(f"{fact['node']}-"))) == 16 for fact in facts)
    lists = [office.home.broker / name for server in SERVERS.values() for name in server.lists]
    secret = [tmp_path / "pole-a.json", office.home.registry, *lists]
    assert [oct(file.stat().st_mode & 0o777) for file in secret] == ["0o600"] * 5
    assert not any(fact["password"] in (office.home.broker / "mosquitto.passwd").read_text() for fact in facts)
    assert "password='" not in repr(office.registry.credentials())


def test_the_text_is_quoted_and_says_mqtt_only() -> None:
    text = user_list([Credential("pole-a", 'a"b', "c"), Credential(COLLECTOR, "x", "y")])
    assert r'password: "a\"b"' in text
    assert text.count('allowed_connection_types: ["MQTT"]') == 2
    assert "lantaarn.v1.pole-a.up.*" in text and '"lantaarn.v1.*.up.*"' in text
    assert 'ack_wait: "10s"' in server_config(Path("/x"), "127.0.0.1", 1883)


@both
def test_the_longest_payload_fits_through_the_broker(office: Office, pole_a: Pole) -> None:
    head = len(pack(Record(1, 1, 1, 1, b"")))
    longest = pack(Record(1, 1, 1, 1, bytes(LONGEST_PAYLOAD - head)))
    assert len(longest) == LONGEST_PAYLOAD and pole_a.subscribe(every_down("pole-a")) == 1
    pole_a.say(up("pole-a", "record"), longest)
    wait_for(lambda: [topic for topic, _, _ in pole_a.heard] == [down("pole-a", "ack")], "the ack of the longest")
    assert pole_a.connects == [0]
    topic = max(len(up("x" * 32, kind)) for kind in ("record", "hello", "status", "health"))
    assert LONGEST_PAYLOAD + topic + 1024 < LARGEST_PACKET
    limit = {"nats": "max_payload: ", "mosquitto": "max_packet_size "}[office.ports.broker_kind]
    config = (office.home.broker / f"{office.ports.broker_kind}.conf").read_text()
    assert f"{limit}{LARGEST_PACKET}\n" in config
