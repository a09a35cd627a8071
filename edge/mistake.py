"""A mistake in a board file, told so that its author can mend it.

A technician at a pole has one try and cold hands: she is told every mistake at once, each with the key where it
stands, the value that stands there, what is allowed, and the nearest thing that she may have meant.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

ALLOWED = {
    "missing": "must be given",
    "extra_forbidden": "no such key",
    "string_type": "must be a text",
    "string_pattern_mismatch": "must look otherwise",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "list_type": "must be a list",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing to mend: where (key), what stands there, what is allowed, and what to do."""

    key: str
    value: str
    allowed: str
    suggestion: str = ""
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        stands = f" = {self.value}" if self.value else ""
        remedy = f" {self.suggestion}" if self.suggestion else ""
        return printed(f"{where}{self.key}{stands}: {self.allowed}.{remedy}")


def printed(text: str) -> str:
    """The same on one line, and with nothing in it that a terminal would obey."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def shown(value: object) -> str:
    """A value as it would stand in the file, cut to a line."""
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def meant(word: str, known: Iterable[str]) -> str:
    """`Did you mean "x"?` for the nearest known word, else the known words."""
    words = sorted(known)
    near = difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return f'Did you mean "{near[0]}"?' if near else f"There are: {', '.join(words)}."


def allowed(error: Any, spelled: Callable[[int], str] | None = None) -> str:
    """What pydantic's error says is allowed, in our words; bounds of durations and sizes as they are `spelled`."""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    words: str = ALLOWED.get(error["type"], error["msg"])
    bounds = error.get("ctx", {})
    return words.format(**({key: spelled(bound) for key, bound in bounds.items()} if spelled else bounds))


def written(tree: object, place: Iterable[int | str]) -> object:
    """The value that stands at this place in a tree of TOML; None when there is none."""
    for part in place:
        try:
            tree = tree[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return None
    return tree


def path(section: str, place: Sequence[int | str]) -> str:
    """`sensor[2].pins.a`, counted from one as people count."""
    return ".".join([section, *(str(part) for part in place if not str(part).startswith("function-"))])


def line_of(text: str, key: str) -> int | None:
    """The line on which a key stands: the header of its table when the key itself is missing."""
    section, _, rest = key.partition(".")
    name, _, number = section.rstrip("]").partition("[")
    leaf, seen, found = rest.split(".")[0], 0, None
    for at, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+\s*([\w-]+)(\.[\w.-]+)?\s*\]+", line):
            first = header[1] == name and not header[2]
            seen += first
            inside = header[1] == name and (not number or seen == int(number))
            found = at if inside and found is None and first else found
        elif found and leaf and inside and re.match(rf"\s*{re.escape(leaf)}\s*[.=]", line):
            return at
    return found
