"""`edge run`: a real node's clock, disk, ports and link, handed to the agent; signals become a Stop."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from drivers.errors import BusFault
from edge.agent import Agent
from edge.asks import Asks
from edge.boardfile import Loaded
from edge.buses.panel import open_panel
from edge.buses.system import system_ports
from edge.clock import SystemClock, chance
from edge.events import Event, Stop
from edge.journal.disk import FolderDisk
from edge.link import Link
from edge.notify import Notify
from edge.office import read_credentials
from edge.wire.messages import Status, to_json
from edge.wiring import Wiring

T = TypeVar("T")
ENDINGS = (signal.SIGTERM, signal.SIGINT)


def run(loaded: Loaded) -> None:
    """Work until SIGTERM or SIGINT. Raises JournalBusy, JournalError; KeyError, ValueError for a stale board."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)  # before any thread begins, so that one alone hears them
    wiring, clock, notify = loaded.wiring, SystemClock(), Notify()
    disk = FolderDisk(Path(wiring.journal.folder))
    link = link_maker(wiring, clock.boot_id) if wiring.office else None
    agent = Agent(wiring, clock, disk, system_ports(), link, chance)
    if loaded.refusal:
        agent.node.refuse_board(loaded.refusal)
    _hear_signals(agent.inbox.put)
    asks = Asks(Path(wiring.journal.folder), agent.inbox.put)
    _try(asks.begin, "The socket for questions cannot be opened")
    panel = _try(lambda: open_panel(wiring, clock, agent.inbox.put), "Lamp and button are not in use")
    if panel is not None and panel.lamp is not None:
        agent.node.add_lamp(panel.lamp)
    agent.start()
    notify(f"READY=1\nSTATUS=node {wiring.node} with {len(wiring.sensors)} sensors")
    agent.run(lambda: notify("WATCHDOG=1"))
    notify("STOPPING=1")
    asks.end()
    agent.finish()
    if panel is not None:
        panel.close()
    disk.close()


def link_maker(wiring: Wiring, boot_id: str) -> Callable[[Callable[[Event], None]], Link]:
    """How the link to the office of this board is made; paho is loaded only then."""
    assert wiring.office is not None
    office = wiring.office

    def make(put: Callable[[Event], None]) -> Link:
        credentials = read_credentials(Path(office.credentials), wiring.node)
        from edge.mqtt import MqttLink

        return MqttLink(wiring.node, office.url, credentials, to_json(Status(wiring.node, False, boot_id)), put)

    return make


def _hear_signals(put: Callable[[Event], None]) -> None:
    def wait() -> None:
        signal.sigwait(ENDINGS)
        put(Stop())

    threading.Thread(target=wait, name="signals", daemon=True).start()


def _try(begin: Callable[[], T], sentence: str) -> T | None:
    try:
        return begin()
    except (OSError, BusFault) as error:
        print(f"{sentence}: {error}. The agent goes on without.", file=sys.stderr)
        return None
