"""A broker made of a socket and a script: it says what a real one says seldom, and writes down what it is told.

It speaks just enough of MQTT 3.1.1 (packet types by their number in the standard) for one client at a time.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence

CONNECT, PUBACK, SUBSCRIBE = 1, 4, 8
REFUSED, SILENT = 0x80, -1


class Doorman:
    """Answers each SUBSCRIBE with the next of `grants`, and then always with the last; `SILENT` is no answer."""

    def __init__(self, grants: Sequence[int] = (1,), welcome: int = 0, known: bool = False) -> None:
        self.grants, self.welcome, self.known = list(grants), welcome, known
        self.connects, self.subscribes = 0, 0
        self.acked: list[tuple[int, int]] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        self._guest: socket.socket | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def deliver(self, topic: str, payload: bytes, number: int) -> None:
        """A PUBLISH of QoS 1 to the guest."""
        name = topic.encode()
        body = len(name).to_bytes(2, "big") + name + number.to_bytes(2, "big") + payload
        assert self._guest is not None and len(body) < 16384
        self._guest.sendall(bytes((0x32, len(body) % 128 | 0x80, len(body) // 128)) + body)

    def show_out(self) -> None:
        """Ends the connection without a word."""
        assert self._guest is not None
        self._guest.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Nobody is let in any more."""
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self._thread.join()

    def _work(self) -> None:
        while True:
            try:
                self._guest, _ = self._door.accept()
            except OSError:
                return
            with self._guest, self._guest.makefile("rb") as words:
                while first := words.read(1):
                    self._hear(first[0] >> 4, words.read(_length(words.read)))

    def _hear(self, kind: int, body: bytes) -> None:
        assert self._guest is not None
        if kind == CONNECT:
            self.connects += 1
            self._guest.sendall(bytes((0x20, 2, self.known, self.welcome)))
        elif kind == SUBSCRIBE:
            self.subscribes += 1
            grant = self.grants.pop(0) if len(self.grants) > 1 else self.grants[0]
            if grant != SILENT:
                self._guest.sendall(bytes((0x90, 3, *body[:2], grant)))
        elif kind == PUBACK:
            self.acked.append((self.connects, int.from_bytes(body, "big")))


def _length(read: Callable[[int], bytes]) -> int:
    size = shift = 0
    while True:
        (byte,) = read(1)
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return size
