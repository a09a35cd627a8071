"""Bosch BMP280: temperature and air pressure.

Source: the datasheet BST-BMP280-DS001 (double-precision formulas of its appendix; its worked example gives 25.08 °C and
100653.27 Pa). Wiring: SDA and SCL to header pins 3 and 5, 3V3 to pin 1; address 0x76 with SDO low, 0x77 with SDO high.
Boards sold as BME280 often carry this chip: then the board file must name the bmp280.

Doubt is as in drivers/bme280.py: no checksum, so everything is read twice; control registers that are not as they were
left mean that power was lost. Forced mode, oversampling x1, no filter. Values beyond -40 to 85 °C and 300 to 1100 hPa
are flagged as out of range: the truth lies at least as far out.
"""

from __future__ import annotations

from drivers.bosch import (
    ASLEEP,
    CALIBRATION,
    CONFIG,
    COPYING,
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
from drivers.errors import DeviceFault, DriverError, NotReady
from drivers.reading import Quantity, Reading
from drivers.register_chip import registers
from drivers.talk import Pause, Talk, Write

IDS = (0x58, 0x57, 0x56)  # the latter two are early samples
CONVERSION_S = 0.0064


class BMP280(I2CDriver):
    """Temperature (°C) and pressure (Pa)."""

    name = "bmp280"
    title = "Bosch BMP280: temperature, air pressure"
    datasheet = "https://www.bosch-sensortec.com/products/environmental-sensors/pressure-sensors/bmp280/"
    default_address = 0x76
    addresses = (0x76, 0x77)
    max_hz = 400_000
    measures = (Quantity.TEMPERATURE, Quantity.PRESSURE)
    bus_bytes = 5 + 3 + 4 + 2 * 9  # settings, start, status, data twice
    _trim: Trim | None = None

    def setup(self) -> Talk[bool]:
        yield from identify(IDS)
        if self._trim is not None and (yield from _as_left()):
            return True
        self._trim = None
        yield from restart()
        trim = Trim.read((yield from block(CALIBRATION, 24)))
        yield Write(bytes([CONFIG, 0, CTRL_MEAS, ASLEEP]))
        self._trim = trim
        return False

    def read(self) -> Talk[list[Reading]]:
        if self._trim is None:
            raise NotReady("the chip was not set up")
        if not (yield from _as_left()):
            raise DeviceFault("the chip has lost its settings: it was without power for a moment")
        yield Write(bytes([CTRL_MEAS, FORCED]))
        yield Pause(CONVERSION_S)
        yield from quiet(MEASURING | COPYING, "the chip does not finish its measurement")
        data = yield from block(DATA, 6)
        fine = self._trim.fine(word20(data[3:6]))
        pressure = self._trim.pascal(word20(data[0:3]), fine)
        return [reading(Quantity.TEMPERATURE, fine / 5120.0), reading(Quantity.PRESSURE, pressure)]

    def probe(self) -> Talk[bool]:
        try:
            return (yield from registers(ID, 1))[0] in IDS
        except DriverError:
            return False


def _as_left() -> Talk[bool]:
    meas, config = yield from registers(CTRL_MEAS, 2)
    return meas == ASLEEP and not config & 0xFC
