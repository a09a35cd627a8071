"""A unix socket at which the technician's commands ask the running agent, so that no bus or port is opened twice.

One JSON object a line: a question, then its answer. The socket lies beside the journal and only its owner (and root)
may speak to it. Addresses of sockets are short; folders are not, so it is reached through the folder's descriptor.

A card that is read-only, full or failing takes no socket, and is just what a technician comes for. Then the socket has
a name that no disk need keep (the abstract ones of unix(7)), made of the folder's number; as such names have no modes,
each end looks who the other is.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.events import Asked

NAME = "ask.socket"
LONGEST = 1 << 20  # bytes of a question or an answer
PATIENCE_S = 60.0  # for an answer
SLOW_S = 2.0  # for a question to arrive
CREDENTIALS = struct.Struct("3i")
NO_AGENT = (FileNotFoundError, ConnectionRefusedError, NotADirectoryError)


class NoAgent(Exception):
    """Nobody answers at the socket."""


class Asks:
    """The agent's end. Each asker has a thread of its own until it is answered."""

    def __init__(self, folder: Path, put: Callable[[Asked], None]) -> None:
        self._folder, self._put = folder, put
        self._socket: socket.socket | None = None
        self._thread = threading.Thread()

    def begin(self) -> None:
        """Listen. A socket that a killed agent left behind is taken away first. Raises OSError."""
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            try:
                self._bind(door)
            except OSError:
                door.bind(_name(self._folder))
            door.listen(4)
        except OSError:
            door.close()
            raise
        self._socket = door
        self._thread = threading.Thread(target=self._serve, args=(door,), name="asks", daemon=True)
        self._thread.start()

    def _bind(self, door: socket.socket) -> None:
        with _address(self._folder) as address:
            Path(address).unlink(missing_ok=True)  # the journal's lock says that no other agent is alive
            before = os.umask(0o177)
            try:
                door.bind(address)
            finally:
                os.umask(before)

    def end(self) -> None:
        """Listen no more."""
        door, self._socket = self._socket, None
        if door is not None:
            named = isinstance(door.getsockname(), str)
            with suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)  # or it would live on for as long as its thread waits
            self._thread.join(SLOW_S)
            door.close()
            if named:
                (self._folder / NAME).unlink(missing_ok=True)

    def _serve(self, door: socket.socket) -> None:
        while True:
            try:
                asker, _ = door.accept()
            except OSError:
                return
            threading.Thread(target=self._hear, args=(asker,), name="asker", daemon=True).start()

    def _hear(self, asker: socket.socket) -> None:
        with asker:
            try:
                if _uid(asker) not in (0, os.geteuid()):
                    return
                asker.settimeout(SLOW_S)
                question = json.loads(_line(asker))
                if isinstance(question, dict):
                    asker.sendall(json.dumps(self._answered(question)).encode() + b"\n")
            except (OSError, ValueError):
                return  # whoever asks so badly, or leaves, needs no answer

    def _answered(self, question: dict[str, object]) -> dict[str, object]:
        answers: list[dict[str, object]] = []
        there = threading.Event()

        def answer(words: dict[str, object]) -> None:
            answers.append(words)
            there.set()

        self._put(Asked(question, answer))
        there.wait(PATIENCE_S)
        return answers[0] if answers else {"error": "The agent did not answer in time."}


def ask(folder: Path, question: dict[str, object], patience_s: float = PATIENCE_S) -> dict[str, object]:
    """The running agent's answer. Raises NoAgent when none runs; OSError, ValueError when it answers badly."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(patience_s)
            _connect(line, folder)
            line.sendall(json.dumps(question).encode() + b"\n")
            answer = json.loads(_line(line))
    except NO_AGENT as error:
        raise NoAgent(str(folder)) from error
    if not isinstance(answer, dict):
        raise ValueError("the agent's answer is no object")
    return answer


def _connect(line: socket.socket, folder: Path) -> None:
    try:
        with _address(folder) as address:
            line.connect(address)
    except NO_AGENT:
        line.connect(_name(folder))
        if _uid(line) not in (0, folder.stat().st_uid):
            raise ConnectionRefusedError(str(folder)) from None


def _uid(peer: socket.socket) -> int:
    """Of whoever is at the other end (SO_PEERCRED: pid, uid, gid)."""
    return int(CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))[1])


def _name(folder: Path) -> bytes:
    found = folder.stat()
    return f"\0lantaarn-{found.st_dev:x}-{found.st_ino:x}".encode()


@contextmanager
def _address(folder: Path) -> Iterator[str]:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{number}/{NAME}"
    finally:
        os.close(number)


def _line(peer: socket.socket) -> bytes:
    heard = b""
    while b"\n" not in heard and len(heard) < LONGEST and (more := peer.recv(65_536)):
        heard += more
    return heard.partition(b"\n")[0]
