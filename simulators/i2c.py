"""An I2C bus without wires: chips by address, with the face that drivers' runners know from Linux.

What is not there does not acknowledge; a chip that holds the data line down takes the whole bus with it. `converse`
leads one talk from beginning to end on such a bus in virtual time, which is what sweeps and vectors need; the agent's
own runners do it in pieces, on a timetable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from operator import and_
from typing import TypeVar

from drivers.errors import BusFault, DriverError, Nack
from drivers.talk import Pause, Read, Step, Talk, Write
from edge.buses.recovery import free
from simulators.chips.chip import I2CChip

T = TypeVar("T")
GENERAL_CALL = 0


class SimulatedI2C:
    """One bus. `transfers` counts what went over it, refused or not; `reset_wired`: the muxes' RESET can be pulled."""

    def __init__(self, chips: Mapping[int, I2CChip], reset_wired: bool = False) -> None:
        self.chips = dict(chips)
        self.reset_wired = reset_wired
        self.transfers = 0

    def reach(self) -> Iterator[tuple[int, I2CChip]]:
        """Every chip whose lines are joined to this bus now: address and chip."""
        for address, chip in self.chips.items():
            yield address, chip
            yield from chip.behind()

    def transfer(self, address: int, data: bytes | None, count: int) -> bytes:
        """Write, read, or write and read with a repeated start. Raises Nack, BusFault.

        Where several answer they pull the line together: what is read has the zeros of all of them.
        """
        self.transfers += 1
        reached = list(self.reach())
        if any(chip.faults.sda_stuck for _, chip in reached):
            raise BusFault("the data line is held low: a chip on this bus hangs")
        if address == GENERAL_CALL and data:
            for _, chip in reached:
                chip.general_call(data)
            return b"\xff" * count
        called = [chip for at, chip in reached if at == address]
        if len(called) == 1:
            return called[0].transfer(data, count)
        return together([answer for chip in called if (answer := _answer(chip, data, count)) is not None], address)

    def reset_muxes(self) -> bool:
        """Pull the RESET of every mux; False when nobody wired it."""
        if self.reset_wired:
            for _, chip in list(self.reach()):
                chip.reset()
        return self.reset_wired

    def recover(self) -> str:
        """Give clocks by hand, as a board's pins would: a chip that hangs lets go. What came of it, in a clause."""
        return free(SimulatedWires([chip for _, chip in self.reach()]))

    def close(self) -> None:
        """Nothing is held."""


def _answer(chip: I2CChip, data: bytes | None, count: int) -> bytes | None:
    try:
        return chip.transfer(data, count)
    except Nack:
        return None


def together(answers: list[bytes], address: int) -> bytes:
    """What the master reads of several that answer at once. Raises Nack when there is none."""
    if not answers:
        raise Nack(f"nobody answers at 0x{address:02X}")
    return bytes(reduce(and_, octets) for octets in zip(*answers, strict=True))


class SimulatedWires:
    """The two lines of a bus, moved by hand."""

    def __init__(self, chips: Iterable[I2CChip]) -> None:
        self._chips = list(chips)
        self._scl = self._sda = 1

    def put_scl(self, level: int) -> None:
        rises, self._scl = level > self._scl, level
        for chip in self._chips if rises else ():
            chip.faults.clocked()

    def put_sda(self, level: int) -> None:
        self._sda = level

    def scl(self) -> int:
        return self._scl

    def sda(self) -> int:
        return 0 if any(chip.faults.sda_stuck for chip in self._chips) else self._sda

    def half_period(self) -> None:
        """No time passes."""


def i2c_steps(bus: SimulatedI2C, address: int, pause: Callable[[float], None]) -> Callable[[Step], bytes]:
    """What to do with each step of a talk with the chip at this address."""

    def perform(step: Step) -> bytes:
        if isinstance(step, Pause):
            pause(step.seconds)
            return b""
        if isinstance(step, Write):
            return bus.transfer(address, step.data, 0)
        if isinstance(step, Read):
            return bus.transfer(address, None, step.count)
        return bus.transfer(address, step.data, step.count)

    return perform


def converse(talk: Talk[T], perform: Callable[[Step], bytes]) -> T:
    """Lead a talk to its end: each step performed, each DriverError thrown in where the step stood.

    Raises whatever the talk lets out.
    """
    try:
        step = next(talk)
        while True:
            try:
                answer = perform(step)
            except DriverError as error:
                step = talk.throw(error)
            else:
                step = talk.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
