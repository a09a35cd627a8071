"""What a board may say to a sensor: single settings, and tables of rows for the drivers that a board describes.

Everything is said in the standard library's words: a name, a default, what is allowed, and one line of help. The
checks answer with clauses for people, because whoever reads them stands on a ladder.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

SettingValue = bool | int | float | str
Row = Mapping[str, SettingValue]
Chosen = SettingValue | Sequence[Row]  # what a board may say
MOST_TOLD = 16  # choices; a longer list is not read on a ladder


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that a board may set: its name, default, what is allowed, and what it does."""

    name: str
    default: SettingValue
    help: str
    choices: tuple[SettingValue, ...] = ()
    low: float | None = None
    high: float | None = None
    required: bool = False  # in a row of a table: may not be left out

    def refusal(self, value: object) -> str | None:
        """Why this value may not stand, in one clause; None when it may."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if isinstance(self.default, bool) != isinstance(value, bool):
            return f"must be {type(self.default).__name__}"
        if isinstance(self.default, int | float) and not isinstance(self.default, bool) and not number:
            return "must be a number"
        if isinstance(self.default, str) and not isinstance(value, str):
            return "must be a text"
        if self.choices and value not in self.choices:
            many = len(self.choices) > MOST_TOLD
            return f"is no {self.name} that is known" if many else "must be one of " + ", ".join(map(str, self.choices))
        return self._out_of_bounds(value)

    def _out_of_bounds(self, value: object) -> str | None:
        if not isinstance(value, int | float):
            return None
        if not math.isfinite(value):
            return "must be a finite number"
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            return f"must lie between {self.low:g} and {self.high:g}" if None not in (self.low, self.high) else (
                f"must be at least {self.low:g}" if self.low is not None else f"must be at most {self.high:g}")
        return None


@dataclass(frozen=True, slots=True)
class Table:
    """A setting that is a list of rows with the same columns, written `[[sensor.settings.NAME]]`."""

    name: str
    columns: tuple[Setting, ...]
    help: str
    default: tuple[Row, ...] = ()
    least: int = 0  # rows
    most: int = 64
    required: bool = False  # a board must write it; the default is only for trying

    def refusal(self, rows: object) -> str | None:
        """The first reason why these rows may not stand; None when they may."""
        return next((f"{where} {reason}".strip() for where, _, reason in self.refusals(rows)), None)

    def refusals(self, rows: object) -> Iterator[tuple[str, object, str]]:
        """Where (`[1].register`), what stands there, and why it may not; rows are counted from 1."""
        if not isinstance(rows, Sequence) or isinstance(rows, str) or not all(isinstance(r, Mapping) for r in rows):
            yield "", rows, f"must be a list of tables: write [[sensor.settings.{self.name}]]"
            return
        if not self.least <= len(rows) <= self.most:
            yield "", len(rows), f"must have {self.least} to {self.most} rows"
        for number, row in enumerate(rows, 1):
            yield from self._of_row(number, row)

    def _of_row(self, number: int, row: Mapping[str, object]) -> Iterator[tuple[str, object, str]]:
        known = {column.name: column for column in self.columns}
        for name, value in row.items():
            at = f"[{number}].{name}"
            if name not in known:
                yield at, value, "is no column; there are " + ", ".join(known)
            elif reason := known[name].refusal(value):
                yield at, value, reason
        for column in self.columns:
            if column.required and column.name not in row:
                yield f"[{number}].{column.name}", "", "is missing"

    def filled(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        """The rows with every column, in the order of the columns."""
        return tuple({column.name: row.get(column.name, column.default) for column in self.columns} for row in rows)
