"""Who lives on a lamppost of the street: a node in a process of its own, or, where it is crowded, in a thread.

Up to fifty nodes each agent is a process: a fault hits it as it would hit outside, with SIGKILL and without goodbye.
A larger street lives in one process; its nodes are the same, but cannot be killed one by one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

from fleet import tether
from simulators.node import Place, SimulatedNode

FEEL_IN_CROWD_S = 1.0


class Resident:
    """One node of the street: its folder, its place, and how often it was killed."""

    def __init__(self, name: str, folder: Path, place: Place) -> None:
        self.name, self.folder, self.place = name, folder, place
        self.deaths = 0

    def start(self) -> None:
        """Begin a run."""
        self.place = replace(self.place, run=self.place.run + 1)
        self.place.write(self.folder)
        self._move_in()

    def _move_in(self) -> None:
        raise NotImplementedError

    @property
    def alive(self) -> bool:
        raise NotImplementedError

    def kill(self) -> None:
        """End it without a word, if that can be done."""
        raise NotImplementedError

    def ask_to_stop(self) -> None:
        """Let it commit, be acknowledged, and end."""
        raise NotImplementedError

    def ended_within(self, timeout_s: float) -> bool:
        """Waits so long at most; whether it has ended."""
        raise NotImplementedError


class Householder(Resident):
    """A node in a process of its own, which ends with the street. What it says stands in `agent.log`."""

    module = "simulators.node"
    process: subprocess.Popen[bytes] | None = None

    def _move_in(self) -> None:
        with (self.folder / "agent.log").open("ab") as log:
            tethered = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
            command = [*tethered, sys.executable, "-m", self.module, str(self.folder)]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        if self.process is not None and self.alive:
            self.deaths += 1
            self.process.kill()
            self.process.wait()

    def ask_to_stop(self) -> None:
        if self.process is not None and self.alive:
            self.process.terminate()

    def ended_within(self, timeout_s: float) -> bool:
        try:
            return self.process is None or self.process.wait(timeout_s) is not None
        except subprocess.TimeoutExpired:
            return False


class Lodger(Resident):
    """A node in a thread of the street."""

    node: SimulatedNode | None = None
    thread: threading.Thread | None = None

    def _move_in(self) -> None:
        self.node = SimulatedNode(self.folder, FEEL_IN_CROWD_S)
        self.thread = threading.Thread(target=self.node.run, name=self.name, daemon=True)
        self.thread.start()

    @property
    def alive(self) -> bool:
        return self.thread is not None and self.thread.is_alive()

    def kill(self) -> None:
        """A thread cannot be killed: it is told to stop, and left behind when it does not."""
        self.ask_to_stop()

    def ask_to_stop(self) -> None:
        if self.node is not None:
            self.node.stopping = True

    def ended_within(self, timeout_s: float) -> bool:
        if self.thread is not None:
            self.thread.join(timeout_s)
        return not self.alive
