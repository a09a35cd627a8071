"""Whose processor time it is: the agent's, or that of the chips and the kernel that are played for it.

The agent's is what passes in `agent`, without what passes in the meter itself as a context, which is the world's. To
look at the clock of the processor is a system call that costs as much as many a transfer, and half of each look falls
into the very time that it measures. So the meter is first held against nothing at all, and that much is taken off for
each time it was used.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

T = TypeVar("T")

TRIES, TIMES = 7, 2_000


@dataclass(slots=True)
class Meter:
    """Two piles of processor time (ns) and how often each was added to. Measures only when `on`."""

    on: bool = False
    agent_ns: int = 0
    spells: int = 0
    world_ns: int = 0  # within those spells
    visits: int = 0
    _began_ns: int = 0
    _inside: bool = False

    def agent(self, act: Callable[[], T]) -> T:
        """The agent is at work; not nested."""
        if not self.on:
            return act()
        self._inside = True
        began_ns = time.process_time_ns()
        done = act()
        self.agent_ns += time.process_time_ns() - began_ns
        self._inside = False
        self.spells += 1
        return done

    def __enter__(self) -> None:
        if self._inside:
            self._began_ns = time.process_time_ns()

    def __exit__(self, *_: object) -> None:
        if self._inside:
            self.world_ns += time.process_time_ns() - self._began_ns
            self.visits += 1

    @property
    def spent_ns(self) -> float:
        """The agent's own."""
        a_spell, a_visit = overhead()
        return self.agent_ns - self.world_ns - a_spell * self.spells - a_visit * self.visits


@cache
def overhead() -> tuple[float, float]:
    """What a spell, and a visit to the world within one, add to the agent's pile though nothing is done (ns)."""
    tries = [(_idle(lambda meter: None), _idle(_visit)) for _ in range(TRIES)]
    empty, visited = (min(each) for each in zip(*tries, strict=True))
    return empty, visited - empty


def _idle(act: Callable[[Meter], None]) -> float:
    meter = Meter(on=True)
    for _ in range(TIMES):
        meter.agent(lambda: act(meter))
    return (meter.agent_ns - meter.world_ns) / TIMES


def _visit(meter: Meter) -> None:
    with meter:
        pass
