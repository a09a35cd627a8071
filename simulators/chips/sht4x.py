"""A simulated SHT45: commands of one byte, three repeatabilities, heater pulses, a serial number; no memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.command_chip import Answer, CommandChip, Handler
from simulators.chips.sht31 import temperature_ticks

MEASURE_MS = {0xFD: 8.3, 0xF6: 4.5, 0xE0: 1.7}
HEAT_MS = {0x39: 1_000.0, 0x32: 100.0, 0x2F: 1_000.0, 0x24: 100.0, 0x1E: 1_000.0, 0x15: 100.0}
WARMS = {0x39: 60.0, 0x32: 60.0, 0x2F: 33.0, 0x24: 33.0, 0x1E: 6.0, 0x15: 6.0}  # about, in °C
RESET = b"\x94"


def humidity_ticks(percent: float) -> int:
    """The word of SHT4x for a relative humidity in %: it reaches from -6 to 119."""
    return max(0, min(0xFFFF, round((percent + 6.0) / 125.0 * 65535.0)))


class SHT4x(CommandChip):
    """Temperature and humidity at 0x44, 0x45 or 0x46."""

    name = "sht4x"
    code_bytes = 1
    address = 0x44
    addresses = (0x44, 0x45, 0x46)
    spans: ClassVar[Spans] = {Quantity.TEMPERATURE: (-40.0, 125.0), Quantity.HUMIDITY: (0.0, 100.0)}
    resolves: ClassVar[Values] = {Quantity.TEMPERATURE: 175 / 65535, Quantity.HUMIDITY: 125 / 65535}
    rests: ClassVar[Values] = {Quantity.TEMPERATURE: 18.0, Quantity.HUMIDITY: 60.0}
    serial = (0x0F0E, 0x1D2C)

    def written(self, data: bytes) -> None:
        if data == RESET and not self.faults.stuck_busy and self.faults.wrong_chip_id is None:
            self._ready_us = 0  # breaks off whatever the chip does
        super().written(data)

    def commands(self) -> Mapping[int, tuple[float, Handler]]:
        measures = {code: (ms, self._measured) for code, ms in MEASURE_MS.items()}
        heats = {code: (ms, self._heated(WARMS[code])) for code, ms in HEAT_MS.items()}
        return {**measures, **heats, 0x89: (0.5, lambda: self.serial), 0x94: (1.0, self._reset)}

    def _measured(self, warmer: float = 0.0) -> Answer:
        felt = self.sense(Quantity.TEMPERATURE) + warmer, self.sense(Quantity.HUMIDITY)
        return [temperature_ticks(felt[0]), humidity_ticks(felt[1])]

    def _heated(self, warmer: float) -> Handler:
        return lambda: self._measured(warmer)

    def general_call(self, data: bytes) -> None:
        if data == b"\x06":
            self.power_on()

    def _reset(self) -> Answer:
        self.power_on()
        return None
