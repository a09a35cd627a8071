"""Gathers what the checks want to know of nodes from the store: a handful of questions, however many nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from edge.wire.clocks import AHEAD_MS
from edge.wire.messages import CheckResult, State
from fleet.health import AFTERMATH_MS, CLONED_MS, NodeFacts, SensorFacts
from fleet.store.answers import Loss, NodeLine, Series, Unread
from fleet.store.losses import COPIED, TWICE
from fleet.store.reader import Reader

STATES = {state.value: state for state in State}
LONGEST_PUBLISH_MS = 3_600_000  # as long as a board may say; who claims more is missed all the same
NOBODY: Mapping[str, int] = MappingProxyType({})
FOREVER = 1 << 61
YEAR_2000_MS = 946_684_800_000  # what is dated before is not dated yet


class OfNode(Protocol):
    """An answer that names its node."""

    @property
    def node(self) -> str: ...


Answer = TypeVar("Answer", bound=OfNode)


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of some nodes, by name."""

    lines: dict[str, NodeLine]
    series: dict[str, list[Series]]
    clocks: dict[str, int]
    undated: dict[str, int]
    waiting: dict[str, int]
    losses: dict[str, list[Loss]]
    unread: dict[str, Unread]
    clones: dict[str, int]
    ahead: dict[str, int]


def all_facts(
    reader: Reader, wanted: Sequence[str], losses: Sequence[Loss] | None = None, revoked: Collection[str] = (),
    disowned: Mapping[str, int] = NOBODY, now_ms: int = FOREVER,
) -> list[NodeFacts]:  # fmt: skip
    """Facts of the named nodes, heard or not, in that order, at `now_ms` (Unix ms). `losses`: where they were asked for
    already; `disowned`: when (Unix ms) nodes lost their keys, by which whoever had a copy is out."""
    known = _ask(reader, wanted[0] if len(wanted) == 1 else None, losses, now_ms + AHEAD_MS)
    for node, at_ms in disowned.items():
        if at_ms - CLONED_MS < known.clones.get(node, 0) < at_ms + AFTERMATH_MS:
            known.clones.pop(node, None)
    found = [_facts(known, known.lines[node]) if node in known.lines else NodeFacts(node) for node in wanted]
    return [replace(facts, revoked=True) if facts.node in revoked else facts for facts in found]


def _ask(reader: Reader, node: str | None, losses: Sequence[Loss] | None, until_ms: int) -> Known:
    return Known(
        {line.node: line for line in reader.nodes(node)},
        _by_node(reader.series(node, until_ms)),
        reader.newest_clocks(node),
        reader.undated_readings(node),
        reader.waiting_records(node),
        _by_node(reader.losses(node) if losses is None else losses),
        reader.unread(node),
        reader.clones(),
        reader.ahead_readings(until_ms),
    )


def _by_node(answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        found[answer.node].append(answer)
    return found


def _facts(known: Known, line: NodeLine) -> NodeFacts:
    node = line.node
    missing, unread = known.losses.get(node, []), known.unread.get(node, Unread())
    return NodeFacts(
        node,
        line.online,
        line.last_ms,
        _sensors(line, known.series.get(node, [])),
        known.clocks.get(node),
        known.undated.get(node, 0),
        known.waiting.get(node, 0),
        sum(loss.records for loss in missing),
        sum(loss.readings or 0 for loss in missing),
        "; ".join(dict.fromkeys(loss.why for loss in missing)),
        next((loss.why for loss in missing if loss.why in (COPIED, TWICE)), ""),
        unread.raw,
        unread.quarantined,
        unread.refused,
        _own(line.health),
        min(int((line.hello or {}).get("publish_ms", 0)), LONGEST_PUBLISH_MS),
        line.since_ms,
        cloned_ms=known.clones.get(node, 0),
        ahead=known.ahead.get(node, 0),
    )


def _sensors(line: NodeLine, series: Sequence[Series]) -> list[SensorFacts]:
    """Every sensor that the node announced or that readings came of."""
    announced = [str(sensor["name"]) for sensor in (line.hello or {}).get("sensors", [])]
    delivered: dict[str, list[Series]] = {name: [] for name in announced}
    for each in series:
        delivered.setdefault(each.sensor, []).append(each)
    return [_sensor(name, some) for name, some in delivered.items()]


def _sensor(name: str, series: Sequence[Series]) -> SensorFacts:
    dated = [each for each in series if each.last_ms is not None]
    if not dated:
        return SensorFacts(name, None, None)
    newest = max(dated, key=lambda each: each.last_ms or 0)
    last = newest.last_ms if (newest.last_ms or 0) > YEAR_2000_MS else -1
    return SensorFacts(name, last, newest.interval_ms, newest.last_flags)


def _own(health: dict[str, Any] | None) -> list[CheckResult]:
    found = (health or {}).get("checks", [])
    return [CheckResult(c["name"], STATES[c["state"]], c.get("reason", ""), c.get("remedy", "")) for c in found]
