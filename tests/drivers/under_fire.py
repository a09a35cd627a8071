"""A driver under fire: every act is bounded, judged and noted, so that what failed can be kept and played again.

An act is a talk, a piece of a stream, an edge, the end of a window. What comes of it must be readings that can be
published (finite, promised in `measures`, named in few letters), or a `DriverError`; within so many steps and seconds.
The tape of all acts is what stands in `tests/corpus/`: it holds the bytes themselves, and needs no seed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from drivers.catalog import driver
from drivers.driver import TalkDriver
from drivers.errors import BusFault, DriverError, Nack, NoAnswer
from drivers.lines import Edge, LinesDriver
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import Chosen
from drivers.stream import StreamDriver
from drivers.talk import Pause, Read, Step, Talk, Write, WriteRead
from drivers.timepiece import Timepiece
from drivers.window import Windowed

MOST_STEPS, MOST_SECONDS, MOST_BYTES = 600, 120.0, 8_192  # in one talk; the bytes of one step
CHANNEL = re.compile(r"(?:[a-z0-9_]{1,16}(?:\.[a-z0-9_]{1,16})?)?")
YEARS_2000_TO_2200_MS = (946_684_800_000, 7_258_118_400_000)
FAILURES: dict[str, type[DriverError]] = {"!nack": Nack, "!bus": BusFault, "!timeout": NoAnswer}
Answering = Callable[[Step], bytes]  # raises DriverError


class Shot:
    """One driver, and the tape of what was done to it."""

    def __init__(self, name: str, settings: Mapping[str, Chosen]) -> None:
        self.driver = driver(name)(**settings)
        self.tape: list[Any] = [name, dict(settings)]
        self.accepted = 0  # sets of readings
        self.steps = 0  # of the last talk

    def kept(self) -> str:
        """The tape as a line for the corpus."""
        return json.dumps(self.tape)

    def at(self, at_us: int, known: Mapping[Quantity, float]) -> None:
        """When the next act is, and what a neighbour said before it."""
        self.tape.append(["at", at_us, {quantity.value: value for quantity, value in known.items()}])
        self.driver.at_us, self.driver.known = at_us, dict(known)

    def talk(self, what: str, answering: Answering) -> Any:
        """Lead a talk to its end; what it returned, or the DriverError that it ended with."""
        answers: list[str] = []
        self.tape.append([what, answers])
        try:
            result = self._lead(getattr(self.driver, what)(), answering, answers)
        except DriverError as error:
            return error
        if what == "read":
            self.accepted += not result  # an expander has nothing to say but that it is well
            self._judge(result)
        elif what == "probe":
            assert isinstance(result, bool), result
        return result

    def _lead(self, talk: Talk[Any], answering: Answering, answers: list[str]) -> Any:
        self.steps, seconds = 0, 0.0
        patience = MOST_SECONDS + 2 * float(self.driver.chosen.get("measure_every_s", 0))  # waits for what it set
        try:
            step = next(talk)
            while True:
                self.steps += 1
                seconds += self._bounded(step)
                assert self.steps <= MOST_STEPS, "the talk goes on for ever"
                assert seconds <= patience, f"the talk waits for {seconds:g} s"
                if isinstance(step, Pause):
                    step = talk.send(b"")
                    continue
                try:
                    answer = answering(step)
                except DriverError as error:
                    answers.append(next(word for word, kind in FAILURES.items() if kind is type(error)))
                    seconds += step.timeout_s if isinstance(step, Read) and isinstance(error, NoAnswer) else 0.0
                    step = talk.throw(error)
                else:
                    answers.append(answer.hex())
                    step = talk.send(answer)
        except StopIteration as end:
            return end.value

    def _bounded(self, step: Step) -> float:
        """Raises AssertionError for a step that no bus could perform; how long it waits."""
        if isinstance(step, Pause):
            assert 0 <= step.seconds < math.inf, step
            return step.seconds
        if isinstance(step, Write | WriteRead):
            assert type(step.data) is bytes and len(step.data) <= MOST_BYTES, step
        if isinstance(step, Read | WriteRead):
            assert 1 <= step.count <= MOST_BYTES, step
        if isinstance(step, Read):
            assert 0 <= step.timeout_s <= 30, step
        return 0.0

    def feed(self, data: bytes) -> int:
        """A piece of a stream; how many sets of readings came out."""
        self.tape.append(["feed", data.hex()])
        return self._sets(self._stream.feed(data))

    def flush(self) -> int:
        """The line fell silent."""
        self.tape.append(["flush"])
        return self._sets(self._stream.flush())

    def forget(self) -> None:
        self.tape.append(["forget"])
        self._stream.forget()

    @property
    def _stream(self) -> StreamDriver:
        return cast(StreamDriver, self.driver)

    def _sets(self, found: Sequence[list[Reading]]) -> int:
        for readings in found:
            self._judge(readings)
        assert set(self._stream.errors) <= CAUSES, self._stream.errors
        return len(found)

    def begin(self, at_us: int, levels: Mapping[str, int]) -> None:
        self.tape.append(["begin", at_us, dict(levels)])
        cast(LinesDriver, self.driver).begin(at_us, levels)

    def edge(self, at_us: int, line: str, level: int) -> None:
        self.tape.append(["edge", at_us, line, level])
        cast(LinesDriver, self.driver).edge(Edge(at_us, line, level))

    def lost(self, looks: int) -> None:
        self.tape.append(["lost", looks])
        cast(Windowed, self.driver).lost(looks)

    def close(self, at_us: int) -> None:
        self.tape.append(["close", at_us])
        self._judge(cast(Windowed, self.driver).close(at_us))

    def _judge(self, readings: list[Reading]) -> None:
        """Raises AssertionError for what can not be published."""
        names = set()
        for reading in readings:
            assert isinstance(reading.value, int | float) and math.isfinite(reading.value), reading
            assert isinstance(reading.flags, Flag) and CHANNEL.fullmatch(reading.channel), reading
            assert reading.quantity in self.driver.measures, reading
            names.add(reading.name)
        assert len(names) == len(readings), readings
        self.accepted += bool(readings)
        told = self.driver.told if isinstance(self.driver, Timepiece) else None
        if told is not None:
            self.accepted += 1
            low, high = YEARS_2000_TO_2200_MS
            assert type(told.unix_ms) is int and low <= told.unix_ms < high, told
            assert 0 <= told.uncertainty_ms <= 400 * 86_400_000, told
            self.driver.told = None  # type: ignore[attr-defined]

    def play(self, tape: Sequence[Any]) -> None:
        """Do all that stands on a tape, but for its name and settings."""
        for what, *rest in tape:
            if what == "at":
                self.at(rest[0], {Quantity[name.upper()]: value for name, value in rest[1].items()})
            elif what == "feed":
                self.feed(bytes.fromhex(rest[0]))
            elif what in ("setup", "read", "probe", "rest"):
                self.talk(what, taped(rest[0]))
            else:
                getattr(self, what)(*rest)


CAUSES = {kind.cause for kind in DriverError.__subclasses__()} | {DriverError.cause, "truncated"}


def taped(answers: Sequence[str]) -> Answering:
    """The answers of a tape, one a step; nobody answers when they are over."""
    left = iter(answers)

    def answering(step: Step) -> bytes:
        answer = next(left, "!timeout")
        if answer in FAILURES:
            raise FAILURES[answer]("as on the tape")
        return bytes.fromhex(answer)

    return answering


def played(line: str) -> Shot:
    """Play a line of the corpus. Raises whatever the driver lets out."""
    name, settings, *acts = json.loads(line)
    shot = Shot(name, settings)
    shot.play(acts)
    return shot


def is_talk(shot: Shot) -> bool:
    return isinstance(shot.driver, TalkDriver)
