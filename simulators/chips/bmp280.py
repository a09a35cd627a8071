"""A simulated BMP280: a BME280 without humidity, with another id and longer rests in normal mode."""

from __future__ import annotations

from collections.abc import Mapping

from drivers.bosch import Trim
from simulators.chips.bosch import BMx280

BURNT = {0x88: bytes.fromhex("706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017")}  # Bosch's published example


class BMP280(BMx280):
    """Temperature and pressure at 0x76 or 0x77."""

    name = "bmp280"
    factory_id = 0x58
    standby_ms = (0.5, 62.5, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0)

    def calibrated(self) -> Mapping[int, bytes]:
        return BURNT

    def measure(self) -> None:
        self.climate(Trim.read(self.burnt[0x88]))
