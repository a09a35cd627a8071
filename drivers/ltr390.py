"""Lite-On LTR-390UV: illuminance and UV index, in turn through one converter.

Source: datasheet LTR-390UV-01. Wiring: SDA and SCL to header pins 3 and 5, 3V3; the only address is 0x53. Look through
quartz or open air: window glass and most plastics keep UV out.

After a change of mode the first conversion is worth nothing, so two are waited for. All settings are written with each
measurement and read back after it. Light is measured by its own strength; UV always with the highest gain, which the
strongest sun does not fill. What saturates is left out.
"""

from __future__ import annotations

from drivers.driver import I2CDriver
from drivers.errors import DeviceFault, DriverError, NotMeasured, NotReady, WrongChip
from drivers.light_ranges import LONG_NIGHT_S, Light, through_ranges
from drivers.reading import Quantity, Reading
from drivers.register_chip import registers
from drivers.setting import Chosen, Setting
from drivers.steady import steady
from drivers.talk import Pause, Talk, Write

CONTROL, RATE, GAIN, ID, STATUS, ALS, UVS = 0x00, 0x04, 0x05, 0x06, 0x07, 0x0D, 0x10
PART, ENABLED, UV_MODE, NEW = 0xB, 0x02, 0x08, 0x08
GAINS = {1: 0, 3: 1, 6: 2, 9: 3, 18: 4}
RATES = {  # bits: register, seconds between measurements, the formula's time
    20: (0x04, 0.5, 4.0), 19: (0x13, 0.2, 2.0), 18: (0x22, 0.1, 1.0),
    17: (0x31, 0.05, 0.5), 16: (0x40, 0.025, 0.25), 13: (0x50, 0.025, 0.03125),
}  # fmt: skip
CONVERSIONS, SLACK_S, POLLS = 2.2, 0.020, 10
LUX, COUNTS_A_UVI = 0.6, 2300.0


class LTR390(I2CDriver):
    """Illuminance (lx) and UV index."""

    name = "ltr390"
    title = "Lite-On LTR390: illuminance, UV index"
    datasheet = "https://optoelectronics.liteon.com/upload/download/DS86-2015-0004/LTR-390UV_Final_%20DS_V1%201.pdf"
    default_address = 0x53
    addresses = (0x53,)
    max_hz = 400_000
    measures = (Quantity.ILLUMINANCE, Quantity.UV_INDEX)
    settings = (
        Setting("gain", 0, "of both; 0: light by its strength, UV by 18", choices=(0, *GAINS)),
        Setting("resolution_bits", 18, "13 is quick and coarse, 20 slow and fine", choices=tuple(RATES)),
        Setting("window_factor", 1.0, "what a cover takes away: 1.25 for one that lets 80 % through",
                low=1.0, high=100.0),
    )  # fmt: skip
    still_s = LONG_NIGHT_S
    bus_bytes = 3 * (3 * 3 + 4 + 2 * 6 + 4 + 5)

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._bits = int(self.chosen["resolution_bits"])
        self._full = (1 << self._bits) - 1
        self._rate, self._period_s, self._time = RATES[self._bits]
        self.interval_min_s = max(1.0, 10 * self._period_s)

    def setup(self) -> Talk[None]:
        found = (yield from registers(ID, 1))[0]
        if found >> 4 != PART:
            raise WrongChip(f"expected an LTR390, found a chip with id {found:02X}")

    def read(self) -> Talk[list[Reading]]:
        gain = int(self.chosen["gain"])
        found, refused = [], None
        for quantity, look, gains in (
            (Quantity.ILLUMINANCE, self._look_at_light, (gain,) if gain else (1, 18)),
            (Quantity.UV_INDEX, self._look_at_uv, (gain or 18,)),
        ):
            try:
                value = yield from through_ranges(gains, look)
                found.append(Reading(quantity, value * float(self.chosen["window_factor"])))
            except NotMeasured as saturated:
                refused = saturated
        if refused is not None and not found:
            raise refused
        return found

    def _look_at_light(self, gain: int) -> Talk[Light | None]:
        count = yield from self._measure(ENABLED, ALS, gain)
        return Light(LUX * count / (gain * self._time), count) if count < self._full else None

    def _look_at_uv(self, gain: int) -> Talk[Light | None]:
        count = yield from self._measure(ENABLED | UV_MODE, UVS, gain)
        sensitivity = gain / 18 * 2.0 ** (self._bits - 20) * COUNTS_A_UVI
        return Light(count / sensitivity, count) if count < self._full else None

    def _measure(self, control: int, data: int, gain: int) -> Talk[int]:
        ours = {RATE: self._rate, GAIN: GAINS[gain], CONTROL: control}
        for register, byte in ours.items():
            yield Write(bytes([register, byte]))
        yield Pause(CONVERSIONS * self._period_s + SLACK_S)
        yield from self._new()
        count = int.from_bytes((yield from steady(data, 3)), "little")
        if (yield from registers(CONTROL, 1))[0] != control:
            raise DeviceFault("the chip has lost its settings: it was without power for a moment")
        if (yield from registers(RATE, 2)) != bytes([ours[RATE], ours[GAIN]]):
            raise DeviceFault("the chip does not keep its settings")
        return count

    def _new(self) -> Talk[None]:
        for _ in range(POLLS):
            if (yield from registers(STATUS, 1))[0] & NEW:
                return
            yield Pause(self._period_s / 4)
        raise NotReady("the chip does not finish its measurement")

    def probe(self) -> Talk[bool]:
        try:
            return (yield from registers(ID, 1))[0] >> 4 == PART
        except DriverError:
            return False
