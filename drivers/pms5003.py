"""Plantower PMS5003, 7003, A003, 3003 and their siblings: fine dust by laser, on a serial port.

Wiring: VCC to 5 V (the fan needs it), GND, TX to RXD of the Pi, RX to TXD; leave SET and RESET open. 3.3 V levels.
One family, told apart by the length of the frame: 20 bytes of data from the 3003, 28 from most, 36 from the 5003ST.
The 5003T and 5003S send 28 as well but put other things into the last words: name them in `variant`, and the 5003ST
too, whose formaldehyde and climate are otherwise left out.

The device gives mass twice: "CF=1" for factory calibration and "atmospheric" for the street; only the second is
published as pm. Counts come per 0.1 L of air and leave here per cm³. At 1000 µg/m³ and at 65535 particles the truth
is at least as high: flagged. No particle at all is no air of any street: it has not measured yet (a 3003, which counts
none, may say three zeros). The error byte of the last word is documented nowhere: it is counted as device_fault and
the values stand. The laser lasts about three years: with `rest = true` on
the board it sleeps between readings that lie far apart. What it is told is gone after a power cut, and is talking then.
Sources: Plantower PMS5003 manual V2.3, PMS5003T and PMS5003ST manuals; commands E1, E2 and E4 of its appendix I.
"""

from __future__ import annotations

from drivers.errors import ChecksumError, DeviceFault, FramingError, NotReady
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.stream import Incomplete, StreamDriver
from drivers.talk import Pause, Talk, Write

HEAD = b"\x42\x4d"
ACK, SHORT, USUAL, LONG = 4, 20, 28, 36  # bytes after the length: PMS3003, PMS5003 and most, PMS5003ST
LENGTHS = (ACK, SHORT, USUAL, LONG)
MODE, SLEEP = 0xE1, 0xE4
AFTER_WAKE_S = 2.0
AFTER_SLEEP_S = 0.2

MASS = (Quantity.PM1_CF1, Quantity.PM2_5_CF1, Quantity.PM10_CF1, Quantity.PM1, Quantity.PM2_5, Quantity.PM10)
MOST_MASS, MOST_COUNT = 1000, 0xFFFF  # where they end
NUMBER = (Quantity.NC_GT0_3, Quantity.NC_GT0_5, Quantity.NC_GT1, Quantity.NC_GT2_5, Quantity.NC_GT5, Quantity.NC_GT10)
ADDED = {
    "pms5003t": (Quantity.TEMPERATURE, Quantity.HUMIDITY), "pms5003s": (Quantity.FORMALDEHYDE,),
    "pms5003st": (Quantity.FORMALDEHYDE, Quantity.TEMPERATURE, Quantity.HUMIDITY),
}  # fmt: skip


def command(function: int, value: int) -> bytes:
    """The seven bytes of a command with its 16-bit sum."""
    body = HEAD + bytes([function, 0, value])
    return body + sum(body).to_bytes(2, "big")


def signed(word: int) -> int:
    """A 16-bit word as two's complement."""
    return word - 0x10000 if word & 0x8000 else word


def masses(words: list[int]) -> list[Reading]:
    """The first six words; flagged at 1000 µg/m³, where the truth is at least as high."""
    return [bounded(q, float(word), word >= MOST_MASS) for q, word in zip(MASS, words, strict=False)]


def numbers(words: list[int]) -> list[Reading]:
    """Counts per 0.1 L as 1/cm³; flagged at 65535."""
    return [bounded(q, word / 100, word >= MOST_COUNT) for q, word in zip(NUMBER, words, strict=False)]


def bounded(quantity: Quantity, value: float, bound: bool) -> Reading:
    """Flagged where it is only a bound."""
    return Reading(quantity, value, flags=Flag.RANGE if bound else Flag.NONE)


class PMS5003(StreamDriver):
    """Mass of PM1, PM2.5 and PM10 (µg/m³, whole) and number of particles above six sizes (1/cm³)."""

    name = "pms5003"
    title = "Plantower PMS5003, PMS7003, PMS3003: fine dust"
    datasheet = "https://www.aqmd.gov/docs/default-source/aq-spec/resources-page/plantower-pms5003-manual_v2-3.pdf"
    measures: tuple[Quantity, ...] = MASS + NUMBER
    decimals = dict.fromkeys(MASS, 0) | {Quantity.TEMPERATURE: 1, Quantity.HUMIDITY: 1}
    settings = (
        Setting("variant", "auto", "which sibling; auto reads what all have in common", ("auto", *ADDED)),
    )
    warm_up_s = 30.0
    can_rest = True
    still_s = 86_400.0  # whole numbers: after rain there may be no coarse particle for hours
    longest = 4 + LONG
    start = HEAD[:1]

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        variant = str(self.chosen["variant"])
        self.measures = MASS + NUMBER[: 4 if variant == "pms5003t" else 6] + ADDED.get(variant, ())

    def setup(self) -> Talk[None]:
        """Wake it and let it report by itself."""
        yield Write(command(SLEEP, 1))
        yield Pause(AFTER_WAKE_S)
        yield Write(command(MODE, 1))

    def rest(self) -> Talk[None]:
        """Laser and fan off. A PMS3003 hears no commands and goes on."""
        yield Write(command(SLEEP, 0))
        yield Pause(AFTER_SLEEP_S)

    def frame(self, buffer: bytearray) -> int:
        """`42 4D`, a 16-bit length of what follows, data, and the 16-bit sum of all before it."""
        if not HEAD.startswith(buffer[:2]):
            raise FramingError("no frame begins here")
        if len(buffer) > 2 and (buffer[2] or (len(buffer) > 3 and buffer[3] not in LENGTHS)):
            raise FramingError("no frame of this family is so long")
        if len(buffer) < 4 or len(buffer) < 4 + buffer[3]:
            raise Incomplete
        length = 4 + buffer[3]
        if sum(buffer[: length - 2]) != int.from_bytes(buffer[length - 2 : length], "big"):
            raise ChecksumError("the sum of the frame does not fit")
        return length

    def decode(self, frame: bytes) -> list[Reading] | None:
        """What this sibling measures; None for the answer to a command. Raises NotReady before the first value."""
        if frame[3] == ACK:
            return None
        words = [int.from_bytes(frame[at : at + 2], "big") for at in range(4, len(frame) - 2, 2)]
        if len(frame) > 4 + SHORT:
            if not any(words[:12]):
                raise NotReady("no measurement yet")
            if frame[-3]:
                self.errors[DeviceFault.cause] += 1
        mass = masses(words)
        return [one for one in mass + self._rest(frame[3], words) if one.quantity in self.measures]

    def _rest(self, length: int, words: list[int]) -> list[Reading]:
        """Words 7 and on: counts, and what the siblings add."""
        if length == SHORT:
            return []
        small = self.chosen["variant"] == "pms5003t" and length == USUAL
        counts = numbers(words[6 : 10 if small else 12])
        if small:
            return counts + self._climate(words[10:12])
        if length == LONG:
            return [*counts, Reading(Quantity.FORMALDEHYDE, float(words[12])), *self._climate(words[13:15])]
        if self.chosen["variant"] == "pms5003s":
            return [*counts, Reading(Quantity.FORMALDEHYDE, float(words[12]))]
        return counts

    @staticmethod
    def _climate(words: list[int]) -> list[Reading]:
        temperature, humidity = words
        return [Reading(Quantity.TEMPERATURE, signed(temperature) / 10), Reading(Quantity.HUMIDITY, humidity / 10)]
