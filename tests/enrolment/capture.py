"""All that goes over a wire, as anybody beside it could write it down: the streams of one interface, byte by byte."""

from __future__ import annotations

import socket
import struct
import threading
from collections import defaultdict

EVERYTHING = 0x0003  # ETH_P_ALL
IPV4, TCP = 0x0800, 6
LONGEST = 1 << 16
LOOK_S = 0.2
Stream = tuple[str, int, str, int]


class Capture:
    """What was said in each direction of each TCP connection on an interface, in the order in which it went by."""

    def __init__(self, interface: str) -> None:
        self.streams: dict[Stream, bytearray] = defaultdict(bytearray)
        self._ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERYTHING))
        self._ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
        self._ear.bind((interface, 0))
        self._ear.settimeout(LOOK_S)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="capture", daemon=True)

    def _listen(self) -> None:
        while not self._ending.is_set():
            try:
                self._take(self._ear.recv(LONGEST))
            except TimeoutError:
                continue

    def _take(self, frame: bytes) -> None:
        if struct.unpack_from("!H", frame, 12)[0] != IPV4 or frame[23] != TCP:
            return
        inner = frame[14:]
        head, total = (inner[0] & 15) * 4, struct.unpack_from("!H", inner, 2)[0]
        segment = inner[head:total]
        source, target = struct.unpack_from("!HH", segment)
        words = segment[(segment[12] >> 4) * 4 :]
        if words:
            names = socket.inet_ntoa(inner[12:16]), socket.inet_ntoa(inner[16:20])
            self.streams[names[0], source, names[1], target] += words

    def notes(self) -> dict[str, bytes]:
        """For a canary."""
        return {f"the wire from {a}:{b} to {c}:{d}": bytes(words) for (a, b, c, d), words in self.streams.items()}

    def to_port(self, port: int) -> bytes:
        """Everything that was said to a port."""
        return b"".join(bytes(words) for (_, _, _, target), words in self.streams.items() if target == port)

    def __enter__(self) -> Capture:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self._ear.close()
