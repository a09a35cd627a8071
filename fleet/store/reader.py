"""The store's window: what the rest of the office may ask of it, whatever kind of store stands behind.

Whoever shows or judges leans on this and on `answers`, never on a table. Questions about nodes are asked of one, or
of all at once: a page about a thousand nodes must not ask a thousand times.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from fleet.store.answers import GapLine, Loss, NodeLine, Point, ReadingLine, Series, Unread


class Reader(Protocol):
    """Questions to the store. Unix ms; `node` None means all. Any thread may ask."""

    def nodes(self, node: str | None = None) -> list[NodeLine]:
        """Nodes that were heard, by name."""

    def series(self, node: str | None = None, until_ms: int = ...) -> list[Series]:
        """Series with their newest reading, one of `until_ms` at the latest where there is such a one, in order of
        node, sensor, quantity and channel."""

    def ahead_readings(self, after_ms: int) -> dict[str, int]:
        """How many readings of each node are dated later than that."""

    def newest_clocks(self, node: str | None = None) -> dict[str, int]:
        """The clock quality that dates the newest record of each node."""

    def waiting_records(self, node: str | None = None) -> dict[str, int]:
        """Records that are known to be in each node's journal and have not come."""

    def undated_readings(self, node: str | None = None) -> dict[str, int]:
        """Readings of each node whose boot has no known clock yet."""

    def unread(self, node: str | None = None) -> dict[str, Unread]:
        """What of each node cannot be read."""

    def clones(self) -> dict[str, int]:
        """The nodes in whose name two speak, and when that was seen last (Unix ms)."""

    def losses(self, node: str | None = None) -> list[Loss]:
        """What is missing, and why."""

    def gaps(self, node: str | None = None, everything: bool = False) -> list[GapLine]:
        """What is missing, and between which moments; with `everything` also what arrived or was never given out."""

    def first_ms(self, series: int, from_ms: int) -> int:
        """The time of a series' first reading in or after `from_ms`, else `from_ms`."""

    def points(self, series: int, from_ms: int, to_ms: int, most: int = 500) -> list[Point]:
        """Readings of a series in [from_ms, to_ms), thinned to at most `most` points."""

    def tail(self, node: str | None = None, most: int = 20, after_row: int | None = None) -> list[ReadingLine]:
        """The readings that arrived last, oldest first; with `after_row` the first ones since."""

    def newest_row(self) -> int:
        """The number of the reading that arrived last; 0 while there is none."""

    def export(
        self, node: str | None = None, quantity: str | None = None, from_ms: int | None = None, to_ms: int | None = None
    ) -> Iterator[ReadingLine]:
        """All readings in [from_ms, to_ms), series by series, each in order of time."""

    def readings_by_node(self) -> dict[str, int]:
        """Stored readings of each node."""

    def duplicated_rows(self) -> int:
        """How many rows say again what another row says."""
