"""A simulated SEN0232 at an ADS1115: 50 dB(A) a volt between 0.6 and 2.6 V; unplugged the input falls to 0 V."""

from __future__ import annotations

from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.ads1115 import ADS1115
from simulators.chips.chip import Spans, Values


class SEN0232(ADS1115):
    """A level meter, felt on every input that is given no voltage of its own."""

    name = "sen0232"
    spans: ClassVar[Spans] = {Quantity.SOUND_LEVEL: (30.0, 130.0)}
    resolves: ClassVar[Values] = {Quantity.SOUND_LEVEL: 50 * 4.096 / 32768}
    rests: ClassVar[Values] = {Quantity.SOUND_LEVEL: 55.0}
    untold = frozenset({Quantity.LAEQ, Quantity.LA10, Quantity.LA90})
    wire_cut = False

    def volts(self, which: int) -> float:
        if self.wire_cut:
            return 0.0
        return self.inputs[which] if which in self.inputs else self.sense(Quantity.SOUND_LEVEL) / 50.0
