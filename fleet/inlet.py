"""The collector's connection: messages in, commits, and only then acknowledgements out. A dull shell around paho.

The session is durable and acknowledged by hand: a message that was not committed comes back, from the broker after
its `ack_wait` or from the node, which re-sends what the office has not acked. paho does not raise when a subscription
is refused, and what is then published is acknowledged and dropped, so the SUBACK is checked. Whoever connects with
our client id takes our session over: the id is a secret, and a session that was lost is counted where health can see
it.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from edge.wire.topics import EVERY_UP
from fleet.clock import Clock, steady_ms
from fleet.collect import LONGEST_WAIT_MS, Incoming, Outgoing, acks, full, sort
from fleet.live import Live
from fleet.registry import Credential
from fleet.rights import MOST_UNACKED
from fleet.store.store import Committed, Greeting, Parcel, PoisonError, Presence, Store, StoreError, heard_ms

LOG = logging.getLogger(__name__)
KEEPALIVE_S = 30
LONGEST_PAUSE_S = 5
TRY_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A message waiting for its commit, with what paho needs to acknowledge it, and the connection it came by."""

    message: Incoming
    mid: int
    qos: int
    connection: int


def nothing(_node: str) -> Iterable[Outgoing]:
    """No orders and no desired state wait for any node."""
    return ()


class Inlet:
    """Two threads: paho's, which only puts letters in a queue, and ours, which commits them."""

    def __init__(self, store: Store, live: Live, clock: Clock, host: str, port: int, credential: Credential) -> None:
        self.pending: Callable[[str], Iterable[Outgoing]] = nothing  # what is sent again at every hello
        self.store, self.live, self.clock, self.host, self.port = store, live, clock, host, port
        self.letters: queue.Queue[Letter | None] = queue.Queue(maxsize=2 * MOST_UNACKED)
        self.connection = 0
        self.subscribed = threading.Event()
        self._seen_session = False
        self._ending = threading.Event()
        self._client = self._make(credential)
        self._worker = threading.Thread(target=self._work, name="collector", daemon=True)

    def _make(self, credential: Credential) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, credential.client_id, clean_session=False,
                             protocol=paho.MQTTv311, manual_ack=True)  # fmt: skip
        client.username_pw_set(credential.user, credential.password)
        client.reconnect_delay_set(1, LONGEST_PAUSE_S)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_subscribe, client.on_message = self._on_subscribe, self._on_message
        return client

    def start(self) -> None:
        """Connects in the background and collects until `stop`."""
        self._worker.start()
        self._client.connect_async(self.host, self.port, KEEPALIVE_S)
        self._client.loop_start()

    def stop(self) -> None:
        """Commits what arrived, acknowledges it, and leaves."""
        self._ending.set()
        while self._worker.is_alive():
            try:
                self.letters.put(None, timeout=0.2)
                break
            except queue.Full:
                continue
        self._worker.join()
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, message: Outgoing, qos: int = 1) -> None:
        """Sends a message to a node, if we are connected; who must be sure sends it again at the next hello."""
        self._client.publish(message.topic, message.payload, qos)

    def _on_connect(self, client: paho.Client, _: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        if code.is_failure:
            LOG.error("The broker refused the collector: %s. Nodes keep their readings. Next: fleet serve again.", code)
            return
        lost = self._seen_session and not flags.session_present
        self.connection += 1
        self.live.link(True, session_lost=lost)
        if lost:
            LOG.warning("The broker no longer knew the collector's session; nodes will send again what is not acked.")
        client.subscribe(EVERY_UP, 1)

    def _on_subscribe(self, client: paho.Client, _: Any, mid: int, codes: list[ReasonCode], properties: Any) -> None:
        if any(code.is_failure for code in codes):
            LOG.error("The broker refused the collector's subscription. Nothing is lost: nodes keep what is not acked.")
            self.live.link(False)
            return
        self._seen_session = True
        self.subscribed.set()

    def _on_disconnect(self, client: paho.Client, _: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        self.subscribed.clear()
        self.live.link(False)
        if not self._ending.is_set():
            LOG.warning("The collector's connection ended (%s); it is made again. Nodes keep their readings.", code)

    def _on_message(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        incoming = Incoming(message.topic, bytes(message.payload), self.clock.wall_ms())
        letter = Letter(incoming, message.mid, message.qos, self.connection)
        while not self._ending.is_set():
            try:
                return self.letters.put(letter, timeout=1.0)
            except queue.Full:
                continue

    def _work(self) -> None:
        while batch := self._gather():
            while not self._take(batch):
                if self._ending.wait(TRY_AGAIN_S):
                    return

    def _gather(self) -> list[Letter]:
        """The next batch, at least one letter; empty at the end."""
        first = self.letters.get()
        if first is None:
            return []
        batch, since = [first], steady_ms()
        while not full(len(batch), since, steady_ms()):
            try:
                letter = self.letters.get(timeout=max(0, since + LONGEST_WAIT_MS - steady_ms()) / 1000)
            except queue.Empty:
                break
            if letter is None:
                self.letters.put(None)
                break
            batch.append(letter)
        return batch

    def _take(self, batch: list[Letter]) -> bool:
        """Whether the batch is done with; False when the store could take nothing just now."""
        try:
            self._commit(batch)
        except PoisonError as error:
            if len(batch) > 1:
                return all(self._take([letter]) for letter in batch)
            LOG.error("A message on %s is set aside: %s. Its node keeps it.", batch[0].message.topic, error)
            self._acknowledge(batch)
        except StoreError as error:
            LOG.error("The store took nothing (%s). Nothing is acknowledged, nodes keep their readings.", error)
            return False
        return True

    def _commit(self, batch: list[Letter]) -> None:
        parcels = [parcel for letter in batch if (parcel := sort(letter.message)) is not None]
        done = self.store.commit(parcels)
        self._acknowledge(batch)
        self._answer(parcels, done)

    def _acknowledge(self, batch: list[Letter]) -> None:
        for letter in batch:
            if letter.connection == self.connection:
                self._client.ack(letter.mid, letter.qos)

    def _answer(self, parcels: list[Parcel], done: Committed) -> None:
        for message in acks(done.acks):
            self.publish(message, qos=0)
        for parcel in parcels:
            self.live.heard(parcel.node, heard_ms(parcel), online_of(parcel))
            if isinstance(parcel, Greeting):
                for message in self.pending(parcel.node):
                    self.publish(message)
        self.live.stored(done.rows, done.duplicates, done.quarantined)


def online_of(parcel: Parcel) -> bool | None:
    """What a parcel says of its node's presence."""
    if isinstance(parcel, Presence):
        return parcel.status.online
    return True if isinstance(parcel, Greeting) else None
