"""The inlet by MQTT: a durable session at the broker, acknowledged by hand. A dull shell around paho.

A message that was not committed comes back, from the broker after its `ack_wait` or from the node, which re-sends
what the office has not acked. Whoever connects with our client id takes our session over: the id is a secret, and a
session that was lost is counted where health can see it. A broker that refuses a subscription keeps the connection
open and acknowledges to the nodes what it then drops, so the SUBACK is waited for at the start, and asked for again,
ever less often, for as long as it is refused or does not come.

With an authority the collector shows its certificate, a new one as soon as it lies there, and goes nowhere without
TLS; why a broker was not believed, or did not believe us, is told in words.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from edge.wire.topics import EVERY_UP
from fleet.clock import Clock
from fleet.collect import Incoming, Outgoing
from fleet.inlet import Letter
from fleet.live import Live
from fleet.registry import Credential
from fleet.rights import MOST_UNACKED
from fleet.tls import Door, Tls, in_words
from fleet.trouble import Exit, Trouble

LOG = logging.getLogger(__name__)
KEEPALIVE_S = 30
LONGEST_PAUSE_S = 5
ANSWER_WITHIN_S = 10.0
UNSPECIFIED = "Unspecified error"  # all that paho says of a connection that is gone
ASK_AGAIN_S, ASK_SELDOM_S = 1.0, 60.0


class MqttInlet:
    """See `fleet.inlet.Inlet`. Its callbacks run in paho's thread and only put letters in a queue."""

    def __init__(
        self, live: Live, clock: Clock, host: str, port: int, credential: Credential, look: str = "see its log",
        tls: Tls | None = None,
    ) -> None:  # fmt: skip
        self.live, self.clock, self.host, self.port, self.look = live, clock, host, port, look
        self.letters: queue.Queue[Letter | None] = queue.Queue(maxsize=2 * MOST_UNACKED)
        self.connection = 0
        self.subscribed = threading.Event()
        self._seen_session = False
        self._shut = threading.Event()
        self._asking: threading.Timer | None = None
        self._door = _door(tls) if tls else None
        self._client = self._make(credential)

    def _make(self, credential: Credential) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, credential.client_id, clean_session=False,
                             protocol=paho.MQTTv311, manual_ack=True)  # fmt: skip
        if self._door:
            client.tls_set_context(self._door)
        else:
            client.username_pw_set(credential.user, credential.password)
        client.on_connect_fail = self._on_connect_fail
        client.reconnect_delay_set(1, LONGEST_PAUSE_S)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_subscribe, client.on_message = self._on_subscribe, self._on_message
        return client

    def start(self) -> None:
        """Connects and waits until the broker has granted the subscription. Raises Trouble when it does not."""
        self._client.connect_async(self.host, self.port, KEEPALIVE_S)
        self._client.loop_start()
        if not self.subscribed.wait(ANSWER_WITHIN_S):
            self.stop()
            why = self.live.refusal or "it does not answer"
            raise Trouble(f"The broker does not let the collector hear the nodes: {why}.",
                          "The office did not start; nothing was lost, nodes keep their readings.",
                          f"fleet serve again. {self.look}",
                          Exit.UNREACHABLE)  # fmt: skip

    def receive(self, timeout_s: float) -> Letter | None:
        """The next letter; None when none came in time, or at the end."""
        try:
            return self.letters.get(timeout=timeout_s) if timeout_s > 0 else self.letters.get_nowait()
        except queue.Empty:
            return None

    def accept(self, letters: Sequence[Letter]) -> None:
        """Acknowledges to the broker. Numbers of an earlier connection mean other letters by now."""
        for letter in letters:
            if letter.number and letter.connection == self.connection:
                self._client.ack(letter.number, 1)

    def publish(self, message: Outgoing, qos: int = 1) -> None:
        """Sends a message to a node, if we are connected."""
        self._client.publish(message.topic, message.payload, qos)

    def shut(self) -> None:
        """Lets no more letters in."""
        self._shut.set()
        try:
            self.letters.put_nowait(None)
        except queue.Full:
            pass

    def stop(self) -> None:
        """Says goodbye to the broker, which keeps the session."""
        self.shut()
        self._ask_no_more()
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: paho.Client, _: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        if code.is_failure:
            unknown = "it does not know the office's certificate, and " if self._door else "it "
            self.live.refused(f"{unknown}refused the connection ({code})")
            LOG.error("The broker refused the collector: %s. Nodes keep their readings; it is tried again.", code)
            return
        lost = self._seen_session and not flags.session_present
        self.connection += 1
        self.live.link(True, session_lost=lost)
        if lost:
            LOG.warning("The broker no longer knew the collector's session; nodes will send again what is not acked.")
        self._ask(self.connection, ASK_AGAIN_S)

    def _on_connect_fail(self, client: paho.Client, _: Any) -> None:
        if self._door and self._door.trouble:
            self.live.refused(self._door.trouble)

    def _ask(self, connection: int, patience_s: float) -> None:
        """Subscribes, and does so again after a while unless it was granted by then."""
        if self.connection != connection or self.subscribed.is_set() or self._shut.is_set():
            return
        self._client.subscribe(EVERY_UP, 1)
        again = (connection, min(2 * patience_s, ASK_SELDOM_S))
        self._asking = threading.Timer(patience_s, self._ask, again)
        self._asking.daemon = True
        self._asking.start()

    def _ask_no_more(self) -> None:
        if self._asking is not None:
            self._asking.cancel()

    def _on_subscribe(self, client: paho.Client, _: Any, mid: int, codes: list[ReasonCode], properties: Any) -> None:
        if not codes or any(code.is_failure for code in codes):
            self.live.refused("it refused the subscription")
            LOG.error("The broker refused the collector's subscription. Nothing is lost: nodes keep what is not acked.")
            return
        self._ask_no_more()
        self._seen_session = True
        self.live.granted()
        self.subscribed.set()

    def _on_disconnect(self, client: paho.Client, _: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        self._ask_no_more()
        self.subscribed.clear()
        self.live.link(False)
        self._on_connect_fail(client, None)
        if not self._shut.is_set():
            closed = (self._door.trouble if self._door else "") or "the broker closed it or died"
            why = closed if code == UNSPECIFIED else code
            LOG.warning("The collector's connection ended (%s); it is made again. Nodes keep their readings.", why)

    def _on_message(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        incoming = Incoming(message.topic, bytes(message.payload), self.clock.wall_ms())
        letter = Letter(incoming, message.mid if message.qos else 0, self.connection)
        while not self._shut.is_set():
            try:
                return self.letters.put(letter, timeout=1.0)
            except queue.Full:
                continue


def _door(tls: Tls) -> Door:
    try:
        return Door(tls)
    except OSError as error:
        raise Trouble(f"The collector's certificate cannot be used: {in_words(error)}.",
                      "The office did not start; nothing was lost, nodes keep their readings.",
                      f"ls -l {tls.certificate.parent}; fleet cert renew office", Exit.REFUSED) from error  # fmt: skip
