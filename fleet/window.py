"""The office as its page sees it: the `View` of `fleet/web`, over store, registry and what the collector counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drivers.reading import Flag
from edge.wire.messages import CheckResult
from fleet.clock import Clock
from fleet.facts import all_facts
from fleet.health import checks, verdict
from fleet.live import Live
from fleet.registry import Node, Registry, revoked
from fleet.store.answers import Series
from fleet.store.reader import Reader

EMPTY: dict[str, Any] = {"type": "FeatureCollection", "features": []}
DAY_MS = 86_400_000


def flag_words(flags: int) -> str:
    """Flags as words, separated by spaces; "" for none."""
    return " ".join(flag.name.lower() for flag in Flag if flag & flags and flag.name)


class OfficeWindow:
    """See `fleet.web.view.View`. `streets` is a GeoJSON file to draw under the sites."""

    def __init__(
        self, reader: Reader, registry: Registry, live: Live, clock: Clock, streets: Path | None = None,
        office: Callable[[], list[CheckResult]] = list,
    ) -> None:  # fmt: skip
        self.reader, self.registry, self.live, self.clock, self._streets = reader, registry, live, clock, streets
        self._office = office
        self._before = reader.readings_by_node()

    def nodes(self) -> dict[str, Any]:
        """Every node of the registry with its verdict, and the totals."""
        now_ms, rows = self.clock.wall_ms(), self._rows()
        sites, losses = self.registry.nodes(), self.reader.losses()
        names = [site.id for site in sites]
        found = all_facts(self.reader, names, losses, revoked(sites), self.registry.disowned(), now_ms)
        facts = {each.node: each for each in found}
        lines = []
        for site in sites:
            worst = verdict(checks(facts[site.id], now_ms))
            known = {"state": worst.state.value, "reason": worst.reason, "last_ms": facts[site.id].last_ms or None}
            lines.append(_site(site) | known | {"readings": rows.get(site.id, 0)})
        online = sum(facts[site.id].online is True for site in sites)
        totals = {
            "nodes": len(sites),
            "online": online,
            "readings": sum(rows.values()),
            "gaps": len(losses),
        }
        return {"nodes": lines, "totals": totals, "office": _worst(self._office()), "now_ms": now_ms}

    def _rows(self) -> dict[str, int]:
        since = {name: node["rows"] for name, node in self.live.snapshot()["nodes"].items()}
        return {name: self._before.get(name, 0) + since.get(name, 0) for name in self._before.keys() | since.keys()}

    def series(self, node: str) -> list[dict[str, Any]]:
        """The series of one node."""
        return [_series(each) for each in self.reader.series(node)]

    def points(self, series: int, from_ms: int | None, to_ms: int | None, points: int) -> dict[str, list[Any]]:
        """The last day unless told otherwise, from its first reading on."""
        until = self.clock.wall_ms() + 1 if to_ms is None else to_ms
        since = self.reader.first_ms(series, until - DAY_MS if from_ms is None else from_ms)
        found = self.reader.points(series, since, until, points)
        return {"t_ms": [point.t_ms for point in found], "values": [point.value for point in found]}

    def streets(self) -> dict[str, Any]:
        """What was given to draw under the sites."""
        if self._streets is None or not self._streets.is_file():
            return EMPTY
        found: dict[str, Any] = json.loads(self._streets.read_text())
        return found

    def marker(self) -> int:
        """Grows with everything that comes in."""
        return self.live.version


def _worst(found: list[CheckResult]) -> dict[str, str] | None:
    if not found:
        return None
    worst = verdict(found)
    return {"state": worst.state.value, "check": worst.name, "reason": worst.reason, "remedy": worst.remedy}


def _site(node: Node) -> dict[str, Any]:
    return {"id": node.id, "site": node.site, "latitude": node.lat, "longitude": node.lon}


def _series(series: Series) -> dict[str, Any]:
    name = f"{series.quantity}.{series.channel}" if series.channel else series.quantity
    return {"id": series.id, "name": name, "sensor": series.sensor, "quantity": series.quantity,
            "channel": series.channel, "unit": series.unit, "decimals": series.decimals, "last_ms": series.last_ms,
            "doubtful": bool(series.last_flags), "flags": flag_words(series.last_flags)}  # fmt: skip
