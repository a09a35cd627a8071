"""What the office saw since it started, for whoever watches: counted in passing, never read back from the store.

Times of the office's own doings are the machine's, even where the street's time runs faster: they are for judging
whether the office itself is well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.wire.clocks import AHEAD_MS
from fleet.clock import SystemClock

LONGEST_FAULT = 500  # characters


@dataclass(slots=True)
class NodeNow:
    """A node as the collector last heard it. Times are Unix ms; `online` is None until its status was heard."""

    online: bool | None = None
    rows: int = 0
    last_ms: int = 0


@dataclass(slots=True)
class Live:
    """Counters that any thread may read; the collector writes. `version` grows with every change."""

    rows: int = 0
    duplicates: int = 0
    quarantined: int = 0
    sessions_lost: int = 0
    session_lost_ms: int = 0
    connected: bool = False
    subscribed: bool = False
    refusal: str = ""
    turned_ms: int = 0
    committed_ms: int = 0
    fault: str = ""
    fault_ms: int = 0  # since when
    unkept: int = 0
    version: int = 0
    now_ms: Callable[[], int] = SystemClock().wall_ms
    nodes: dict[str, NodeNow] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def heard(self, node: str, arrived_ms: int, online: bool | None = None) -> None:
        """Something arrived from a node; `online` when it was its status."""
        with self.lock:
            now = self.nodes.setdefault(node, NodeNow())
            was_ahead = 0 < arrived_ms < now.last_ms - AHEAD_MS  # our clock, and was set right since
            now.last_ms = arrived_ms if was_ahead else max(now.last_ms, arrived_ms)
            now.online = online if online is not None else now.online
            self.version += 1

    def stored(self, rows: Mapping[str, int], duplicates: int = 0, quarantined: int = 0) -> None:
        """A commit returned."""
        with self.lock:
            for node, count in rows.items():
                self.nodes.setdefault(node, NodeNow()).rows += count
                self.rows += count
            self.duplicates += duplicates
            self.quarantined += quarantined
            self.committed_ms, self.fault, self.fault_ms = self.now_ms(), "", 0
            self.version += 1

    def link(self, connected: bool, session_lost: bool = False) -> None:
        """The collector's own connection came or went; it hears nothing until a subscription is granted."""
        with self.lock:
            self.connected, self.subscribed = connected, False
            if session_lost:
                self.sessions_lost += 1
                self.session_lost_ms = self.now_ms()
            self.version += 1

    def granted(self) -> None:
        """The broker granted the collector's subscription."""
        with self.lock:
            self.subscribed, self.refusal = True, ""
            self.version += 1

    def refused(self, why: str) -> None:
        """The broker refused the collector its connection or its subscription."""
        with self.lock:
            self.subscribed, self.refusal = False, why
            self.version += 1

    def turned(self) -> None:
        """The collector's thread is at work, or waits for letters."""
        self.turned_ms = self.now_ms()

    def failed(self, fault: str) -> None:
        """The store took nothing, or the collector met what it did not expect; it goes on."""
        with self.lock:
            self.fault = fault.encode(errors="replace").decode()[:LONGEST_FAULT]
            self.fault_ms = self.fault_ms or self.now_ms()
            self.version += 1

    def unkeepable(self) -> None:
        """A message could be neither stored nor set aside."""
        with self.lock:
            self.unkept += 1
            self.version += 1

    def snapshot(self) -> dict[str, Any]:
        """`{"rows", "nodes": {id: {"online", "rows", "last_ms"}}, …}`, ready for JSON."""
        with self.lock:
            nodes = {name: {"online": n.online, "rows": n.rows, "last_ms": n.last_ms} for name, n in self.nodes.items()}
            return {"rows": self.rows, "duplicates": self.duplicates, "quarantined": self.quarantined,
                    "sessions_lost": self.sessions_lost, "connected": self.connected, "nodes": nodes}  # fmt: skip
