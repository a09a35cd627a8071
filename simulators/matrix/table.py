"""The matrix as a table for people: a row a driver, a column a fault, and what came of each cell in one word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from simulators.matrix.faults import FAULTS
from simulators.matrix.trial import Cell

WORDS = {
    "value": "a good value came all the same",
    "flag": "values came with a flag",
    "error": "an error was named",
    "both": "some values flagged, some errors named",
    "untold": "can not be told from a world that stands still",
    "WRONG": "a wrong value was marked good",
    "NEIGHBOUR": "a neighbour was disturbed",
    "LATE": "it did not come back in time",
    "SILENT": "nothing was said",
}


def word(cell: Cell) -> str:
    """What came of a cell."""
    if cell.wrong:
        return "WRONG"
    if cell.disturbed:
        return "NEIGHBOUR"
    if cell.recovered_s is None or cell.recovered_s > cell.allowed_s:
        return "LATE"
    if cell.untold:
        return "untold"
    if not cell.outcomes:
        return "SILENT"
    flagged, failed = "flagged" in cell.outcomes, any(key.startswith("error") for key in cell.outcomes)
    return {(False, False): "value", (True, False): "flag", (False, True): "error", (True, True): "both"}[
        flagged, failed
    ]


def row(name: str, cells: Iterable[Cell]) -> dict[str, Any]:
    """One driver's cells by fault."""
    return {"name": name} | {cell.fault: word(cell) for cell in cells}


def sums(cells: Sequence[Cell]) -> str:
    """How often each word, with what it means."""
    counts = Counter(map(word, cells))
    told = {each: meaning for each, meaning in WORDS.items() if counts[each] or each.isupper()}
    lines = [f"{counts[each]:>6}  {each:<10} {meaning}" for each, meaning in told.items()]
    return "\n".join([f"{len(cells)} cells, {len(FAULTS)} faults:", *lines])
