"""`edge enrol` as a child of the agent: started, listened to by a thread of its own, and ended when it takes too long.

The agent waits for nothing here. The child hears signals although the agent's threads do not, so that it ends with it;
it says one line of JSON, whatever else it may say is nobody's business, for it might hold what should not be told.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edge.events import Claimed
from edge.wire.messages import MessageError, from_json

LONGEST_S = 180.0
PIECE = 4096
LARGEST = 64 * 1024
REMEDY = "Run it by hand: edge enrol"
Told = Callable[[Claimed], None]
HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE)


class Child:
    """One attempt at a time; `told` is called from another thread."""

    def __init__(self, node: str, credentials: Path, journal: Path, longest_s: float = LONGEST_S) -> None:
        self._words = [sys.executable, "-m", "edge.enrolling", node, str(credentials), "--journal", str(journal)]
        self._longest_s = longest_s
        self._lock, self._pid = threading.Lock(), 0

    def start(self, again: bool, told: Told) -> None:
        """Ask; the answer comes by `told`, exactly once."""
        words = [*self._words, *(["--again"] if again else [])]
        try:
            mouth, ear = os.pipe()
            try:
                pid = _spawn(words, ear)
            finally:
                os.close(ear)
        except OSError as error:
            told(Claimed("failed", "start", f"edge enrol could not be started: {error.strerror}.", REMEDY))
            return
        with self._lock:
            self._pid = pid
        threading.Thread(target=self._listen, args=(pid, mouth, told), name="enrol", daemon=True).start()

    def stop(self) -> None:
        """End the one that is at work, if one is."""
        with self._lock:
            if self._pid:
                os.kill(self._pid, signal.SIGKILL)

    def _listen(self, pid: int, mouth: int, told: Told) -> None:
        said, late = _said(mouth, self._longest_s)
        os.close(mouth)
        if late:
            self.stop()
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # its number stays its own until nobody can kill it
        with self._lock:
            self._pid = 0
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
        told(_meant(said, late))


def _spawn(words: list[str], ear: int) -> int:
    """The child's pid; it says into `ear`. Raises OSError."""
    nowhere = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    silent = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
    actions = [nowhere, silent, (os.POSIX_SPAWN_DUP2, ear, 1)]
    return os.posix_spawn(words[0], words, os.environ, file_actions=actions, setsigmask=(), setsigdef=HEARD)


def _said(mouth: int, longest_s: float) -> tuple[bytes, bool]:
    """What it said until it was silent for good; whether that took too long."""
    said, poll = b"", select.poll()
    poll.register(mouth, select.POLLIN | select.POLLHUP)
    while True:
        if not poll.poll(longest_s * 1_000):
            return said, True
        piece = os.read(mouth, PIECE)
        if not piece:
            return said, False
        said += piece
        if len(said) > LARGEST:
            return said, True


def _meant(said: bytes, late: bool) -> Claimed:
    lines = said.splitlines()
    with suppress(MessageError):
        if lines and not late:
            return from_json(Claimed, lines[-1])
    what = "edge enrol took too long and was ended." if late else "edge enrol ended without an answer."
    return Claimed("unreachable" if late else "failed", "child", what, REMEDY)
