"""A unix socket at which the technician's commands ask the running agent, so that no bus or port is opened twice.

One JSON object a line: a question, then its answer. The socket lies beside the journal and only its owner (and root)
may speak to it. Addresses of sockets are short; folders are not, so it is reached through the folder's descriptor.

A card that is read-only, full or failing takes no socket, and is just what a technician comes for. Until it does there
is one with a name that no disk need keep (the abstract ones of unix(7)), made of the folder's path, which stays what it
is when a card is mounted anew. As such names have no modes, each end looks who the other is.
"""

from __future__ import annotations

import errno
import hashlib
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
WAITING = 64  # who ask at once
CREDENTIALS = struct.Struct("3i")
STRANGER = {"error": "Only the agent's own user and root may ask it. Try again with sudo."}
NO_AGENT = (FileNotFoundError, ConnectionRefusedError, NotADirectoryError)


class NoAgent(Exception):
    """Nobody answers at the socket."""


class Asks:
    """The agent's end. Each asker has a thread of its own until it is answered."""

    def __init__(self, folder: Path, put: Callable[[Asked], None]) -> None:
        self._folder, self._put = folder, put
        self._doors: dict[socket.socket, threading.Thread] = {}

    def begin(self) -> None:
        """Listen beside the journal. A socket that a killed agent left behind is taken away first.

        Raises OSError where the folder takes none; then the agent listens under the name until this succeeds.
        """
        try:
            beside = self._listening(self._bind)
        except OSError:
            if not self._doors:
                with suppress(OSError):  # another agent has it, and will end
                    self._open(self._listening(lambda door: door.bind(_name(self._folder))))
            raise
        self._close()
        self._open(beside)

    def end(self) -> None:
        """Listen no more."""
        beside = any(isinstance(door.getsockname(), str) for door in self._doors)
        self._close()
        if beside:
            (self._folder / NAME).unlink(missing_ok=True)

    def _listening(self, bind: Callable[[socket.socket], None]) -> socket.socket:
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            bind(door)
            door.listen(WAITING)
        except OSError:
            door.close()
            raise
        return door

    def _bind(self, door: socket.socket) -> None:
        with _address(self._folder) as address:
            Path(address).unlink(missing_ok=True)  # the journal's lock says that no other agent is alive
            before = os.umask(0o177)
            try:
                door.bind(address)
            finally:
                os.umask(before)

    def _open(self, door: socket.socket) -> None:
        self._doors[door] = thread = threading.Thread(target=self._serve, args=(door,), name="asks", daemon=True)
        thread.start()

    def _close(self) -> None:
        while self._doors:
            door, thread = self._doors.popitem()
            with suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)  # or it would live on for as long as its thread waits
            thread.join(SLOW_S)
            door.close()

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
                named = isinstance(asker.getsockname(), bytes)
                if isinstance(question, dict):
                    stranger = named and _uid(asker) not in (0, os.geteuid())
                    answer = STRANGER if stranger else self._answered(question)
                    asker.sendall(json.dumps(answer).encode() + b"\n")
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
    except PermissionError:
        raise
    except OSError as first:
        try:
            line.connect(_name(folder))
        except ConnectionRefusedError:
            raise first from None
        if (uid := _uid(line)) not in (0, os.geteuid(), _owner(folder)):
            why = f"another user (uid {uid}) answers in its name"
            raise PermissionError(errno.EACCES, why) from None


def _uid(peer: socket.socket) -> int:
    """Of whoever is at the other end (SO_PEERCRED: pid, uid, gid)."""
    return int(CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))[1])


def _owner(folder: Path) -> int | None:
    """Of the folder, or of where it would be made."""
    for place in (folder, *folder.absolute().parents):
        with suppress(OSError):
            return place.stat().st_uid
    return None


def _name(folder: Path) -> bytes:
    return b"\0lantaarn-" + hashlib.sha256(os.fsencode(os.path.abspath(folder))).hexdigest()[:32].encode()


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
