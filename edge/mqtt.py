"""MQTT 3.1.1 through paho: a dull shell. It puts events into the inbox and does as it is told.

Each session has a client of its own that is thrown away afterwards, so that no queue of paho's outlives it and nothing
is re-sent behind our back: what to send again is the uplink's decision, and when to reconnect too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from edge.events import Arrived, Connected, Event, Lost, Puback
from edge.lean import paho
from edge.office import Credentials, address
from edge.wire.topics import every_down, parse, up

KEEPALIVE_S = 60
CONNECT_S = 10.0
IN_FLIGHT = 40  # above the uplink's window, so that paho never holds anything back
QUEUED = 64
Put = Callable[[Event], None]
REFUSALS = {
    "Bad user name or password": "the broker does not know our user and password",
    "Not authorized": "the broker does not know our user and password, or gives them no rights",
    "Client identifier not valid": "the broker refuses our client id",
    "Unsupported protocol version": "the broker does not speak MQTT 3.1.1",
    "Server unavailable": "the broker is not ready",
}


class MqttLink:
    """The link of one node. Callbacks run in paho's thread and only put events."""

    def __init__(self, node: str, url: str, credentials: Credentials, will: bytes, put: Put) -> None:
        self.node, self.url = node, url
        self._host, self._port = address(url)
        self._credentials, self._will, self._put = credentials, will, put
        self._session: Session | None = None

    def connect(self) -> None:
        self.disconnect()
        client = paho.Client(CallbackAPIVersion.VERSION2, self._credentials.client_id, clean_session=True,
                             protocol=paho.MQTTv311, reconnect_on_failure=False)  # fmt: skip
        client.username_pw_set(self._credentials.user, self._credentials.password)
        client.will_set(up(self.node, "status"), self._will, qos=1, retain=True)
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(IN_FLIGHT)
        client.max_queued_messages_set(QUEUED)
        self._session = Session(client, self._host, self._port, every_down(self.node), self._put)
        self._session.begin()

    def publish(self, kind: str, payload: bytes, qos: int = 1, retain: bool = False) -> int | None:
        if self._session is None:
            return None
        info = self._session.client.publish(up(self.node, kind), payload, qos, retain)
        return info.mid if info.rc == paho.MQTT_ERR_SUCCESS else None

    def disconnect(self, wait_s: float = 0.0) -> None:
        if self._session is not None:
            self._session.end(wait_s)
        self._session = None


class Session:
    """One connection from its beginning to its end; says Lost once, and nothing after `end`."""

    def __init__(self, client: paho.Client, host: str, port: int, topics: str, put: Put) -> None:
        self.client, self._host, self._port, self._topics, self._put = client, host, port, topics, put
        self._over, self._gone = threading.Event(), threading.Event()
        client.on_connect, client.on_subscribe = self._on_connect, self._on_subscribe
        client.on_publish, client.on_message = self._on_publish, self._on_message
        client.on_disconnect = self._on_disconnect

    def begin(self) -> None:
        """Finding the host and reaching it may take long, so a thread does it."""
        threading.Thread(target=self._reach, name="reach-broker", daemon=True).start()

    def end(self, wait_s: float = 0.0) -> None:
        """Leave the broker; what was published goes out before."""
        self._over.set()
        if self.client.disconnect() == paho.MQTT_ERR_SUCCESS:
            self._gone.wait(wait_s)

    def _reach(self) -> None:
        try:
            self.client.connect(self._host, self._port, KEEPALIVE_S)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            self._lost(f"the broker at {self._host}:{self._port} cannot be reached: {why}")
            return
        if self._over.is_set():
            self.client.disconnect()
        self.client.loop_start()

    def _tell(self, event: Event) -> None:
        if not self._over.is_set():
            self._put(event)

    def _lost(self, reason: str) -> None:
        self._tell(Lost(reason))
        self._over.set()

    def _on_connect(self, client: paho.Client, _: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        if code.is_failure:
            self._lost(REFUSALS.get(str(code), f"the broker refused us: {code}"))
        else:
            client.subscribe(self._topics, 1)

    def _on_subscribe(self, client: paho.Client, _: Any, mid: int, codes: list[ReasonCode], properties: Any) -> None:
        if any(code.is_failure for code in codes):
            self._lost(f"the broker refused our subscription to {self._topics}")
            client.disconnect()
        else:
            self._tell(Connected())

    def _on_publish(self, client: paho.Client, _: Any, mid: int, code: ReasonCode, properties: Any) -> None:
        self._tell(Puback(mid))

    def _on_message(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        try:
            kind = parse(message.topic).kind
        except ValueError:
            return
        self._tell(Arrived(kind, bytes(message.payload)))

    def _on_disconnect(self, client: paho.Client, _: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        self._gone.set()
        self._lost(f"the connection broke: {code}")
