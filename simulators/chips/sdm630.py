"""A simulated Eastron SDM630. `skews` are what makes its phases differ; by default they carry the same."""

from __future__ import annotations

from drivers.reading import Quantity
from simulators.chips.eastron import Eastron

VOLTS, AMPERES, WATTS, SUM_AMPERES, SUM_WATTS = 0x00, 0x06, 0x0C, 0x30, 0x34


class SDM630(Eastron):
    """Three phases. It feels the voltage and current of the first, and the power of all."""

    name = "sdm630"
    skews: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def told(self) -> dict[int, float]:
        volts, amperes, watts = (
            self.sense(quantity) for quantity in (Quantity.VOLTAGE, Quantity.CURRENT, Quantity.POWER))
        told = super().told() | {SUM_WATTS: watts, SUM_AMPERES: amperes * sum(self.skews)}
        for phase, skew in enumerate(self.skews):
            told |= {VOLTS + 2 * phase: volts * skew, AMPERES + 2 * phase: amperes * skew}
            told[WATTS + 2 * phase] = watts * skew / sum(self.skews)
        return told
