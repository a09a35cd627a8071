"""Watching a street from the terminal: a live table on stderr, or a line now and then where there is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from simulators.street import Plan, Street

EVERY_MS = 1_000
SAY_EVERY_MS = 5_000
MOST_ROWS = 30
COLOURS = {"good": "green", "bad": "red", "unknown": "bright_black"}


class Watch:
    """Says what happens; `quiet` shows no table even on a terminal."""

    def __init__(self, plan: Plan, quiet: bool) -> None:
        self.plan = plan
        self.console = Console(file=sys.stderr, highlight=False)
        self.tabled = self.console.is_terminal and not quiet
        self._street: Street | None = None
        self._live: Live | None = None
        self._news: list[str] = []
        self._looked_ms = 0

    def say(self, words: str) -> None:
        """One line of news."""
        self._news = [*self._news[-3:], words]
        if self._live is None:
            self.console.print(words)

    @contextmanager
    def over(self, street: Street) -> Iterator[None]:
        """While the street lives."""
        self._street = street
        if street.office.page:
            self.say(f"Look at it: {street.office.page}" + ("" if self.plan.seconds else "   (Ctrl-C ends it)"))
        if not self.tabled:
            yield
            return
        with Live(console=self.console, refresh_per_second=4, transient=True) as self._live:
            yield
        self._live = None

    def look(self) -> None:
        """Called often; looks seldom."""
        street = self._street
        every = EVERY_MS if self.tabled else SAY_EVERY_MS
        if street is None or street.lived_ms - self._looked_ms < every * self.plan.speed:
            return
        self._looked_ms = street.lived_ms
        if self._live is not None:
            self._live.update(self._table(street))
        else:
            self.say(self._line(street))

    def _line(self, street: Street) -> str:
        seen = street.office.live.snapshot()
        online = sum(bool(node["online"]) for node in seen["nodes"].values())
        of = f" of {self.plan.seconds:g}" if self.plan.seconds else ""
        return f"{self._looked_ms / 1_000:.0f}{of} s: {online} nodes online, {seen['rows']:,} readings stored."

    def _table(self, street: Street) -> Group:
        table = Table("state", "node", "site", "readings", "why", box=None, pad_edge=False, header_style="bold")
        table.columns[3].justify = "right"
        nodes: list[dict[str, Any]] = street.office.window.nodes()["nodes"]
        for node in nodes[:MOST_ROWS]:
            state = Text(node["state"], style=COLOURS[node["state"]])
            table.add_row(state, node["id"], node["site"], f"{node['readings']:,}", node["reason"])
        more = f"and {len(nodes) - MOST_ROWS} more" if len(nodes) > MOST_ROWS else ""
        words = [Text(line, style="bright_black") for line in (more, *self._news) if line]
        return Group(table, Text(self._line(street)), *words)
