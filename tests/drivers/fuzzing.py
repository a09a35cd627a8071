"""Episodes of hostility: one seed, one fresh driver with settings drawn for it, some thirty hostile inputs.

A hostile input is a talk in which at least one answer was other than the truth, a piece of a stream that is no true
frame, or a train of edges whose times and levels make no sense. Only those are counted. In between comes the truth, so
that what was poisoned before has a chance to show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from drivers.catalog import driver
from drivers.driver import FileDriver, I2CDriver, TalkDriver
from drivers.errors import BusFault, DriverError, Nack, NoAnswer
from drivers.lines import LinesDriver
from drivers.reading import Quantity
from drivers.stream import StreamDriver
from drivers.talk import Read, Step, Write, WriteRead
from drivers.window import Windowed
from tests.drivers.hostile import SNARES, hurt, misshapen, seal_of
from tests.drivers.recorded import Truth, truth, variants
from tests.drivers.under_fire import Shot

INPUTS = 30  # of an episode
STYLES = ("one", "one", "one", "some", "all", "stubborn", "stubborn", "alike", "failing", "other length", "long ago")
DAY_US = 86_400_000_000


class Found(AssertionError):
    """A failing episode: how to play it again, and the line that keeps it for ever."""


def episode(name: str, seed: int) -> tuple[int, int]:
    """How many hostile inputs it held, and how many sets of readings were believed. Raises Found."""
    dice = Random(f"{name} {seed}")
    every = variants(name)
    variant = 0 if dice.random() < 0.5 else dice.randrange(len(every))
    shot = Shot(name, dict(every[variant]))
    try:
        if isinstance(shot.driver, TalkDriver):
            count = _talks(shot, truth(name, variant), dice)
        elif isinstance(shot.driver, StreamDriver):
            count = _stream(shot, truth(name, variant), dice)
        else:
            count = _lines(shot, dice)
    except Exception as error:
        again = f"python -m tests.drivers.fuzzing {name} {seed}"
        raise Found(f"{type(error).__name__}: {error}\nagain: {again}\nfor tests/corpus:\n{shot.kept()}") from error
    return count, shot.accepted


class Forgetful(list[object]):
    """A tape that keeps nothing."""

    def append(self, act: object) -> None: ...


def besieged(name: str, seed: int) -> Iterator[Shot]:
    """One driver that is never made anew and whose window nobody closes; after each stretch of inputs it is given."""
    dice = Random(f"siege of {name} {seed}")
    shot, closing = Shot(name, {}), dice.random() < 0.5
    shot.tape = Forgetful()
    if not closing and isinstance(shot.driver, Windowed):
        shot.close = lambda at_us: None  # type: ignore[method-assign]
    while True:
        if isinstance(shot.driver, TalkDriver):
            _talks(shot, truth(name), dice)
        elif isinstance(shot.driver, StreamDriver):
            _stream(shot, truth(name), dice)
        else:
            _lines(shot, dice)
        yield shot


def fuzz(name: str, inputs: int, seed: int = 0) -> tuple[int, int]:
    """Episodes until so many hostile inputs were given; the counts of `episode` summed. Raises Found."""
    given = believed = 0
    while given < inputs:
        one, accepted = episode(name, seed)
        given, believed, seed = given + one, believed + accepted, seed + 1
    return given, believed


def _later(dice: Random, at_us: int) -> int:
    """Time goes on: a little, not at all, or by years."""
    return at_us + dice.choice((0, 1, 100_000, 1_000_000, 1_000_000, 10_000_000, 3_600_000_000, 400 * DAY_US))


def _neighbour(shot: Shot, dice: Random) -> dict[Quantity, float]:
    """What a neighbour may have said: anything that it could publish."""
    def value(quantity: Quantity) -> float:
        span = quantity.high - quantity.low
        return dice.choice((quantity.low, quantity.high, 0.0, quantity.low + span * dice.random(), quantity.low - span))

    return {quantity: value(quantity) for quantity in shot.driver.uses if dice.random() < 0.7}


def _windowed(shot: Shot, dice: Random) -> None:
    if isinstance(shot.driver, Windowed) and dice.random() < 0.15:
        if dice.random() < 0.3:
            shot.lost(dice.choice((1, 3, 10**9)))
        shot.close(_later(dice, shot.driver.at_us))


# Talks.


class Liar:
    """Answers the steps of one talk; `lied` says whether anything was other than the truth."""

    def __init__(self, what: str, told: Truth, reader: TalkDriver, dice: Random, style: str) -> None:
        self.what, self.told, self.dice, self.style = what, told, dice, style
        self.others = told.every() or [bytes(8)]
        self.address = reader.default_address if isinstance(reader, I2CDriver) else 0
        self.failures = (Nack, BusFault) if isinstance(reader, I2CDriver) else (NoAnswer, BusFault)
        self.serial = not isinstance(reader, I2CDriver | FileDriver)
        self.file = isinstance(reader, FileDriver)
        self.alike = bytes([dice.choice((0, 0xFF, 0x80, dice.randrange(256)))])
        steps = max(1, told.steps.get(what, 1))
        self.number, self.chosen = -1, dice.randrange(steps)
        self.lied = False
        self.turn: dict[bytes, int] = {}
        self.stuck: dict[tuple[bytes, int], bytes] = {}
        self.question, self.line = b"", b""

    def __call__(self, step: Step) -> bytes:
        self.number += 1
        if self._fails():
            self.lied = True
            raise self.dice.choice(self.failures)("so it was drawn")
        if isinstance(step, Write | WriteRead):
            self.question = step.data
        if self.serial:
            return self._by_line(step)
        if isinstance(step, Write):
            return b""
        assert isinstance(step, Read | WriteRead)
        return self._by_bus(step.count)

    def _fails(self) -> bool:
        at_all = self.style == "failing" and (self.number >= self.chosen or self.dice.random() < 0.05)
        return at_all and self.dice.random() < 0.7

    def _lies(self) -> bool:
        if self.style in ("one", "long ago"):
            return self.number == self.chosen or (self.number > self.chosen and not self.lied)
        return self.style in ("all", "alike", "stubborn", "other length") or self.dice.random() < 0.3

    def _true(self) -> bytes:
        """What the chip says to this question, the first time, the second time; at last always the same."""
        told = self.told.answers.get((self.what, self.question)) or self._elsewhere()
        if not told:
            return self.dice.choice(self.others)
        at = self.turn.get(self.question, self.dice.randrange(len(told)) if len(told) > 1 else 0)
        self.turn[self.question] = at + 1
        return told[min(at, len(told) - 1)]

    def _elsewhere(self) -> list[bytes]:
        """Asked in another talk, or with another transaction in front (Modbus TCP)."""
        for (_, question), answers in self.told.answers.items():
            if question == self.question:
                return answers
            if len(question) > 6 and question[2:] == self.question[2:]:
                return [self.question[:2] + answer[2:] for answer in answers]
        return []

    def _lie(self, true: bytes) -> bytes:
        if self.style == "alike":
            return self.alike * len(true)
        if self.style == "long ago":
            return self.dice.choice(self.others)
        shaped = ((self.serial or self.file) and self.dice.random() < 0.4) or self.style == "other length"
        return misshapen(true, self.dice, self.others) if shaped else hurt(
            true, self.dice, self.others, self.address, self.question)

    def _answer(self, true: bytes, count: int) -> bytes:
        if not self._lies():
            return true
        key = self.question, count
        lie = self.stuck.get(key) if self.style == "stubborn" else None
        if lie is None:
            lie = self.stuck[key] = self._lie(true)
        self.lied = self.lied or lie != true
        return lie

    def _by_bus(self, count: int) -> bytes:
        """A bus gives as many bytes as were asked for; a file at most so many; now and then it does neither."""
        answer = self._answer(self._true(), count)
        if self.file:
            return answer[:count]
        if len(answer) != count and self.style != "other length":
            answer = (answer or b"\xff")[:count].ljust(count, b"\xff")
        return answer

    def _by_line(self, step: Step) -> bytes:
        if isinstance(step, Write):
            self.line += self._answer(self._true(), 0)
            return b""
        assert isinstance(step, Read)
        taken, self.line = self.line[: step.count], self.line[step.count :]
        if len(taken) < step.count:
            if self.style == "all" and self.dice.random() < 0.5:  # a line that never falls silent
                return (taken + self.dice.randbytes(step.count))[: step.count]
            raise NoAnswer("silence")
        return taken


class Honest(Liar):
    """Says the truth."""

    def _lies(self) -> bool:
        return False

    def _fails(self) -> bool:
        return False


def _talks(shot: Shot, told: Truth, dice: Random) -> int:
    reader = shot.driver
    assert isinstance(reader, TalkDriver)
    count, at_us = 0, max(60_000_000, reader.at_us)
    shot.at(at_us, {})
    if dice.random() < 0.8:
        shot.talk("setup", Honest("setup", told, reader, dice, "one"))
    for _ in range(4 * INPUTS):  # a talk that asks nothing can not be lied to
        at_us = _later(dice, at_us) if dice.random() < 0.3 else at_us + 1_000_000
        shot.at(at_us, _neighbour(shot, dice) if reader.uses else {})
        what = dice.choice(("read",) * 10 + ("setup", "probe") + ("rest",) * reader.can_rest)
        if dice.random() < 0.04:
            shot.talk(what, Honest(what, told, reader, dice, "one"))
            continue
        liar = Liar(what, told, reader, dice, dice.choice(STYLES))
        result = shot.talk(what, liar)
        count += liar.lied
        if isinstance(result, DriverError) and dice.random() < 0.5:  # as the runner does
            shot.talk("setup", Honest("setup", told, reader, dice, "one"))
        _windowed(shot, dice)
        if count >= INPUTS:
            break
    return count


# Streams.


def _piece(told: Truth, dice: Random, longest: int) -> bytes:
    frames = told.every()
    true, kind = dice.choice(frames), dice.random()
    if kind < 0.75:
        return misshapen(true, dice, frames) if kind < 0.5 else hurt(true, dice, frames)
    if kind < 0.85:
        return dice.choice(SNARES) * dice.randrange(1, 2 + longest // 4)
    if kind < 0.95:
        return dice.randbytes(dice.randrange(1, 200))
    return true[: dice.randrange(len(true) + 1)] + hurt(true, dice, frames) + true[dice.randrange(len(true)) :]


def _stream(shot: Shot, told: Truth, dice: Random) -> int:
    reader, count, at_us = shot.driver, 0, max(60_000_000, shot.driver.at_us)
    assert isinstance(reader, StreamDriver)
    frames = told.every()
    if dice.random() < 0.5:
        shot.talk("setup", lambda step: b"")
    while count < INPUTS:
        at_us = _later(dice, at_us) if dice.random() < 0.3 else at_us + 100_000
        shot.at(at_us, {})
        chance = dice.random()
        if chance < 0.05:
            shot.flush() if chance < 0.03 else shot.forget()
        elif chance < 0.15:
            shot.feed(dice.choice(frames))
        else:
            piece = _piece(told, dice, reader.longest)
            at = dice.randrange(len(piece) + 1) if dice.random() < 0.3 else len(piece)
            for part in (piece[:at], piece[at:]):
                if part:
                    shot.feed(part)
            count += bool(piece) and piece not in frames
        _windowed(shot, dice)
    shot.flush()
    return count


# Lines.


STEPS_US = (
    0, 0, 1, 10, 300, 2_000, 20_000, 100_000, 300_000, 1_000_000, 5_000_000, 60_000_000, DAY_US, 10**15, -1, -5_000_000,
)  # fmt: skip


def _lines(shot: Shot, dice: Random) -> int:
    """Each train of edges is an input: out of order, twice, at one instant, years apart, of levels that are none."""
    reader = shot.driver
    assert isinstance(reader, LinesDriver)
    at_us = 60_000_000
    if dice.random() < 0.7:
        shot.begin(at_us, {line: dice.randrange(2) for line in reader.lines})
    for _ in range(INPUTS):
        steps = dice.choices(STEPS_US[:-2] if dice.random() < 0.7 else STEPS_US, k=dice.randrange(1, 16))
        for step in steps:
            at_us = max(0, at_us + step)
            shot.edge(at_us, dice.choice(reader.lines), dice.choice((0, 1) * 16 + (2, -1)))
        chance = dice.random()
        if chance < 0.1:
            shot.lost(dice.choice((1, 7, 10**6)))
        elif chance < 0.15:
            shot.begin(at_us, {line: dice.randrange(2) for line in reader.lines})
        if chance > 0.5:
            at_us += dice.choice((0, 1, 10_000_000, 300_000_000, DAY_US))
            shot.close(at_us)
    return INPUTS


def reach(name: str) -> str:
    """The seal of what is mostly said to this driver: for whoever wonders why nothing is believed."""
    told, address = truth(name), getattr(driver(name), "default_address", 0)
    asked = {seal_of(one, address, question).name for (_, question), every in told.answers.items() for one in every}
    return ", ".join(sorted(asked | {seal_of(frame).name for frame in told.frames}))


def main(arguments: list[str], say: Callable[[str], None] = print) -> None:
    """Play one episode again: NAME SEED."""
    given, believed = episode(arguments[0], int(arguments[1]))
    say(f"{given} hostile inputs, {believed} sets of readings believed")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
