"""Texas Instruments INA219: voltage and current of a battery, a solar panel or a load, up to 26 V.

Source: datasheet SBOS448. Wiring: SDA and SCL to header pins 3 and 5, 3V3; the shunt resistor between VIN+ and VIN-
lies in the positive line, ground is common with the Pi. Addresses 0x40 to 0x4F by the straps A0 and A1.

A reading averages 128 samples of each channel (136 ms). The chip has no id, so it is known by keeping what is written:
a calibration whose lowest bit is always zero. What overflows is left out: with the overflow bit set current and power
mean nothing, and a shunt voltage at the end of its range means only "more than that".
"""

from __future__ import annotations

from drivers.errors import DriverError, NotMeasured
from drivers.ina import (
    CALIBRATION,
    CONFIG,
    INA,
    MAKER,
    READ_TWICE,
    TEXAS_INSTRUMENTS,
    WRITTEN,
    round_step,
    signed_twice,
    word_of,
    word_twice,
)
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.talk import Talk

SHUNT, BUS, POWER, CURRENT = 0x01, 0x02, 0x03, 0x04
RANGE_32V, AVERAGED_128, TRIGGERED = 1 << 13, 0xF << 7 | 0xF << 3, 0x3
RESET_BIT, UNUSED_BIT = 0x8000, 0x4000
RANGES_V = (0.04, 0.08, 0.16, 0.32)
SHUNT_STEP_V, BUS_STEP_V, SCALE = 1e-5, 0.004, 0.04096
READY, OVERFLOW = 0x02, 0x01
CONVERSION_S = 0.150


class INA219(INA):
    """Voltage (V), shunt voltage (V), current (A), power (W, magnitude)."""

    name = "ina219"
    title = "TI INA219: voltage, current and power, up to 26 V"
    datasheet = "https://www.ti.com/lit/ds/symlink/ina219.pdf"
    measures = (Quantity.VOLTAGE, Quantity.SHUNT_VOLTAGE, Quantity.CURRENT, Quantity.POWER)
    settings = (
        Setting("shunt_ohm", 0.1, "the shunt resistor, in ohm (R100 is 0.1)", low=0.0005, high=100.0),
        Setting("max_a", 3.2, "the highest current to be told, in A; times shunt_ohm at most 0.32 V",
                low=0.001, high=500.0),
    )  # fmt: skip
    bus_bytes = WRITTEN + 5 + 4 * READ_TWICE + 2 * 5

    def __init__(self, **settings: Chosen) -> None:
        """Raises ValueError too for a shunt that is too large for the current."""
        super().__init__(**settings)
        shunt, most = float(self.chosen["shunt_ohm"]), float(self.chosen["max_a"])
        gain = next((n for n, range_v in enumerate(RANGES_V) if most * shunt <= range_v * 1.000001), None)
        if gain is None:
            raise ValueError(f"ina219: {most:g} A through {shunt:g} ohm is {most * shunt:.3g} V, more than 0.32 V")
        calibration = min(0xFFFF, int(SCALE / (round_step(most) * shunt) + 1e-6)) & 0xFFFE
        self.step_a = SCALE / (calibration * shunt)
        self.full_scale = round(RANGES_V[gain] / SHUNT_STEP_V)
        self.ours = {CONFIG: RANGE_32V | gain << 11 | AVERAGED_128 | TRIGGERED, CALIBRATION: calibration}
        self.conversion_s = CONVERSION_S

    def read(self) -> Talk[list[Reading]]:
        yield from self._measure()
        bus, shunt = (yield from word_twice(BUS)), (yield from signed_twice(SHUNT))
        current, power = (yield from signed_twice(CURRENT)), (yield from word_twice(POWER))
        yield from self._still_ours()
        found = []
        if bus >> 3 < 8_000:
            found.append(Reading(Quantity.VOLTAGE, (bus >> 3) * BUS_STEP_V))
        if abs(shunt) < self.full_scale:
            found.append(Reading(Quantity.SHUNT_VOLTAGE, shunt * SHUNT_STEP_V))
            if not bus & OVERFLOW:
                found.append(Reading(Quantity.CURRENT, current * self.step_a))
                found.append(Reading(Quantity.POWER, power * 20.0 * self.step_a))
        if not found:
            raise NotMeasured("voltage and current are beyond what the chip can tell")
        return found

    def _done(self) -> Talk[bool]:
        return bool((yield from word_of(BUS)) & READY)

    def probe(self) -> Talk[bool]:
        """There is no id: a configuration that this chip can hold, and not one of its siblings, which have one."""
        try:
            config, calibration = (yield from word_of(CONFIG)), (yield from word_of(CALIBRATION))
            maker = yield from word_of(MAKER)
        except DriverError:
            return False
        possible = config and not config & (RESET_BIT | UNUSED_BIT) and not calibration & 1
        return bool(possible) and maker != TEXAS_INSTRUMENTS
