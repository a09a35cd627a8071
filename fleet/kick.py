"""Ends the live session of a user at Mosquitto, through the office's own door in the broker's folder.

Mosquitto asks the list of the revoked only when somebody connects. The dynamic-security plug-in ends the session of a
client that it disables, and lets it come back at once; so the list must be in place before. The client is made known to
the plug-in, disabled, and forgotten again, in one breath: it shall have no opinion of its own, neither of a node that
has enrolled anew nor of anybody else.

The door is a socket, which only the owner of the folder can reach. The names of sockets end at 107 bytes, wherever the
home may be, so it is reached through a handle on its folder.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from fleet.clock import new_client_id
from fleet.mosquitto import CONTROL, CONTROLLED, SOCKET, USHER
from fleet.servers import usher

ANSWER_WITHIN_S = 4.0
MOST = 100  # users in one request: it holds the broker up for a third of a second, and must fit into a packet


def kick(folder: Path, users: Sequence[str]) -> bool:
    """Ends the sessions of these users; False when there is no such door, or it is not answered in time."""
    parts = [users[start : start + MOST] for start in range(0, len(users), MOST)]
    try:
        with _door(folder) as path:
            return all(Usher(path, usher(folder).password).show_out(part) for part in parts)
    except OSError:
        return False


@contextmanager
def _door(folder: Path) -> Iterator[str]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET}"
    finally:
        os.close(handle)


class Usher:
    """One connection, one request, one answer."""

    def __init__(self, path: str, password: str) -> None:
        self.path = path
        self._request: list[dict[str, str]] = []
        self._done = threading.Event()
        self._answer: list[dict[str, Any]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, new_client_id(USHER), protocol=paho.MQTTv311,
                                   transport="unix", reconnect_on_failure=False)  # fmt: skip
        self._client.username_pw_set(USHER, password)
        self._client.on_connect = lambda client, *_: client.subscribe(CONTROLLED, 1)
        self._client.on_subscribe = lambda client, *_: client.publish(CONTROL, self._asked(), 1)
        self._client.on_message = self._on_message
        self._client.on_disconnect = lambda *_: self._done.set()

    def show_out(self, users: Sequence[str]) -> bool:
        """Whether the broker says that these users' sessions are ended. Raises OSError when nobody is there."""
        steps = ("createClient", "disableClient", "deleteClient")
        self._request = [{"command": step, "username": user} for user in users for step in steps]
        self._client.connect(self.path)
        self._client.loop_start()
        try:
            return self._done.wait(ANSWER_WITHIN_S) and self._ended(len(users))
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _asked(self) -> bytes:
        return json.dumps({"commands": self._request}).encode()

    def _on_message(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        try:
            self._answer = list(json.loads(message.payload)["responses"])
        except (ValueError, KeyError, TypeError):
            self._answer = []
        self._done.set()

    def _ended(self, users: int) -> bool:
        done = [each for each in self._answer if each.get("command") == "disableClient" and "error" not in each]
        return len(done) == users
