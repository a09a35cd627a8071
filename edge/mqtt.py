"""MQTT 3.1.1 through paho: a dull shell. It puts events into the inbox and does as it is told.

Each session has a client of its own that is thrown away afterwards, so that no queue of paho's outlives it and nothing
is re-sent behind our back: what to send again is the uplink's decision, and when to reconnect too. A client knows its
session only weakly: paho lets go of two of its sockets when it dies, which must not wait for the garbage collector.

What goes to an `mqtts://` address goes under TLS or not at all. With a certificate there is no password: the broker
knows us by it.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakMethod

from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from edge.events import Arrived, Cause, Connected, Event, Lost, Puback
from edge.lean import paho
from edge.office import Credentials, Endpoint, OfficeError, endpoint, shown
from edge.tls import Peer, Pinned, refusal
from edge.validity import Moment
from edge.wire.topics import every_down, parse, up

KEEPALIVE_S, KEEPALIVE_METERED_S = 60, 180
CONNECT_S = 10.0
LOOK_S = 0.5
IN_FLIGHT = 96  # above the uplink's window, so that paho never holds anything back
QUEUED = 128
CONNACK = b"\x20"  # what a broker's first word begins with
Put = Callable[[Event], None]
REFUSALS: dict[str, tuple[str, Cause]] = {
    "Bad user name or password": ("the broker does not know our user and password", "identity"),
    "Not authorized": ("the broker does not know our user and password, or gives them no rights", "identity"),
    "Client identifier not valid": ("the broker refuses our client id", "identity"),
    "Unsupported protocol version": ("the broker does not speak MQTT 3.1.1", "protocol"),
    "Server unavailable": ("the broker is not ready", "busy"),
}
UNKNOWN = "the broker does not know us by our certificate: it was revoked, or its list of nodes is old"
REFUSED_UNDER_TLS: dict[str, tuple[str, Cause]] = {
    "Bad user name or password": (UNKNOWN, "certificate"),
    "Not authorized": (UNKNOWN, "certificate"),
}


class MqttLink:
    """The link of one node; `others` are brokers beside `url`. Callbacks run in paho's thread and only put events."""

    def __init__(
        self, node: str, url: str, credentials: Credentials, will: bytes, put: Put, others: Sequence[str] = (),
        metered: bool = False, tls: Pinned | None = None,
    ) -> None:  # fmt: skip
        """`tls` is for those of the brokers that want it. Raises OfficeError for an address that is none, or one that
        wants TLS where there is none."""
        self.node, self.url, self._tls = node, url, tls
        self._places = [_place(each, tls) for each in (url, *others)]
        self._keepalive_s = KEEPALIVE_METERED_S if metered else KEEPALIVE_S
        self._credentials, self._will, self._put = credentials, will, put
        self._session: Session | None = None

    @property
    def moment(self) -> Callable[[], Moment]:
        """What time it is, by which certificates are judged."""
        return self._tls.moment if self._tls is not None else lambda: Moment(None, 0, 0)

    @moment.setter
    def moment(self, moment: Callable[[], Moment]) -> None:
        if self._tls is not None:
            self._tls.moment = moment

    def connect(self, broker: int = 0) -> None:
        self.disconnect()
        client = paho.Client(CallbackAPIVersion.VERSION2, self._credentials.client_id, clean_session=True,
                             protocol=paho.MQTTv311, reconnect_on_failure=False)  # fmt: skip
        if self._credentials.password:
            client.username_pw_set(self._credentials.user, self._credentials.password)
        client.will_set(up(self.node, "status"), self._will, qos=1, retain=True)
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(IN_FLIGHT)
        client.max_queued_messages_set(QUEUED)
        place = self._places[broker % len(self._places)]
        if place.secure:
            client.tls_set_context(self._tls)
        self._session = Session(client, place, self._keepalive_s, every_down(self.node), self._put)
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

    def __init__(self, client: paho.Client, place: Endpoint, keepalive_s: int, topics: str, put: Put) -> None:
        self.client, self._topics, self._put = client, topics, put
        self._host, self._port, self._secure = place.host, place.port, place.secure
        self._keepalive_s = keepalive_s
        self._peer: Peer | None = None
        self._over, self._gone = threading.Event(), threading.Event()
        client.on_connect, client.on_subscribe = _weakly(self._on_connect), _weakly(self._on_subscribe)
        client.on_publish, client.on_message = _weakly(self._on_publish), _weakly(self._on_message)
        client.on_disconnect = _weakly(self._on_disconnect)

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
            self.client.connect(self._host, self._port, self._keepalive_s)
        except (OSError, ValueError) as error:
            self._lost(*unreachable(error, self._host, self._port))
            return
        if self._secure:
            self._shake()
        elif (word := self._first_word()) is not None and word != CONNACK:
            self._lost(f"what answers at {shown(self._host, self._port)} does not speak MQTT: another service, or a "
                       "network that wants a login first", "portal")  # fmt: skip
        if self._over.is_set():
            self.client.disconnect()
        self.client.loop_start()

    def _shake(self) -> None:
        """TLS 1.3 tells how it was refused only afterwards, to whoever reads."""
        peer = self.client.socket()
        self._peer = peer if isinstance(peer, Peer) else None

    def _first_word(self) -> bytes | None:
        """The first byte that comes, left where it is; None when the session ends before there is one."""
        peer = self.client.socket()
        while isinstance(peer, socket.socket) and not self._over.is_set():
            try:
                if select.select([peer], [], [], LOOK_S)[0]:
                    return peer.recv(1, socket.MSG_PEEK) or None
            except (OSError, ValueError):
                return None
        return None

    def _tell(self, event: Event) -> None:
        if not self._over.is_set():
            self._put(event)

    def _lost(self, reason: str, cause: Cause) -> None:
        self._tell(Lost(reason, cause))
        self._over.set()

    def _on_connect(self, client: paho.Client, _: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        if code.is_failure:
            known = REFUSED_UNDER_TLS if self._secure and not client.password else REFUSALS
            self._lost(*known.get(str(code), REFUSALS.get(str(code), (f"the broker refused us: {code}", "protocol"))))
        else:
            client.subscribe(self._topics, 1)

    def _on_subscribe(self, client: paho.Client, _: Any, mid: int, codes: list[ReasonCode], properties: Any) -> None:
        if any(code.is_failure for code in codes):
            self._lost(f"the broker refused our subscription to {self._topics}", "rights")
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
        if self._peer is not None and self._peer.refused is not None:
            self._lost(*unreachable(self._peer.refused, self._host, self._port))
        self._lost(f"the connection broke: {code}", "protocol" if str(code) == "Protocol error" else "broken")


def _place(url: str, tls: Pinned | None) -> Endpoint:
    place = endpoint(url)
    if place.secure and tls is None:
        raise OfficeError(f"{url} wants TLS, and the credentials name no roots to trust.",
                          "In the office: fleet node add NODE --renew --credentials FILE, and put the file here.")
    return place


def _weakly(method: Callable[..., None]) -> Callable[..., None]:
    known = WeakMethod(method)

    def call(*told: Any) -> None:
        if (still := known()) is not None:
            still(*told)

    return call


def unreachable(error: Exception, host: str, port: int) -> tuple[str, Cause]:
    """Why there is no connection, in words, and the cause."""
    if isinstance(error, OSError) and (under_tls := refusal(error, host, port)) is not None:
        return under_tls
    why = getattr(error, "strerror", None) or str(error)
    match error:
        case socket.gaierror() | UnicodeError():
            return f"the name {host} of the broker cannot be found: {why}", "dns"
        case ConnectionRefusedError():
            return f"nobody listens at {shown(host, port)}: {why}", "refused"
        case TimeoutError():
            return f"nothing answers at {shown(host, port)}: {why}", "timeout"
    return f"the broker at {shown(host, port)} cannot be reached: {why}", "unreachable"
