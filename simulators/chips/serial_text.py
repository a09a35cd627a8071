"""A simulated device that prints lines: `template` is what it prints, filled with what it feels, once a second."""

from __future__ import annotations

from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.spoken_chip import SpokenChip


class SerialText(SpokenChip):
    """A distance in metres, as JSON, unless `template` says otherwise."""

    name = "serial_text"
    spans: ClassVar[Spans] = {Quantity.DISTANCE: (0.0, 1_000.0), Quantity.TEMPERATURE: (-40.0, 85.0)}
    resolves: ClassVar[Values] = {Quantity.DISTANCE: 0.001, Quantity.TEMPERATURE: 0.01}
    rests: ClassVar[Values] = {Quantity.DISTANCE: 2.345, Quantity.TEMPERATURE: 18.5}
    frame_us = 1_000_000
    template = '{{"distance": {distance:.3f}, "t": {temperature:.2f}}}'
    end = "\r\n"

    def spoken(self) -> bytes:
        """A line, behind the end of the one before it: who listens from the middle must wait for that."""
        return self.end.encode() + self.printed()

    def frame_due(self) -> tuple[bytes, int | None]:
        line, wait_us = super().frame_due()
        return line.removeprefix(self.end.encode()), wait_us

    def printed(self) -> bytes:
        if self.faults.stuck_busy:
            return f"busy{self.end}".encode()
        felt = {quantity.value: self.sense(quantity) for quantity in self.spans}
        return (self.template.format(**felt) + self.end).encode()
