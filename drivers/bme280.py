"""Bosch BME280: temperature, humidity and air pressure.

Source: the datasheet BST-BME280-DS002 (double-precision formulas of its appendix). Wiring: SDA and SCL to header pins
3 and 5, 3V3 to pin 1; address 0x76 with SDO low, 0x77 with SDO high.

The chip has no checksum, and is often a BMP280 (no humidity) under a false name. So its id is checked; everything
that is read is read twice and must be the same; calibration of zeros or ones is a dead bus; the control registers
must still be what we left there, or the chip has lost power since and is set up anew. It sleeps between readings
(forced mode, all oversampling x1, no filter), which keeps it from warming itself. A value outside of what the chip can
tell (-40 to 85 °C, 300 to 1100 hPa) is flagged as out of range: the truth lies at least as far out.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from drivers.bosch import (
    ASLEEP,
    CALIBRATION,
    CONFIG,
    COPYING,
    CTRL_HUM,
    CTRL_MEAS,
    DATA,
    FORCED,
    ID,
    MEASURING,
    Trim,
    block,
    identify,
    quiet,
    reading,
    restart,
    word20,
)
from drivers.driver import I2CDriver
from drivers.errors import DeviceFault, DriverError, NotMeasured, NotReady
from drivers.reading import Quantity, Reading
from drivers.register_chip import registers, twice
from drivers.talk import Pause, Talk, Write

CALIBRATION_H1, CALIBRATION_HIGH = 0xA1, 0xE1
BME280_ID = 0x60
ONCE = 0x01  # humidity x1
CONVERSION_S = 0.0093
SKIPPED_HUMIDITY = 0x8000


@dataclass(frozen=True, slots=True)
class Calibration(Trim):
    """The factory's trimming of one chip, by the datasheet's names."""

    h1: int
    h2: int
    h3: int
    h4: int
    h5: int
    h6: int

    @classmethod
    def decode(cls, low: bytes, h1: int, high: bytes) -> Calibration:
        """From registers 88..9F (24 bytes), A1, and E1..E7 (7 bytes). H4 and H5 are signed 12-bit numbers."""
        trim = Trim.read(low)
        h2, h3, h4_high, nibbles, h5_high, h6 = struct.unpack("<hBbBbb", high)
        h4, h5 = h4_high << 4 | nibbles & 0xF, h5_high << 4 | nibbles >> 4
        return cls(trim.t1, trim.t2, trim.t3, trim.p, h1, h2, h3, h4, h5, h6)

    def percent(self, ticks: int, fine: float) -> float:
        """Relative humidity in %, held within 0 and 100, from its 16-bit word."""
        heat = fine - 76800.0
        zero = self.h4 * 64.0 + self.h5 / 16384.0 * heat
        bend = 1.0 + self.h6 / 67108864.0 * heat * (1.0 + self.h3 / 67108864.0 * heat)
        raw = (ticks - zero) * (self.h2 / 65536.0 * bend)
        return max(0.0, min(100.0, raw * (1.0 - self.h1 * raw / 524288.0)))


class BME280(I2CDriver):
    """Temperature (°C), humidity (%RH) and pressure (Pa)."""

    name = "bme280"
    title = "Bosch BME280: temperature, humidity, air pressure"
    datasheet = "https://www.bosch-sensortec.com/products/environmental-sensors/humidity-sensors-bme280/"
    default_address = 0x76
    addresses = (0x76, 0x77)
    max_hz = 400_000
    measures = (Quantity.TEMPERATURE, Quantity.HUMIDITY, Quantity.PRESSURE)
    bus_bytes = 7 + 3 + 4 + 2 * 11  # settings, start, status, data twice
    _calibration: Calibration | None = None

    def setup(self) -> Talk[bool]:
        yield from identify((BME280_ID,))
        if self._calibration is not None and (yield from _as_left()):
            return True
        self._calibration = None
        yield from restart()
        calibration = yield from _calibration()
        yield Write(bytes([CTRL_HUM, ONCE, CONFIG, 0, CTRL_MEAS, ASLEEP]))
        self._calibration = calibration
        return False

    def read(self) -> Talk[list[Reading]]:
        if self._calibration is None:
            raise NotReady("the chip was not set up")
        if not (yield from _as_left()):
            raise DeviceFault("the chip has lost its settings: it was without power for a moment")
        yield Write(bytes([CTRL_MEAS, FORCED]))
        yield Pause(CONVERSION_S)
        yield from quiet(MEASURING | COPYING, "the chip does not finish its measurement")
        return _readings(self._calibration, (yield from block(DATA, 8)))

    def probe(self) -> Talk[bool]:
        try:
            return (yield from registers(ID, 1))[0] == BME280_ID
        except DriverError:
            return False


def _calibration() -> Talk[Calibration]:
    low = yield from block(CALIBRATION, 24)
    h1 = yield from twice(CALIBRATION_H1, 1)
    high = yield from block(CALIBRATION_HIGH, 7)
    return Calibration.decode(low, h1[0], high)


def _as_left() -> Talk[bool]:
    hum, _, meas, config = yield from registers(CTRL_HUM, 4)
    return hum & 0x07 == ONCE and meas == ASLEEP and not config & 0xFC


def _readings(calibration: Calibration, data: bytes) -> list[Reading]:
    pressure, temperature = word20(data[0:3]), word20(data[3:6])
    humidity = data[6] << 8 | data[7]
    if humidity == SKIPPED_HUMIDITY:
        raise NotMeasured("the chip left out its humidity")
    fine = calibration.fine(temperature)
    return [
        reading(Quantity.TEMPERATURE, fine / 5120.0),
        Reading(Quantity.HUMIDITY, calibration.percent(humidity, fine)),
        reading(Quantity.PRESSURE, calibration.pascal(pressure, fine)),
    ]
