"""What the agent sees of a bus, whatever hangs on it.

A runner is stepped: it does what is due at `now_ms`, gives the events that came of it, and says when it must be
stepped again. It holds no clock and no thread, so a simulated year steps it as fast as it can, and a thread shell
(`edge/buses/thread.py`) steps it in real time. It contains every failure: `step` does not raise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from edge.events import Event
from edge.runners.breaker import State

Counters = dict[str, int]


class Runner(Protocol):
    """One bus on its timetable."""

    @property
    def sensors(self) -> tuple[str, ...]:
        """The names of the sensors on it."""
        ...

    @property
    def fd(self) -> int | None:
        """A file descriptor whose readability is worth a step before the next due time; None when there is none."""
        ...

    @property
    def gather_ms(self) -> int:
        """How long after `fd` became readable more may gather, so that one step serves many bytes or edges."""
        ...

    def step(self, now_ms: int) -> list[Event]:
        """Do what is due. Time since boot in ms; never steps back."""
        ...

    def next_due_ms(self) -> int | None:
        """When to step again at the latest; now or earlier means at once; None: only when `fd` is readable."""
        ...

    def ask(self, sensor: str) -> None:
        """Read this sensor at the next step, out of turn. May be called from any thread."""
        ...

    def counters(self) -> dict[str, Counters]:
        """Of each sensor: `sampled` (readings), `missed` (instants), and failures by cause. From any thread."""
        ...

    def breakers(self) -> dict[str, State]:
        """Of each sensor: whether it is tried as usual (`closed`), now and then (`open`), or just now (`half-open`)."""
        ...

    def close(self) -> None:
        """Close the port."""
        ...


@runtime_checkable
class Counting(Protocol):
    """A runner with windows whose counts are kept from one life of the agent to the next."""

    def leave(self, sensor: str, state: Mapping[str, object]) -> None:
        """What an earlier life of this sensor had counted; taken over at the next step. From any thread."""
        ...

    def opened(self, now_ms: int) -> list[Event]:
        """The last words: what its open windows hold now. `step` is not called any more. Raises what drivers raise."""
        ...
