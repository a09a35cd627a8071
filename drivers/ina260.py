"""Texas Instruments INA260: voltage and current of a load up to 36 V and 15 A, with the shunt inside.

Source: datasheet SBOS656. Wiring: SDA and SCL to header pins 3 and 5, 3V3; the line to be measured goes in at IN+ and
out at IN-. Addresses 0x40 to 0x4F by the straps A0 and A1.

Nothing is to be calibrated: the shunt of 2 milliohm is on the die. A reading averages 16 measurements (35 ms).
"""

from __future__ import annotations

from drivers.errors import ChecksumError, NotMeasured
from drivers.ina import (
    CONFIG,
    INA,
    READ_ONCE,
    READ_TWICE,
    WRITTEN,
    identity,
    is_identity,
    signed_twice,
    word_of,
    word_twice,
)
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen
from drivers.talk import Talk

CURRENT, BUS, POWER, MASK = 0x01, 0x02, 0x03, 0x06
ALWAYS_SET, AVERAGED_16, TRIGGERED = 0x6000, 2 << 9 | 4 << 6 | 4 << 3, 0x3
CURRENT_STEP_A, BUS_STEP_V, POWER_STEP_W = 0.00125, 0.00125, 0.010
READY, OVERFLOW = 0x08, 0x04
CONVERSION_S = 0.040
DIE = 0x2270


class INA260(INA):
    """Voltage (V), current (A), power (W, magnitude)."""

    name = "ina260"
    title = "TI INA260: voltage, current and power, up to 36 V and 15 A, shunt inside"
    datasheet = "https://www.ti.com/lit/ds/symlink/ina260.pdf"
    measures = (Quantity.VOLTAGE, Quantity.CURRENT, Quantity.POWER)
    bus_bytes = WRITTEN + 2 * READ_ONCE + 3 * READ_TWICE + READ_ONCE

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self.ours = {CONFIG: ALWAYS_SET | AVERAGED_16 | TRIGGERED}
        self.conversion_s = CONVERSION_S
        self._flags = 0

    def _identify(self) -> Talk[None]:
        yield from identity("INA260", DIE, shift=4)

    def read(self) -> Talk[list[Reading]]:
        yield from self._measure()
        if ((yield from word_of(MASK)) ^ self._flags) & OVERFLOW:
            raise ChecksumError("two readings of the overflow bit differ: the bus flips bits")
        bus, current, power = (yield from word_twice(BUS)), (yield from signed_twice(CURRENT)), (
            yield from word_twice(POWER))
        yield from self._still_ours()
        found = [Reading(Quantity.VOLTAGE, bus * BUS_STEP_V)] if bus < 0x7FFF else []
        if -0x8000 < current < 0x7FFF and not self._flags & OVERFLOW:
            found.append(Reading(Quantity.CURRENT, current * CURRENT_STEP_A))
            found.append(Reading(Quantity.POWER, power * POWER_STEP_W))
        if not found:
            raise NotMeasured("voltage and current are beyond what the chip can tell")
        return found

    def _done(self) -> Talk[bool]:
        self._flags = yield from word_of(MASK)
        return bool(self._flags & READY)

    def probe(self) -> Talk[bool]:
        return (yield from is_identity("INA260", DIE, shift=4))
