"""Troubles on a timetable: what befalls a street, and when.

`broker-kill@20s` kills the broker 20 s after the start and has it back 10 s later; `node-kill:pole-003@30s+5s` kills
that node's agent and starts it again after 5 s. Without a name the script takes the nodes in turn. Killing is SIGKILL:
nobody gets to say goodbye.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from edge.amounts import milliseconds

KINDS = {"broker-kill": 10_000, "node-kill": 3_000}  # and how long the victim stays down, simulated ms
FORM = re.compile(r"(?P<kind>[a-z-]+)(?::(?P<target>[a-z0-9-]+))?@(?P<at>[^+]+)(?:\+(?P<down>.+))?")


@dataclass(frozen=True, slots=True, order=True)
class Mishap:
    """One trouble; simulated ms since the start of the street."""

    at_ms: int
    kind: str
    target: str = ""
    down_ms: int = 0


def mishap(text: str) -> Mishap:
    """Reads `kind[:node]@time[+downtime]`. Raises ValueError saying what is allowed."""
    found = FORM.fullmatch(text)
    if found is None or found["kind"] not in KINDS:
        raise ValueError(f"{text!r} is no fault: write {' or '.join(KINDS)}, then @ and a time, as in broker-kill@20s")
    if found["target"] and found["kind"] != "node-kill":
        raise ValueError(f"{text!r}: only node-kill takes the name of a node")
    try:
        down = milliseconds(found["down"]) if found["down"] else KINDS[found["kind"]]
        return Mishap(milliseconds(found["at"]), found["kind"], found["target"] or "", down)
    except ValueError as error:
        raise ValueError(f"{text!r}: the time {error}") from None


def timetable(mishaps: Iterable[Mishap], nodes: list[str]) -> list[Mishap]:
    """In the order of time, each node-kill with the node that it meets. Raises ValueError for a node not there."""
    planned = []
    for number, each in enumerate(sorted(mishaps)):
        target = each.target or (nodes[number % len(nodes)] if each.kind == "node-kill" else "")
        if each.kind == "node-kill" and target not in nodes:
            raise ValueError(f"there is no node {target}: they are {nodes[0]} to {nodes[-1]}")
        planned.append(Mishap(each.at_ms, each.kind, target, each.down_ms))
    return planned
