"""Plays transcript files through real drivers: what was said on a wire, and what must come of it.

A file names a driver and its settings, and then tells parts of its life: talks (`setup`, `read`, `probe`, `rest`), what
a stream was fed (`hear`), edges (`watch`) and the ends of windows (`close`). Under each part stand the lines of the
wire and what the driver made of them, `=` for a reading, `!` for an error by its cause. A file may be written from a
datasheet, or by `edge record` on the pole; its head says which, after `Source:`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drivers.catalog import driver
from drivers.driver import Driver, TalkDriver
from drivers.errors import DriverError
from drivers.lines import Edge, LinesDriver
from drivers.reading import Flag, Quantity, Reading
from drivers.stream import StreamDriver
from drivers.window import Windowed
from simulators.i2c import converse
from simulators.transcript import Deviation, Transcript, script

TALKS = ("setup", "read", "probe", "rest")
PARTS = (*TALKS, "hear", "watch", "close")
SLACK = 1e-6  # how far a reading may be off where the file does not say
HARDWARE = re.compile(r"Source:.*recorded on hardware", re.I)


class Unreadable(ValueError):
    """The file is no transcript; the message names the line."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One reading that must come out."""

    name: str
    value: float
    slack: float = SLACK
    flags: Flag = Flag.NONE


@dataclass(slots=True)
class Part:
    """One part: the lines of the wire, and what must come of them."""

    kind: str
    at_us: int | None
    wire: list[str] = field(default_factory=list)
    sets: list[list[Expected]] = field(default_factory=lambda: [[]])
    causes: list[str] = field(default_factory=list)
    truth: bool | None = None  # the answer of a probe
    line: int = 0


@dataclass(slots=True)
class Play:
    """A whole transcript file."""

    source: str
    driver: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    known: dict[Quantity, float] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    @property
    def recorded(self) -> bool:
        """Whether it was recorded on hardware."""
        return bool(HARDWARE.search(self.source))


def parse(text: str) -> Play:
    """Read a transcript. Raises Unreadable."""
    head = [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")]
    play = Play(" ".join(head))
    if "source:" not in play.source.lower():
        raise Unreadable("the head must say where the bytes come from: # Source: …")
    for number, raw in enumerate(text.splitlines(), 1):
        if line := re.sub(r"(^|\s)#.*", "", raw).strip():
            try:
                _take(play, line, number)
            except (ValueError, KeyError, IndexError) as error:
                raise Unreadable(f"line {number}: {raw.strip()!r}: {error}") from None
    if not play.driver or not play.parts:
        raise Unreadable("a transcript names its driver and has at least one part")
    return play


def _take(play: Play, line: str, number: int) -> None:
    word, _, rest = line.partition(" ")
    if word == ">":
        play.parts.append(_part(rest, number))
    elif word == "driver":
        play.driver = rest.strip()
    elif word == "settings":
        play.settings = json.loads(rest)
    elif word == "known":
        name, value = rest.split()
        play.known[Quantity[name.upper()]] = float(value)
    else:
        _into(play.parts[-1], word, rest, line)


def _part(rest: str, number: int) -> Part:
    kind, *at = rest.split()
    if kind not in PARTS:
        raise ValueError(f"a part is one of {', '.join(PARTS)}")
    return Part(kind, int(at[0].removeprefix("@")) if at else None, line=number)


def _into(part: Part, word: str, rest: str, line: str) -> None:
    if word == "=" and rest.strip() in ("true", "false"):
        part.truth = rest.strip() == "true"
    elif word == "=":
        part.sets[-1].append(_expected(rest.split()))
    elif word == "--":
        part.sets.append([])
    elif word == "!":
        part.causes.append(rest.strip())
    elif word in ("w", "r", "x", "p", "s", "e", "l"):
        part.wire.append(line)
    else:
        raise ValueError("a line begins with w, r, x, p, s, e, l, =, ! or --")


def _expected(words: Sequence[str]) -> Expected:
    flags = Flag.NONE
    numbers = [word for word in words[1:] if not word.isalpha()]
    for word in words[1 + len(numbers) :]:
        flags |= Flag[word.upper()]
    return Expected(words[0], float(numbers[0]), float(numbers[1]) if len(numbers) > 1 else SLACK, flags)


def play_transcript(text: str) -> None:
    """Play a file through the driver that it names. Raises Unreadable, Deviation."""
    play = parse(text)
    played = driver(play.driver)(**play.settings)
    for part in play.parts:
        played.at_us = played.at_us if part.at_us is None else part.at_us
        played.known = dict(play.known)
        try:
            _play(played, part)
        except Deviation as deviation:
            raise Deviation(f"the part at line {part.line} (> {part.kind}): {deviation}") from None


def _play(played: Driver, part: Part) -> None:
    if part.kind in TALKS and isinstance(played, TalkDriver | StreamDriver):
        _play_talk(played, part)
    elif part.kind == "hear" and isinstance(played, StreamDriver):
        _play_stream(played, part)
    elif part.kind == "watch" and isinstance(played, LinesDriver):
        _play_lines(played, [line.split() for line in part.wire])
    elif part.kind == "close" and isinstance(played, Windowed):
        _compare(part.sets, [played.close(played.at_us)])
    else:
        raise Deviation(f"a {played.name} has no such part")


def _play_lines(played: LinesDriver, wire: Sequence[Sequence[str]]) -> None:
    """Edges `e at line level`; lines that are told to stand so (`l line level`) begin to be watched then."""
    if levels := {words[1]: int(words[2]) for words in wire if words[0] == "l"}:
        played.begin(played.at_us, levels)
    for words in wire:
        if words[0] == "e":
            played.edge(Edge(int(words[1]), words[2], int(words[3])))


def _play_talk(played: TalkDriver | StreamDriver, part: Part) -> None:
    referee = Transcript(script("\n".join(part.wire)))
    causes: list[str] = []
    result: object = None
    try:
        result = converse(getattr(played, part.kind)(), referee.perform)
    except DriverError as error:
        causes = [error.cause]
    referee.finish()
    if causes != part.causes:
        raise Deviation(f"it ends with {causes or 'no error'}, the file has {part.causes or 'none'}")
    if part.kind == "read" and not causes:
        assert isinstance(result, list)
        _compare(part.sets, [result])
    if part.kind == "probe" and result is not part.truth:
        raise Deviation(f"the probe says {result}")


def _play_stream(played: StreamDriver, part: Part) -> None:
    before = played.errors.copy()
    heard = [readings for line in part.wire for readings in played.feed(bytes.fromhex(line[1:]))]
    found = [readings for readings in heard if readings]  # none: it only told something to a window or a clock
    counted = sorted((played.errors - before).elements())
    if counted != sorted(part.causes):
        raise Deviation(f"it counted {counted or 'no error'}, the file has {part.causes or 'none'}")
    _compare([wanted for wanted in part.sets if wanted], found)


def _compare(wanted: Sequence[Sequence[Expected]], found: Sequence[Sequence[Reading]]) -> None:
    if len(wanted) != len(found):
        raise Deviation(f"{len(found)} sets of readings came out, the file has {len(wanted)}")
    for expected, readings in zip(wanted, found, strict=True):
        for difference in _differences({e.name: e for e in expected}, {r.name: r for r in readings}):
            raise Deviation(difference)


def _differences(wanted: Mapping[str, Expected], found: Mapping[str, Reading]) -> Iterator[str]:
    yield from (f"{name} is missing" for name in wanted if name not in found)
    yield from (f"{name} = {found[name].value} was not expected" for name in found if name not in wanted)
    for name, reading in found.items():
        if name in wanted and not abs(reading.value - wanted[name].value) <= wanted[name].slack:
            yield f"{name} is {reading.value!r}, the file has {wanted[name].value} within {wanted[name].slack:g}"
        if name in wanted and reading.flags != wanted[name].flags:
            yield f"{name} is flagged {reading.flags!r}, the file has {wanted[name].flags!r}"
