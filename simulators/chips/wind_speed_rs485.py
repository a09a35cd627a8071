"""A simulated RS485 anemometer; `profile` makes it that of another maker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.driver import SerialLine
from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.modbus_unit import ModbusUnit

PLACES = {"adtek": (0x0000, 10), "hundred": (0x0000, 100), "sen0657": (0x01F4, 10)}


class WindSpeedRS485(ModbusUnit):
    """Wind speed in one holding register."""

    name = "wind_speed_rs485"
    line = SerialLine(4800)
    spans: ClassVar[Spans] = {Quantity.WIND_SPEED: (0.0, 60.0)}
    resolves: ClassVar[Values] = {Quantity.WIND_SPEED: 0.1}
    rests: ClassVar[Values] = {Quantity.WIND_SPEED: 3.0}
    profile = "adtek"

    def holdings(self) -> Mapping[int, int]:
        address, steps = PLACES[self.profile]
        return {address: round(self.sense(Quantity.WIND_SPEED) * steps)}
