"""A figure with its goal and its peer: a number alone says nothing on a machine that nobody else has.

Everything here is pure, so that the judgement can be tested although the measurements cannot.
"""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the bench. `goal` None: reported only. `ratio` says how many times better than the peer we are."""

    what: str
    value: float
    unit: str
    goal: float | None = None
    more_is_better: bool = False
    peer: str = ""
    peer_value: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.more_is_better else self.value <= self.goal

    @property
    def ratio(self) -> float | None:
        """Above 1 we are better than the peer; None without one."""
        if self.peer_value is None or not self.value or not self.peer_value:
            return None
        return self.value / self.peer_value if self.more_is_better else self.peer_value / self.value

    def tree(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "met": self.met, "ratio": self.ratio}


@dataclass(frozen=True, slots=True)
class Skipped:
    """What could not be measured here, why, and the command that makes it possible."""

    what: str
    why: str
    remedy: str = ""


Line = Figure | Skipped


@dataclass(slots=True)
class Findings:
    """All lines of one run, and what the machine was."""

    machine: str
    lines: list[Line] = field(default_factory=list)

    @property
    def figures(self) -> list[Figure]:
        return [line for line in self.lines if isinstance(line, Figure)]

    @property
    def missed(self) -> list[Figure]:
        """Goals that were not reached."""
        return [figure for figure in self.figures if figure.met is False]

    @property
    def skipped(self) -> list[Skipped]:
        return [line for line in self.lines if isinstance(line, Skipped)]


def median(values: Sequence[float]) -> float:
    """The middle one: on a shared machine the mean belongs to the neighbours."""
    return float(statistics.median(values))


def machine() -> str:
    """The class of machine, as far as it matters to the figures."""
    system = platform.uname()
    python = platform.python_version()
    return f"{os.cpu_count()} cores {system.machine}, {system.system} {system.release}, Python {python}"
