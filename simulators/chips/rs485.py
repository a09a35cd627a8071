"""One RS485 line with several units on it: what is said reaches all, and two who answer at once garble each other.

The line has a fault of its own beside those of its units: an adapter that hears itself (`echoes`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import ClassVar

from simulators.chips.chip import Spans, Values
from simulators.chips.serial_chip import SerialChip


class RS485Line(SerialChip):
    """Many chips behind one port. They must share its clock."""

    name = "rs485"
    spans: ClassVar[Spans] = {}
    resolves: ClassVar[Values] = {}
    rests: ClassVar[Values] = {}
    echoes = False

    def __init__(self, now_us: Callable[[], int], units: Sequence[SerialChip]) -> None:
        self.units = tuple(units)
        super().__init__(now_us)

    def hear(self, data: bytes) -> None:
        if self.faults.unplug:
            return
        self._line += data if self.echoes else b""
        for unit in self.units:
            unit.hear(data)
        self._line += self._spoken()

    def next_us(self) -> int | None:
        due = [us for us in (super().next_us(), *(unit.next_us() for unit in self.units)) if us is not None]
        return min(due, default=None)

    def frame_due(self) -> tuple[bytes, int | None]:
        return b"", None

    def say(self) -> bytes:
        self._line += self._spoken()
        return super().say()

    def _spoken(self) -> bytes:
        """A zero on the wire wins over a one."""
        voices = [said for unit in self.units if not unit.faults.unplug and (said := unit.say())]
        return bytes(_wired(pair) for pair in zip_longest(*voices, fillvalue=0xFF))


def on_one_line(chips: Sequence[SerialChip]) -> SerialChip:
    """What is behind a port: its one chip, or a line with several."""
    return chips[0] if len(chips) == 1 else RS485Line(chips[0].now_us, chips)


def _wired(bits: tuple[int, ...]) -> int:
    level = 0xFF
    for byte in bits:
        level &= byte
    return level
