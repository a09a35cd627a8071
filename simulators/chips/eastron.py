"""Simulated Eastron meters: floats in pairs of input registers. Register numbers in hexadecimal, as in the manual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.modbus_unit import ModbusUnit, float_words

HERTZ, IMPORT, EXPORT = 0x46, 0x48, 0x4A


class Eastron(ModbusUnit):
    """What it counts it keeps through a loss of power; what it measures it measures anew."""

    most = 80
    spans: ClassVar[Spans] = {
        Quantity.VOLTAGE: (0.0, 300.0), Quantity.CURRENT: (0.0, 100.0), Quantity.POWER: (-30_000.0, 30_000.0),
        Quantity.ENERGY_IMPORT: (0.0, 99_999.99), Quantity.ENERGY_EXPORT: (0.0, 99_999.99),
        Quantity.FREQUENCY: (45.0, 65.0),
    }  # fmt: skip
    resolves: ClassVar[Values] = {
        Quantity.VOLTAGE: 0.001, Quantity.CURRENT: 0.001, Quantity.POWER: 0.01, Quantity.ENERGY_IMPORT: 0.01,
        Quantity.ENERGY_EXPORT: 0.01, Quantity.FREQUENCY: 0.001,
    }  # fmt: skip
    rests: ClassVar[Values] = {
        Quantity.VOLTAGE: 230.0, Quantity.CURRENT: 1.5, Quantity.POWER: 330.0, Quantity.ENERGY_IMPORT: 1234.5,
        Quantity.ENERGY_EXPORT: 0.0, Quantity.FREQUENCY: 50.0,
    }  # fmt: skip

    def inputs(self) -> Mapping[int, int]:
        found = {}
        for address, value in self.told().items():
            found[address], found[address + 1] = float_words(value)
        return found

    def told(self) -> dict[int, float]:
        """The number in each pair of registers."""
        totals = {HERTZ: Quantity.FREQUENCY, IMPORT: Quantity.ENERGY_IMPORT, EXPORT: Quantity.ENERGY_EXPORT}
        told = {address: self.sense(quantity) for address, quantity in totals.items()}
        told[0x156] = told[IMPORT] + told[EXPORT]
        return told
