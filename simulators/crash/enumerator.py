"""Lives, their states opened one by one, and the sum of what was found.

Lives are independent of each other, so they are shared out among processes; a life is always finished, so a few more
states than asked for may be opened. The sum is the same for any number of processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random
from typing import Protocol

from simulators.crash import files
from simulators.crash.judge import Judge
from simulators.crash.life import live
from simulators.crash.plan import REAL, Makings, plan
from simulators.crash.states import LIES, Fault, Part, State, crashes
from simulators.undisturbed import Helpers, helpers

TOLD = 5  # faults that are told of


class Disagreement(Exception):
    """The two recording disks did not write down the same."""


class Judging(Protocol):
    """Says what is wrong with a state."""

    def judged(self, state: State) -> list[Fault]: ...


Named = Iterator[tuple[str, State, Judging]]
Through = Callable[[Part, tuple[str, int, int, int]], Part]  # what becomes of a part: its target, seed, life and power


def as_it_is(part: Part, _: tuple[str, int, int, int]) -> Part:
    """As it was written down in memory."""
    return part


PLAIN: Through = as_it_is


def journal_states(seed: int, number: int, lying: int, made: Makings = REAL, through: Through = PLAIN) -> Named:
    """Every state of a journal's life with its name, `life.state`, and who judges it."""
    life, place = plan(seed, number), count()
    for power, part in enumerate(live(life, made)):
        judge, part = Judge(life, made, part.book), through(part, ("journal", seed, number, power))
        for state in crashes(part, lying, Random(f"states {life.seed} {power}")):
            yield f"{number}.{next(place)}", state, judge


def files_states(seed: int, number: int, lying: int, made: Makings = REAL, through: Through = PLAIN) -> Named:
    """The same of the small files."""
    part = through(files.part_of(seed, number, made), ("files", seed, number, 0))
    yield from files.states_of(part, seed, number, lying)


TARGETS = {"journal": journal_states, "files": files_states}


@dataclass
class Tally:
    """What came of many states. `first` tells of the first few faults: which state, and what was wrong."""

    states: int = 0
    by_mode: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    lying: Counter[str] = field(default_factory=Counter)
    first: list[tuple[str, Fault]] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Nothing was wrong anywhere."""
        return not self.first

    def count(self, name: str, state: State, faults: list[Fault]) -> None:
        """One more state was opened."""
        self.by_mode[state.mode] += 1
        self.states += not state.lied
        self.lying["states"] += bool(state.lied)
        for fault in faults:
            (self.lying if state.lied else self.faults)[fault.verdict] += fault.count
        self._tell([(name, fault) for fault in faults])

    def add(self, other: Tally) -> None:
        """And all that came of others."""
        self.states += other.states
        for mine, others in ((self.by_mode, other.by_mode), (self.faults, other.faults), (self.lying, other.lying)):
            mine.update(others)
        self._tell(other.first)

    def _tell(self, faults: list[tuple[str, Fault]]) -> None:
        self.first += faults[: max(0, TOLD - len(self.first))]


def enumerated(
    number: int, target: str, seed: int, lying: int, made: Makings = REAL, through: Through = PLAIN
) -> Tally:
    """All states of life `number`, opened."""
    tally = Tally()
    for name, state, judge in TARGETS[target](seed, number, lying, made, through):
        tally.count(f"{target} {name}", state, judge.judged(state))
    return tally


def enumerate_lives(
    target: str,
    states: int,
    seed: int,
    lying: int = LIES,
    jobs: int = 1,
    made: Makings = REAL,
    through: Through = PLAIN,
) -> Tally:
    """Whole lives, from the first one on, until so many states have been opened."""
    total, numbers = Tally(), count()
    work = partial(enumerated, target=target, seed=seed, lying=lying, made=made, through=through)
    with _pool(jobs) as pool:
        while True:
            wave = [next(numbers) for _ in range(2 * jobs)]
            for tally in pool.imap(work, wave) if pool else map(work, wave):
                total.add(tally)
                if total.states >= states:
                    return total


@contextmanager
def _pool(jobs: int) -> Iterator[Helpers | None]:
    if jobs < 2:
        yield None
    else:
        with helpers(jobs) as pool:
            yield pool
