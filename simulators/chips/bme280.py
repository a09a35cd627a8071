"""A simulated BME280: registers, a factory calibration, and conversions that take their time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from drivers.bme280 import SKIPPED_HUMIDITY, Calibration
from drivers.reading import Quantity
from simulators.chips.bosch import CONFIG, CTRL_MEAS, BMx280, nearest, times
from simulators.chips.chip import Spans, Values

CTRL_HUM, HUMIDITY = 0xF2, 0xFD
BURNT = {  # Bosch's published example, with a humidity part of our own
    0x88: bytes.fromhex("706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017004b"),
    0xE1: bytes.fromhex("7201001329031e"),
}


class BME280(BMx280):
    """Temperature, humidity and pressure at 0x76 or 0x77."""

    name = "bme280"
    factory_id = 0x60
    spans: ClassVar[Spans] = {
        Quantity.TEMPERATURE: (-40.0, 85.0),
        Quantity.HUMIDITY: (0.0, 100.0),
        Quantity.PRESSURE: (30_000.0, 110_000.0),
    }
    resolves: ClassVar[Values] = {Quantity.TEMPERATURE: 0.006, Quantity.HUMIDITY: 0.008, Quantity.PRESSURE: 2.8}
    rests: ClassVar[Values] = {Quantity.TEMPERATURE: 18.0, Quantity.HUMIDITY: 60.0, Quantity.PRESSURE: 101_325.0}
    writable = frozenset({CTRL_HUM, CTRL_MEAS, CONFIG})
    standby_ms = (0.5, 62.5, 125.0, 250.0, 500.0, 1000.0, 10.0, 20.0)

    def __init__(
        self,
        now_us: Callable[[], int],
        noise: Callable[[Quantity], float] | None = None,
        burnt: Mapping[int, bytes] | None = None,
    ) -> None:
        """`burnt` is the factory's calibration: register 88 (26 bytes, the last is H1) and E1 (7 bytes)."""
        super().__init__(now_us, noise, burnt)
        low, high = self.burnt[0x88], self.burnt[0xE1]
        self.calibration = Calibration.decode(low[:24], low[25], high)

    def calibrated(self) -> Mapping[int, bytes]:
        return BURNT

    def power_on(self) -> None:
        super().power_on()
        self._registers[HUMIDITY : HUMIDITY + 2] = SKIPPED_HUMIDITY.to_bytes(2, "big")
        self._humidity = 0  # the oversampling that counts: taken over by a write to CTRL_MEAS

    def put(self, register: int, value: int) -> None:
        super().put(register, value)
        if register == CTRL_MEAS:
            self._humidity = self._registers[CTRL_HUM] & 0x07

    def sampling(self) -> tuple[int, int, int]:
        return *super().sampling()[:2], times(self._humidity)

    def measure(self) -> None:
        trim, often = self.calibration, self.sampling()[2]
        fine = self.climate(trim)
        h = nearest(self.sense(Quantity.HUMIDITY), 1, 0xFFFF, lambda ticks: trim.percent(ticks, fine))
        h = (h + (h == SKIPPED_HUMIDITY)) if often else SKIPPED_HUMIDITY
        self._registers[HUMIDITY : HUMIDITY + 2] = h.to_bytes(2, "big")
