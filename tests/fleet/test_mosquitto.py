"""Mosquitto's files, held against Mosquitto's own tool; and an office whose broker is not its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from edge.wire.record import LARGEST_PACKET
from fleet.broker import Broker, free_port, write_users
from fleet.elsewhere import Elsewhere
from fleet.home import Home, Ports
from fleet.mosquitto import access_list, access_patterns, password_file, server_config
from fleet.registry import COLLECTOR, Credential, Node
from fleet.serve import Office, open_office
from fleet.servers import MOSQUITTO, NATS
from fleet.trouble import Exit, Trouble
from tests.fleet.pole import Pole, wait_for

HOST = "127.0.0.1"
KNOWN = [Credential("pole-a", "a" * 64, "id-a"), Credential(COLLECTOR, "c" * 64, "id-c")]


@pytest.mark.mosquitto
def test_the_tool_s_hash_and_ours_open_the_same_door(tmp_path: Path) -> None:
    """One user hashed by mosquitto_passwd, one by us, in one file."""
    ours = password_file(KNOWN[:1])
    (tmp_path / "tool").write_text(f"pole-t:{'t' * 64}\n")
    subprocess.run(["mosquitto_passwd", "-U", tmp_path / "tool"], check=True)
    theirs = (tmp_path / "tool").read_text()
    assert [line.split("$")[1] for line in (ours, theirs)] == ["7", "7"]
    assert len(ours.split("$")[4].strip()) == len(theirs.split("$")[4].strip())
    broker = Broker(tmp_path, HOST, free_port(HOST), MOSQUITTO)
    (tmp_path / "mosquitto.passwd").write_text(ours + theirs)
    (tmp_path / "mosquitto.acl").write_text(access_list(KNOWN))
    broker.start()
    for user, password, code in [("pole-a", "a" * 64, True), ("pole-t", "t" * 64, True), ("pole-a", "t" * 64, False)]:
        url = f"mqtt://{HOST}:{broker.port}"
        pole = Pole({"user": user, "password": password, "client_id": user, "url": url})
        wait_for(lambda pole=pole: pole.connects, "the broker's answer")  # type: ignore[misc]
        assert (pole.connects[0] == 0) is code
        pole.leave()
    broker.stop()


def test_the_same_registry_makes_the_same_file_and_no_two_users_share_a_salt() -> None:
    twins = [Credential("pole-a", "same", "id-a"), Credential("pole-b", "same", "id-b")]
    assert password_file(twins) == password_file(twins)
    salts, keys = zip(*(line.split("$")[3:5] for line in password_file(twins).splitlines()), strict=True)
    assert len(set(salts)) == len(set(keys)) == 2
    assert "same" not in password_file(twins)


def test_everybody_has_one_filter_to_write_and_one_to_read() -> None:
    assert access_list(KNOWN).split("\n") == [
        "user pole-a", "topic write lantaarn/v1/pole-a/up/+", "topic read lantaarn/v1/pole-a/down/+", "",
        f"user {COLLECTOR}", "topic write lantaarn/v1/+/down/+", "topic read lantaarn/v1/+/up/+", "",
    ]  # fmt: skip


def test_by_pattern_the_office_alone_is_named() -> None:
    assert access_patterns([]) == access_patterns(KNOWN), "the collector is known when the office runs"
    assert access_patterns(KNOWN).split("\n") == [
        f"user {COLLECTOR}", "topic write lantaarn/v1/+/down/+", "topic read lantaarn/v1/+/up/+", "",
        "pattern write lantaarn/v1/%u/up/+", "pattern read lantaarn/v1/%u/down/+", "",
    ]  # fmt: skip


def test_only_a_child_of_ours_stays_who_it_is() -> None:
    child, service = (server_config(Path("/x"), HOST, 1883, child) for child in (True, False))
    assert "user root" in child and "user root" not in service
    assert f"max_packet_size {LARGEST_PACKET}" in service and "allow_anonymous false" in service


@pytest.mark.mosquitto
def test_an_office_works_with_a_broker_that_is_somebody_else_s(tmp_path: Path) -> None:
    folder, port = tmp_path / "theirs", free_port(HOST)
    folder.mkdir()
    ports = Ports(broker_port=port, web_port=0, broker_kind="none")
    with pytest.raises(Trouble, match="No broker answers") as raised:
        open_office(tmp_path / "home", ports, web=False)
    assert raised.value.code is Exit.UNREACHABLE
    office = Office(Home(tmp_path / "home"), ports, web=False)
    office.add_node(Node("pole-a", "Plein"), tmp_path / "pole-a.json")
    write_users(folder, office.registry.credentials())
    theirs = Broker(folder, HOST, port, MOSQUITTO)
    theirs.start()
    office.start()
    wait_for(office.inlet.subscribed.is_set, "the subscription")
    assert [check.state.value for check in office.checks() if check.name == "broker"] == ["good"]
    assert office.kill_broker() is None and office.broker_pid is None
    pole = Pole.of(tmp_path / "pole-a.json").joined()
    pole.say("lantaarn/v1/pole-a/up/hello", b'{"node":"pole-a","boot_id":"","epoch":1,"lowest":1,"next":1}')
    wait_for(lambda: "pole-a" in office.live.snapshot()["nodes"], "the node's word")
    theirs.stop()
    wait_for(lambda: not office.broker.up, "the end of the connection")
    told = {check.name: check for check in office.checks()}["broker"]
    assert told.state.value == "bad" and "fleet broker config" in told.remedy
    office.stop()
    pole.leave()


def test_a_home_may_change_its_broker_by_a_word(tmp_path: Path) -> None:
    office = Office(Home(tmp_path), Ports(broker_kind="mosquitto"))
    assert isinstance(office.broker, Broker) and office.broker.server is MOSQUITTO
    assert isinstance(Office(Home(tmp_path), Ports(broker_kind="none")).broker, Elsewhere)
    write_users(tmp_path, KNOWN)
    assert all((tmp_path / name).exists() for server in (NATS, MOSQUITTO) for name in server.lists)
