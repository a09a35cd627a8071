"""A node as the broker sees it: one paho client, and waits that end as soon as the condition holds."""

from __future__ import annotations

import json
import shutil
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.enrolling import enrol
from edge.identity import CLIENT, KEY, NEXT, beside
from fleet.home import Home

WAIT_S = 60.0


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Until `condition()` is true; fails the test after a generous time."""
    pause, left = threading.Event(), WAIT_S
    while not condition():
        pause.wait(0.02)
        left -= 0.02
        assert left > 0, f"waited in vain for {what}"


def enrolled(file: Path, facts: dict[str, str]) -> Path:
    """The folder with the key and the certificate of this card's node, which are its own wherever the card lies."""
    card = file.parent / f"{file.stem}.node" / "credentials.json"
    if not card.exists():
        card.parent.mkdir()
        shutil.copy(file, card)
    claimed = enrol(facts["node"], card)
    assert claimed.outcome in ("granted", "nothing"), claimed
    return beside(card)


class Pole:
    """A client with somebody's credentials, or a certificate in `tls`; all that happens to it is written down."""

    def __init__(
        self, credentials: dict[str, str], will: tuple[str, bytes] | None = None, client_id: str = "",
        tls: ssl.SSLContext | None = None, again: bool = True,
    ) -> None:  # fmt: skip
        self.heard: list[tuple[str, bytes, bool]] = []
        self.connects: list[int] = []
        self.subacks: dict[int, list[int]] = {}
        self.acked: set[int] = set()
        self.ended = 0
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id or credentials["client_id"],
                                  protocol=paho.MQTTv311, clean_session=True, reconnect_on_failure=again)  # fmt: skip
        if tls:
            self.client.tls_set_context(tls)
        if "user" in credentials:
            self.client.username_pw_set(credentials["user"], credentials["password"])
        if will:
            self.client.will_set(will[0], will[1], 1, True)
        self._listen()
        host, port = credentials["url"].partition("://")[2].split(":")
        self.client.reconnect_delay_set(1, 1)
        self.client.connect_async(host, int(port), 30)
        self.client.loop_start()

    @classmethod
    def of(cls, file: Path, **more: Any) -> Pole:
        """The node whose credentials are in this file; one that has a token fetches its certificate, as a node does."""
        facts = json.loads(file.read_text())
        if "enrol" not in facts:
            return cls(facts, **more)
        papers = enrolled(file, facts)
        tls = ssl.create_default_context(cadata=facts["trust"])
        tls.load_cert_chain(papers / NEXT, papers / KEY)
        known = {"client_id": (papers / CLIENT).read_text()}
        return cls(facts | known, **more, tls=tls)

    @classmethod
    def collector(cls, home: Home, client_id: str, **more: Any) -> Pole:
        """Somebody who has all that the collector proves itself with, under this client id."""
        url, papers = home.ports().node_url, home.authority
        tls = ssl.create_default_context(cafile=str(papers / "trust.pem"))
        tls.load_cert_chain(papers / "collector.pem", papers / "collector.key")
        return cls({"url": url, "client_id": client_id}, tls=tls, **more)

    def _listen(self) -> None:
        client = self.client
        client.on_connect = lambda c, u, flags, code, p: self.connects.append(code.value)
        client.on_disconnect = lambda c, u, flags, code, p: setattr(self, "ended", self.ended + 1)
        client.on_subscribe = lambda c, u, mid, codes, p: self.subacks.update({mid: [code.value for code in codes]})
        client.on_publish = lambda c, u, mid, code, p: self.acked.add(mid)
        client.on_message = lambda c, u, m: self.heard.append((m.topic, bytes(m.payload), m.retain))

    def joined(self) -> Pole:
        """Waits until the broker let it in."""
        wait_for(lambda: self.connects[-1:] == [0], "the broker's welcome")
        return self

    @property
    def thrown_off(self) -> int:
        """How often a session that stood was ended by the other side; who comes before the broker has read that he may
        is refused first, and comes again."""
        return self.ended - sum(code != 0 for code in self.connects)

    @property
    def refused(self) -> bool:
        """Whether the broker let it in no more: it says so, or ends the connection without a word."""
        return self.ended > len(self.connects) or self.connects[-1:] not in ([], [0])

    def subscribe(self, topic: str) -> int:
        """The SUBACK code: 128 is a refusal."""
        _, mid = self.client.subscribe(topic, 1)
        assert mid is not None
        wait_for(lambda: mid in self.subacks, f"the answer to the subscription to {topic}")
        return self.subacks[mid][0]

    def say(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Publishes and waits for the PUBACK."""
        mid = self.client.publish(topic, payload, 1, retain).mid
        wait_for(lambda: mid in self.acked, f"the PUBACK for {topic}")

    def vanish(self) -> None:
        """The wire is cut: no goodbye."""
        sock: Any = self.client.socket()
        self.client.on_disconnect = None
        self.client._reconnect_on_failure = False
        sock.shutdown(2)

    def leave(self) -> None:
        """Goodbye."""
        self.client.disconnect()
        self.client.loop_stop()
