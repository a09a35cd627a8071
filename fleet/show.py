"""The only printer of `fleet` and `sim`: rows in, text out, the same six forms for every list.

Data goes to stdout and progress to stderr. On a terminal states have colours, unless NO_COLOR is set; in a pipe the
columns are the same and stable. YAML is written as the plain subset in which every string is quoted as in JSON.

What nodes and people gave as names goes to terminals, which obey what they are sent: where text is for eyes, what
cannot be printed is spelled out. Output that is not whole is said to be so, whatever buffers lie in between.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import re
import select
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TextIO

from fleet.trouble import Exit, Trouble

Row = Mapping[str, Any]
UNPRINTED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # json.dumps lets these through
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
        return _scalar([dict(row) for row in rows], 2) + "\n"
    if form is Form.YAML:
        return "".join(_yaml(row) for row in rows) or "[]\n"
    if form is Form.CSV:
        return table_of_commas([[row.get(field.key) for field in fields] for row in rows], [f.key for f in fields])
    if form is Form.NAME:
        return "".join(f"{row[fields[0].key]}\n" for row in rows)
    shown = [field for field in fields if form is Form.WIDE or not field.wide]
    return _table([[seen(row.get(field.key)) for field in shown] for row in rows], [f.title for f in shown], colour)


def card(row: Row, form: Form, name: str) -> str:
    """One thing with its facts; `name` prints `row[name]` only."""
    if form is Form.JSON:
        return _scalar(dict(row), 2) + "\n"
    if form is Form.YAML:
        return "".join(f"{key}: {_scalar(value)}\n" for key, value in row.items())
    if form is Form.CSV:
        return table_of_commas([[plain(value) for value in row.values()]], list(row))
    if form is Form.NAME:
        return f"{row[name]}\n"
    shown = {seen(key): seen(value) for key, value in row.items()}
    width = max(map(len, shown))
    return "".join(f"{key:<{width}}  {value}".rstrip() + "\n" for key, value in shown.items())


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


def seen(value: object) -> str:
    """A value for people's eyes: on one line, and with nothing in it that a terminal would obey."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in plain(value))


def when(t_ms: int | None) -> str | None:
    """Unix milliseconds as ISO 8601 in UTC; None stays None."""
    if t_ms is None:
        return None
    try:
        return datetime.fromtimestamp(t_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None


def day(t_ms: int) -> str:
    """The day in UTC: for sentences that shall not change all the time."""
    moment = when(t_ms)
    return moment[:10] if moment else "a day that no calendar has"


def out(text: str) -> None:
    """Data, to stdout, all of it. Raises BrokenPipeError when nobody reads, Trouble when it cannot be written."""
    try:
        _write_all(text)
    except BrokenPipeError:
        raise BrokenPipeError from None  # without its number, or click would take it for a failure
    except OSError as error:
        raise Trouble(f"The output cannot be written: {error.strerror}.",
                      "What was written of it is not whole; the office and its readings are undisturbed.",
                      "see with df -h whether there is room, and run it again", Exit.WRONG) from error  # fmt: skip


def _write_all(text: str) -> None:
    stream = sys.stdout
    handle = _handle(stream)
    if handle is None:
        stream.write(text)
        return
    stream.flush()
    rest = memoryview(text.encode(stream.encoding, stream.errors or "strict"))
    while rest:
        rest = rest[os.write(handle, rest) :]


def _handle(stream: TextIO | None) -> int | None:
    """The file behind a stream; None for one in memory. Raises OSError for one that is closed."""
    if stream is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def wait(seconds: float) -> None:
    """Does nothing for so long. Raises BrokenPipeError as soon as nobody reads our stdout any more."""
    handle = _handle(sys.stdout)
    if handle is None:
        threading.Event().wait(seconds)
        return
    poll = select.poll()
    poll.register(handle, 0)
    if poll.poll(seconds * 1000):
        raise BrokenPipeError


def note(text: str) -> None:
    """Progress and remarks, to stderr; where that cannot be written, nobody wants them."""
    try:
        print("\n".join(map(seen, text.split("\n"))), file=sys.stderr, flush=True)
    except OSError:
        pass


def trouble(error: Trouble) -> None:
    """What happened, how things stand, what to do next."""
    note(str(error))


def coloured(stream: TextIO | None = None) -> bool:
    """Whether a stream (default stdout) wants colours."""
    stream = stream or sys.stdout
    return stream is not None and stream.isatty() and not os.environ.get("NO_COLOR")


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


def _scalar(value: object, indent: int | None = None) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return UNPRINTED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
