"""Texas Instruments ADS1115: a converter with four inputs, 16 bits, for whatever says its value as a voltage.

Source: datasheet SBAS444. Wiring: VDD to header pin 1 (3V3), GND, SDA and SCL to pins 3 and 5; address 0x48 with ADDR
at GND, 0x49 at VDD, 0x4A at SDA, 0x4B at SCL. An input must stay between GND and VDD, whatever full scale is chosen.
`input` is one input against GND ("0" to "3") or the difference of two ("0-1", "0-3", "1-3", "2-3"). Several sensors
share one converter, each with an input of its own; `drivers.analog`, `alphasense` and `sen0232` read through this
file.

The chip has no id and no checksum. So a conversion is believed only when the settings read back are ours, two
readings of the result agree, and our mark still stands: the comparator is not used, and the four lowest bits of its
low threshold, zero after power-on, are where each input's sensor notes that it has set the chip up. A lost mark is
lost power. A result at either end of the scale is flagged: the truth is at least as far out. Against GND a few steps
below zero are noise and count as zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.driver import I2CDriver
from drivers.errors import DeviceFault, DriverError, NotReady, WrongChip
from drivers.reading import Flag, Quantity, Reading
from drivers.register_chip import registers, twice
from drivers.setting import Chosen, Setting
from drivers.talk import Pause, Talk, Write

RESULT, CONFIG, LOW, HIGH = 0, 1, 2, 3  # the registers, 16 bits each
LOW_AT_POWER_ON, HIGH_AT_POWER_ON, MARKS = 0x8000, 0x7FFF, 0x000F
START, ONCE, COMPARATOR_OFF = 0x8000, 0x0100, 0x0003
MUX = {"0-1": 0, "0-3": 1, "1-3": 2, "2-3": 3, "0": 4, "1": 5, "2": 6, "3": 7}
GAIN = {6.144: 0, 4.096: 1, 2.048: 2, 1.024: 3, 0.512: 4, 0.256: 5}
RATE = {8: 0, 16: 1, 32: 2, 64: 3, 128: 4, 250: 5, 475: 6, 860: 7}
STEPS = 32768
NOISE = 8  # steps below zero, against GND
SLOWEST_S, WAKE_S, POLLS = 0.15, 0.0005, 3

INPUT = Setting("input", "0", 'which input: one against GND ("0"), or a difference of two ("0-1")', tuple(MUX))
FSR_V = Setting("fsr_v", 4.096, "full scale in V: the smallest that the signal fits in", tuple(GAIN))
RATE_HZ = Setting("rate", 128, "conversions per second: the slower, the calmer", tuple(RATE))


@dataclass(frozen=True, slots=True)
class Sample:
    """What an input said: volts, and whether that is only a bound because the scale ended there."""

    volts: float
    bound: bool

    @property
    def flags(self) -> Flag:
        return Flag.RANGE if self.bound else Flag.NONE


@dataclass(frozen=True, slots=True)
class Channel:
    """One input as it is to be read."""

    input: str
    fsr_v: float
    rate: int

    @property
    def word(self) -> int:
        """The settings of one conversion of this input, with the bit that starts it."""
        chosen = MUX[self.input] << 12 | GAIN[self.fsr_v] << 9 | RATE[self.rate] << 5
        return START | chosen | ONCE | COMPARATOR_OFF

    @property
    def mark(self) -> int:
        return 1 << int(self.input[0])

    @property
    def claim(self) -> str:
        return f"input {self.input[0]}"

    def sample(self) -> Talk[Sample]:
        """One conversion. Raises NotReady, ChecksumError, DeviceFault."""
        yield Write(bytes([CONFIG]) + self.word.to_bytes(2, "big"))
        yield Pause(1.1 / self.rate + WAKE_S)
        yield from self._finished()
        code = int.from_bytes((yield from twice(RESULT, 2)), "big", signed=True)
        if not (yield from _glance(LOW)) & self.mark:
            raise DeviceFault("the converter has lost its settings: it was without power for a moment")
        if -NOISE <= code < 0 and "-" not in self.input:
            code = 0
        return Sample(code * self.fsr_v / STEPS, code in (-STEPS, STEPS - 1))

    def _finished(self) -> Talk[None]:
        for _ in range(POLLS):
            told = yield from _glance(CONFIG)
            if told | START != self.word:
                raise DeviceFault(f"the converter works with other settings ({told:04X}) than it was told")
            if told & START:
                return
            yield Pause(0.1 / self.rate)
        raise NotReady("the converter does not finish its conversion")


class ConverterDriver(I2CDriver):
    """Whatever reads inputs of an ADS1115. Subclasses say which, by `channels`."""

    default_address = 0x48
    addresses = (0x48, 0x49, 0x4A, 0x4B)
    max_hz = 400_000
    shares = "ads1115"
    datasheet = "https://www.ti.com/lit/ds/symlink/ads1115.pdf"
    bus_bytes = 4 + 4 * 5  # start, settings, the result twice, the mark
    _was_set_up = False

    @property
    def channels(self) -> tuple[Channel, ...]:
        raise NotImplementedError

    @property
    def claims(self) -> tuple[str, ...]:
        return tuple(channel.claim for channel in self.channels)

    def setup(self) -> Talk[bool]:
        """Raises WrongChip. True when the chip had power all the time since we set it up."""
        low, high = (yield from _word(LOW)), (yield from _word(HIGH))
        if low & ~MARKS != LOW_AT_POWER_ON or high != HIGH_AT_POWER_ON:
            yield from _forget_comparator()
            low = LOW_AT_POWER_ON
        yield from _halt()
        wanted = low
        for channel in self.channels:
            wanted |= channel.mark
        if wanted != low:
            yield from _put(LOW, wanted)
        kept, self._was_set_up = self._was_set_up and wanted == low, True
        return kept

    def probe(self) -> Talk[bool]:
        try:
            low, high = (yield from _word(LOW)), (yield from _word(HIGH))
        except DriverError:
            return False
        return low & ~MARKS == LOW_AT_POWER_ON and high == HIGH_AT_POWER_ON


class ADS1115(ConverterDriver):
    """The voltage at one input, or between two."""

    name = "ads1115"
    title = "Texas Instruments ADS1115: voltage at four inputs"
    measures = (Quantity.VOLTAGE,)
    settings = (INPUT, FSR_V, RATE_HZ)
    still_s = 0.0  # a voltage may be steady to the last step, and zero for ever

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._channel = channel(self.chosen["input"], self.chosen["fsr_v"], self.chosen["rate"])

    @property
    def channels(self) -> tuple[Channel, ...]:
        return (self._channel,)

    def read(self) -> Talk[list[Reading]]:
        sample = yield from self._channel.sample()
        return [Reading(Quantity.VOLTAGE, sample.volts, flags=sample.flags)]


def channel(which: object, fsr_v: object, rate: object) -> Channel:
    """From settings that were already checked."""
    return Channel(str(which), float(str(fsr_v)), int(str(rate)))


def _glance(register: int) -> Talk[int]:
    return int.from_bytes((yield from registers(register, 2)), "big")


def _word(register: int) -> Talk[int]:
    return int.from_bytes((yield from twice(register, 2)), "big")


def _put(register: int, value: int) -> Talk[None]:
    yield Write(bytes([register]) + value.to_bytes(2, "big"))
    told = yield from _word(register)
    if told != value:
        raise WrongChip(f"expected an ADS1115, found a chip that does not keep {value:04X} in register {register}")


def _forget_comparator() -> Talk[None]:
    """Somebody else used the comparator, or this is another chip, which will not keep what is written."""
    yield from _put(HIGH, HIGH_AT_POWER_ON)
    yield from _put(LOW, LOW_AT_POWER_ON)


def _halt() -> Talk[None]:
    """Stop a chip that somebody left converting on and on."""
    told = yield from _word(CONFIG)
    if not told & ONCE:
        yield Write(bytes([CONFIG]) + (told & ~START | ONCE).to_bytes(2, "big"))
        yield Pause(SLOWEST_S)
