"""A unix socket at which the technician's commands ask the running agent, so that no bus or port is opened twice.

One JSON object a line: a question, then its answer. The socket lies beside the journal and only its owner (and root)
may speak to it. Addresses of sockets are short; folders are not, so it is reached through the folder's descriptor.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.events import Asked

NAME = "ask.socket"
LONGEST = 1 << 20  # bytes of a question or an answer
PATIENCE_S = 60.0  # for an answer
SLOW_S = 2.0  # for a question to arrive
NO_AGENT = (FileNotFoundError, ConnectionRefusedError, NotADirectoryError)


class NoAgent(Exception):
    """Nobody answers at the socket."""


class Asks:
    """The agent's end. Each asker has a thread of its own until it is answered."""

    def __init__(self, folder: Path, put: Callable[[Asked], None]) -> None:
        self._folder, self._put = folder, put
        self._socket: socket.socket | None = None

    def begin(self) -> None:
        """Listen. A socket that a killed agent left behind is taken away first. Raises OSError."""
        with _address(self._folder) as address:
            door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            try:
                Path(address).unlink(missing_ok=True)  # the journal's lock says that no other agent is alive
                before = os.umask(0o177)
                try:
                    door.bind(address)
                finally:
                    os.umask(before)
                door.listen(4)
            except OSError:
                door.close()
                raise
        self._socket = door
        threading.Thread(target=self._serve, args=(door,), name="asks", daemon=True).start()

    def end(self) -> None:
        """Listen no more."""
        if self._socket is not None:
            (self._folder / NAME).unlink(missing_ok=True)
            self._socket.close()
            self._socket = None

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
        with _address(folder) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(patience_s)
            line.connect(address)
            line.sendall(json.dumps(question).encode() + b"\n")
            answer = json.loads(_line(line))
    except NO_AGENT as error:
        raise NoAgent(str(folder)) from error
    if not isinstance(answer, dict):
        raise ValueError("the agent's answer is no object")
    return answer


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
