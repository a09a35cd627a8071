"""Anything that prints lines on a serial port: JSON, columns or a pattern, described in the board file alone.

Wiring: TX of the device to RXD of the Pi (3.3 V!), GND; or any USB adapter. Each row of the table `fields` names a
quantity, where it stands on the line (`key`), and `scale` and `offset` from the number there to the quantity's unit:
value = number x scale + offset. The `key` is, by `format`:
`json`: the path of keys with dots between, numbers count in lists from 0 (`sensors.0.temp`);
`csv`: the number of the column, from 1; `pattern`: the number or the name of a group of `pattern` (`drivers.pattern`
says what a pattern may hold, and that the whole line must fit).

There is no sum, so a line counts only when the end of the one before was heard, when it is at most 510 characters long,
and when every number on it that is asked for is one. What is null, empty or missing is left out. Where the device sends
too fast, the newest line of each interval is the reading. Places and speeds of vehicles cannot be had here: what may
not leave a pole by its own driver does not leave by this one either.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

from drivers.driver import SerialLine
from drivers.errors import FramingError, NotMeasured
from drivers.hearsay import MAY_BE_TOLD
from drivers.pattern import compiled
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Row, Setting, Table
from drivers.textline import TextDriver, number

NAMED = {quantity.value: quantity for quantity in Quantity}
CHANNEL = re.compile(r"(?:[a-z0-9_]{1,16}(?:\.[a-z0-9_]{1,16})?)?")
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " "}

Find = Callable[[str], object]  # what stands under a key: a number, a text, None


class SerialText(TextDriver):
    """Measures what its board says."""

    name = "serial_text"
    title = "Lines of text on a serial port: JSON, columns, or a pattern"
    datasheet = "https://docs.python.org/3/library/re.html"
    measures: tuple[Quantity, ...] = (Quantity.DISTANCE,)  # as it comes
    settings = (
        Setting("format", "json", "what a line is", ("json", "csv", "pattern")),
        Setting("separator", "comma", "csv: what stands between columns", tuple(SEPARATORS)),
        Setting("pattern", "", "pattern: the regular expression that a whole line must fit"),
        Setting("decimal", "point", "what stands before the decimals", ("point", "comma")),
        Setting("baud", 9600, "speed of the port", (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)),
        Setting("framing", "8N1", "bits, parity, stop bits", ("8N1", "8E1", "8O1", "7E1", "7O1", "8N2")),
        Setting("silence_s", 30.0, "seconds without a line that fits until it counts as silent", (), 1, 86_400),
        Setting("still_s", 3600.0, "seconds that a healthy value may stand still; 0 is for ever", (), 0, 1e6),
    )
    tables = (
        Table("fields", (
            Setting("quantity", "", "what it is", MAY_BE_TOLD, required=True),
            Setting("channel", "", "which of several, as in temperature.inside"),
            Setting("key", "", "where it stands on a line", required=True),
            Setting("scale", 1.0, "what the number is multiplied with"),
            Setting("offset", 0.0, "what is added then"),
        ), "what stands on a line", ({"quantity": "distance", "key": "distance"},), least=1, most=32, required=True),
    )  # fmt: skip

    def __init__(self, **settings: Chosen) -> None:
        """Raises ValueError for a pattern, a key or a channel that cannot be."""
        super().__init__(**settings)
        self._fields = self.rows["fields"]
        self.measures = tuple(dict.fromkeys(NAMED[str(row["quantity"])] for row in self._fields))
        framing = str(self.chosen["framing"])
        self.line = SerialLine(int(self.chosen["baud"]), int(framing[0]), framing[1], int(framing[2]))  # type: ignore[arg-type]
        self.silence_s, self.still_s = float(self.chosen["silence_s"]), float(self.chosen["still_s"])
        self._pattern = self._compiled()
        self._check()

    def _compiled(self) -> re.Pattern[str] | None:
        if self.chosen["format"] != "pattern":
            return None
        if not self.chosen["pattern"]:
            raise ValueError("serial_text.pattern must be given when format is pattern")
        try:
            return compiled(str(self.chosen["pattern"]))
        except ValueError as error:
            raise ValueError(f"serial_text.pattern {error}") from None

    def _check(self) -> None:
        names = [(row["quantity"], row["channel"]) for row in self._fields]
        if len(set(names)) < len(names):
            raise ValueError("serial_text.fields: two rows are the same quantity; give them channels")
        for number_, row in enumerate(self._fields, 1):
            if not CHANNEL.fullmatch(str(row["channel"])):
                raise ValueError(f"serial_text.fields[{number_}].channel is made of small letters, digits and _")
            if not all(math.isfinite(float(row[name])) for name in ("scale", "offset")):
                raise ValueError(f"serial_text.fields[{number_}]: scale and offset are finite numbers")
            if reason := self._no_key(str(row["key"])):
                raise ValueError(f"serial_text.fields[{number_}].key {reason}")

    def _no_key(self, key: str) -> str:
        """Why this key can be on no line."""
        if self.chosen["format"] == "csv" and not re.fullmatch(r"[1-9]\d?", key):
            return "must be the number of a column, from 1"
        if self._pattern is not None and key not in self._pattern.groupindex and not (
            re.fullmatch(r"[1-9]\d?", key) and int(key) <= self._pattern.groups
        ):  # fmt: skip
            return "must be the number or the name of a group of the pattern"
        return "" if key else "must be given"

    def line_said(self, line: str) -> list[Reading]:
        """What stands on the line. Raises FramingError, NotMeasured when it holds none of the fields."""
        find = self._finder(line)
        readings = [reading for row in self._fields if (reading := self._reading(row, find(str(row["key"]))))]
        if not readings:
            raise NotMeasured("none of the fields stands on the line")
        return readings

    def _finder(self, line: str) -> Find:
        if self.chosen["format"] == "json":
            return _in_json(line)
        return _in_pattern(line, self._pattern) if self._pattern is not None else self._in_columns(line)

    def _in_columns(self, line: str) -> Find:
        separator = SEPARATORS[str(self.chosen["separator"])]
        columns = line.split() if separator == " " else [column.strip() for column in line.split(separator)]
        if len(columns) < max(int(str(row["key"])) for row in self._fields):
            raise FramingError("a line has too few columns")
        return lambda key: columns[int(key) - 1] or None

    def _reading(self, row: Row, told: object) -> Reading | None:
        if told is None:
            return None
        text = str(told).strip().replace(",", "." if self.chosen["decimal"] == "comma" else ",")
        value = float(told) if isinstance(told, bool) else number(text)
        value = value * float(row["scale"]) + float(row["offset"])
        if not math.isfinite(value):
            raise NotMeasured("a number is too large")
        return Reading(NAMED[str(row["quantity"])], value, str(row["channel"]))


def _in_json(line: str) -> Find:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        raise FramingError("a line is no JSON") from None
    if not isinstance(said, dict | list):
        raise FramingError("a line is no JSON object")

    def find(key: str) -> object:
        found: Any = said
        for step in key.split("."):
            if isinstance(found, dict):
                found = found.get(step)
            elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
                found = found[int(step)]
            else:
                return None
        return found

    return find


def _in_pattern(line: str, pattern: re.Pattern[str]) -> Find:
    found = pattern.fullmatch(line)
    if found is None:
        raise FramingError("a line does not fit the pattern")
    return lambda key: found[int(key) if key.isdecimal() else key]
