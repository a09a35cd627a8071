"""Maxim MAX17048 (one cell) and MAX17049 (two in series): how full a lithium battery is, and how fast that changes.

Source: datasheet MAX17048/MAX17049, 19-6171. Wiring: SDA and SCL to header pins 3 and 5; the chip lives on the battery
that it watches, and shares ground with the Pi. The only address is 0x36.

It models the battery from its voltage, so that after the battery was taken away its first minutes are guesses: the
reset indicator tells of that, setup clears it and the warm-up begins anew. A reading that finds it set is none. More
than full is told as full.
"""

from __future__ import annotations

from drivers.driver import I2CDriver
from drivers.errors import DeviceFault, DriverError, NotMeasured, NotReady, WrongChip
from drivers.reading import Quantity, Reading
from drivers.register_chip import registers
from drivers.setting import Setting
from drivers.steady import steady
from drivers.talk import Pause, Talk, Write

VCELL, VERSION, CONFIG, CRATE, STATUS = 0x02, 0x08, 0x0C, 0x16, 0x1A
FAMILY, WAS_RESET, ASLEEP = 0x0010, 0x0100, 0x0080
VOLT, PERCENT, PERCENT_AN_HOUR = 78.125e-6, 1 / 256, 0.208
READY_S = 0.250
MOST_PERCENT = 120.0  # the model may go beyond full, but not so far


class MAX17048(I2CDriver):
    """Voltage of a cell (V), battery level (%), battery rate (%/h, negative while it empties)."""

    name = "max17048"
    title = "Maxim MAX17048, MAX17049: battery voltage, level and rate"
    datasheet = "https://www.analog.com/media/en/technical-documentation/data-sheets/MAX17048-MAX17049.pdf"
    default_address = 0x36
    addresses = (0x36,)
    max_hz = 400_000
    measures = (Quantity.VOLTAGE, Quantity.BATTERY_LEVEL, Quantity.BATTERY_RATE)
    settings = (
        Setting("rcomp", 0x97, "the maker's figure for this battery, 151 (0x97) for most", low=0, high=255),
        Setting("cells", 1, "cells in series: 2 for a MAX17049, whose voltage is then told for both", choices=(1, 2)),
    )
    interval_min_s = 1.0
    warm_up_s = 180.0
    still_s = 86_400.0  # a voltage told to 0.1 mV moves; level and rate may stand for ever (edge/quality.py)
    bus_bytes = 2 * 7 + 2 * 5 + 5

    def setup(self) -> Talk[bool]:
        version = yield from _word(VERSION)
        if version & 0xFFF0 != FAMILY:
            raise WrongChip(f"expected a MAX17048, found a chip with version {version:04X}")
        config = yield from _word(CONFIG)
        wanted = round(float(self.chosen["rcomp"])) << 8 | config & 0xFF & ~ASLEEP
        if config != wanted:
            yield from _put(CONFIG, wanted)
        status = yield from _word(STATUS)
        if not status & WAS_RESET:
            return True
        yield Pause(READY_S)
        yield from _put(STATUS, status & ~WAS_RESET)
        if (yield from _word(STATUS)) & WAS_RESET:
            raise DeviceFault("the chip does not forget that it was reset: is its battery there?")
        return False

    def read(self) -> Talk[list[Reading]]:
        charge, rate = (yield from steady(VCELL, 4)), (yield from steady(CRATE, 2))
        if (yield from _word(STATUS)) & WAS_RESET:
            raise DeviceFault("the battery was away for a moment: what the chip says of it is a guess")
        cell, level = int.from_bytes(charge[:2], "big"), int.from_bytes(charge[2:], "big") * PERCENT
        if cell == 0:
            raise NotReady("the chip has not measured the battery yet")
        found = []
        if cell < 0xFFFF:
            found.append(Reading(Quantity.VOLTAGE, cell * VOLT * int(self.chosen["cells"])))
        if level <= MOST_PERCENT:
            found.append(Reading(Quantity.BATTERY_LEVEL, min(100.0, level)))
        if rate not in (b"\x7f\xff", b"\x80\x00"):
            found.append(Reading(Quantity.BATTERY_RATE, int.from_bytes(rate, "big", signed=True) * PERCENT_AN_HOUR))
        if not found:
            raise NotMeasured("everything is at the end of its range")
        return found

    def probe(self) -> Talk[bool]:
        try:
            return (yield from _word(VERSION)) & 0xFFF0 == FAMILY
        except DriverError:
            return False


def _word(register: int) -> Talk[int]:
    return int.from_bytes((yield from registers(register, 2)), "big")


def _put(register: int, word: int) -> Talk[None]:
    yield Write(bytes([register]) + word.to_bytes(2, "big"))
