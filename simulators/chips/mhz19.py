"""A simulated MH-Z19: reads, range, baseline, calibrations. It keeps its settings; `answers_setters` makes it a C."""

from __future__ import annotations

from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.serial_chip import SerialChip

READ, ABC, ZERO, SPAN, RANGE = 0x86, 0x79, 0x87, 0x88, 0x99
LENGTH = 9


class MHZ19(SerialChip):
    """CO2 up to the range it is set to."""

    name = "mhz19"
    spans: ClassVar[Spans] = {Quantity.CO2: (1.0, 5000.0), Quantity.TEMPERATURE: (-40.0, 85.0)}
    resolves: ClassVar[Values] = {Quantity.CO2: 1.0}
    rests: ClassVar[Values] = {Quantity.CO2: 430.0, Quantity.TEMPERATURE: 20.0}
    answers_setters = False
    range_ppm = 5000
    baseline = True
    zeroed = spanned = 0  # calibrations asked for

    def power_on(self) -> None:
        self._heard = bytearray()
        self._line.clear()

    def frame_due(self) -> tuple[bytes, int | None]:
        return b"", None

    def hear(self, data: bytes) -> None:
        self._heard += data
        while (at := self._heard.find(b"\xff\x01")) >= 0 and len(self._heard) >= at + LENGTH:
            command = bytes(self._heard[at : at + LENGTH])
            sound = sum(command[1:]) & 0xFF == 0
            del self._heard[: at + (LENGTH if sound else 1)]
            if sound:
                self._obey(command)
        del self._heard[:-LENGTH]

    def _obey(self, command: bytes) -> None:
        function = command[2]
        if function == READ:
            self.answer(framed(READ, self.measurement()))
        elif function in (ABC, ZERO, SPAN, RANGE):
            self._set(function, command)
            if self.answers_setters:
                self.utter(framed(function, b"\x01"))

    def measurement(self) -> bytes:
        """CO2, temperature plus 40, status; zeros before anything is measured."""
        if self.faults.stuck_busy:
            return bytes(6)
        co2 = min(round(self.sense(Quantity.CO2)), self.range_ppm)
        return co2.to_bytes(2, "big") + bytes([round(self.sense(Quantity.TEMPERATURE)) + 40])

    def _set(self, function: int, command: bytes) -> None:
        if function == ABC:
            self.baseline = command[3] == 0xA0
        elif function == RANGE:
            self.range_ppm = int.from_bytes(command[6:8], "big")
        elif function == ZERO:
            self.zeroed += 1
        else:
            self.spanned = int.from_bytes(command[3:5], "big")


def framed(function: int, data: bytes) -> bytes:
    """Start, function, six bytes, and what makes all but the first add up to zero."""
    body = bytes([function]) + data.ljust(6, b"\0")
    return b"\xff" + body + bytes([-sum(body) & 0xFF])
