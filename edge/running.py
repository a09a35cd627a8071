"""`edge run`: a real node's clock, disk, ports and link, handed to the agent; signals become a Stop.

It says on stderr what it works with, what turns bad and what recovers, and at the end what could not be kept.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from drivers.errors import BusFault
from edge.agent import Agent
from edge.asks import Asks
from edge.boardfile import Loaded
from edge.buses.panel import open_panel
from edge.buses.system import system_ports
from edge.clock import Clock, SystemClock, chance
from edge.crier import Crier, plain
from edge.events import Event, Stop
from edge.journal.disk import FolderDisk
from edge.node import Node
from edge.notify import Notify
from edge.trouble import OK, WRONG
from edge.way import link_maker
from edge.wiring import Wiring

T = TypeVar("T")
ENDINGS = (signal.SIGTERM, signal.SIGINT)
LOOK_MS = 5_000  # how often the checks are looked at for something to say


def run(loaded: Loaded, board: Path) -> int:
    """Work until SIGTERM or SIGINT; the exit code. Raises JournalBusy, JournalError; KeyError, ValueError for a stale
    board."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)  # before any thread begins, so that one alone hears them
    wiring, clock, notify = loaded.wiring, SystemClock(), Notify()
    disk = FolderDisk(Path(wiring.journal.folder))
    link = link_maker(wiring, clock.boot_id, chance, now_ms=clock.boot_ms()) if wiring.office else None
    agent = Agent(wiring, clock, disk, system_ports(wiring.buses), link, chance)
    if loaded.refusal:
        agent.node.refuse_board(loaded.refusal)
    _hear_signals(agent.inbox.put)
    door = Door(Asks(Path(wiring.journal.folder), agent.inbox.put))
    door.open()
    panel = _try(lambda: open_panel(wiring, clock, agent.inbox.put), "Lamp and button are not in use")
    if panel is not None and panel.lamp is not None:
        agent.node.add_lamp(panel.lamp)
    agent.start()
    say(introduction(wiring, board))
    notify(f"READY=1\nSTATUS=node {wiring.node} with {len(wiring.sensors)} sensors")
    agent.run(Watch(agent.node, clock, notify, door.open).look)
    notify("STOPPING=1")
    door.close()
    agent.finish()
    if panel is not None:
        panel.close()
    disk.close()
    return farewell(agent.node)


class Door:
    """The socket for questions, which lies beside the journal: a disk that refuses it is tried again now and then."""

    def __init__(self, asks: Asks) -> None:
        self._asks, self._said, self._is_open = asks, False, False

    def open(self) -> None:
        """Unless it is; that it cannot be is said once."""
        if self._is_open:
            return
        try:
            self._asks.begin()
        except OSError as error:
            if not self._said:
                say(f"The folder takes no socket for questions: {error}. The agent goes on, and tries again.")
            self._said = True
        else:
            self._is_open = True

    def close(self) -> None:
        with suppress(OSError):
            self._asks.end()


class Watch:
    """Tells systemd that the agent lives; looks at the checks now and then, and says what is new; does `again` what may
    have failed before."""

    def __init__(self, node: Node, clock: Clock, notify: Notify, again: Callable[[], None]) -> None:
        self._node, self._clock, self._notify, self._again, self._crier = node, clock, notify, again, Crier()
        self._look_ms = 0

    def look(self) -> None:
        self._notify("WATCHDOG=1")
        now_ms = self._clock.boot_ms()
        if now_ms >= self._look_ms:
            self._look_ms = now_ms + LOOK_MS
            self._again()
            for line in self._crier.hear(self._node.health(now_ms).checks, now_ms):
                say(line)


def introduction(wiring: Wiring, board: Path) -> str:
    """The board and its sensors in one line."""
    sensors = ", ".join(f"{plan.name} ({plan.driver} at {plan.bus})" for plan in wiring.sensors) or "none"
    office = wiring.office.url if wiring.office else "none"
    return f"node {wiring.node} runs {board}; office: {office}; journal: {wiring.journal.folder}; sensors: {sensors}"


def farewell(node: Node) -> int:
    """The exit code, after a word on readings that the journal did not take."""
    waiting, trouble = node.commits.waiting, node.commits.trouble
    if not waiting:
        return OK
    why, remedy = (trouble.what, trouble.remedy) if trouble else ("The journal did not take them.", "")
    lost = "1 reading that was" if waiting == 1 else f"{waiting} readings that were"
    say(f"Lost: {lost} only in memory. {why} What the journal took is kept. {remedy}")
    return WRONG


def say(line: str) -> None:
    """One line on stderr; that nobody listens is no reason to stop."""
    with suppress(OSError, ValueError):
        print(plain(line), file=sys.stderr, flush=True)


def _hear_signals(put: Callable[[Event], None]) -> None:
    def wait() -> None:
        signal.sigwait(ENDINGS)
        put(Stop())

    threading.Thread(target=wait, name="signals", daemon=True).start()


def _try(begin: Callable[[], T], sentence: str) -> T | None:
    try:
        return begin()
    except (OSError, BusFault) as error:
        say(f"{sentence}: {error}. The agent goes on without.")
        return None
