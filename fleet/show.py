"""The only printer of `fleet` and `sim`: rows in, text out, the same six forms for every list.

Data goes to stdout and progress to stderr. On a terminal states have colours, unless NO_COLOR is set; in a pipe the
columns are the same and stable. YAML is written as the plain subset in which every string is quoted as in JSON.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TextIO

from fleet.trouble import Trouble

Row = Mapping[str, Any]
COLOURS = {"good": "32", "bad": "31", "unknown": "33"}


class Form(StrEnum):
    """What `-o` takes."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Field:
    """A column: the key in the row, its heading, and whether only `-o wide` shows it."""

    key: str
    title: str
    wide: bool = False


def listing(rows: Sequence[Row], fields: Sequence[Field], form: Form, colour: bool = False) -> str:
    """Rows as text; `name` prints the first field only."""
    if form is Form.JSON:
        return json.dumps([dict(row) for row in rows], ensure_ascii=False, indent=2) + "\n"
    if form is Form.YAML:
        return "".join(_yaml(row) for row in rows) or "[]\n"
    if form is Form.CSV:
        return table_of_commas([[row.get(field.key) for field in fields] for row in rows], [f.key for f in fields])
    if form is Form.NAME:
        return "".join(f"{row[fields[0].key]}\n" for row in rows)
    shown = [field for field in fields if form is Form.WIDE or not field.wide]
    return _table([[plain(row.get(field.key)) for field in shown] for row in rows], [f.title for f in shown], colour)


def card(row: Row, form: Form, name: str) -> str:
    """One thing with its facts; `name` prints `row[name]` only."""
    if form is Form.JSON:
        return json.dumps(dict(row), ensure_ascii=False, indent=2) + "\n"
    if form is Form.YAML:
        return "".join(f"{key}: {_scalar(value)}\n" for key, value in row.items())
    if form is Form.CSV:
        return table_of_commas([[plain(value) for value in row.values()]], list(row))
    if form is Form.NAME:
        return f"{row[name]}\n"
    width = max(len(key) for key in row)
    return "".join(f"{key:<{width}}  {plain(value)}".rstrip() + "\n" for key, value in row.items())


def table_of_commas(rows: Sequence[Sequence[object]], heading: Sequence[str] | None = None) -> str:
    """CSV as RFC 4180 has it: CRLF, quotes where needed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    if heading is not None:
        writer.writerow(heading)
    writer.writerows([["" if cell is None else plain(cell) for cell in row] for row in rows])
    return text.getvalue()


def plain(value: object) -> str:
    """A value for people."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ",".join(f"{key}={plain(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def when(t_ms: int | None) -> str | None:
    """Unix milliseconds as ISO 8601 in UTC; None stays None."""
    if t_ms is None:
        return None
    try:
        return datetime.fromtimestamp(t_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None


def out(text: str) -> None:
    """Data, to stdout."""
    sys.stdout.write(text)
    sys.stdout.flush()


def note(text: str) -> None:
    """Progress and remarks, to stderr."""
    print(text, file=sys.stderr, flush=True)


def trouble(error: Trouble) -> None:
    """What happened, how things stand, what to do next."""
    note(str(error))


def coloured(stream: TextIO | None = None) -> bool:
    """Whether a stream (default stdout) wants colours."""
    return (stream or sys.stdout).isatty() and not os.environ.get("NO_COLOR")


def _table(rows: Sequence[Sequence[str]], titles: Sequence[str], colour: bool) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(titles, *rows, strict=True)]
    lines = [_line(titles, widths, False), *(_line(row, widths, colour) for row in rows)]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str], widths: Sequence[int], colour: bool) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    if colour:
        padded = [f"\033[{COLOURS[cell]}m{pad}\033[0m" if cell in COLOURS else pad
                  for cell, pad in zip(cells, padded, strict=True)]  # fmt: skip
    return "  ".join(padded).rstrip()


def _yaml(row: Row) -> str:
    lines = [f"{key}: {_scalar(value)}" for key, value in row.items()]
    return "- " + "\n  ".join(lines) + "\n"


def _scalar(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
