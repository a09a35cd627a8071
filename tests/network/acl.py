"""Who may say and hear what, all of it: every node tries every topic of every other, at a real broker with TLS.

A watcher who may do everything is put into the broker's lists. It hears what comes through, and says something on
every topic, kept and passing, so that whatever a node may hear, it does hear. Each message bears its author's name;
a leak is one that was said in a tree which is not its author's, or heard in one which is not the hearer's.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.wire.topics import DOWN_KINDS, UP_KINDS, down, every_down, up
from fleet.mosquitto import ACCESS
from fleet.registry import COLLECTOR
from fleet.rights import name, subject
from fleet.servers import NATS, Server
from tests.fleet.pole import wait_for
from tests.fleet.town import HOST, Town, context

WATCHER = "watcher"
ODD = ("down", "lantaarn", "pole-1", "pole-10", "pole-11", "---", "a" * 32, "a" * 31)  # alike, or like our own words
EVERYWHERE = ("#", "$JS/API/#", "$MQTT/#", "$SYS/#", "$CONTROL/#", "_INBOX/#", "$share/#")
BATCH = 50  # filters in one SUBSCRIBE


def names(count: int) -> list[str]:
    """Nodes whose names are hard to tell apart."""
    return [*ODD, *(f"node-{number}" for number in range(count))][:count]


def own(node: str) -> dict[str, list[str]]:
    """All topics of a node, by direction."""
    return {"up": [up(node, kind) for kind in UP_KINDS], "down": [down(node, kind) for kind in DOWN_KINDS]}


def foreign_filters(node: str, others: Iterable[str]) -> list[str]:
    """All that a node might want to hear and must not."""
    wild = [
        "#", "+/#", "+/+/#", "lantaarn/#", "lantaarn/+/#", "lantaarn/v1/#", "lantaarn/v1/+/#", "+/+/+/+/+",
        "lantaarn/v1/+/down/+", "lantaarn/v1/+/up/+", "lantaarn/v1/+/down/ack", "+/+/+/down/+", "lantaarn/+/+/down/+",
        f"lantaarn/v1/{node}/#", f"lantaarn/v1/{node}/+/+", f"lantaarn/v1/{node}/up/+", f"lantaarn/v1/{node}/down/#",
        f"lantaarn/v1/{node}/+/ack", "lantaarn/v1/+", f"lantaarn/v1/{node}",
        "$share/g/#", "$share/g/lantaarn/v1/+/up/+", "$share/g/lantaarn/v1/+/down/+",
        "$SYS/#", "$SYS/+/#", "$SYS/broker/clients/+", "$MQTT/#", "$MQTT/sub/+", "$MQTT/sess/#", "$MQTT/msgs/#",
        "$MQTT/rmsgs/#", "$MQTT/JSA/#", "$MQTT/+/#", "$JS/#", "$JS/API/#", "$JS/API/STREAM/NAMES", "$JS/ACK/#",
        "$JS/EVENT/#", "_INBOX/#", "$CONTROL/#", "$CONTROL/dynamic-security/v1/response", "$KV/#", "$G/#", "_R_/#",
    ]  # fmt: skip
    trees = [topic for other in others for ways in own(other).values() for topic in ways]
    shared = [f"$share/g/{every_down(other)}" for other in others]
    return [*wild, *trees, *shared, *map(every_down, others)]


def foreign_topics(node: str, others: Iterable[str]) -> list[str]:
    """All that a node might want to say and must not."""
    odd = [
        "x", "lantaarn", "lantaarn/v1", f"lantaarn/v1/{node}", f"lantaarn/v1/{node}/up", f"lantaarn/v1/{node}/up/a/b",
        f"lantaarn/v2/{node}/up/record", f"/lantaarn/v1/{node}/up/record", f"lantaarn//v1/{node}/up/record",
        f"lantaarn/v1/{node}/up/../../pole-1/up/record", f"lantaarn/v1/{node}/up/record/",
        "$SYS/x", "$SYS/REQ/USER/INFO", "$SYS/REQ/SERVER/PING", "$SYS/ACCOUNT/$G/CONNECT",
        "$share/g/lantaarn/v1/pole-1/up/record", "$MQTT/sub/x", "$MQTT/sess/x",
        "$MQTT/msgs/lantaarn/v1/pole-1/up/record", "$MQTT/rmsgs/lantaarn/v1/pole-1/up/status", "$MQTT/JSA/x",
        "$JS/API/STREAM/NAMES", "$JS/API/STREAM/DELETE/$MQTT_sess", "$JS/API/STREAM/PURGE/$MQTT_msgs",
        "$JS/API/CONSUMER/LIST/$MQTT_msgs", "$JS/API/STREAM/MSG/GET/$MQTT_sess", "$JS/API/INFO", "_INBOX/x",
        "$JS/ACK/$MQTT_msgs/x/1/1/1/1/0", "$CONTROL/dynamic-security/v1", "$KV/x/y", "$G/x",
    ]  # fmt: skip
    trees = [topic for other in others for ways in own(other).values() for topic in ways]
    return [*odd, *own(node)["down"], *trees]


@dataclass(slots=True)
class Heard:
    """A message: where, by whom, and who heard it."""

    topic: str
    author: str
    hearer: str


@dataclass(slots=True)
class Matrix:
    """What was tried and what came of it."""

    subscriptions: int = 0
    publishes: int = 0
    granted: list[str] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)

    def leaks(self, nodes: Sequence[str]) -> list[Heard]:
        """What was heard by who must not hear it, or was said by who must not say it."""
        return [each for each in self.heard if not self._fits(each, nodes)]

    def _fits(self, heard: Heard, nodes: Sequence[str]) -> bool:
        if heard.author in nodes and heard.topic not in own(heard.author)["up"]:
            return False
        return heard.hearer == WATCHER or heard.topic in own(heard.hearer)["down"]


class Member:
    """One session that asks and says by the hundred."""

    def __init__(self, town: Town, user: str, matrix: Matrix) -> None:
        self.user, self.matrix = user, matrix
        self.codes: dict[int, list[int]] = {}
        self.unacked: set[int] = set()
        self.said: set[int] = set()
        self.last = ""
        self.joined = threading.Event()
        papers = town.members[user]
        self.client = paho.Client(CallbackAPIVersion.VERSION2, papers.credential.client_id, protocol=paho.MQTTv311)
        self.client.tls_set_context(context(papers, town))
        self.client.max_inflight_messages_set(2000)
        self.client.on_connect = lambda c, u, flags, code, p: None if code.is_failure else self.joined.set()
        self.client.on_subscribe = lambda c, u, mid, codes, p: self.codes.update({mid: [code.value for code in codes]})
        self.client.on_publish = lambda c, u, mid, code, p: self.said.add(mid)
        self.client.on_message = self._on_message
        self.client.connect(HOST, town.broker.port)
        self.client.loop_start()
        wait_for(self.joined.is_set, f"the session of {user}")

    def _on_message(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        try:
            author = str(json.loads(message.payload)["by"])
        except (ValueError, KeyError, TypeError):
            return  # the broker's own talk, which the watcher hears
        self.matrix.heard.append(Heard(message.topic, author, self.user))
        self.last = message.payload.decode()

    def subscribe(self, filters: Sequence[str]) -> list[int]:
        """The SUBACK codes."""
        asked = []
        for start in range(0, len(filters), BATCH):
            _, mid = self.client.subscribe([(each, 1) for each in filters[start : start + BATCH]])
            assert mid is not None
            asked.append(mid)
        wait_for(lambda: all(mid in self.codes for mid in asked), f"the answers to {self.user}")
        return [code for mid in asked for code in self.codes[mid]]

    def say(self, topics: Sequence[str], retain: bool = False, empty: bool = False) -> None:
        """Says its name on all of these; returns when the broker has acknowledged the last."""
        body = b"" if empty else json.dumps({"by": self.user}).encode()
        mids = [self.client.publish(topic, body, 1, retain).mid for topic in topics]
        wait_for(lambda: self.said.issuperset(mids), f"the PUBACKs of {self.user}")

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def watched(folder: Path, server: Server, nodes: Sequence[str], wider: tuple[str, str] = ("", "")) -> Iterator[Town]:
    """A town with these nodes, and a watcher whom its broker allows everything; `wider`: a right, and a wider one."""
    town = Town(folder, server)
    town.join(COLLECTOR, WATCHER, *nodes)
    server.write_lists(town.room, [papers.credential for papers in town.members.values()])
    _allow_everything(town, *wider)
    town.broker.start()
    try:
        yield town
    finally:
        town.broker.stop()


def _allow_everything(town: Town, right: str, wider: str) -> None:
    if town.server is NATS:
        path = town.room / "users.conf"
        lines = path.read_text().replace(subject(right), subject(wider)).splitlines()
        mine = name(town.members[WATCHER].credential)
        free = f'    {{user: "{mine}", allowed_connection_types: ["MQTT"]}}'
        path.write_text("\n".join(free if mine in line else line for line in lines) + "\n")
    else:
        path = town.room / ACCESS
        text = path.read_text().replace(right, wider)
        text = text if f"user {WATCHER}\n" in text else f"user {WATCHER}\n\n{text}"
        wide = "\n".join(f"topic readwrite {each}" for each in EVERYWHERE)
        path.write_text(text.replace(f"user {WATCHER}\n", f"user {WATCHER}\n{wide}\n"))


def tried(town: Town, nodes: Sequence[str]) -> tuple[Matrix, set[str]]:
    """The whole matrix; with it the topics on which something is still kept at the end."""
    matrix = Matrix()
    every = [topic for node in nodes for ways in own(node).values() for topic in ways]
    watcher = Member(town, WATCHER, matrix)
    watcher.subscribe([each for each in EVERYWHERE if not each.startswith("$share")])
    watcher.say(every, retain=True)
    members = [Member(town, node, matrix) for node in nodes]
    for member in members:
        others = [node for node in nodes if node != member.user]
        filters = foreign_filters(member.user, others)
        codes = member.subscribe(filters)
        matrix.subscriptions += len(filters)
        matrix.granted += [each for each, code in zip(filters, codes, strict=True) if code != 128]
        assert member.subscribe([every_down(member.user)]) == [1]
    watcher.say(every)
    for member in members:
        topics = foreign_topics(member.user, [node for node in nodes if node != member.user])
        member.say(topics)
        member.say(topics, retain=True)
        member.say(topics, retain=True, empty=True)
        matrix.publishes += 3 * len(topics)
        member.say(own(member.user)["up"])
    watcher.say([down(node, "order") for node in nodes])
    wait_for(lambda: _at_the_end(matrix, nodes) == set(nodes), "what everybody may say and hear")
    for member in (watcher, *members):
        member.leave()
    return matrix, _kept(town)


def _at_the_end(matrix: Matrix, nodes: Sequence[str]) -> set[str]:
    """Nodes whose last word came through, and who heard all of their own."""
    heard = list(matrix.heard)
    said = {each.author for each in heard if each.topic.endswith(f"/{each.author}/up/{UP_KINDS[-1]}")}
    orders = Counter(each.hearer for each in heard if each.topic.endswith("/down/order"))
    return {node for node in nodes if node in said and orders[node] >= 3}  # kept, passing, and the last


def _kept(town: Town) -> set[str]:
    matrix = Matrix()
    late = Member(town, WATCHER, matrix)
    late.subscribe(["#"])
    late.say([up("late", "hello")])
    wait_for(lambda: any(each.topic == up("late", "hello") for each in matrix.heard), "what is kept")
    late.leave()
    return {each.topic for each in matrix.heard} - {up("late", "hello")}
