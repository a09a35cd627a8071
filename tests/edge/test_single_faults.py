"""Every call of the agent to disk, network and bus failed once: nothing lost, no busy loop, well again in a minute."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from tests.edge.failing import ERRNOS, Fault
from tests.edge.faulty import Node

pytestmark = pytest.mark.once


@cache
def healthy(fresh: bool) -> dict[str, int]:
    """How many calls there are of each kind in a life without a fault."""
    node = Node()
    node.run(fresh)
    settled(node)
    return dict(node.calls.counts)


def settled(node: Node) -> None:
    """What was sampled is journalled, and what is journalled is in the office, each once."""
    delivered = node.calls.failed_ms is not None or node.calls.fault is None
    node.end()
    assert node.calls.fault is None or node.calls.failed_ms is not None, "the life without a fault had this call"
    journal = node.agent.node.commits.journal
    assert journal is not None
    counts = node.agent.node.counters()
    assert (counts["lost"], counts["refused"], counts["events_lost"]) == (0, 0, 0)
    assert journal.total_readings == node.sampled
    epochs = {epoch for epoch, _ in node.office.records}
    assert epochs == {journal.epoch}, "the journal that was there goes on"
    assert not any(readings for _, readings in node.office.gaps.values())
    assert node.office.readings() == node.sampled or not delivered, "what is in the journal comes with the next life"


def judge(fault: Fault) -> None:
    node = Node(fault)
    node.run(fault.fresh)
    settled(node)


def cases(every: bool) -> Iterator[Fault]:
    for fresh in (False, True):
        for kind, count in healthy(fresh).items():
            last = count - 1
            for nth in range(count) if every else sorted({0, last // 2, last}):
                for number in ERRNOS[kind] if every else ERRNOS[kind][nth % len(ERRNOS[kind]) :][:1]:
                    if every or not fresh or kind.startswith("disk"):
                        yield Fault(kind, nth, number, fresh)


def test_a_life_without_a_fault_makes_every_kind_of_call() -> None:
    made = {*healthy(fresh=False), *healthy(fresh=True)}
    assert made == set(ERRNOS) - {"disk.remove", "disk.set_aside"}, "of these there is none in a sound life"


def test_each_kind_of_call_failed_at_the_beginning_in_the_middle_and_at_the_end() -> None:
    broken = _broken(cases(every=False))
    assert not broken, "\n".join(broken)


@pytest.mark.deep
@pytest.mark.parametrize("kind", sorted(ERRNOS))
def test_each_call_failed_with_each_errno(kind: str) -> None:
    broken = _broken(fault for fault in cases(every=True) if fault.kind == kind)
    assert not broken, "\n".join(broken)


def _broken(faults: Iterator[Fault]) -> list[str]:
    found = []
    for fault in faults:
        try:
            judge(fault)
        except (AssertionError, OSError) as error:
            found.append(f"{fault}: {type(error).__name__} {str(error).splitlines()[0] if str(error) else ''}")
    return found
