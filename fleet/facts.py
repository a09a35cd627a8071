"""Gathers what the checks want to know of a node from store and registry."""

from __future__ import annotations

from typing import Any

from edge.wire.messages import CheckResult, State
from fleet.health import NodeFacts, SensorFacts
from fleet.store.losses import Loss, losses
from fleet.store.read import NodeLine, Series, StoreReader
from fleet.store.store import State as Fate

YEAR_2000_MS = 946_684_800_000  # what is dated before is not dated yet


def all_facts(reader: StoreReader, wanted: list[str]) -> list[NodeFacts]:
    """Facts of the named nodes, heard or not, in that order."""
    heard = {line.node: line for line in reader.nodes()}
    return [node_facts(reader, heard[node]) if node in heard else NodeFacts(node) for node in wanted]


def node_facts(reader: StoreReader, line: NodeLine) -> NodeFacts:
    """Facts of one node that the store has heard of."""
    missing = losses(reader, line.node)
    return NodeFacts(
        line.node,
        line.online,
        line.last_ms,
        sensors(reader, line),
        reader.newest_clock(line.node),
        reader.undated_readings(line.node),
        reader.waiting_records(line.node),
        sum(loss.last - loss.first + 1 for loss in missing),
        sum(loss.readings or 0 for loss in missing),
        _why(missing),
        reader.records_in(Fate.RAW, line.node),
        reader.records_in(Fate.QUARANTINED, line.node),
        _own(line.health),
    )


def sensors(reader: StoreReader, line: NodeLine) -> list[SensorFacts]:
    """Every sensor that the node announced or that readings came of."""
    announced = [str(sensor["name"]) for sensor in (line.hello or {}).get("sensors", [])]
    series = reader.series(line.node)
    names = dict.fromkeys([*announced, *(each.sensor for each in series)])
    return [_sensor(reader, name, [each for each in series if each.sensor == name]) for name in names]


def _sensor(reader: StoreReader, name: str, series: list[Series]) -> SensorFacts:
    dated = [each for each in series if each.last_ms is not None]
    if not dated:
        return SensorFacts(name, None, None)
    newest = max(dated, key=lambda each: each.last_ms or 0)
    last = newest.last_ms if (newest.last_ms or 0) > YEAR_2000_MS else -1
    return SensorFacts(name, last, reader.interval(newest.id), newest.last_flags)


def _why(missing: list[Loss]) -> str:
    return "; ".join(dict.fromkeys(loss.why for loss in missing))


def _own(health: dict[str, Any] | None) -> list[CheckResult]:
    found = (health or {}).get("checks", [])
    return [CheckResult(c["name"], State(c["state"]), c.get("reason", ""), c.get("remedy", "")) for c in found]
