"""A story, told from its beginning to its end: the street, the office, what befalls them, the quiet after it, and
whether the promises held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.story.broker import Broker
from simulators.story.fate import Fate
from simulators.story.office import Office
from simulators.story.plan import MINUTE, START_MS, Plan
from simulators.story.pole import Pole
from simulators.story.stacks import StoreView
from simulators.story.timeline import Timeline, Word
from simulators.story.troubles import Trouble
from simulators.story.verdict import judge, told

QUIET_MS = 15 * MINUTE  # all is well again and the street goes on, before it is asked to end
PATIENCE_MS = 45 * MINUTE
LOOK_MS = 5_000
CAP_MS = 300_000  # between two knocks of a node there is at most so long, and not much less on average
MOST_KNOCKS = 16  # of one node within that time


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a story."""

    plan: Plan
    troubles: Sequence[Trouble]
    trace_hash: str
    counts: dict[str, int]
    invariants: dict[str, str]
    tail: Sequence[tuple[Word, ...]]

    @property
    def ok(self) -> bool:
        """Whether every invariant held."""
        return all(verdict == "holds" for verdict in self.invariants.values())

    def tree(self) -> dict[str, Any]:
        """As `sim story -o json` prints it."""
        return {"seed": self.plan.seed, "nodes": self.plan.nodes, "days": self.plan.days,
                "trace_hash": self.trace_hash, "counts": self.counts, "invariants": self.invariants,
                "ok": self.ok}  # fmt: skip


class Story:
    """One telling. `folder` is for the store."""

    def __init__(self, plan: Plan, troubles: Sequence[Trouble], folder: Path) -> None:
        self.plan, self.troubles = plan, troubles
        self.timeline = Timeline()
        self.broker = Broker(self.timeline, plan.chance("network"))
        self.office = Office(self.timeline, self.broker, folder / "readings.db", START_MS)
        self.poles = [Pole(plan, number, self.timeline, self.broker) for number in range(plan.nodes)]
        self.fate = Fate(self.timeline, self.broker, self.office, self.poles)
        self.fate.plan(troubles)

    def tell(self) -> Told:
        """From the first boot to the last ack."""
        dice = self.plan.chance("boots")
        for pole in self.poles:
            self.timeline.at(dice.randint(0, MINUTE), pole.boot)
        self.timeline.run(self.plan.lasts_ms)
        self.fate.heal()
        self.timeline.run(self.plan.lasts_ms + QUIET_MS)
        self._end()
        view = StoreView(self.office.path)
        try:
            invariants = told(self._found(view))
        finally:
            view.close()
        return Told(self.plan, self.troubles, self.timeline.trace_hash, self._counts(), invariants,
                    tuple(self.timeline.tail))  # fmt: skip

    def _end(self) -> None:
        for pole in self.poles:
            pole.sampling = False
        patience_ms = self.timeline.now_ms + PATIENCE_MS
        while self.timeline.now_ms < patience_ms and {pole.settled() for pole in self.poles} != {True}:
            self.timeline.run(self.timeline.now_ms + LOOK_MS)
        self.office.end()

    def _found(self, view: StoreView) -> Iterator[tuple[str, str]]:
        for pole in self.poles:
            yield from judge(pole, view)
            if not pole.settled():
                yield "all is quiet at last", f"{pole.name} still has something that the office has not"
        for early in self.office.counter.early:
            yield "acks follow commits", early
        if self.office.live.unkept:
            yield "poison set aside", f"{self.office.live.unkept} messages were kept nowhere"
        yield from self._knocks()

    def _knocks(self) -> Iterator[tuple[str, str]]:
        by_node: dict[str, list[int]] = {}
        for at_ms, node in self.broker.connects:
            by_node.setdefault(node, []).append(at_ms)
        for node, times in by_node.items():
            most = max(sum(at <= other < at + CAP_MS for other in times[place:]) for place, at in enumerate(times))
            if most > MOST_KNOCKS:
                yield "knocks within the cap", f"{node} knocked {most} times within {CAP_MS // 1000} s"

    def _counts(self) -> dict[str, int]:
        return {
            "troubles": len(self.troubles),
            "sampled": sum(len(pole.page.said) for pole in self.poles),
            "journalled": sum(pole.page.readings for pole in self.poles),
            "rows": self.office.live.rows,
            "duplicates": self.office.live.duplicates,
            "acks": self.office.counter.acks,
            "boots": sum(pole.boots for pole in self.poles),
            "lives": sum(pole.life for pole in self.poles),
            "cut_in_call": sum(pole.cuts for pole in self.poles),
            "office_deaths": self.office.deaths,
            "dropped": self.broker.dropped,
            "connects": len(self.broker.connects),
            "events": self.timeline.events,
        }
