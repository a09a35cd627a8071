"""Sensirion SGP30: total VOC, and the CO2 that people would have breathed out with it (an estimate, never `co2`).

Source: datasheet SGP30, version 0.93. Wiring: SDA and SCL to header pins 3 and 5, 3V3; address 0x58.

The chip computes by itself and must be asked every second (`look_s`). After it is started it says 400 ppm and 0 ppb
for 15 s, and for twelve hours it searches its baseline: until then its values are flagged. The baseline is the chip's
own and is lost with its power; it is not kept by us, because one that is older than a week, or was learnt elsewhere,
is worse than none.

400 and 0 is what the chip says of perfectly clean air, while it starts, and for ever when it has lost its power and
nobody has started it again. So these values are believed only from a chip that has a baseline: one that had it and
has none any more was without power and is started anew; one that has none yet is flagged, and started anew when it says
nothing else for long.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from drivers.driver import I2CDriver
from drivers.errors import DriverError, NotMeasured, WrongChip
from drivers.reading import Flag, Quantity, Reading
from drivers.sensirion import ask, tell
from drivers.setting import Chosen
from drivers.talk import Talk

START, MEASURE, BASELINE, SET_HUMIDITY, FEATURES = 0x2003, 0x2008, 0x2015, 0x2061, 0x202F
REGISTER_S, MEASURE_S = 0.010, 0.012
NOTHING = (400, 0)
MOST = 60_000  # ppm and ppb: where it ends
SILENT_US, PATIENCE_US, LEARNS_S = 15_000_000, 60_000_000, 43_200.0
NO_HUMIDITY = 0  # what switches the compensation off


class SGP30(I2CDriver):
    """Total VOC (ppb) and equivalent CO2 (ppm)."""

    name = "sgp30"
    title = "Sensirion SGP30: total VOC, equivalent CO2"
    datasheet = "https://sensirion.com/resource/datasheet/sgp30"
    default_address = 0x58
    addresses = (0x58,)
    max_hz = 400_000
    measures = (Quantity.ECO2, Quantity.TVOC)
    uses = (Quantity.TEMPERATURE, Quantity.HUMIDITY)
    look_s = 1.0
    warm_up_s = LEARNS_S
    still_s = 0.0  # clean air is 400 and 0 for days
    bus_bytes = 10  # write 1 + 2, read 1 + 6

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._began_us: int | None = None
        self._had_baseline = False
        self._told = NO_HUMIDITY
        self._patience_us = PATIENCE_US  # doubled each time that starting it anew gives no baseline

    def setup(self) -> Talk[bool]:
        """True when the chip still has the baseline that it had."""
        features = int.from_bytes((yield from ask(FEATURES, 1, REGISTER_S)), "big")
        if not is_sgp30(features):
            raise WrongChip(f"expected an SGP30, found a chip with the features {features:04X}")
        if self._had_baseline and (yield from _baseline()):
            return True
        yield from tell(START, wait_s=REGISTER_S)
        self._began_us, self._had_baseline, self._told = None, False, NO_HUMIDITY
        return False

    def read(self) -> Talk[list[Reading]]:
        """Raises NotMeasured when the chip has lost its power and says what it says then."""
        yield from self._tell_humidity()
        answer = yield from ask(MEASURE, 2, MEASURE_S)
        if self._began_us is None:
            self._began_us = self.at_us
        found = int.from_bytes(answer[0:2], "big"), int.from_bytes(answer[2:4], "big")
        flags = (yield from self._doubt(found)) if found == NOTHING or not self._had_baseline else Flag.NONE
        measured = zip(self.measures, found, strict=True)
        return [
            Reading(quantity, float(value), flags=flags | (Flag.RANGE if value >= MOST else Flag.NONE))
            for quantity, value in measured
        ]

    def _doubt(self, found: tuple[int, int]) -> Talk[Flag]:
        """What a value deserves that might be no measurement."""
        since_us = self.at_us - (self._began_us or self.at_us)
        if since_us < SILENT_US and not self._had_baseline:
            return Flag.WARMING
        if (yield from _baseline()):
            self._had_baseline, self._patience_us = True, PATIENCE_US
            return Flag.NONE
        if self._had_baseline or (found == NOTHING and since_us > self._patience_us):
            self._had_baseline, self._patience_us = False, 2 * self._patience_us
            raise NotMeasured("the SGP30 has no baseline: it lost its power and must be started anew")
        return Flag.WARMING

    def _tell_humidity(self) -> Talk[None]:
        """What the neighbour knows, when it has changed."""
        if (wanted := compensation(self.known)) != self._told:
            yield from tell(SET_HUMIDITY, wanted, wait_s=REGISTER_S)
            self._told = wanted

    def probe(self) -> Talk[bool]:
        try:
            return is_sgp30(int.from_bytes((yield from ask(FEATURES, 1, REGISTER_S)), "big"))
        except DriverError:
            return False


def _baseline() -> Talk[bool]:
    return any((yield from ask(BASELINE, 2, REGISTER_S)))


def is_sgp30(features: int) -> bool:
    """Product type 0, feature set 0x20 or 0x22."""
    return not features & 0xF000 and features & 0xFF in (0x20, 0x22)


def compensation(known: Mapping[Quantity, float]) -> int:
    """The absolute humidity as the chip wants it: g/m³ times 256; 0 where a neighbour does not know the air."""
    humidity, celsius = known.get(Quantity.HUMIDITY), known.get(Quantity.TEMPERATURE)
    if humidity is None or celsius is None or not -45.0 <= celsius <= 130.0:
        return NO_HUMIDITY
    vapour = humidity / 100 * 6.112 * math.exp(17.62 * celsius / (243.12 + celsius))
    return max(1, min(0xFFFF, int(216.7 * vapour / (273.15 + celsius) * 256)))
