"""Texas Instruments INA226: voltage and current of a battery, a solar panel or a load, up to 36 V.

Source: datasheet SBOS547. Wiring: SDA and SCL to header pins 3 and 5, 3V3; the shunt between IN+ and IN- in the
positive (or the negative) line. Addresses 0x40 to 0x4F by the straps A0 and A1.

Modules come with shunts of 100, 10 and 2 milliohm: the board must say which, or every ampere is wrong. A reading
averages 16 measurements (35 ms). With the overflow bit set, current and power are left out; a shunt voltage at the
end of its range (81.92 mV) is, too.
"""

from __future__ import annotations

from drivers.errors import ChecksumError, NotMeasured
from drivers.ina import (
    CALIBRATION,
    CONFIG,
    INA,
    READ_ONCE,
    READ_TWICE,
    WRITTEN,
    identity,
    is_identity,
    round_step,
    signed_twice,
    word_of,
    word_twice,
)
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.talk import Talk

SHUNT, BUS, POWER, CURRENT, MASK = 0x01, 0x02, 0x03, 0x04, 0x06
ALWAYS_SET, AVERAGED_16, TRIGGERED = 0x4000, 2 << 9 | 4 << 6 | 4 << 3, 0x3
SHUNT_STEP_V, BUS_STEP_V, SCALE, SHUNT_MOST_V = 2.5e-6, 0.00125, 0.00512, 0.08192
READY, OVERFLOW = 0x08, 0x04
CONVERSION_S = 0.040
DIE = 0x2260


class INA226(INA):
    """Voltage (V), shunt voltage (V), current (A), power (W, magnitude)."""

    name = "ina226"
    title = "TI INA226: voltage, current and power, up to 36 V"
    datasheet = "https://www.ti.com/lit/ds/symlink/ina226.pdf"
    measures = (Quantity.VOLTAGE, Quantity.SHUNT_VOLTAGE, Quantity.CURRENT, Quantity.POWER)
    settings = (
        Setting("shunt_ohm", 0.002, "the shunt resistor, in ohm (R100 is 0.1, R010 is 0.01, R002 is 0.002)",
                low=0.00005, high=100.0),
        Setting("max_a", 20.0, "the highest current to be told, in A; times shunt_ohm at most 0.08192 V",
                low=0.0001, high=1_000.0),
    )  # fmt: skip
    bus_bytes = WRITTEN + 2 * READ_ONCE + 4 * READ_TWICE + 2 * READ_ONCE

    def __init__(self, **settings: Chosen) -> None:
        """Raises ValueError too for a shunt that is too large for the current."""
        super().__init__(**settings)
        shunt, most = float(self.chosen["shunt_ohm"]), float(self.chosen["max_a"])
        if most * shunt > SHUNT_MOST_V * 1.000001:
            raise ValueError(f"ina226: {most:g} A through {shunt:g} ohm is {most * shunt:.3g} V, more than 0.08192 V")
        calibration = min(0x7FFF, int(SCALE / (round_step(most) * shunt) + 1e-6))
        self.step_a = SCALE / (calibration * shunt)
        self.ours = {CONFIG: ALWAYS_SET | AVERAGED_16 | TRIGGERED, CALIBRATION: calibration}
        self.conversion_s = CONVERSION_S
        self._flags = 0

    def _identify(self) -> Talk[None]:
        yield from identity("INA226", DIE, shift=4)

    def read(self) -> Talk[list[Reading]]:
        yield from self._measure()
        if ((yield from word_of(MASK)) ^ self._flags) & OVERFLOW:
            raise ChecksumError("two readings of the overflow bit differ: the bus flips bits")
        bus, shunt = (yield from word_twice(BUS)), (yield from signed_twice(SHUNT))
        current, power = (yield from signed_twice(CURRENT)), (yield from word_twice(POWER))
        yield from self._still_ours()
        found = []
        if bus < 0x7FFF:
            found.append(Reading(Quantity.VOLTAGE, bus * BUS_STEP_V))
        if -0x8000 < shunt < 0x7FFF:
            found.append(Reading(Quantity.SHUNT_VOLTAGE, shunt * SHUNT_STEP_V))
            if not self._flags & OVERFLOW:
                found.append(Reading(Quantity.CURRENT, current * self.step_a))
                found.append(Reading(Quantity.POWER, power * 25.0 * self.step_a))
        if not found:
            raise NotMeasured("voltage and current are beyond what the chip can tell")
        return found

    def _done(self) -> Talk[bool]:
        self._flags = yield from word_of(MASK)
        return bool(self._flags & READY)

    def probe(self) -> Talk[bool]:
        return (yield from is_identity("INA226", DIE, shift=4))
