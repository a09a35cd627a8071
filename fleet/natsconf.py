"""Reads a NATS server's configuration, as far as a check of it needs. Pure: included files are handed in.

The language is like JSON with the strictness taken out: `key value`, `key: value` or `key = value`, maps in braces,
lists in brackets, comments by `#` or `//`, sizes such as `8MB` and times such as `10s`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

SKIP = re.compile(r"(?:\s|,|;|#[^\n]*|//[^\n]*)*")
KEY = re.compile(r"\"(?P<quoted>[^\"]*)\"|(?P<plain>[^\s:={}\[\],\"]+)")
LINK = re.compile(r"[ \t]*[:=]?\s*")
VALUE = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s,;{}\[\]#]+")
SIZE = re.compile(r"(\d+)\s*([kmgt]?)(i?b)?", re.IGNORECASE)
TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
DEEPEST = 16
Read = Callable[[str], str | None]


class Text:
    """The text and how far it has been read."""

    def __init__(self, text: str, read: Read, depth: int = 0) -> None:
        self.text, self.read, self.depth, self.at = text, read, depth, 0

    def take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """The next piece. Raises ValueError when something else is there."""
        found = pattern.match(self.text, self.at)
        if found is None:
            raise ValueError(f"line {self.text.count(chr(10), 0, self.at) + 1} cannot be understood")
        self.at = found.end()
        return found

    def meets(self, sign: str) -> bool:
        """Steps over `sign` if it is what comes next."""
        self.take(SKIP)
        met = self.text.startswith(sign, self.at) and self.at < len(self.text)
        self.at += len(sign) if met else 0
        return met

    def table(self, end: str) -> dict[str, Any]:
        """Keys and values up to `end`; "" for the end of the text."""
        found: dict[str, Any] = {}
        while not self.meets(end) if end else self._more():
            key = self.take(KEY)
            self.take(LINK)
            name = key["quoted"] or key["plain"]
            found |= self._included() if name == "include" else {name: self.value()}
        return found

    def _more(self) -> bool:
        self.take(SKIP)
        return self.at < len(self.text)

    def _included(self) -> dict[str, Any]:
        text = self.read(str(self.value()))
        return parse(text, self.read, self.depth + 1) if text is not None else {}

    def value(self) -> Any:
        """One value: a map, a list, or text."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError("it is nested too deeply")
        try:
            if self.meets("{"):
                return self.table("}")
            return self._list() if self.meets("[") else plain(self.take(VALUE)[0])
        finally:
            self.depth -= 1

    def _list(self) -> list[Any]:
        found = []
        while not self.meets("]"):
            found.append(self.value())
        return found


def plain(word: str) -> str:
    """A value without its quotes. Raises ValueError."""
    if word.startswith("'"):
        return word[1:-1]
    return str(json.loads(word)) if word.startswith('"') else word


def parse(text: str, read: Read, depth: int = 0) -> dict[str, Any]:
    """The whole configuration; `read` gives an included file, or None. Raises ValueError."""
    return Text(text, read, depth).table("")


def size(word: str) -> int:
    """Bytes of `8MB` (1024 to the power, as NATS counts `MB`). Raises ValueError."""
    found = SIZE.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r} is no size")
    base = 1024 if found[3] else 1000
    return int(found[1]) * int(base ** POWERS[found[2].lower()])


def seconds(word: str) -> float:
    """Of `2m`, `1m30s`. Raises ValueError."""
    found = TIME.findall(word)
    if not found or "".join(number + unit for number, unit in found) != word:
        raise ValueError(f"{word!r} is no time")
    return float(sum(float(number) * SECONDS[unit] for number, unit in found))
