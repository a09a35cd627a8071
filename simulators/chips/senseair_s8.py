"""A simulated SenseAir S8: Modbus as the unit for everybody, its baseline period in EEPROM, its calibration.

`sleepy` makes it one of those that want a byte before each question.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.modbus_unit import ModbusUnit

ANYBODY = 0xFE
STATUS, CO2 = 0, 3
ACKNOWLEDGED, COMMAND, ABC_PERIOD = 0x00, 0x01, 0x1F
CALIBRATE, CALIBRATED = 0x7C06, 1 << 5
OUT_OF_RANGE = 1 << 5
FIRST_US = 4_000_000  # after a loss of power it has measured nothing for so long


class SenseairS8(ModbusUnit):
    """CO2."""

    name = "senseair_s8"
    first = CO2
    spans: ClassVar[Spans] = {Quantity.CO2: (1.0, 10_000.0)}
    resolves: ClassVar[Values] = {Quantity.CO2: 1.0}
    rests: ClassVar[Values] = {Quantity.CO2: 430.0}
    abc_hours = 180
    calibrated = 0
    status = 0
    sleepy = False
    unit_can_be_set = False  # it answers for all
    _started = False

    def power_on(self) -> None:
        super().power_on()
        self._acknowledged, self._awake = 0, False
        self._measures_us = self.now_us() + FIRST_US if self._started else 0
        self._started = True

    def numbers(self) -> tuple[int, ...]:
        return (ANYBODY, self.unit)

    def hear(self, data: bytes) -> None:
        if self.sleepy and not self._awake and not data.startswith(b"\0"):
            return
        self._awake = data.startswith(b"\0")
        super().hear(data)

    def inputs(self) -> Mapping[int, int]:
        co2 = round(self.sense(Quantity.CO2)) if self.now_us() >= self._measures_us else 0
        beyond = OUT_OF_RANGE if co2 >= self.spans[Quantity.CO2][1] else 0
        return {STATUS: self.status | beyond, 1: 0, 2: 0, CO2: co2}

    def holdings(self) -> Mapping[int, int]:
        return {ACKNOWLEDGED: self._acknowledged, COMMAND: 0, ABC_PERIOD: self.abc_hours}

    def keep(self, address: int, word: int) -> bool:
        if address == ABC_PERIOD:
            self.abc_hours = word
        elif address == ACKNOWLEDGED:
            self._acknowledged = word
        elif address == COMMAND and word == CALIBRATE:
            self.calibrated += 1
            self._acknowledged |= CALIBRATED
        return True
