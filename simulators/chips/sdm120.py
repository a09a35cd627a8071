"""A simulated Eastron SDM120."""

from __future__ import annotations

from drivers.driver import SerialLine
from drivers.reading import Quantity
from simulators.chips.eastron import Eastron


class SDM120(Eastron):
    """One phase."""

    name = "sdm120"
    line = SerialLine(2400)

    def told(self) -> dict[int, float]:
        volts, amperes, watts = (
            self.sense(quantity) for quantity in (Quantity.VOLTAGE, Quantity.CURRENT, Quantity.POWER))
        apparent = volts * amperes
        measured = {0x00: volts, 0x06: amperes, 0x0C: watts, 0x12: apparent, 0x18: 0.0}
        return {**super().told(), **measured, 0x1E: watts / apparent if apparent else 0.0}
