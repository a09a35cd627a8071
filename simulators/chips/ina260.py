"""A simulated INA260: the shunt is inside, so that there is nothing to calibrate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.ina226 import AVERAGES, CHANNEL_US, OVERFLOW, READY
from simulators.chips.ina_chip import CONFIG, INAChip
from simulators.chips.word_chip import signed, unsigned

CURRENT, BUS, POWER, MASK, LIMIT, MAKER, DIE = 0x01, 0x02, 0x03, 0x06, 0x07, 0xFE, 0xFF


class INA260(INAChip):
    """Voltage, current and power at 0x40 to 0x4F."""

    name = "ina260"
    address = 0x40
    addresses = tuple(range(0x40, 0x50))
    writable = (CONFIG, MASK, LIMIT)
    defaults: ClassVar[Mapping[int, int]] = {CONFIG: 0x6127, MAKER: 0x5449, DIE: 0x2270}
    spans: ClassVar[Spans] = {
        Quantity.VOLTAGE: (0.0, 36.0), Quantity.CURRENT: (-15.0, 15.0), Quantity.POWER: (0.0, 540.0),
    }  # fmt: skip
    resolves: ClassVar[Values] = {
        Quantity.VOLTAGE: 0.000625, Quantity.CURRENT: 0.000625, Quantity.POWER: 0.005,
    }  # fmt: skip
    rests: ClassVar[Values] = {Quantity.VOLTAGE: 12.0, Quantity.CURRENT: 1.0, Quantity.POWER: 12.0}

    def get(self, register: int) -> int:
        word = super().get(register)
        if register == DIE and self.faults.wrong_chip_id is not None:
            return self.faults.wrong_chip_id
        if register != MASK:
            return word
        told = word & 0xFC03 | (READY if self.ready else 0) | (OVERFLOW if self.overflow else 0)
        self.ready = False
        return told

    def conversion_us(self) -> int:
        config = self.words[CONFIG]
        both = CHANNEL_US[config >> 3 & 0x7] + CHANNEL_US[config >> 6 & 0x7]
        return both * AVERAGES[config >> 9 & 0x7]

    def measure(self) -> None:
        amperes, volts = self.sense(Quantity.CURRENT), self.sense(Quantity.VOLTAGE)
        watts = self.sense(Quantity.POWER)
        if self.faults.saturate:
            amperes, volts, watts = 50.0, 41.0, 700.0
        self.words[CURRENT] = signed(amperes / 0.00125)
        self.words[BUS] = min(0x7FFF, round(volts / 0.00125))
        self.words[POWER] = unsigned(watts / 0.01)
        self.overflow = watts / 0.01 > 0xFFFF or abs(amperes / 0.00125) > 0x7FFF
