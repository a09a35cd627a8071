"""PCB Artists sound level meter (I2C decibel module): dB(A), one number a second and never a sound.

Source: PCB Artists' programming manual. Wiring: SDA and SCL to header pins 3 and 5, 3V3; the address is 0x48, an
ADS1115's too. The "Advanced" module has other registers and is refused.

The module weighs (A), averages (1 s "slow" or 125 ms "fast") and tells whole decibels from 35 to 120; a level below
35, or of 120, which may be more, is flagged. Zero means that it has not computed yet. With a window on the board it is
asked once an average and says LAeq, LA10 and LA90; without one each look is a sound level. Its defaults are just what
we want, so only a byte of ours in its scratch register tells whether it lost power meanwhile.
"""

from __future__ import annotations

from drivers.driver import I2CDriver
from drivers.errors import DeviceFault, DriverError, NotReady, WrongChip
from drivers.levels import Levels
from drivers.reading import Flag, Quantity, Reading
from drivers.register_chip import registers
from drivers.setting import Chosen, Setting
from drivers.steady import steady
from drivers.talk import Pause, Talk, Write
from drivers.window import Windowed

VERSION, SCRATCH, CONTROL, AVERAGE_HIGH, AVERAGE_LOW, LEVEL = 0x00, 0x05, 0x06, 0x07, 0x08, 0x0A
VERSIONS = (0x31, 0x32, 0x81)
MARK, A_WEIGHTED = 0x4C, 0x02
QUIETEST, LOUDEST = 35, 120
POLL_S, POLLS = 0.250, 5


class DBMeter(Windowed, I2CDriver):
    """Sound level (dB(A)); with a window LAeq, LA10 and LA90 (dB(A))."""

    name = "dbmeter"
    title = "PCB Artists decibel meter: sound level, LAeq, LA10, LA90"
    datasheet = "https://pcbartists.com/product-documentation/i2c-decibel-meter-programming-manual/"
    default_address = 0x48
    addresses = (0x48,)
    measures = (Quantity.SOUND_LEVEL, Quantity.LAEQ, Quantity.LA10, Quantity.LA90)
    settings = (Setting("averaging_ms", 1000, "1000 is slow, 125 is fast", choices=(1000, 125)),)
    warm_up_s = 1.0
    still_s = 6 * 3_600.0  # whole decibels: a quiet night may stand still
    bus_bytes = 2 * 4 + 7

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        average_ms = int(self.chosen["averaging_ms"])
        self.window_look_s = self.interval_min_s = average_ms / 1_000
        self._ours = bytes([MARK, A_WEIGHTED]) + average_ms.to_bytes(2, "big")
        self._levels = Levels()

    def setup(self) -> Talk[bool]:
        version = (yield from registers(VERSION, 1))[0]
        if version not in VERSIONS:
            raise WrongChip(f"expected a PCB Artists decibel meter, found a chip with version {version:02X}")
        if (yield from self._kept()):
            return True
        for register in (AVERAGE_HIGH, AVERAGE_LOW, CONTROL, SCRATCH):
            yield Write(bytes([register, self._ours[register - SCRATCH]]))
        if not (yield from self._kept()):
            raise DeviceFault("the meter does not keep its settings")
        return False

    def read(self) -> Talk[list[Reading]]:
        level = yield from self._level()
        if not (yield from self._kept()):
            raise DeviceFault("the meter has lost its settings: it was without power for a moment")
        flags = Flag.NONE if QUIETEST <= level < LOUDEST else Flag.RANGE
        self._levels.add(float(level), self.at_us, flags)
        return [Reading(Quantity.SOUND_LEVEL, float(level), flags=flags)]

    def close(self, at_us: int) -> list[Reading]:
        return self._levels.close()

    def _level(self) -> Talk[int]:
        for _ in range(POLLS):
            if level := (yield from steady(LEVEL, 1))[0]:
                return level
            yield Pause(POLL_S)
        raise NotReady("the meter has not computed a level")

    def _kept(self) -> Talk[bool]:
        return (yield from registers(SCRATCH, 4)) == self._ours

    def probe(self) -> Talk[bool]:
        """A known version, and a control register whose unused bits are zero."""
        try:
            version, control = (yield from registers(VERSION, 1))[0], (yield from registers(CONTROL, 1))[0]
        except DriverError:
            return False
        return version in VERSIONS and not control & 0xE0 and control >> 1 & 0x3 != 0x3
