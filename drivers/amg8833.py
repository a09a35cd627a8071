"""Panasonic Grid-EYE AMG8833: 64 pixels of warmth, for people who pass below, or for the warmth of a surface.

Source: Panasonic, Grid-EYE specifications and reference; FOV 60°, 0 to 80 °C, within 2.5 °C. Wiring: SDA and SCL to
header pins 3 and 5, 3V3 to pin 1; 0x69, or 0x68 with AD_SELECT low, where a DS3231 sits. An SPS30 and an SEN5x are at
0x69 as well. Low rows are those on the side of the pins.

Without a window it is a thermometer: `temperature` is the chip's own thermistor, `.max` and `.min` are the warmest and
the coldest pixel. With a window it looks ten times a second and says how many people crossed below, in and out, and
the mean of the thermistor; the pixels never leave this driver, nor does the warmth of anybody in a window.

The thermistor is sign and magnitude, the pixels are two's complement. There is neither chip id nor checksum: what is
read must come twice, bits that are always zero must be zero, and a mark in the unused hysteresis register tells
whether the chip was without power since it was set up.
"""

from __future__ import annotations

from struct import Struct

from drivers.driver import I2CDriver
from drivers.errors import BusFault, DriverError, FramingError, NotReady, WrongChip
from drivers.heads import Background, Crossings, heads
from drivers.looks import MICRO, Looks
from drivers.reading import Quantity, Reading
from drivers.register_chip import registers, twice
from drivers.setting import Chosen, Setting
from drivers.steady import steady
from drivers.talk import Pause, Talk, Write
from drivers.window import Windowed

POWER, RESET, PACE, MARKED, PIXELS = 0x00, 0x01, 0x02, 0x0C, 0x80
AWAKE, POWERS, INITIAL, TEN_A_SECOND, MARK = 0x00, (0x00, 0x10, 0x20, 0x21), 0x3F, 0x00, 0x5A
WAKE_S, RESET_S, FRAMES_S = 0.05, 0.05, 0.25
WIDTH, COUNT = 8, 64
WORDS = Struct(f"<{COUNT}H")
GAP_S = 1.0
REACH = 3.0  # pixels a head may move in a tenth of a second


class AMG8833(Windowed, I2CDriver):
    """Temperature (°C) of the chip, of the warmest and the coldest pixel; with a window, people in and out."""

    name = "amg8833"
    title = "Panasonic Grid-EYE AMG8833: people passing below, surface temperature"
    datasheet = "https://industry.panasonic.com/global/en/products/sensors/sensors-automotive-industrial/grid-eye"
    default_address = 0x69
    addresses = (0x68, 0x69)
    max_hz = 400_000
    measures = (Quantity.TEMPERATURE, Quantity.COUNT, Quantity.COUNT_TOTAL)
    settings = (
        Setting("differs", 2.0, "so many °C off its background, a pixel sees somebody", (), 0.5, 20.0),
        Setting("least_pixels", 3, "pixels that touch, for a head", (), 1, 32),
        Setting("first_line", 2.5, "people come from below this row", (), 0.5, 6.0),
        Setting("second_line", 4.5, "... and have gone in beyond this one", (), 1.0, 6.5),
        Setting("background_s", 60.0, "how slowly the background follows", (), 5.0, 3600.0),
        Setting("along", "rows", "which way people walk over the array", ("rows", "columns")),
        Setting("turned", False, "in and out change places"),
    )
    counts_people = True
    interval_min_s = 10.0
    opens, totals = ("_count",), ("_total",)
    bus_bytes = 276

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        differs, first, second, follows_s = (
            float(self.chosen[name]) for name in ("differs", "first_line", "second_line", "background_s"))  # fmt: skip
        if first >= second:
            raise ValueError(f"amg8833.first_line {first:g} must lie before second_line {second:g}")
        self._background = Background(follows_s * MICRO, differs)
        self._crossings = Crossings(first, second, REACH, GAP_S * MICRO)
        self._looks = Looks(GAP_S, 3600.0)
        self._count = {"in": 0, "out": 0}
        self._total = dict(self._count)
        self._sum, self._summed = 0.0, 0

    def setup(self) -> Talk[bool]:
        """True when it was still as we had left it."""
        yield from _known()
        power, mark = (yield from twice(POWER, 1))[0], (yield from twice(MARKED, 1))[0]
        if (power, mark) == (AWAKE, MARK):
            return True
        yield Write(bytes([POWER, AWAKE]))
        yield Pause(WAKE_S)
        yield Write(bytes([RESET, INITIAL]))
        yield Pause(RESET_S)
        yield Write(bytes([PACE, TEN_A_SECOND]))
        yield Write(bytes([MARKED, MARK]))
        yield Pause(FRAMES_S)
        return False

    def read(self) -> Talk[list[Reading]]:
        """The thermistor, the warmest and the coldest pixel. Raises NotReady without a frame, or a mark."""
        mark, always_zero, low, high = yield from steady(MARKED, 4)
        if mark != MARK or always_zero:
            raise NotReady("the chip lost its power since it was set up")
        pixels = frame((yield from steady(PIXELS, 2 * COUNT)))
        own = thermistor(bytes([low, high]))
        self._look(own, pixels)
        return [
            Reading(Quantity.TEMPERATURE, own),
            Reading(Quantity.TEMPERATURE, max(pixels), "max"),
            Reading(Quantity.TEMPERATURE, min(pixels), "min"),
        ]

    def _look(self, own: float, pixels: list[float]) -> None:
        if self.chosen["along"] == "columns":
            pixels = [pixels[at % WIDTH * WIDTH + at // WIDTH] for at in range(COUNT)]
        self._looks.look(self.at_us, b"")
        self._sum, self._summed = self._sum + own, self._summed + 1
        found = heads(self._background.look(self.at_us, pixels), WIDTH, int(self.chosen["least_pixels"]))
        for way in self._crossings.look(self.at_us, found):
            self._count[("out" if way == "in" else "in") if self.chosen["turned"] else way] += 1

    def probe(self) -> Talk[bool]:
        try:
            yield from _known()
            thermistor((yield from registers(MARKED + 2, 2)))
            frame((yield from registers(PIXELS, 2 * COUNT)))
        except NotReady:
            return True
        except DriverError:
            return False
        return True

    def lost(self, looks: int) -> None:
        self._looks.lost()
        self._crossings.lost()

    def close(self, at_us: int) -> list[Reading]:
        """In and out, their totals, and the mean of the thermistor; nothing when it could not look once."""
        flags = self._looks.close(at_us)
        counted, self._count = self._count, {"in": 0, "out": 0}
        mean = self._sum / self._summed if self._summed else 0.0
        self._sum, self._summed = 0.0, 0
        self._total = {way: self._total[way] + count for way, count in counted.items()}
        if flags is None:
            return []
        said = [Reading(Quantity.COUNT, float(count), way, flags) for way, count in counted.items()]
        said += [Reading(Quantity.COUNT_TOTAL, float(total), way) for way, total in self._total.items()]
        return [*said, Reading(Quantity.TEMPERATURE, mean, flags=flags)]


def _known() -> Talk[None]:
    """Raises WrongChip unless power mode and pace are ones that this chip can have."""
    power, pace, interrupts = (yield from registers(POWER, 1)) + (yield from registers(PACE, 2))
    if power not in POWERS or pace & 0xFE or interrupts & 0xFC:
        raise WrongChip(f"expected an AMG8833, found a chip with {power:02x}, {pace:02x}, {interrupts:02x} at 0, 2, 3")


def thermistor(word: bytes) -> float:
    """°C from registers 0E and 0F: a sign, and eleven bits of sixteenths. Raises FramingError."""
    value = int.from_bytes(word, "little")
    if value >> 12:
        raise FramingError(f"the thermistor says {value:04X}, of which the first digit is always 0")
    return (-1 if value & 0x800 else 1) * (value & 0x7FF) / 16


def frame(held: bytes) -> list[float]:
    """64 temperatures (°C), quarters in two's complement of 12 bits. Raises BusFault, FramingError, NotReady."""
    if set(held) == {0xFF}:
        raise BusFault("all pixels are FF: nobody drives the bus")
    words = WORDS.unpack(held)
    if max(words) >> 12:
        raise FramingError("a pixel has bits that are always zero")
    if not any(words):
        raise NotReady("there is no frame yet")
    return [((word ^ 0x800) - 0x800) / 4 for word in words]
