"""A simulated transmitter at an ADS1115: `scale` turns what it feels into the voltage at its input.

As it comes from the shelf it is a plain voltage. `wire_cut` lets the input fall to 0 V, as the broken wire of a current
loop does; `scale` is told with the volts or milliamperes of the signal, `volts_per` makes volts at the input of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.ads1115 import ADS1115
from simulators.chips.chip import Spans, Values


@dataclass(frozen=True)
class Line:
    """A transmitter: the quantity, two signals and their values, and how many volts at the input one signal unit is."""

    quantity: Quantity = Quantity.VOLTAGE
    low_signal: float = 0.0
    high_signal: float = 1.0
    low: float = 0.0
    high: float = 1.0
    volts_per: float = 1.0


class Analog(ADS1115):
    """One transmitter, felt on every input that is given no voltage of its own."""

    name = "analog"
    spans: ClassVar[Spans] = {Quantity.VOLTAGE: (0.0, 4.0)}
    resolves: ClassVar[Values] = {Quantity.VOLTAGE: 4.096 / 32768}
    rests: ClassVar[Values] = {Quantity.VOLTAGE: 1.234}
    line = Line()
    wire_cut = False

    def volts(self, which: int) -> float:
        if self.wire_cut:
            return 0.0
        if which in self.inputs:
            return self.inputs[which]
        line = self.line
        felt = self.sense(line.quantity) if line.quantity in self.spans else self.feels[line.quantity]
        share = (felt - line.low) / (line.high - line.low)
        return (line.low_signal + (line.high_signal - line.low_signal) * share) * line.volts_per
