"""Letters that no broker brings: what was read from cards, in files of a folder of the home.

There is one writer to the store, so whoever reads a card while the office runs puts what it holds into the spool, and
the collector takes it from there as it takes what nodes send: in batches, committed before it is let go of. A file goes
when all of it is committed; until then it is taken from its beginning again, which changes nothing, for receipts have
keys.

    first line   JSON: node, arrived_ms
    then         frames as `python -m edge.rescue` prints them: R, a payload of records; H, JSON of `CardSaid`
"""

from __future__ import annotations

import json
import logging
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from edge.wire.topics import up
from fleet.clock import steady_ms
from fleet.collect import Incoming, Outgoing
from fleet.files import sync_folder
from fleet.inlet import Inlet, Letter

LOG = logging.getLogger(__name__)
FRAME = struct.Struct(">cI")
LONGEST = 1 << 21
LATEST_MS = 1 << 53
SUFFIX = ".letters"
KINDS = {b"R": "record", b"H": "hello"}
SPOOL = -1  # the connection that its letters came by
LOOK_MS = 1000
TURN = 4  # of so many letters one is the spool's, while others come too


class SpoolError(ValueError):
    """A file of the spool that is not what we wrote."""


def frames(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Every frame to the end. Raises SpoolError."""
    while head := file.read(FRAME.size):
        kind, length = FRAME.unpack(head) if len(head) == FRAME.size else (b"", 0)
        content = file.read(length) if length <= LONGEST else b""
        if not kind or len(content) != length:
            raise SpoolError("it is cut short")
        yield kind, content


def put(folder: Path, name: str, node: str, arrived_ms: int, content: Iterable[tuple[bytes, bytes]]) -> Path:
    """Puts frames into the spool, whole and durable or not at all. Raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / (name + SUFFIX)
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as file:
            file.write(json.dumps({"node": node, "arrived_ms": arrived_ms}).encode() + b"\n")
            for kind, body in content:
                file.write(FRAME.pack(kind, len(body)) + body)
            file.flush()
            os.fsync(file.fileno())
        os.rename(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(folder)
    return path


def letters(path: Path) -> Iterator[Letter]:
    """What a file of the spool holds. Raises OSError and SpoolError."""
    with path.open("rb") as file:
        try:
            facts = json.loads(file.readline())
            node, arrived_ms = str(facts["node"]), int(facts["arrived_ms"])
            topics = {kind: up(node, word) for kind, word in KINDS.items()}
            if not 0 <= arrived_ms < LATEST_MS:
                raise ValueError(f"nothing arrived at {arrived_ms}")
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise SpoolError(f"its first line: {error}") from error
        for number, (kind, content) in enumerate(frames(file), 1):
            if kind not in topics:
                raise SpoolError(f"a frame of kind {kind!r}")
            yield Letter(Incoming(topics[kind], content, arrived_ms, rescued=True), number, SPOOL)


class SpoolInlet:
    """See `fleet.inlet.Inlet`: letters of another inlet, and those of the spool between them."""

    def __init__(self, inner: Inlet, folder: Path) -> None:
        self.inner, self.folder = inner, folder
        self._path: Path | None = None
        self._letters: Iterator[Letter] = iter(())
        self._handed = self._accepted = self._turn = 0
        self._strays = 0  # letters of a file that was set aside, not accepted yet
        self._ended = self._shut = False
        self._looked_ms: int | None = None

    def start(self) -> None:
        """Lets letters in."""
        self.inner.start()

    def receive(self, timeout_s: float) -> Letter | None:
        """The next letter of either; the spool's come while nothing else does, and now and then."""
        self._turn += 1
        mine = self._next() if self._turn % TURN == 0 else None
        if mine is None:
            mine = self.inner.receive(0 if self._busy() else timeout_s)
        return mine or self._next()

    def _busy(self) -> bool:
        """Whether the spool has something to say; looked at now and then."""
        now = steady_ms()
        if self._path is None and not self._shut and (self._looked_ms is None or now - self._looked_ms >= LOOK_MS):
            self._looked_ms = now
            self._open()
        return self._path is not None and not self._ended

    def _open(self) -> None:
        try:
            waiting = sorted(path for path in self.folder.iterdir() if path.name.endswith(SUFFIX))
        except OSError:
            return
        if waiting:
            self._path, self._letters = waiting[0], letters(waiting[0])
            self._handed = self._accepted = 0
            self._ended = False

    def _next(self) -> Letter | None:
        if self._shut or not self._busy():
            return None
        try:
            letter = next(self._letters, None)
        except (OSError, SpoolError) as error:
            self._set_aside(error)
            return None
        if letter is None:
            self._ended = True
            self._finish()
            return None
        self._handed += 1
        return letter

    def _set_aside(self, error: Exception) -> None:
        assert self._path is not None
        LOG.error("The file %s of the spool cannot be read (%s). It is set aside.", self._path.name, error)
        try:
            os.rename(self._path, self._path.with_suffix(".bad"))
        except OSError:
            LOG.exception("It could not be set aside either.")
        self._strays += self._handed - self._accepted
        self._path = None

    def accept(self, letters: Sequence[Letter]) -> None:
        """These are committed."""
        self.inner.accept([letter for letter in letters if letter.connection != SPOOL])
        mine = sum(letter.connection == SPOOL for letter in letters)
        strays = min(self._strays, mine)  # they were handed out first
        self._strays -= strays
        self._accepted += mine - strays
        self._finish()

    def _finish(self) -> None:
        if self._path is not None and self._ended and self._accepted >= self._handed:
            self._path.unlink(missing_ok=True)
            self._path, self._looked_ms = None, None

    def publish(self, message: Outgoing, qos: int = 1) -> None:
        """Sends a message to a node."""
        self.inner.publish(message, qos)

    def shut(self) -> None:
        """Lets no more letters in; what of the spool is not committed is taken again by the next office."""
        self._shut = True
        self.inner.shut()

    def stop(self) -> None:
        """Leaves."""
        self.inner.stop()
