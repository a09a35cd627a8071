"""What a simulated chip truly answers, once and for all: the ground from which hostile answers are made.

A driver talks with its chip under three skies (everything low, at rest, high), and what was asked and answered is kept
by talk and question. Played back it costs nothing, so that thousands of conversations a second can be led.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from drivers.catalog import driver
from drivers.driver import FileDriver, I2CDriver, TalkDriver
from drivers.errors import DriverError
from drivers.setting import Chosen
from drivers.stream import StreamDriver
from drivers.talk import Read, Step, Talk, Write, WriteRead
from simulators.chips.chip import Chip, I2CChip
from simulators.chips.file_chip import FileChip
from simulators.chips.serial_chip import SerialChip
from simulators.clock import VirtualClock
from simulators.files import SimulatedFile, file_steps
from simulators.i2c import SimulatedI2C, converse, i2c_steps
from simulators.shelf import chip
from simulators.uart import SimulatedSerial, serial_steps

SKIES = (0.0, None, 1.0, 0.37)  # how far up its span each quantity is; None: at rest
TEXTS: dict[str, tuple[dict[str, Chosen], bytes]] = {  # for a driver whose board says what a line is
    "csv": (
        {"format": "csv", "separator": "semicolon", "decimal": "comma",
         "fields": ({"quantity": "temperature", "key": "2"}, {"quantity": "humidity", "key": "3", "scale": 0.1})},
        b"\r\n2026-01-01;21,5;433;x\r\n",
    ),
    "pattern": (
        {"format": "pattern", "pattern": r"T=([-+.\deE]+) n=(?P<n>\S+)",
         "fields": ({"quantity": "temperature", "key": "1"}, {"quantity": "co2", "key": "n"})},
        b"\r\nT=21.5 n=433\r\n",
    ),
    "json": (
        {"fields": ({"quantity": "temperature", "key": "a.0.t"}, {"quantity": "co2", "key": "c", "scale": 1e300})},
        b'\r\n{"a": [{"t": 21.5}], "c": 4}\r\n',
    ),
}  # fmt: skip
REGISTERS: tuple[dict[str, Any], ...] = tuple(
    {"quantity": "voltage", "channel": kind, "register": 8 * at, "type": kind, "scale": 0.1}
    for at, kind in enumerate(("u16", "s16", "u32", "s32", "float32", "u32le", "float32le"))
)
MOST_VARIANTS = 8


def performer(reader: TalkDriver | StreamDriver, device: Chip, clock: VirtualClock) -> Any:
    """What leads a talk of this reader with this chip."""
    if isinstance(reader, I2CDriver) and isinstance(device, I2CChip):
        return i2c_steps(SimulatedI2C({reader.default_address: device}), reader.default_address, clock.advance)
    if isinstance(reader, FileDriver) and isinstance(device, FileChip):
        return file_steps(SimulatedFile(device), clock.advance)
    assert isinstance(device, SerialChip)
    return serial_steps(SimulatedSerial(device, clock.advance), clock.advance)


@dataclass
class Truth:
    """Answers by talk and question, in order (on a serial line whole replies, however they were read); frames."""

    answers: dict[tuple[str, bytes], list[bytes]] = field(default_factory=lambda: defaultdict(list))
    frames: list[bytes] = field(default_factory=list)
    steps: dict[str, int] = field(default_factory=dict)  # of one honest talk, at most
    seconds: dict[str, float] = field(default_factory=dict)  # paused in it

    def every(self) -> list[bytes]:
        """All that was ever said."""
        return [one for told in self.answers.values() for one in told] + self.frames


def felt(device: Chip, sky: float | None) -> None:
    """Let the chip feel everything at this place of its spans."""
    for quantity, (low, high) in device.spans.items() if sky is not None else ():
        device.feels[quantity] = low + (sky or 0.0) * (high - low)


def made(name: str, settings: dict[str, Chosen], clock: VirtualClock) -> tuple[Any, Chip]:
    """A driver and a chip that suits it."""
    reader, device = driver(name)(**settings), chip(name)(clock.boot_us)
    if hasattr(device, "suit"):
        device.suit(reader)
    clock.advance(60 if isinstance(reader, TalkDriver) else 2)  # booted; what streams have said is never needed
    return reader, device


@cache
def variants(name: str) -> tuple[tuple[tuple[str, Chosen], ...], ...]:
    """The default, each choice of each setting, the ends of each number, and tables of our own; as far as they fit."""
    kind = driver(name)
    single: list[tuple[str, Chosen]] = []
    for setting in kind.settings:
        ends = tuple(end for end in (setting.low, setting.high) if end is not None)
        single += [(setting.name, value) for value in setting.choices or ends if value != setting.default]
    some = single[:: 1 + len(single) // MOST_VARIANTS]
    wanted: list[tuple[tuple[str, Chosen], ...]] = [(), *((one,) for one in some)]
    if name == "serial_text":
        wanted += [tuple(settings.items()) for settings, _ in TEXTS.values()]
    if name == "modbus":
        wanted += [(("registers", REGISTERS), ("framing", framing)) for framing in ("rtu", "tcp")]
    return tuple(one for one in wanted if _allowed(name, dict(one)))


def _allowed(name: str, settings: dict[str, Chosen]) -> bool:
    try:
        driver(name)(**settings)
    except ValueError:
        return False
    return True


_truths: dict[tuple[str, int], Truth] = {}


def truth(name: str, variant: int = 0) -> Truth:
    """What the chip says to a driver with these settings; where it can not be got to, what it says by default."""
    if (name, variant) not in _truths:
        found = _record(name, dict(variants(name)[variant]))
        if variant and not found.every():
            found = truth(name)
        _truths[name, variant] = found
    return _truths[name, variant]


def _record(name: str, settings: dict[str, Chosen]) -> Truth:
    told = Truth()
    for sky in SKIES:
        clock = VirtualClock()
        reader, device = made(name, settings, clock)
        felt(device, sky)
        if isinstance(reader, TalkDriver):
            for what in ("setup", "read", "read", "probe", *(("rest", "setup") if reader.can_rest else ()), "read"):
                _talk(told, what, reader, device, clock)
        elif isinstance(reader, StreamDriver):
            _listen(told, reader, device, clock)
    if name == "serial_text":
        told.frames += [line for given, line in TEXTS.values() if given.items() <= settings.items()]
    return told


def _talk(told: Truth, what: str, reader: TalkDriver, device: Chip, clock: VirtualClock) -> None:
    serial = isinstance(device, SerialChip)
    perform, question = performer(reader, device, clock), b""
    steps, began_us = 0, clock.now_us

    def noted(step: Step) -> bytes:
        nonlocal question, steps
        steps += 1
        if isinstance(step, Write | WriteRead):
            question = step.data
            if serial:
                told.answers[what, question].append(b"")
        answer: bytes = perform(step)
        if serial and isinstance(step, Read):
            told.answers[what, question] = told.answers[what, question] or [b""]
            told.answers[what, question][-1] += answer
        elif isinstance(step, Read | WriteRead):
            told.answers[what, question].append(answer)
        return answer

    clock.advance(max(1.0, reader.interval_min_s))
    reader.at_us = clock.now_us
    talk: Talk[Any] = getattr(reader, what)()
    try:
        converse(talk, noted)
    except DriverError:
        pass
    told.steps[what] = max(told.steps.get(what, 0), steps)
    told.seconds[what] = max(told.seconds.get(what, 0.0), (clock.now_us - began_us) / 1e6)


def _listen(told: Truth, reader: StreamDriver, device: Chip, clock: VirtualClock) -> None:
    told.frames += [one for one in _spoken(device) if one]
    perform = performer(reader, device, clock)
    assert isinstance(device, SerialChip)
    try:
        converse(reader.setup(), perform)
    except DriverError:
        return
    for _ in range(3):
        clock.advance(1.5)
        if said := device.say():
            told.frames.append(said[: max(60, reader.longest)])


def _spoken(device: Chip) -> Iterator[bytes]:
    speak = getattr(device, "spoken", None)
    if speak is not None:
        yield speak()
