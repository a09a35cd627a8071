"""A simulated INA226 with a shunt of 2 milliohm: averaging, calibration, conversion-ready and overflow flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.ina_chip import CONFIG, INAChip
from simulators.chips.word_chip import signed, unsigned

SHUNT, BUS, POWER, CURRENT, CALIBRATION, MASK, LIMIT, MAKER, DIE = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xFE, 0xFF
AVERAGES = (1, 4, 16, 64, 128, 256, 512, 1024)
CHANNEL_US = (140, 204, 332, 588, 1100, 2116, 4156, 8244)
READY, OVERFLOW = 0x08, 0x04


class INA226(INAChip):
    """Voltage, shunt voltage, current and power at 0x40 to 0x4F."""

    name = "ina226"
    address = 0x40
    addresses = tuple(range(0x40, 0x50))
    writable = (CONFIG, CALIBRATION, MASK, LIMIT)
    defaults: ClassVar[Mapping[int, int]] = {CONFIG: 0x4127, CALIBRATION: 0, MAKER: 0x5449, DIE: 0x2260}
    spans: ClassVar[Spans] = {
        Quantity.VOLTAGE: (0.0, 36.0),
        Quantity.SHUNT_VOLTAGE: (-0.0819, 0.0819),
        Quantity.CURRENT: (-30.0, 30.0),
        Quantity.POWER: (0.0, 1080.0),
    }
    resolves: ClassVar[Values] = {
        Quantity.VOLTAGE: 0.000625,
        Quantity.SHUNT_VOLTAGE: 1.25e-6,
        Quantity.CURRENT: 0.0005,
        Quantity.POWER: 0.0125,
    }
    rests: ClassVar[Values] = {
        Quantity.VOLTAGE: 12.0, Quantity.SHUNT_VOLTAGE: 0.01, Quantity.CURRENT: 5.0, Quantity.POWER: 60.0,
    }  # fmt: skip
    shunt_ohm = 0.002

    def put(self, register: int, word: int) -> None:
        super().put(register, word & 0x7FFF if register == CALIBRATION else word)

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
        shunt_v, current_a = self.sense(Quantity.SHUNT_VOLTAGE), self.sense(Quantity.CURRENT)
        volts, watts = self.sense(Quantity.VOLTAGE), self.sense(Quantity.POWER)
        if self.faults.saturate:
            shunt_v, current_a, volts = 1.0, 1e6, 41.0
        calibration = self.words[CALIBRATION]
        current = current_a * self.shunt_ohm / 2.5e-6 * calibration / 2048
        power = watts * calibration * self.shunt_ohm / 0.00512 / 25
        self.words[SHUNT], self.words[BUS] = signed(shunt_v / 2.5e-6), min(0x7FFF, round(volts / 0.00125))
        self.words[CURRENT], self.words[POWER] = signed(current), unsigned(power)
        self.overflow = abs(current) > 0x7FFF or power > 0xFFFF
