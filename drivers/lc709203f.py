"""ON Semiconductor LC709203F: how full a lithium battery is, by a model that knows its size.

Source: datasheet LC709203F. Wiring: SDA and SCL to header pins 3 and 5, the chip on the battery that it watches,
ground shared with the Pi. The only address is 0x0B; the bus must not run faster than 400 kHz, and each question is a
write and a read with a repeated start. Its settings live in RAM.

SMBus words, low byte first, each with a checksum (PEC) that covers the address as well: nothing damaged gets through.
A sleeping chip does not acknowledge the first time. The chip must be told how large the battery is, and how warm: by
its own thermistor, or (`thermistor = false`) by what a neighbour measures, and then it tells no temperature. A chip
that lost power has forgotten the size, which is read back after each reading.
"""

from __future__ import annotations

from drivers.checks import crc8
from drivers.driver import I2CDriver
from drivers.errors import ChecksumError, DeviceFault, DriverError, FramingError, Nack, NotMeasured, NotReady
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.talk import Pause, Talk, Write, WriteRead

THERMISTOR_B, BEGIN, TEMPERATURE, VOLTAGE, SIZE, LEVEL, VERSION, PROFILE, POWER, MODE = (
    0x06, 0x07, 0x08, 0x09, 0x0B, 0x0F, 0x11, 0x12, 0x15, 0x16,
)  # fmt: skip
SIZES = {100: 0x08, 200: 0x0B, 500: 0x10, 1000: 0x19, 2000: 0x2D, 2200: 0x30, 3000: 0x36}  # mAh
BEGIN_WORD, AWAKE, ASLEEP = 0xAA55, 1, 2
WAKE_S, WAKE_TRIES, BEGIN_S = 0.010, 3, 0.100
PEC = 0x07
ZERO_C, COLDEST, WARMEST = 2731.5, 2532, 3332  # tenths of a kelvin; what the chip is made for, -20 to 60 °C
MOST_MV = 5_000


class LC709203F(I2CDriver):
    """Voltage (V), battery level (%), and with its thermistor the battery's temperature (°C)."""

    name = "lc709203f"
    title = "ON Semiconductor LC709203F: battery voltage, level and temperature"
    datasheet = "https://www.onsemi.com/pdf/datasheet/lc709203f-d.pdf"
    default_address = 0x0B
    addresses = (0x0B,)
    max_hz = 400_000
    measures: tuple[Quantity, ...] = (Quantity.VOLTAGE, Quantity.BATTERY_LEVEL, Quantity.TEMPERATURE)
    settings = (
        Setting("capacity_mah", 2000, "the battery's size, or the nearest to it", choices=tuple(SIZES)),
        Setting("profile", 1, "the chip's model of the battery: 1 for most of 4.2 V", choices=(0, 1)),
        Setting("thermistor", True, "the battery's thermistor is connected to the chip"),
        Setting("thermistor_b", 3380, "the B constant of that thermistor, in K", low=1000, high=10_000),
    )
    uses = (Quantity.TEMPERATURE,)
    can_rest = True
    warm_ups_s = {Quantity.BATTERY_LEVEL: 180.0}  # noqa: RUF012
    still_s = 86_400.0  # of the voltage, told to a mV; the level may stand for ever (edge/quality.py)
    bus_bytes = 3 * 6 + 3 * 6

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._warm = bool(self.chosen["thermistor"])
        if not self._warm:
            self.measures = self.measures[:2]
        self._ours = {
            POWER: AWAKE, SIZE: SIZES[int(self.chosen["capacity_mah"])], MODE: int(self._warm),
            PROFILE: int(self.chosen["profile"]), THERMISTOR_B: round(float(self.chosen["thermistor_b"])),
        }  # fmt: skip

    def setup(self) -> Talk[bool]:
        yield from self._wake()
        kept = yield from self._kept(SIZE)
        for register, word in self._ours.items():
            if (yield from self._word(register)) != word:
                yield from self._put(register, word)
        if not kept:
            yield from self._put(BEGIN, BEGIN_WORD)
            yield Pause(BEGIN_S)
        if not (yield from self._kept(*self._ours)):
            raise DeviceFault("the chip does not keep its settings")
        return kept

    def _wake(self) -> Talk[None]:
        for _ in range(WAKE_TRIES - 1):
            try:
                yield from self._word(VERSION)
                return
            except Nack:
                yield Pause(WAKE_S)
        yield from self._word(VERSION)

    def read(self) -> Talk[list[Reading]]:
        if not self._warm and Quantity.TEMPERATURE in self.known:
            tenths = round(self.known[Quantity.TEMPERATURE] * 10 + ZERO_C)
            yield from self._put(TEMPERATURE, max(COLDEST, min(WARMEST, tenths)))
        millivolts, tenths = (yield from self._word(VOLTAGE)), (yield from self._word(LEVEL))
        kelvins = (yield from self._word(TEMPERATURE)) if self._warm else 0
        if not (yield from self._kept(POWER, SIZE, MODE)):
            raise DeviceFault("the chip has lost its settings: it was without power for a moment")
        if millivolts == 0:
            raise NotReady("the chip has not measured the battery yet")
        found = []
        if millivolts <= MOST_MV:
            found.append(Reading(Quantity.VOLTAGE, millivolts / 1_000))
        if tenths <= 1_000:
            found.append(Reading(Quantity.BATTERY_LEVEL, tenths / 10))
        if COLDEST <= kelvins <= WARMEST:
            found.append(Reading(Quantity.TEMPERATURE, (kelvins - ZERO_C) / 10))
        if not found:
            raise NotMeasured("everything is at the end of its range")
        return found

    def rest(self) -> Talk[None]:
        yield from self._wake()
        yield from self._put(POWER, ASLEEP)

    def probe(self) -> Talk[bool]:
        """Whether somebody answers with a checksum that fits."""
        try:
            yield from self._wake()
        except DriverError:
            return False
        return True

    def _kept(self, *those: int) -> Talk[bool]:
        for register in those:
            if (yield from self._word(register)) != self._ours[register]:
                return False
        return True

    def _word(self, register: int) -> Talk[int]:
        answer = yield WriteRead(bytes([register]), 3)
        if len(answer) != 3:
            raise FramingError(f"{len(answer)} bytes came where 3 were asked for")
        at = self.default_address << 1
        if crc8(bytes([at, register, at | 1]) + answer[:2], PEC, 0) != answer[2]:
            raise ChecksumError(f"the word of register {register:02X} does not fit its checksum")
        return int.from_bytes(answer[:2], "little")

    def _put(self, register: int, word: int) -> Talk[None]:
        said = bytes([register]) + word.to_bytes(2, "little")
        yield Write(said + bytes([crc8(bytes([self.default_address << 1]) + said, PEC, 0)]))
