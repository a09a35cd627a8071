"""ams TSL2591: illuminance from two photodiodes, one for all light and one for infrared.

Source: datasheet TSL2591 and the two-segment formula that its public drivers share (others use another one: values of
the two must not be mixed). Wiring: SDA and SCL to header pins 3 and 5, 3V3; the only address is 0x29 (it answers at
0x28 as well), which a VL53L1X wants too.

Gain and time are written with each measurement and read back after it, so that a chip that lost power meanwhile gives
no value. A channel at its limit (36,863 counts at 100 ms, 65,535 else) gives none either.
"""

from __future__ import annotations

import struct

from drivers.driver import I2CDriver
from drivers.errors import DeviceFault, DriverError, NotReady, WrongChip
from drivers.light_ranges import LONG_NIGHT_S, Light, through_ranges
from drivers.reading import Quantity, Reading
from drivers.register_chip import registers
from drivers.setting import Setting
from drivers.steady import steady
from drivers.talk import Pause, Talk, Write

COMMAND = 0xA0
ENABLE, CONTROL, ID, STATUS, CHANNELS = 0x00, 0x01, 0x12, 0x13, 0x14
CHIP_ID, ON, MEASURING, VALID = 0x50, 0x01, 0x02, 0x01
GAINS = {1: 0x00, 25: 0x10, 428: 0x20, 9876: 0x30}
BY_THE_LIGHT = (1, 25, 428)
TIMES_MS = (100, 200, 300, 400, 500, 600)
SLACK, POLL_S, POLLS = 1.1, 0.010, 10
LIMIT_100MS, LIMIT = 36_863, 65_535
COUNTS = 408.0


class TSL2591(I2CDriver):
    """Illuminance (lx)."""

    name = "tsl2591"
    title = "ams TSL2591: illuminance"
    datasheet = "https://ams-osram.com/products/sensor-solutions/ambient-light-color-spectral-proximity-sensors/ams-tsl25911-ambient-light-sensor"
    default_address = 0x29
    addresses = (0x29,)
    max_hz = 400_000
    measures = (Quantity.ILLUMINANCE,)
    settings = (
        Setting("gain", 0, "0: by the light; 1 for daylight, 25, 428, 9876 for the dark", choices=(0, *GAINS)),
        Setting("integration_ms", 100, "how long it looks, in ms", choices=TIMES_MS),
    )
    still_s = LONG_NIGHT_S
    bus_bytes = 3 * (3 * 3 + 4 + 2 * 7 + 5)

    def setup(self) -> Talk[None]:
        found = (yield from _registers(ID, 1))[0]
        if found != CHIP_ID:
            raise WrongChip(f"expected a TSL2591, found a chip with id {found:02X}")

    def read(self) -> Talk[list[Reading]]:
        gain = int(self.chosen["gain"])
        lux = yield from through_ranges((gain,) if gain else BY_THE_LIGHT, self._look)
        return [Reading(Quantity.ILLUMINANCE, lux)]

    def _look(self, gain: int) -> Talk[Light | None]:
        time_ms = int(self.chosen["integration_ms"])
        control = GAINS[gain] | time_ms // 100 - 1
        for register, byte in ((ENABLE, ON), (CONTROL, control), (ENABLE, ON | MEASURING)):
            yield Write(bytes([COMMAND | register, byte]))
        yield Pause(time_ms * SLACK / 1_000)
        yield from _valid()
        all_light, infrared = struct.unpack("<HH", (yield from steady(COMMAND | CHANNELS, 4)))
        if (yield from _registers(ENABLE, 2)) != bytes([ON | MEASURING, control]):
            raise DeviceFault("the chip has lost its settings: it was without power for a moment")
        if max(all_light, infrared) >= (LIMIT_100MS if time_ms == 100 else LIMIT):
            return None
        return Light(lux(all_light, infrared, time_ms * gain / COUNTS), all_light)

    def probe(self) -> Talk[bool]:
        try:
            return (yield from _registers(ID, 1))[0] == CHIP_ID
        except DriverError:
            return False


def lux(all_light: int, infrared: int, counts_a_lux: float) -> float:
    """Illuminance in lx from both channels: sunlight and lamps lie on two lines, and the higher one counts."""
    segments = all_light - 1.64 * infrared, 0.59 * all_light - 0.86 * infrared
    return max(0.0, *segments) / counts_a_lux


def _registers(first: int, count: int) -> Talk[bytes]:
    return (yield from registers(COMMAND | first, count))


def _valid() -> Talk[None]:
    for _ in range(POLLS):
        if (yield from _registers(STATUS, 1))[0] & VALID:
            return
        yield Pause(POLL_S)
    raise NotReady("the chip does not finish its measurement")
