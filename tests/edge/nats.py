"""A real broker for tests: the NATS server of the wheel, with the users and rights of a real office."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.ranges import Ranges
from edge.wire.messages import Ack, GapRecord, from_json, to_json
from edge.wire.record import Record, RecordKind
from edge.wire.schema import Schema
from edge.wire.topics import EVERY_UP, down, parse
from fleet.broker import Broker, free_port, write_users
from fleet.registry import COLLECTOR, Credential
from tests.edge.unpacking import records_of

HOST = "127.0.0.1"


def credential(user: str) -> Credential:
    return Credential(user, f"password-of-{user}", f"{user.replace(chr(46), chr(45))}-{chr(48) * 26}")


@contextmanager
def nats(folder: Path, *nodes: str, port: int | None = None, host: str = HOST) -> Iterator[Broker]:
    """A broker that knows these nodes and the collector."""
    folder.mkdir(exist_ok=True)
    write_users(folder, [credential(COLLECTOR), *map(credential, nodes)])
    text = (folder / "users.conf").read_text()
    assert "password-of-" in text
    broker = Broker(folder, host, port or free_port(host))
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def write_credentials(path: Path, broker_port: int, node: str, **changed: str) -> Path:
    """The file that `fleet node add` would write."""
    own = credential(node)
    facts = {"node": node, "url": f"mqtt://{HOST}:{broker_port}", "user": node, "password": own.password,
             "client_id": own.client_id} | changed  # fmt: skip
    path.write_text(json.dumps(facts))
    path.chmod(0o600)
    return path


class Collector:
    """An office of twenty lines: keeps what arrives, and acks it unless told to keep silent."""

    def __init__(self, port: int, acks: bool = True) -> None:
        self.acks = acks
        self.heard: queue.Queue[tuple[str, str, bytes]] = queue.Queue()
        self.records: dict[tuple[int, int], Record] = {}
        self.schemas: dict[bytes, Schema] = {}
        self.arrivals: list[tuple[int, int]] = []
        self.last: dict[str, bytes] = {}
        self.retained: set[str] = set()  # kinds that the broker had kept for us
        own = credential(COLLECTOR)
        self.client = paho.Client(CallbackAPIVersion.VERSION2, own.client_id, clean_session=False,
                                  protocol=paho.MQTTv311)  # fmt: skip
        self.client.username_pw_set(own.user, own.password)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda client, *_: client.subscribe(EVERY_UP, 1)
        self.client.on_subscribe = lambda *_: self.heard.put(("", "ready", b""))
        self.client.on_message = self._on_message
        self.client.connect(HOST, port)
        self.client.loop_start()

    def _on_message(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        topic = parse(message.topic)
        self.last[topic.kind] = bytes(message.payload)
        self.retained |= {topic.kind} if message.retain else set()
        if topic.kind == "record":
            self.take(topic.node, records_of(bytes(message.payload), self.schemas))
        self.heard.put((topic.node, topic.kind, bytes(message.payload)))

    def take(self, node: str, records: list[Record]) -> None:
        for record in records:
            self.records.setdefault((record.epoch, record.seq), record)
            self.arrivals.append((record.epoch, record.seq))
        if self.acks:
            self.client.publish(down(node, "ack"), to_json(self.ack(records[0].epoch)), 1)

    def ack(self, epoch: int) -> Ack:
        settled = self.settled(epoch)
        upto = settled.after(1) - 1
        return Ack(epoch, upto, [(seq, seq) for of, seq in sorted(self.records) if of == epoch and seq > upto])

    def settled(self, epoch: int) -> Ranges:
        """What arrived, and what its gap records name."""
        here = [record for (of, _), record in sorted(self.records.items()) if of == epoch]
        gaps = [from_json(GapRecord, record.body) for record in here if record.kind == RecordKind.GAP]
        return Ranges([*((record.seq, record.seq) for record in here), *((gap.first, gap.last) for gap in gaps)])

    def wait(self, enough: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Until this is so; asked again after every message. Fails when nothing comes for too long."""
        while not enough():
            try:
                self.heard.get(timeout=timeout_s)
            except queue.Empty:
                heard = f"{sorted(self.last)}, {len(self.records)} records"
                raise AssertionError(f"waited in vain; heard {heard}") from None

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def collecting(port: int, acks: bool = True) -> Iterator[Collector]:
    """A collector whose subscription stands."""
    collector = Collector(port, acks)
    try:
        assert collector.heard.get(timeout=20)[1] == "ready"
        yield collector
    finally:
        collector.close()
