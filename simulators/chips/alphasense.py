"""A simulated Alphasense cell at an ADS1115: the working electrode on input 0, the auxiliary one on input 1.

As it comes from the shelf both electrodes feel a voltage. With a `cell` (and its sheet) it feels its gas, in air
of `air_c` degrees: the voltage that the maker's arithmetic turns into that concentration.
"""

from __future__ import annotations

from typing import ClassVar

from drivers.electrodes import Cell
from drivers.reading import Quantity
from simulators.chips.ads1115 import ADS1115
from simulators.chips.chip import Spans, Values

WE, AE = 0, 1
GASES = (Quantity.NO2, Quantity.O3, Quantity.CO, Quantity.SO2, Quantity.NO)


class Alphasense(ADS1115):
    """One cell with its two electrodes."""

    name = "alphasense"
    spans: ClassVar[Spans] = {Quantity.ELECTRODE_VOLTAGE: (0.0, 2.0)}
    resolves: ClassVar[Values] = {Quantity.ELECTRODE_VOLTAGE: 2.048 / 32768}
    rests: ClassVar[Values] = {Quantity.ELECTRODE_VOLTAGE: 0.231}
    untold = frozenset(GASES)  # without a sheet nobody can tell them
    cell: Cell | None = None
    gas_ppb = 20.0
    no2_mv = 0.0  # what of the voltage is another gas
    air_c = 18.0
    ae_v = 0.229

    def volts(self, which: int) -> float:
        if which in self.inputs:
            return self.inputs[which]
        if self.cell is None:
            return self.sense(Quantity.ELECTRODE_VOLTAGE)
        if which == AE:
            return self.ae_v
        wanted_mv = self.gas_ppb * self.cell.sensitivity_mv_per_ppb + self.no2_mv
        return (wanted_mv - self.cell.corrected_mv(0.0, self.ae_v * 1000, self.air_c)) / 1000
