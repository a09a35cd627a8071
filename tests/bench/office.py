"""An office for the bench: the real broker, registry, collector and store, and an ear that stamps what nodes say.

The ear is a second subscriber with the collector's rights and a client id of its own.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.wire.topics import EVERY_UP, parse
from fleet import enrol
from fleet.broker import Broker, free_port
from fleet.clock import SystemClock, new_client_id
from fleet.collector import Collector
from fleet.desk import Desk
from fleet.home import LOOPBACK, Home, Ports, write_config
from fleet.live import Live
from fleet.mqtt import MqttInlet
from fleet.registry import COLLECTOR, Credential, Node, Registry
from fleet.store.sqlite import SqliteStore
from fleet.tls import Tls, client_context, of_broker, of_collector
from simulators.enrolled import claim, open_desk

LOOK_S = 0.02


class Ear:
    """Counts messages by (node, kind), and remembers when the last of each came (monotonic seconds)."""

    def __init__(self, port: int, credential: Credential, tls: Tls | None) -> None:
        self.heard: Counter[tuple[str, str]] = Counter()
        self.at_s: dict[tuple[str, str], float] = {}
        self._ready = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2, new_client_id("bench"), protocol=paho.MQTTv311)
        if tls is not None:
            self._client.tls_set_context(client_context(tls))
        else:
            self._client.username_pw_set(credential.user, credential.password)
        self._client.on_connect = lambda client, *_: client.subscribe(EVERY_UP, 1)
        self._client.on_subscribe, self._client.on_message = self._on_subscribe, self._on_message
        self._client.connect(LOOPBACK, port)
        self._client.loop_start()
        wait_for(lambda: self._ready, "the ear's subscription")

    def _on_subscribe(self, *_: Any) -> None:
        self._ready = True

    def _on_message(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        now_s = time.monotonic()
        topic = parse(message.topic)
        self.at_s.setdefault((topic.node, topic.kind), now_s)
        self.heard[topic.node, topic.kind] += 1

    def forget(self) -> None:
        """Listen afresh."""
        self.heard.clear()
        self.at_s.clear()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Office:
    """A running office on a free port. `desk` None: it knows nodes by passwords, and nothing is encrypted."""

    def __init__(self, home: Home, registry: Registry, live: Live, ear: Ear, desk: Desk | None) -> None:
        self.home, self.registry, self.live, self.ear, self.desk = home, registry, live, ear, desk
        self.port, self.url = home.ports().broker_port, home.ports().node_url

    def enrol(self, node: str, credentials: Path) -> Credential:
        """Adds a node; its credentials lie where it says, and with an authority its certificate beside them."""
        enrol.add(self.home, self.registry, Node(node, "bench"), credentials)
        if self.desk is not None and claim(self.desk, node, credentials) != "granted":
            raise RuntimeError(f"{node} was given no certificate")
        enrol.publish(self.home, self.registry)
        found = self.registry.credential(node)
        assert found is not None
        return found

    def rows(self, node: str) -> int:
        """Rows stored for a node since the office began."""
        found = self.live.nodes.get(node)
        return found.rows if found else 0


def wait_for(seen: Callable[[], bool], what: str, within_s: float = 30.0) -> None:
    """Looks again and again. Raises TimeoutError."""
    until = time.monotonic() + within_s
    while not seen():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {within_s:.0f} s in vain for {what}")
        time.sleep(LOOK_S)


@contextmanager
def office(folder: Path, secure: bool = True) -> Iterator[Office]:
    """Opens for as long as the block lasts. Raises Trouble."""
    home, port = Home(folder / "office"), free_port()
    write_config(home, Ports(broker_port=port, enrol_port=free_port()))
    registry = Registry(home.registry)
    desk = open_desk(home, registry) if secure else None
    enrol.make_home(home, registry)
    credential, ours = registry.credential(COLLECTOR), of_collector(home.authority)
    assert credential is not None
    broker = Broker(home.broker, LOOPBACK, port, tls=of_broker(home.authority))
    store, live = SqliteStore(home.readings), Live()
    broker.start()
    inlet = MqttInlet(live, SystemClock(), LOOPBACK, port, credential, tls=ours)
    collector = Collector(inlet, store, live)
    try:
        inlet.start()
        collector.start()
        ear = Ear(port, credential, ours)
        yield Office(home, registry, live, ear, desk)
        ear.close()
    finally:
        collector.stop()
        inlet.stop()
        broker.stop()
        store.close()
