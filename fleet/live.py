"""What the office saw since it started, for whoever watches: counted in passing, never read back from the store."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
    connected: bool = False
    version: int = 0
    nodes: dict[str, NodeNow] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def heard(self, node: str, arrived_ms: int, online: bool | None = None) -> None:
        """Something arrived from a node; `online` when it was its status."""
        with self.lock:
            now = self.nodes.setdefault(node, NodeNow())
            now.last_ms = max(now.last_ms, arrived_ms)
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
            self.version += 1

    def link(self, connected: bool, session_lost: bool = False) -> None:
        """The collector's own connection came or went."""
        with self.lock:
            self.connected = connected
            self.sessions_lost += session_lost
            self.version += 1

    def snapshot(self) -> dict[str, Any]:
        """`{"rows", "nodes": {id: {"online", "rows", "last_ms"}}, …}`, ready for JSON."""
        with self.lock:
            nodes = {name: {"online": n.online, "rows": n.rows, "last_ms": n.last_ms} for name, n in self.nodes.items()}
            return {"rows": self.rows, "duplicates": self.duplicates, "quarantined": self.quarantined,
                    "sessions_lost": self.sessions_lost, "connected": self.connected, "nodes": nodes}  # fmt: skip
