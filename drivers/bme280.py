"""Bosch BME280: temperature, humidity and air pressure.

Source: the datasheet BST-BME280-DS002 (double-precision formulas of its appendix). Wiring: SDA and SCL to header pins
3 and 5, 3V3 to pin 1; address 0x76 with SDO low, 0x77 with SDO high.

The chip has no checksum, and is often a BMP280 (no humidity) under a false name. So its id is checked; everything
that is read is read twice and must be the same; calibration of zeros or ones is a dead bus; the control registers
must still be what we left there, or the chip has lost power since and is set up anew. It sleeps between readings
(forced mode, all oversampling x1, no filter), which keeps it from warming itself.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from drivers.driver import I2CDriver
from drivers.errors import (
    BusFault,
    ChecksumError,
    DeviceFault,
    DriverError,
    FramingError,
    NotMeasured,
    NotReady,
    WrongChip,
)
from drivers.reading import Quantity, Reading
from drivers.talk import Pause, Talk, Write, WriteRead

ID, RESET, CTRL_HUM, STATUS, CTRL_MEAS, CONFIG, DATA = 0xD0, 0xE0, 0xF2, 0xF3, 0xF4, 0xF5, 0xF7
CALIBRATION_LOW, CALIBRATION_H1, CALIBRATION_HIGH = 0x88, 0xA1, 0xE1
RESET_WORD = 0xB6
CHIPS = {0x56: "BMP280 (sample)", 0x57: "BMP280 (sample)", 0x58: "BMP280", 0x60: "BME280", 0x61: "BME680 or BME688"}
BME280_ID = 0x60
MEASURING, COPYING = 0x08, 0x01
ONCE, ASLEEP, FORCED = 0x01, 0x24, 0x25  # humidity x1; temperature and pressure x1, asleep; the same, measuring once
CONVERSION_S, POLL_S, POLLS = 0.0093, 0.002, 6
SKIPPED, SKIPPED_HUMIDITY = 0x80000, 0x8000


@dataclass(frozen=True, slots=True)
class Calibration:
    """The factory's trimming of one chip, by the datasheet's names."""

    t1: int
    t2: int
    t3: int
    p: tuple[int, ...]  # P1 to P9
    h1: int
    h2: int
    h3: int
    h4: int
    h5: int
    h6: int

    @classmethod
    def decode(cls, low: bytes, h1: int, high: bytes) -> Calibration:
        """From registers 88..9F (24 bytes), A1, and E1..E7 (7 bytes). H4 and H5 are signed 12-bit numbers."""
        t1, t2, t3, *p = struct.unpack("<HhhH8h", low)
        h2, h3, h4_high, nibbles, h5_high, h6 = struct.unpack("<hBbBbb", high)
        return cls(t1, t2, t3, tuple(p), h1, h2, h3, h4_high << 4 | nibbles & 0xF, h5_high << 4 | nibbles >> 4, h6)

    def fine(self, ticks: int) -> float:
        """The fine temperature (5120 a degree) that all three formulas need, from the 20-bit temperature word."""
        near = (ticks / 16384.0 - self.t1 / 1024.0) * self.t2
        far = ticks / 131072.0 - self.t1 / 8192.0
        return near + far * far * self.t3

    def pascal(self, ticks: int, fine: float) -> float:
        """Pressure in Pa from its 20-bit word. Raises NotMeasured when the calibration makes it meaningless."""
        p1, p2, p3, p4, p5, p6, p7, p8, p9 = self.p
        half = fine / 2.0 - 64000.0
        offset = (half * half * p6 / 32768.0 + half * p5 * 2.0) / 4.0 + p4 * 65536.0
        slope = (1.0 + (p3 * half * half / 524288.0 + p2 * half) / 524288.0 / 32768.0) * p1
        if slope == 0.0:
            raise NotMeasured("the pressure calibration of this chip is empty")
        rough = (1048576.0 - ticks - offset / 4096.0) * 6250.0 / slope
        return rough + (p9 * rough * rough / 2147483648.0 + rough * p8 / 32768.0 + p7) / 16.0

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
    default_address = 0x76
    addresses = (0x76, 0x77)
    max_hz = 400_000
    measures = (Quantity.TEMPERATURE, Quantity.HUMIDITY, Quantity.PRESSURE)
    _calibration: Calibration | None = None

    def setup(self) -> Talk[None]:
        self._calibration = None
        yield from _identify()
        yield Write(bytes([RESET, RESET_WORD]))
        yield from _quiet(COPYING, "the chip does not finish its start")
        calibration = yield from _calibration()
        yield Write(bytes([CTRL_HUM, ONCE, CONFIG, 0, CTRL_MEAS, ASLEEP]))
        self._calibration = calibration

    def read(self) -> Talk[list[Reading]]:
        if self._calibration is None:
            raise NotReady("the chip was not set up")
        yield from _unchanged()
        yield Write(bytes([CTRL_MEAS, FORCED]))
        yield Pause(CONVERSION_S)
        yield from _quiet(MEASURING | COPYING, "the chip does not finish its measurement")
        return _readings(self._calibration, (yield from _twice(DATA, 8)))

    def probe(self) -> Talk[bool]:
        try:
            return (yield from _registers(ID, 1))[0] == BME280_ID
        except DriverError:
            return False


def _registers(first: int, count: int) -> Talk[bytes]:
    answer = yield WriteRead(bytes([first]), count)
    if len(answer) != count:
        raise FramingError(f"{len(answer)} bytes came where {count} were asked for")
    return answer


def _twice(first: int, count: int) -> Talk[bytes]:
    """Registers that stand still, read twice: the only checksum there is."""
    once = yield from _registers(first, count)
    again = yield from _registers(first, count)
    if once != again:
        raise ChecksumError(f"two readings of register {first:02X} differ: the bus flips bits")
    if set(once) in ({0x00}, {0xFF}):
        raise BusFault(f"registers from {first:02X} are all {once[0]:02X}: nobody drives the bus")
    return once


def _identify() -> Talk[None]:
    chip = (yield from _registers(ID, 1))[0]
    if chip != BME280_ID:
        raise WrongChip(f"expected a BME280, found {CHIPS.get(chip, f'a chip with id {chip:02X}')}")


def _quiet(bits: int, otherwise: str) -> Talk[None]:
    for _ in range(POLLS):
        yield Pause(POLL_S)
        if not (yield from _registers(STATUS, 1))[0] & bits:
            return
    raise NotReady(otherwise)


def _calibration() -> Talk[Calibration]:
    low = yield from _twice(CALIBRATION_LOW, 24)
    h1, again = (yield from _registers(CALIBRATION_H1, 1)), (yield from _registers(CALIBRATION_H1, 1))
    if h1 != again:
        raise ChecksumError("two readings of register A1 differ: the bus flips bits")
    high = yield from _twice(CALIBRATION_HIGH, 7)
    return Calibration.decode(low, h1[0], high)


def _unchanged() -> Talk[None]:
    hum, _, meas, _ = yield from _registers(CTRL_HUM, 4)
    if hum & 0x07 != ONCE or meas != ASLEEP:
        raise DeviceFault("the chip has lost its settings: it was without power for a moment")


def _readings(calibration: Calibration, data: bytes) -> list[Reading]:
    pressure = data[0] << 12 | data[1] << 4 | data[2] >> 4
    temperature = data[3] << 12 | data[4] << 4 | data[5] >> 4
    humidity = data[6] << 8 | data[7]
    if SKIPPED in (pressure, temperature) or humidity == SKIPPED_HUMIDITY:
        raise NotMeasured("the chip left out at least one of its three measurements")
    fine = calibration.fine(temperature)
    return [
        Reading(Quantity.TEMPERATURE, fine / 5120.0),
        Reading(Quantity.HUMIDITY, calibration.percent(humidity, fine)),
        Reading(Quantity.PRESSURE, calibration.pascal(pressure, fine)),
    ]
