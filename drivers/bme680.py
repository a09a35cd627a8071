"""Bosch BME680 and BME688: temperature, humidity, air pressure, and the resistance of a heated gas sensor.

Source: the datasheets BST-BME680-DS001 and BST-BME688-DS000 and Bosch's published BME68x API (floating-point formulas).
Wiring: SDA and SCL to header pins 3 and 5, 3V3 to pin 1; address 0x76 with SDO low, 0x77 with SDO high. Both chips have
the id 61; the register F0 tells them apart, and the gas arithmetic follows.

Each reading is one forced cycle: temperature x2, pressure x4, humidity x1, no filter, then the heater to `heater_c` for
`heater_ms`. The heater's register depends on the air around it, for which the chip's own last temperature stands. Gas
is given only where the chip calls it valid and its heater stable; its index of air quality is Bosch's secret, so what
leaves here is ohms. The gas layer burns in for two days in its life, and takes twenty minutes after each start.
`heater_c = 0` leaves the heater cold: no gas, and no warmth of its own in the temperature.

There is no checksum: what stands still is read twice, and control registers that are not as they were left mean that
power was lost. Beyond -40 to 85 °C and 300 to 1100 hPa values are flagged: the truth lies at least as far out.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from drivers.bosch import ID, POLLS, RESET, RESET_WORD, block, identify, reading, word20
from drivers.driver import I2CDriver
from drivers.errors import DeviceFault, DriverError, NotMeasured, NotReady, WrongChip
from drivers.reading import Quantity, Reading
from drivers.register_chip import registers, twice
from drivers.setting import Chosen, Setting
from drivers.talk import Pause, Talk, Write

BME68X_ID, VARIANT = 0x61, 0xF0
LOW, HIGH = 0, 1  # the variants: BME680 and BME688
FIELD, FIELD_LENGTH = 0x1D, 17
RES_HEAT, GAS_WAIT, CTRL_GAS_0, CTRL_GAS_1, CTRL_HUM, CTRL_MEAS, CONFIG = 0x5A, 0x64, 0x70, 0x71, 0x72, 0x74, 0x75
CALIBRATION_LOW, CALIBRATION_HIGH, CALIBRATION_HEATER = 0x8A, 0xE1, 0x00
NEW_DATA, BUSY, GAS_VALID, HEATER_STABLE = 0x80, 0x60, 0x20, 0x10
HEATER_OFF, RUN_GAS = 0x08, {LOW: 0x10, HIGH: 0x20}
HUMIDITY_ONCE, ASLEEP, FORCED = 0x01, 0x4C, 0x4D  # temperature x2, pressure x4
RESET_S, POLL_S = 0.010, 0.010
CYCLE_S = (1963 * (2 + 4 + 1) + 477 * 4 + 477 * 5 + 1000) / 1e6
CLIMATE = (Quantity.TEMPERATURE, Quantity.HUMIDITY, Quantity.PRESSURE)
ROOM_C, HOTTEST_C = 25.0, 400.0
SKIPPED_HUMIDITY = 0x8000
BEND = {5: -1.0, 7: -0.8, 10: -0.2, 11: -0.5, 13: -1.0}  # in percent, by gas range
LEAN = {4: 0.1, 5: 0.7, 7: -0.8, 8: -0.1}


@dataclass(frozen=True, slots=True)
class Calibration:
    """The factory's trimming of one chip, by the datasheet's names."""

    t1: int
    t2: int
    t3: int
    p: tuple[int, ...]  # P1 to P10
    h: tuple[int, ...]  # H1 to H7
    g: tuple[int, ...]  # GH1 to GH3
    heat_range: int
    heat_value: int
    range_error: int

    @classmethod
    def decode(cls, low: bytes, high: bytes, heater: bytes) -> Calibration:
        """From registers 8A..A0 (23 bytes), E1..EE (14) and 00..04 (5). The range error is a signed 4-bit number."""
        t2, t3, p1, p2, p3, p4, p5, p7, p6, p8, p9, p10 = struct.unpack("<hbxHhbxhhbbxxhhB", low)
        h2, middle, h1, h3, h4, h5, h6, h7, t1, g2, g1, g3 = struct.unpack("<BBBbbbBbHhbb", high)
        return cls(
            t1, t2, t3, (p1, p2, p3, p4, p5, p6, p7, p8, p9, p10),
            (h1 << 4 | middle & 0xF, h2 << 4 | middle >> 4, h3, h4, h5, h6, h7), (g1, g2, g3),
            heater[2] >> 4 & 0x03, heater[0] - (heater[0] > 127) * 256, (heater[4] >> 4 ^ 0x8) - 0x8,
        )  # fmt: skip

    def fine(self, ticks: int) -> float:
        """The fine temperature (5120 a degree), from the 20-bit temperature word."""
        near = (ticks / 16384.0 - self.t1 / 1024.0) * self.t2
        far = ticks / 131072.0 - self.t1 / 8192.0
        return near + far * far * self.t3 * 16.0

    def pascal(self, ticks: int, fine: float) -> float:
        """Pressure in Pa from its 20-bit word. Raises NotMeasured when the calibration makes it meaningless."""
        p1, p2, p3, p4, p5, p6, p7, p8, p9, p10 = self.p
        half = fine / 2.0 - 64000.0
        offset = (half * half * p6 / 131072.0 + half * p5 * 2.0) / 4.0 + p4 * 65536.0
        slope = (1.0 + (p3 * half * half / 16384.0 + p2 * half) / 524288.0 / 32768.0) * p1
        if slope == 0.0:
            raise NotMeasured("the pressure calibration of this chip is empty")
        rough = (1048576.0 - ticks - offset / 4096.0) * 6250.0 / slope
        cubic = (rough / 256.0) ** 3 * p10 / 131072.0
        return rough + (p9 * rough * rough / 2147483648.0 + rough * p8 / 32768.0 + cubic + p7 * 128.0) / 16.0

    def percent(self, ticks: int, celsius: float) -> float:
        """Relative humidity in %, held within 0 and 100, from its 16-bit word."""
        h1, h2, h3, h4, h5, h6, h7 = self.h
        raw = ticks - (h1 * 16.0 + h3 / 2.0 * celsius)
        raw *= h2 / 262144.0 * (1.0 + h4 / 16384.0 * celsius + h5 / 1048576.0 * celsius * celsius)
        return max(0.0, min(100.0, raw + (h6 / 16384.0 + h7 / 2097152.0 * celsius) * raw * raw))

    def ohms(self, variant: int, ticks: int, gas_range: int) -> float:
        """The gas sensor's resistance from its 10-bit word and 4-bit range."""
        if variant == HIGH:
            return 1e6 * (262144 >> gas_range) / (4096.0 + 3.0 * (ticks - 512))
        width = (1340.0 + 5.0 * self.range_error) * (1.0 + BEND.get(gas_range, 0.0) / 100.0)
        step = 1.25e-7 * (1 << gas_range) * (1.0 + LEAN.get(gas_range, 0.0) / 100.0)
        return 1.0 / (step * ((ticks - 512) / width + 1.0))

    def heat(self, target_c: float, ambient_c: float) -> int:
        """The register that brings the heater to this temperature in this air."""
        g1, g2, g3 = self.g
        rise = 1.0 + (g2 / 32768.0 * 0.0005 + 0.00235) * min(target_c, HOTTEST_C)
        wanted = (g1 / 16.0 + 49.0) * rise + g3 / 1024.0 * ambient_c
        code = 3.4 * (wanted * (4.0 / (4.0 + self.heat_range)) / (1.0 + self.heat_value * 0.002) - 25.0)
        return max(0, min(255, int(code)))


def wait_code(milliseconds: int) -> int:
    """A heating time as its register wants it: six bits, and how often they are to be taken fourfold."""
    if milliseconds >= 0xFC0:
        return 0xFF
    fourfold = 0
    while milliseconds > 0x3F:
        milliseconds, fourfold = milliseconds // 4, fourfold + 1
    return milliseconds + 64 * fourfold


class BME680(I2CDriver):
    """Temperature (°C), humidity (%RH), pressure (Pa) and gas resistance (ohm)."""

    name = "bme680"
    title = "Bosch BME680, BME688: temperature, humidity, air pressure, gas resistance"
    datasheet = "https://www.bosch-sensortec.com/products/environmental-sensors/gas-sensors/bme680/"
    default_address = 0x76
    addresses = (0x76, 0x77)
    max_hz = 400_000
    measures: tuple[Quantity, ...] = (*CLIMATE, Quantity.GAS_RESISTANCE)
    settings = (
        Setting("heater_c", 320, "temperature of the gas sensor's heater in °C; 0 leaves it cold: no gas", (), 0, 400),
        Setting("heater_ms", 150, "how long it is heated for a reading, in ms", (), 1, 4032),
    )
    warm_ups_s: Mapping[Quantity, float] = {Quantity.GAS_RESISTANCE: 1200.0}
    bus_bytes = 7 + 11 + 4 + 2 * 20  # settings, start, status, the field twice
    _calibration: Calibration | None = None

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._target_c, self._heat_ms = float(self.chosen["heater_c"]), int(self.chosen["heater_ms"])
        self._ambient_c, self._variant = ROOM_C, LOW
        if not self._target_c:
            self.measures = CLIMATE

    def setup(self) -> Talk[bool]:
        yield from identify((BME68X_ID,))
        if self._calibration is not None and (yield from _as_left()):
            return True
        self._calibration = None
        yield Write(bytes([RESET, RESET_WORD]))
        yield Pause(RESET_S)
        self._variant = yield from _variant()
        calibration = yield from _calibration()
        yield Write(bytes([CTRL_HUM, HUMIDITY_ONCE, CONFIG, 0, CTRL_MEAS, ASLEEP]))
        self._calibration = calibration
        return False

    def read(self) -> Talk[list[Reading]]:
        if self._calibration is None:
            raise NotReady("the chip was not set up")
        if not (yield from _as_left()):
            raise DeviceFault("the chip has lost its settings: it was without power for a moment")
        yield Write(self._start(self._calibration))
        yield Pause(CYCLE_S + (self._heat_ms / 1000.0 if self._target_c else 0.0))
        return self._readings(self._calibration, (yield from _measured()))

    def _start(self, calibration: Calibration) -> bytes:
        """Heater and forced mode: pairs of register and value."""
        if not self._target_c:
            return bytes([CTRL_GAS_0, HEATER_OFF, CTRL_GAS_1, 0, CTRL_MEAS, FORCED])
        heat, wait = calibration.heat(self._target_c, self._ambient_c), wait_code(self._heat_ms)
        gas = RUN_GAS[self._variant]
        return bytes([RES_HEAT, heat, GAS_WAIT, wait, CTRL_GAS_0, 0, CTRL_GAS_1, gas, CTRL_MEAS, FORCED])

    def _readings(self, calibration: Calibration, field: bytes) -> list[Reading]:
        pressure, temperature = word20(field[2:5]), word20(field[5:8])
        humidity = field[8] << 8 | field[9]
        if humidity == SKIPPED_HUMIDITY:
            raise NotMeasured("the chip left out its humidity")
        fine = calibration.fine(temperature)
        celsius = fine / 5120.0
        found = [
            reading(Quantity.TEMPERATURE, celsius),
            Reading(Quantity.HUMIDITY, calibration.percent(humidity, celsius)),
            reading(Quantity.PRESSURE, calibration.pascal(pressure, fine)),
        ]
        self._ambient_c = max(-40.0, min(85.0, celsius))
        return found + self._gas(calibration, field)

    def _gas(self, calibration: Calibration, field: bytes) -> list[Reading]:
        high, low = field[15:17] if self._variant == HIGH else field[13:15]
        if not self._target_c or not low & GAS_VALID or not low & HEATER_STABLE:
            return []
        ohms = calibration.ohms(self._variant, high << 2 | low >> 6, low & 0x0F)
        return [Reading(Quantity.GAS_RESISTANCE, ohms)]

    def probe(self) -> Talk[bool]:
        try:
            return (yield from registers(ID, 1))[0] == BME68X_ID
        except DriverError:
            return False


def _variant() -> Talk[int]:
    variant = (yield from twice(VARIANT, 1))[0]
    if variant not in (LOW, HIGH):
        raise WrongChip(f"expected a BME680 or BME688, found their variant {variant:02X}")
    return variant


def _calibration() -> Talk[Calibration]:
    low = yield from block(CALIBRATION_LOW, 23)
    high = yield from block(CALIBRATION_HIGH, 14)
    heater = yield from twice(CALIBRATION_HEATER, 5)
    return Calibration.decode(low, high, heater)


def _as_left() -> Talk[bool]:
    hum, _, meas, config = yield from registers(CTRL_HUM, 4)
    return hum & 0x07 == HUMIDITY_ONCE and meas == ASLEEP and not config & 0xFC


def _measured() -> Talk[bytes]:
    """The finished field. Raises NotReady."""
    for _ in range(POLLS):
        status = (yield from registers(FIELD, 1))[0]
        if status & NEW_DATA and not status & BUSY:
            return (yield from block(FIELD, FIELD_LENGTH))
        yield Pause(POLL_S)
    raise NotReady("the chip does not finish its measurement")
