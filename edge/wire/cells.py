"""The same readings in two shapes: one cell after the other, or one strip for each column.

Cells are for people, tests and small users. Strips are for the hot path: plain lists that the interpreter walks at
the speed of C, with one list of times shared by all columns that were read together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple


class Cell(NamedTuple):
    """One reading: boot milliseconds, index of its column in the schema, value in steps, flags of drivers.reading."""

    at_ms: int
    column: int
    steps: int
    flags: int = 0


@dataclass(slots=True)
class Strip:
    """All readings of one column in one chunk: three lists of equal length, times ascending.

    `times` may be the very list that other strips hold: read it, never change it.
    """

    column: int
    times: list[int]
    steps: list[int]
    flags: list[int]


def strips_of(cells: Iterable[Cell]) -> list[Strip]:
    """The cells by column, columns ascending, times ascending; what shares column and time keeps its order."""
    strips: dict[int, Strip] = {}
    for at_ms, column, steps, flags in sorted(cells, key=itemgetter(1, 0)):
        strip = strips.get(column)
        if strip is None:
            strip = strips[column] = Strip(column, [], [], [])
        strip.times.append(at_ms)
        strip.steps.append(steps)
        strip.flags.append(flags)
    return list(strips.values())


def cells_of(strips: Iterable[Strip]) -> list[Cell]:
    """The readings by (time, column); what shares both keeps its order."""
    cells = [
        Cell(at_ms, strip.column, steps, flags)
        for strip in strips
        for at_ms, steps, flags in zip(strip.times, strip.steps, strip.flags, strict=True)
    ]
    return sorted(cells, key=itemgetter(0, 1))
