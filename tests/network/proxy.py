"""A bad network between a node and its broker: one loopback port that forwards, or does what networks do.

`mood` may be changed at any moment, and holds for the connections that stand and for those that come:

pass       forwards
slow       forwards everything `LATE_S` late
half-open  takes connections and bytes, and nothing ever comes back or goes on
cut        ends whatever there is and whatever comes with a reset
portal     answers whatever is said as a network's login page does
hole       forwards what fits into a small packet; after the first larger one the connection stands and nothing moves

`shut` closes the door itself: connections are refused until `open`.
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections import deque
from typing import Literal

from fleet.clock import steady_ms

Mood = Literal["pass", "slow", "half-open", "cut", "portal", "hole"]
HOST = "127.0.0.1"
LATE_MS = 100
SMALL = 512  # bytes that a hole lets through at once
PAGE = b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/login\r\nContent-Length: 0\r\n\r\n"
LOOK_S = 0.02


class Wire:
    """One direction of one connection: what came, and when it may go on."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source, self.sink = source, sink
        self.waiting: deque[tuple[int, bytes]] = deque()
        self.stuck = False

    def take(self, mood: Mood) -> bool:
        """Reads what there is; False at its end."""
        try:
            heard = self.source.recv(65536)
        except OSError:
            return False
        self.stuck = self.stuck or mood == "half-open" or (mood == "hole" and len(heard) > SMALL)
        if heard and not self.stuck:
            self.waiting.append((steady_ms() + (LATE_MS if mood == "slow" else 0), heard))
        return bool(heard)

    def give(self) -> bool:
        """Sends on what is due; False when nobody takes it."""
        while self.waiting and self.waiting[0][0] <= steady_ms():
            try:
                self.sink.sendall(self.waiting.popleft()[1])
            except OSError:
                return False
        return True


class Proxy:
    """The port, and the thread behind it. `met` counts the connections that came."""

    def __init__(self, target: int) -> None:
        self.target, self.mood, self.met = target, "pass", 0
        self._wires: dict[socket.socket, Wire] = {}
        self._look = selectors.DefaultSelector()
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._door: socket.socket | None = None
        self.open()
        self.port = self._door.getsockname()[1] if self._door else 0
        self._thread = threading.Thread(target=self._work, name="network", daemon=True)
        self._thread.start()

    mood: Mood
    port: int = 0

    def become(self, mood: Mood) -> None:
        """The network is so from now on."""
        self.mood = mood
        if mood in ("cut", "portal"):
            self._reset_all()

    def open(self) -> None:
        """Connections are taken."""
        self._door = socket.create_server((HOST, self.port))
        self._door.setblocking(False)
        self._look.register(self._door, selectors.EVENT_READ)

    def shut(self) -> None:
        """Nobody is let in, and who is in is put out."""
        if self._door is not None:
            self._look.unregister(self._door)
            self._door.close()
            self._door = None
        self._reset_all()

    def close(self) -> None:
        """The end of this network."""
        self.shut()
        self._ending.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._ending.is_set():
            for key, _ in self._look.select(LOOK_S):
                found = key.fileobj
                assert isinstance(found, socket.socket)
                if found is self._door:
                    self._welcome(found)
                elif (wire := self._wires.get(found)) is not None and not wire.take(self.mood):
                    self._stall(wire) if self.mood == "half-open" else self._end(wire)
            for wire in list(self._wires.values()):
                if not wire.give():
                    self._end(wire)

    def _welcome(self, door: socket.socket) -> None:
        try:
            guest, _ = door.accept()
        except OSError:
            return
        self.met += 1
        if self.mood == "cut":
            reset(guest)
        elif self.mood == "portal":
            guest.settimeout(1.0)
            guest.recv(4096)
            guest.sendall(PAGE)
            guest.close()
        else:
            self._join(guest)

    def _join(self, guest: socket.socket) -> None:
        try:
            host = socket.create_connection((HOST, self.target), 5.0)
        except OSError:
            reset(guest)
            return
        with self._lock:
            for source, sink in ((guest, host), (host, guest)):
                self._wires[source] = Wire(source, sink)
                self._look.register(source, selectors.EVENT_READ)

    def _end(self, wire: Wire) -> None:
        with self._lock:
            for end in (wire.source, wire.sink):
                if self._wires.pop(end, None) is not None:
                    if end in self._look.get_map():
                        self._look.unregister(end)
                    reset(end)

    def _stall(self, wire: Wire) -> None:
        """One end is gone; the other never hears of it."""
        self._look.unregister(wire.source)

    def _reset_all(self) -> None:
        for wire in list(self._wires.values()):
            self._end(wire)


def reset(end: socket.socket) -> None:
    """Ends it without goodbye."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
