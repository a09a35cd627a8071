"""A mistake in a board file, told so that its author can mend it.

A technician at a pole has one try and cold hands: she is told every mistake at once, each with the key where it
stands, the value that stands there, what is allowed, and the nearest thing that she may have meant.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
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
SECRET = re.compile(r"passw|passphrase|wachtwoord|\bpass\b|pwd|psk|token|secret|api_?key|private_?key", re.IGNORECASE)
WITH_PASSWORD = re.compile(r":.*@", re.DOTALL)  # user:password@host
HIDDEN = '"…"'
HEADER = re.compile(r"""\s*(\[\[?)((?:[\w\s.-]|"[^"]*"|'[^']*')+)\]\]?\s*(#.*)?$""")
SETTING = re.compile(r"""\s*((?:[\w\s.-]|"[^"]*"|'[^']*')+?)\s*=""")


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
    """A value as it would stand in the file, cut to a line; nothing that holds a secret."""
    if isinstance(value, bool):
        return str(value).lower()
    holds = isinstance(value, dict | list) or "://" in str(value)
    if WITH_PASSWORD.search(str(value)) or (holds and SECRET.search(str(value))):
        return HIDDEN
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def discreet(mistake: Mistake) -> Mistake:
    """The same without what may be a secret: a screen is seen by others, and what it showed is pasted into mails."""
    unknown = mistake.allowed == ALLOWED["extra_forbidden"] or mistake.value[:1] in ("[", "{")
    office = mistake.key == "office" or (mistake.key.startswith("office.") and unknown)
    secret = office or SECRET.search(mistake.key)
    return replace(mistake, value=HIDDEN) if mistake.value and secret else mistake


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
    wanted = [_counted(part) for part in key.split(".")]
    deepest, found = 0, None
    for at, here, names in _lines(text):
        depth = _shared(wanted, here)
        if depth == len(here):
            depth += _shared([(name, 0) for name, _ in wanted[depth:]], [(name, 0) for name in names])
        if depth > deepest and (names or depth == len(here)):
            deepest, found = depth, at
    return found


def _lines(text: str) -> Iterator[tuple[int, list[tuple[str, int]], list[str]]]:
    """Each header and setting: its line, the table it is in as names with their number, and the setting's names."""
    here: list[tuple[str, int]] = []
    counts: Counter[tuple[tuple[str, int], ...]] = Counter()
    for at, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if header := HEADER.match(line):
            here, names = [], _names(header[2])
            for left, name in reversed(list(enumerate(reversed(names)))):
                counts[(*here, (name, 0))] += header[1] == "[[" and not left
                here = [*here, (name, counts[(*here, (name, 0))])]
            yield at, here, []
        elif setting := SETTING.match(line):
            yield at, here, _names(setting[1])


def _names(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def _counted(part: str) -> tuple[str, int]:
    name, _, number = part.rstrip("]").partition("[")
    return name, int(number) if number.isdecimal() else 0


def _shared(wanted: Sequence[tuple[str, int]], here: Sequence[tuple[str, int]]) -> int:
    """How many parts they begin with together; a part without a number is any of its name."""
    pairs = zip(wanted, here, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0][0] == pair[1][0] and pair[0][1] in (0, pair[1][1]), pairs))
