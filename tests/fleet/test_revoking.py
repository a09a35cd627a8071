"""Out within seconds and for ever, at both brokers; and nobody takes a session that is not its own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.wire.topics import every_down, up
from fleet.broker import knock
from fleet.kick import kick
from fleet.registry import COLLECTOR
from fleet.servers import MOSQUITTO, NATS
from tests.fleet.pole import Pole, wait_for
from tests.fleet.town import HOST, Papers, Town, town, visit

MQ = pytest.param(MOSQUITTO, marks=[pytest.mark.mosquitto])
pytestmark = pytest.mark.once
WITHIN_S = 5.0


@pytest.fixture(params=[NATS, MQ], ids=lambda server: server.kind)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path, request.param, "pole-a", "pole-b") as made:
        yield made


def out(place: Town, user: str) -> None:
    """The lists first, then the session."""
    place.revoke(user)
    assert kick(place.room, [user]) is (place.server is MOSQUITTO)


def test_who_is_revoked_is_out_and_others_are_not_disturbed(place: Town, capsys: pytest.CaptureFixture[str]) -> None:
    victim, neighbour = (visit(place, place.members[name]).joined() for name in ("pole-a", "pole-b"))
    collector = visit(place, place.members[COLLECTOR]).joined()
    assert collector.subscribe("lantaarn/v1/+/up/+") == 1 and neighbour.subscribe(every_down("pole-b")) == 1
    old = place.members["pole-a"]
    began = time.monotonic()
    out(place, "pole-a")
    wait_for(lambda: victim.ended, "the end of the session")
    took_s = time.monotonic() - began
    with capsys.disabled():
        print(f"\n{place.server.kind}: a revoked node's session ended after {took_s * 1000:.0f} ms")
    assert took_s < WITHIN_S
    wait_for(lambda: victim.ended >= 2, "a refusal")
    victim.leave()
    assert victim.connects.count(0) == 1
    _anew(place, old, collector)
    neighbour.say(up("pole-b", "hello"), b"still here")
    wait_for(lambda: collector.heard[-1:] == [(up("pole-b", "hello"), b"still here", False)], "the neighbour's word")
    assert (neighbour.thrown_off, collector.thrown_off, place.broker.restarts) == (0, 0, 0)
    for pole in (neighbour, collector):
        pole.leave()


def _anew(place: Town, old: Papers, collector: Pole) -> None:
    """The same node with another key has all its rights; the old certificate has none."""
    place.join("pole-a")
    again = visit(place, place.members["pole-a"]).joined()
    assert again.subscribe(every_down("pole-a")) == 1
    again.say(up("pole-a", "hello"), b"with another key")
    collector.say("lantaarn/v1/pole-a/down/ack", b"welcome")
    wait_for(lambda: again.heard and collector.heard, "both words")
    ghost = visit(place, old, client_id="ghost", again=False)
    wait_for(lambda: ghost.ended, "the refusal of the old certificate")
    assert 0 not in ghost.connects and again.thrown_off == 0
    for pole in (ghost, again):
        pole.leave()


def test_revoked_is_revoked_after_a_restart_of_the_broker(place: Town) -> None:
    old = place.members["pole-a"]
    out(place, "pole-a")
    pid = place.broker.kill(down_for_s=0.0)
    wait_for(lambda: place.broker.pid not in (None, pid) and knock(HOST, place.broker.port), "the new broker")
    visit(place, place.members["pole-b"]).joined().leave()
    ghost = visit(place, old, again=False)
    wait_for(lambda: ghost.ended, "the refusal")
    assert 0 not in ghost.connects
    ghost.leave()


@pytest.mark.mosquitto
def test_neither_the_list_nor_the_kick_is_enough_alone(tmp_path: Path) -> None:
    """What Mosquitto does, so that nobody takes one of the two away."""
    with town(tmp_path, MOSQUITTO, "pole-a", "pole-b") as place:
        victim, other = (visit(place, place.members[name]).joined() for name in ("pole-a", "pole-b"))
        place.revoke("pole-a")
        ghost = visit(place, place.client("pole-b"), client_id="x").joined()  # takes over: the list has been read
        wait_for(lambda: other.ended, "the end of the first")
        assert victim.ended == 0, "the list alone leaves a session"
        assert kick(place.room, ["pole-a", "pole-b"])
        wait_for(lambda: victim.ended and ghost.ended, "the end of both")
        wait_for(lambda: ghost.connects.count(0) == 2 or other.connects.count(0) == 2, "one that is back")
        for pole in (victim, other, ghost):
            pole.leave()


def test_nobody_can_be_kicked_where_there_is_no_door(tmp_path: Path) -> None:
    assert not kick(tmp_path, ["pole-a"])


@pytest.mark.mosquitto
def test_many_are_shown_out_at_once(tmp_path: Path) -> None:
    """More than are asked for at a time; most are not there."""
    with town(tmp_path, MOSQUITTO, "pole-a") as place:
        pole = visit(place, place.members["pole-a"]).joined()
        assert kick(place.room, [*(f"node-{number:027d}" for number in range(250)), "pole-a"])
        wait_for(lambda: pole.ended, "the last of them")
        assert json.loads((place.room / "mosquitto.security.json").read_text())["clients"] == [], "nobody is kept there"
        pole.leave()


def guesses(victim: Papers, collector: Papers) -> list[str]:
    """What one can know or guess of another's client id, short of the secret itself."""
    known = [name for each in (victim, collector) for name in (each.user, each.issued.key)]
    made = [f"{victim.issued.key}-{victim.user}", *(f"{victim.user}-{rest}" for rest in ("", "0" * 31, "f" * 32, "*"))]
    return [*known, *made, "collector", "office-collector", ">", "*", "$MQTT"]


def test_without_the_secret_nobody_takes_a_session_over(place: Town) -> None:
    """A node with a certificate of its own tries every name that it may know, with clean sessions and without."""
    victim, collector = (visit(place, place.members[name]).joined() for name in ("pole-a", COLLECTOR))
    assert collector.subscribe("lantaarn/v1/+/up/+") == 1
    for name in guesses(place.members["pole-a"], place.members[COLLECTOR]):
        thief = visit(place, place.members["pole-b"], client_id=name, again=False)
        wait_for(lambda thief=thief: thief.connects or thief.ended, "the broker's answer")  # type: ignore[misc]
        thief.leave()
    if place.server is MOSQUITTO:  # even who knows it
        for papers in (place.members["pole-a"], place.members[COLLECTOR]):
            visit(place, place.members["pole-b"], client_id=papers.credential.client_id).joined().leave()
    victim.say(up("pole-a", "hello"), b"mine")
    wait_for(lambda: collector.heard, "the victim's word")
    assert (victim.thrown_off, collector.thrown_off) == (0, 0)
    for pole in (victim, collector):
        pole.leave()


def test_a_node_cannot_find_out_who_has_which_session(place: Town) -> None:
    """Sessions and their ids lie in NATS's own streams, where no member may look."""
    spy = visit(place, place.members["pole-b"]).joined()
    codes: list[int] = [spy.subscribe(topic) for topic in (
        "$MQTT/sess/#", "$MQTT/#", "$JS/API/#", "$JS/#", "$SYS/#", "_INBOX/#", "$G/#", "#", "+/#", "$MQTT/JSA/#",
    )]  # fmt: skip
    for topic in ("$JS/API/STREAM/MSG/GET/$MQTT_sess", "$JS/API/STREAM/NAMES", "$JS/API/DIRECT/GET/$MQTT_sess"):
        spy.say(topic, b'{"last_by_subj":"$MQTT.sess.>"}')
    other = visit(place, place.members["pole-a"]).joined()
    other.leave()
    collector = visit(place, place.members[COLLECTOR]).joined()
    collector.subscribe("lantaarn/v1/+/up/+")
    spy.say(up("pole-b", "hello"), b"done")
    wait_for(lambda: collector.heard, "the spy's own word")
    assert spy.heard == []
    assert place.server is MOSQUITTO or codes == [128] * len(codes)
    for pole in (spy, collector):
        pole.leave()
