"""ROHM BH1750FVI (GY-30, GY-302): illuminance.

Source: datasheet BH1750FVI, rev. D. Wiring: SDA and SCL to header pins 3 and 5, 3V3; address 0x23 with ADDR low, 0x5C
with ADDR high.

One opcode a transfer; the chip sleeps between measurements. There is no id, no checksum and no register that could
be read back. So the measurement time is written before each measurement, and the answer, which stands still, is
read twice. A chip that lost power for a moment has an answer of zero and cannot say so: a zero is believed
only when a second measurement says it again. It has also forgotten the measurement time, which is why there are but
two: 69, which is the chip's own, and 31, whose answer is fetched before a forgetful chip has one. By the light it
measures up to 121,000 lx first, and what is dim then once more in steps of 0.4 lx.
"""

from __future__ import annotations

from drivers.driver import I2CDriver
from drivers.errors import ChecksumError, DriverError, FramingError
from drivers.light_ranges import LONG_NIGHT_S, Light, through_ranges
from drivers.reading import Quantity, Reading
from drivers.setting import Setting
from drivers.talk import Pause, Read, Talk, Write

POWER_ON, TIME_HIGH, TIME_LOW = 0x01, 0x40, 0x60
ONCE = {"H": 0x20, "H2": 0x21, "L": 0x23}
LONGEST_S = {"H": 0.180, "H2": 0.180, "L": 0.024}
COUNTS_A_LUX, USUAL_TIME, SHORT_TIME = 1.2, 69, 31
BY_THE_LIGHT = (("H", SHORT_TIME), ("H2", USUAL_TIME))
SATURATED = 0xFFFF


class BH1750(I2CDriver):
    """Illuminance (lx)."""

    name = "bh1750"
    title = "ROHM BH1750: illuminance"
    datasheet = "https://www.mouser.com/datasheet/2/348/bh1750fvi-e-186247.pdf"
    default_address = 0x23
    addresses = (0x23, 0x5C)
    max_hz = 400_000
    measures = (Quantity.ILLUMINANCE,)
    settings = (
        Setting("mode", "auto", "auto: by the light; H: 1 lx fine; H2: 0.5 lx, half the range; L: 4 lx, quick",
                choices=("auto", *ONCE)),
        Setting("mtreg", USUAL_TIME,
                "measurement time, unless mode is auto; in mode H 31 reaches 121,000 lx, 69 54,000",
                choices=(USUAL_TIME, SHORT_TIME)),
    )  # fmt: skip
    still_s = LONG_NIGHT_S
    bus_bytes = 2 * (4 * 2 + 2 * 3)

    def setup(self) -> Talk[None]:
        yield Write(bytes([POWER_ON]))

    def read(self) -> Talk[list[Reading]]:
        mode = str(self.chosen["mode"])
        ranges = BY_THE_LIGHT if mode == "auto" else ((mode, round(float(self.chosen["mtreg"]))),)
        return [Reading(Quantity.ILLUMINANCE, (yield from through_ranges(ranges, _look)))]

    def probe(self) -> Talk[bool]:
        """Whether somebody gives two bytes here, twice the same: the chip has nothing else to be known by."""
        try:
            once, again = (yield Read(2)), (yield Read(2))
        except DriverError:
            return False
        return len(once) == 2 and once == again != b"\xff\xff"


def _look(mode_and_time: tuple[str, int]) -> Talk[Light | None]:
    mode, time = mode_and_time
    count = (yield from _measure(mode, time)) or (yield from _measure(mode, time))
    if count == SATURATED:
        return None
    return Light(count / COUNTS_A_LUX * USUAL_TIME / time / (2.0 if mode == "H2" else 1.0), count)


def _measure(mode: str, time: int) -> Talk[int]:
    for opcode in (POWER_ON, TIME_HIGH | time >> 5, TIME_LOW | time & 0x1F, ONCE[mode]):
        yield Write(bytes([opcode]))
    yield Pause(LONGEST_S[mode] * time / USUAL_TIME)
    once, again = (yield Read(2)), (yield Read(2))
    if len(once) != 2:
        raise FramingError(f"{len(once)} bytes came where 2 were asked for")
    if once != again:
        raise ChecksumError("two readings of one measurement differ: the bus flips bits")
    return int.from_bytes(once, "big")
