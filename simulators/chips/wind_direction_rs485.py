"""A simulated RS485 wind vane; `profile` makes it that of another maker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.modbus_unit import ModbusUnit


class WindDirectionRS485(ModbusUnit):
    """Degrees and points in holding registers."""

    name = "wind_direction_rs485"
    unit = 2
    spans: ClassVar[Spans] = {Quantity.WIND_DIRECTION: (0.0, 359.9)}
    resolves: ClassVar[Values] = {Quantity.WIND_DIRECTION: 0.1}
    rests: ClassVar[Values] = {Quantity.WIND_DIRECTION: 225.0}
    profile = "sen0482"

    def holdings(self) -> Mapping[int, int]:
        degrees = self.sense(Quantity.WIND_DIRECTION)
        if self.profile == "sen0482":
            return {0: round(degrees * 10), 1: round(degrees / 22.5) % 16}
        eighth = round(degrees / 45) % 8
        return {0: eighth, 1: round(degrees)} if self.profile == "renke" else {0x01F6: eighth}
