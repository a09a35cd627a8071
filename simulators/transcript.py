"""The referee of written conversations: a driver must say every line of the script, in order, to the end.

A script reads like the trace of a logic analyser, one step a line, hex without spaces or with:

    w 2400            write
    p 16              pause, milliseconds
    r 6667a2 5eb93c   read: these bytes are the answer, and so many must be asked for
    r 6667a2 /256     ... 256 were asked for, and these came: a file of the kernel gives what it has
    x d0 60           write, then read with a repeated start
    w 3093 !nack      the step fails so: !nack, !bus, !timeout

What follows `#` is a remark. A driver that deviates is told at once by a `Deviation`, which is no DriverError, so that
no driver can mistake it for bad luck on the bus; and one that swallows it all the same is told again at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from drivers.errors import BusFault, DriverError, Nack, NoAnswer
from drivers.talk import Pause, Read, Step, Talk, Write, WriteRead
from simulators.i2c import converse

T = TypeVar("T")
FAILURES: dict[str, type[DriverError]] = {"!nack": Nack, "!bus": BusFault, "!timeout": NoAnswer}


class Deviation(AssertionError):
    """The driver said something else than the script."""


@dataclass(frozen=True, slots=True)
class Line:
    """One step of the script and what comes back."""

    step: Step
    answer: bytes | type[DriverError]


def script(text: str) -> list[Line]:
    """The lines of a written transcript. Raises ValueError naming the line that cannot be read."""
    found = []
    for number, raw in enumerate(text.splitlines(), 1):
        words = raw.partition("#")[0].split()
        if not words:
            continue
        try:
            found.append(_line(words))
        except (ValueError, IndexError) as error:
            raise ValueError(f"line {number} of the transcript: {raw.strip()!r}: {error}") from None
    return found


def _line(words: list[str]) -> Line:
    kind, *rest = words
    failure = FAILURES[rest.pop()] if rest and rest[-1] in FAILURES else None
    if kind == "p":
        return Line(Pause(float(rest[0]) / 1_000), failure or b"")
    if kind == "w":
        return Line(Write(bytes.fromhex("".join(rest))), failure or b"")
    if kind == "r":
        asked = int(rest.pop()[1:]) if rest and rest[-1].startswith("/") else 0
        answer = bytes.fromhex("".join(rest))
        return Line(Read(asked or len(answer)), failure or answer)
    if kind == "x":
        answer = bytes.fromhex("".join(rest[1:]))
        return Line(WriteRead(bytes.fromhex(rest[0]), len(answer)), failure or answer)
    raise ValueError(f"a line begins with w, r, x or p, not {kind!r}")


class Transcript:
    """Answers a driver from the script, and holds it to the script."""

    def __init__(self, lines: list[Line]) -> None:
        self._lines = lines
        self._at = 0
        self._deviation: Deviation | None = None

    def perform(self, step: Step) -> bytes:
        """The scripted answer to this step. Raises Deviation, or the scripted DriverError."""
        if self._at >= len(self._lines):
            self._refuse(f"after the last line of the script the driver goes on: {show(step)}")
        line = self._lines[self._at]
        if not _same(line.step, step):
            self._refuse(f"step {self._at + 1}: the script has {show(line.step)}, the driver does {show(step)}")
        self._at += 1
        if isinstance(line.answer, type):
            raise line.answer("as the script has it")
        return line.answer

    def finish(self) -> None:
        """The driver is through: the script must be, too. Raises Deviation."""
        if self._deviation is not None:
            raise self._deviation
        if self._at < len(self._lines):
            left = self._lines[self._at]
            raise Deviation(f"the driver ends before step {self._at + 1} of {len(self._lines)}: {show(left.step)}")

    def _refuse(self, why: str) -> None:
        self._deviation = Deviation(why)
        raise self._deviation


def _same(wanted: Step, done: Step) -> bool:
    if isinstance(wanted, Pause) and isinstance(done, Pause):
        return round(wanted.seconds * 1e6) == round(done.seconds * 1e6)
    if isinstance(wanted, Read) and isinstance(done, Read):
        return wanted.count == done.count
    return wanted == done


def show(step: Step) -> str:
    """A step as a script writes it."""
    if isinstance(step, Pause):
        return f"p {step.seconds * 1_000:g}"
    if isinstance(step, Write):
        return f"w {step.data.hex()}"
    if isinstance(step, Read):
        return f"r ({step.count} bytes)"
    return f"x {step.data.hex()} ({step.count} bytes)"


def follow(talk: Talk[T], text: str) -> T:
    """Lead the talk through the script; its result. Raises Deviation, or what the talk lets out after its last line."""
    referee = Transcript(script(text))
    try:
        result = converse(talk, referee.perform)
    except DriverError:
        referee.finish()
        raise
    referee.finish()
    return result
