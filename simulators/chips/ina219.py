"""A simulated INA219 with a shunt of 0.1 ohm: range, averaging, calibration, overflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.ina_chip import CONFIG, INAChip
from simulators.chips.word_chip import signed, unsigned

SHUNT, BUS, POWER, CURRENT, CALIBRATION = 0x01, 0x02, 0x03, 0x04, 0x05
RANGES_V = (0.04, 0.08, 0.16, 0.32)
READY, OVERFLOW = 0x02, 0x01


class INA219(INAChip):
    """Voltage, shunt voltage, current and power at 0x40 to 0x4F."""

    name = "ina219"
    address = 0x40
    addresses = tuple(range(0x40, 0x50))
    writable = (CONFIG, CALIBRATION)
    defaults: ClassVar[Mapping[int, int]] = {CONFIG: 0x399F, CALIBRATION: 0}
    spans: ClassVar[Spans] = {
        Quantity.VOLTAGE: (0.0, 26.0),
        Quantity.SHUNT_VOLTAGE: (-0.3199, 0.3199),
        Quantity.CURRENT: (-3.2, 3.2),
        Quantity.POWER: (0.0, 83.2),
    }
    resolves: ClassVar[Values] = {
        Quantity.VOLTAGE: 0.002,
        Quantity.SHUNT_VOLTAGE: 5e-6,
        Quantity.CURRENT: 5e-5,
        Quantity.POWER: 0.001,
    }
    rests: ClassVar[Values] = {
        Quantity.VOLTAGE: 12.0, Quantity.SHUNT_VOLTAGE: 0.05, Quantity.CURRENT: 0.5, Quantity.POWER: 6.0,
    }  # fmt: skip
    shunt_ohm = 0.1

    def put(self, register: int, word: int) -> None:
        super().put(register, word & 0xFFFE if register == CALIBRATION else word)

    def get(self, register: int) -> int:
        word = super().get(register)
        if register == BUS:
            return word | (READY if self.ready else 0) | (OVERFLOW if self.overflow else 0)
        if register == POWER:
            self.ready = False
        return word

    def conversion_us(self) -> int:
        """Both channels in turn."""
        config = self.words[CONFIG]
        return sum(channel_us(config >> shift & 0xF) for shift in (3, 7))

    def measure(self) -> None:
        range_v = RANGES_V[self.words[CONFIG] >> 11 & 0x3]
        shunt_v, current_a = self.sense(Quantity.SHUNT_VOLTAGE), self.sense(Quantity.CURRENT)
        volts, watts = self.sense(Quantity.VOLTAGE), self.sense(Quantity.POWER)
        calibration, most = self.words[CALIBRATION], round(range_v / 1e-5)
        if self.faults.saturate:
            shunt_v, current_a, volts = range_v, 1e6, 32.0
        self.words[SHUNT] = max(-most, min(most, round(shunt_v / 1e-5))) & 0xFFFF
        self.words[BUS] = min(0x1FFF if self.words[CONFIG] & 0x2000 else 4000, round(volts / 0.004)) << 3
        current = current_a * self.shunt_ohm / 1e-5 * calibration / 4096
        power = watts * calibration * self.shunt_ohm / 0.04096 / 20
        self.words[CURRENT], self.words[POWER] = signed(current), unsigned(power)
        self.overflow = abs(current) > 0x7FFF or power > 0xFFFF


def channel_us(code: int) -> int:
    """How long one channel takes: 9 to 12 bits, or 2 to 128 samples of 12 bits."""
    return (84, 148, 276, 532)[code & 0x3] if code < 8 else 532 << (code & 0x7)
