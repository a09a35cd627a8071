"""What the matrix does to a sensor: each fault by name, on which buses it happens, how it begins and how it goes on.

A fault holds for a while (`begin`, then `again` every second), and is then taken back. Faults of the chip are its own
knobs; those of the wire are done by the hand that holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge.wiring import BusKind
from simulators.chips.lines_chip import LinesChip
from simulators.chips.serial_chip import SerialChip
from simulators.matrix.bench import SUBJECT, Bench

I2C, UART, GPIO, FILE = ("i2c",), ("uart",), ("gpio",), ("file",)
BYTES = (*I2C, *UART, *FILE)
NOISE = bytes((0xAA, 0x42, 0x4D, 0xFF, 0x2F, 0x00, 0xC0, 0x86, 0x59, 0xF4, 0x24, 0x16, 0x7E, 0x01, 0x0A, 0x0D))


def nothing(bench: Bench, second: int) -> None:
    """It goes on by itself."""


def begins_by_itself(bench: Bench) -> None:
    """Each second brings its own."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One column of the matrix."""

    name: str
    buses: tuple[str, ...]
    begin: Callable[[Bench], None]
    again: Callable[[Bench, int], None] = nothing
    seconds: int = 20
    untold: bool = False  # may be impossible to tell from a world that stands still
    shared: bool = False  # takes the whole bus with it, neighbours too

    def befalls(self, bus: BusKind) -> bool:
        """Whether it can happen there."""
        return bus in self.buses


def let_go(bench: Bench) -> None:
    """Take every fault back."""
    part = bench.subject
    part.hand.let_go()
    bench.lagging.clear()
    part.chip.faults.calm()
    if isinstance(part.chip, SerialChip):
        part.chip.tear(0)
    if isinstance(part.chip, LinesChip):
        part.chip.bounces = 0


def _refuse(rule: Callable[[bool, int], bool]) -> Callable[[Bench], None]:
    def begin(bench: Bench) -> None:
        bench.subject.hand.refuse = rule

    return begin


def _spoil(rule: Callable[[bytes], bytes]) -> Callable[[Bench], None]:
    def begin(bench: Bench) -> None:
        bench.subject.hand.spoil = rule

    return begin


def _switch(**knobs: object) -> Callable[[Bench], None]:
    def begin(bench: Bench) -> None:
        for knob, value in knobs.items():
            setattr(bench.subject.chip.faults, knob, value)

    return begin


def _corrupt(bench: Bench, second: int) -> None:
    if not bench.subject.chip.faults.hurts:  # one answer at a time: who hears the same flip twice can not know
        bench.subject.chip.faults.corrupt(1, byte=second * 5 + 1, bit=(second * 3) % 8)


def _brown_out(bench: Bench) -> None:
    bench.subject.chip.faults.brown_out()


def _brown_out_now_and_then(bench: Bench, second: int) -> None:
    if second % 7 == 0:
        _brown_out(bench)


def _other_chip(bench: Bench) -> None:
    bench.subject.chip.faults.wrong_chip_id = 0x42
    _brown_out(bench)


def _pull(bench: Bench) -> None:
    bench.subject.hand.pulled = True
    if not isinstance(bench.subject.chip, LinesChip):  # a contact has no power to lose, and the world goes on
        bench.subject.chip.faults.unplug = True
        _brown_out(bench)


def _garbage(bench: Bench, second: int) -> None:
    bench.subject.chip.faults.garbage(1 + second * 7 % 40)


def _tear(bench: Bench, second: int) -> None:
    if isinstance(bench.subject.chip, SerialChip):
        bench.subject.chip.tear(1)


def _inside(data: bytes) -> bytes:
    at = len(data) // 2
    return data[:at] + NOISE[:5] + data[at:] if len(data) > 1 else data


class Babble:
    """A line that never falls silent: noise beside whatever the device says."""

    def __init__(self) -> None:
        self._said = 0

    def __call__(self, data: bytes) -> bytes:
        self._said += 1
        return data + bytes((byte * 7 + self._said) & 0xFF for byte in NOISE * 4)


def _babble(bench: Bench) -> None:
    bench.subject.hand.spoil = Babble()


def _lag(bench: Bench) -> None:
    bench.lagging.add(SUBJECT)


def _bounce(bench: Bench) -> None:
    if isinstance(bench.subject.chip, LinesChip):
        bench.subject.chip.bounces = 2


FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("nack address", I2C, _refuse(lambda writes, number: True)),
        Fault("nack data", I2C, _refuse(lambda writes, number: writes)),
        Fault("nack now and then", I2C, _refuse(lambda writes, number: number % 5 == 0)),
        Fault("silence", UART, _spoil(lambda data: b"")),
        Fault("crc", BYTES, begins_by_itself, _corrupt),
        Fault("stuck busy", BYTES, _switch(stuck_busy=True)),
        Fault("freeze", (*BYTES, *GPIO), _switch(freeze=True), untold=True),
        Fault("brown-out", BYTES, _brown_out, _brown_out_now_and_then),
        Fault("wrong chip", (*I2C, *UART), _other_chip),
        Fault("bus stuck", I2C, _switch(sda_stuck=True), shared=True),
        Fault("garbage before", UART, begins_by_itself, _garbage),
        Fault("garbage inside", (*UART, *FILE), _spoil(_inside)),
        Fault("half frames", UART, begins_by_itself, _tear),
        Fault("half a file", FILE, _spoil(lambda data: data[: len(data) // 2])),
        Fault("glued frames", (*UART, *FILE), _spoil(lambda data: data + data)),
        Fault("endless stream", (*UART, *FILE), _babble),
        Fault("edges lost", GPIO, _lag, seconds=10),
        Fault("bounce", GPIO, _bounce),
        Fault("unplug, replug", (*BYTES, *GPIO), _pull),
    )
}
