"""What the page may see of the office: a narrow door, so that the page can be drawn from any store.

Plain dictionaries and lists, ready for JSON; times in Unix ms, values in house units.
"""

from __future__ import annotations

from typing import Any, Protocol


class View(Protocol):
    """The office as the page asks it. Every method may be called from any thread."""

    def nodes(self) -> dict[str, Any]:
        """`nodes`: id, site, latitude, longitude, state, reason, last_ms, readings; `totals`: nodes, online, readings,
        gaps; `office`: state, check, reason, remedy of what ails the office itself most, or None; `now_ms`: its clock.
        """
        ...

    def series(self, node: str) -> list[dict[str, Any]]:
        """Of one node: id, name, sensor, quantity, channel, unit, decimals, last_ms, doubtful, flags."""
        ...

    def points(self, series: int, from_ms: int | None, to_ms: int | None, points: int) -> dict[str, list[Any]]:
        """`t_ms`, `values` of a series in order, at most so many: means of equal stretches where there are more."""
        ...

    def streets(self) -> dict[str, Any]:
        """A GeoJSON FeatureCollection under the sites; empty when nobody gave one."""
        ...

    def marker(self) -> int:
        """A number that grows when something came in."""
        ...
