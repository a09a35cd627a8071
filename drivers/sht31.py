"""Sensirion SHT30, SHT31, SHT35: temperature and humidity.

Source: datasheet SHT3x-DIS, version 7. Wiring: SDA and SCL to header pins 3 and 5, 3V3; address 0x44 with ADDR low,
0x45 with ADDR high. One high-repeatability measurement per reading, without clock stretching (a Raspberry Pi up to
model 4 stumbles over stretched clocks). There is no chip id: the status register with its CRC and its bits that are
always zero tells an SHT3x from its neighbours.

A measurement needs no setting, so a loss of power between two readings changes nothing. Setup ends periodic measuring
and the heater (both would spoil a reading) and clears the status; as long as its "reset seen" bit then stays clear, the
chip has not been without power. A temperature beyond -40 to 125 °C is flagged as out of range.
"""

from __future__ import annotations

from drivers.driver import I2CDriver
from drivers.errors import DriverError, WrongChip
from drivers.reading import Quantity, Reading
from drivers.sensirion import ask, percent, tell, tell_if_heard, warmth
from drivers.talk import Talk

MEASURE_ONCE, BREAK, HEATER_OFF, STATUS, CLEAR_STATUS = 0x2400, 0x3093, 0x3066, 0xF32D, 0x3041
CONVERSION_S, BREAK_S, REGISTER_S = 0.016, 0.001, 0.001
ALERT, HEATER, HUMIDITY_ALERT, TEMPERATURE_ALERT = 0x8000, 0x2000, 0x0800, 0x0400
RESET_SEEN, COMMAND_FAILED, CRC_FAILED = 0x0010, 0x0002, 0x0001
ALWAYS_ZERO = 0xFFFF & ~(
    ALERT | HEATER | HUMIDITY_ALERT | TEMPERATURE_ALERT | RESET_SEEN | COMMAND_FAILED | CRC_FAILED
)


class SHT31(I2CDriver):
    """Temperature (°C) and humidity (%RH)."""

    name = "sht31"
    title = "Sensirion SHT30, SHT31, SHT35: temperature, humidity"
    datasheet = "https://sensirion.com/resource/datasheet/sht3x-d"
    default_address = 0x44
    addresses = (0x44, 0x45)
    max_hz = 400_000
    bus_bytes = 10  # write 1 + 2, read 1 + 6
    measures = (Quantity.TEMPERATURE, Quantity.HUMIDITY)

    def setup(self) -> Talk[bool]:
        yield from tell_if_heard(BREAK, BREAK_S)
        status = yield from _status()
        if status & ALWAYS_ZERO:
            raise WrongChip(f"expected an SHT3x, found a chip whose status is {status:04X}")
        if status & HEATER:
            yield from tell(HEATER_OFF, wait_s=REGISTER_S)
        yield from tell(CLEAR_STATUS, wait_s=REGISTER_S)
        return not status & (RESET_SEEN | HEATER)

    def read(self) -> Talk[list[Reading]]:
        answer = yield from ask(MEASURE_ONCE, 2, CONVERSION_S)
        return [
            warmth(int.from_bytes(answer[0:2], "big")),
            Reading(Quantity.HUMIDITY, percent(int.from_bytes(answer[2:4], "big"))),
        ]

    def probe(self) -> Talk[bool]:
        try:
            return not (yield from _status()) & ALWAYS_ZERO
        except DriverError:
            return False


def _status() -> Talk[int]:
    return int.from_bytes((yield from ask(STATUS, 1, REGISTER_S)), "big")
