"""Vishay VEML7700: illuminance.

Source: datasheet VEML7700 and Vishay's application note 84323 (resolution 0.0042 lx at gain 2 and 800 ms; older papers
say 0.0036), whose polynomial straightens what the chip says of bright light. Wiring: SDA and SCL to header pins 3 and
5, 3V3; the only address is 0x10.

16-bit words, low byte first, no checksum; the id word is not certain (drivers in the field disagree), so the chip is
known by keeping its configuration. That is written with each measurement and read back after it, with a harmless bit
(interrupt persistence, interrupts being off) that no power-on default has. Beyond about 120,000 lx the polynomial is
guessing: such values are flagged.
"""

from __future__ import annotations

from drivers.driver import I2CDriver
from drivers.errors import DeviceFault, DriverError
from drivers.light_ranges import LONG_NIGHT_S, Light, through_ranges
from drivers.reading import Flag, Quantity, Reading
from drivers.register_chip import registers
from drivers.setting import Setting
from drivers.steady import steady
from drivers.talk import Pause, Talk, Write

CONFIG, POWER_SAVING, ALS = 0x00, 0x03, 0x04
GAINS = {1.0: 0, 2.0: 1, 0.125: 2, 0.25: 3}
TIMES_MS = {25: 0xC, 50: 0x8, 100: 0x0, 200: 0x1, 400: 0x2, 800: 0x3}
ASLEEP, OURS = 0x0001, 0x0010  # shut down; interrupt after two measurements, with interrupts off
FINEST_LX, LONGEST_MS, HIGHEST_GAIN = 0.0042, 800.0, 2.0
WAKE_S, SLACK = 0.005, 2.1  # the first measurement may take twice the integration time
SATURATED, BRIGHTEST_LX = 0xFFFF, 120_000.0
BOTH_GAINS = (0.125, 2.0)


class VEML7700(I2CDriver):
    """Illuminance (lx)."""

    name = "veml7700"
    title = "Vishay VEML7700: illuminance"
    datasheet = "https://www.vishay.com/docs/84286/veml7700.pdf"
    default_address = 0x10
    addresses = (0x10,)
    max_hz = 400_000
    measures = (Quantity.ILLUMINANCE,)
    settings = (
        Setting("gain", 0.0, "0: by the light; 0.125 for daylight, 2 for the dark",
                choices=(0.0, 0.125, 0.25, 1.0, 2.0)),
        Setting("integration_ms", 100, "how long it looks, in ms", choices=tuple(TIMES_MS)),
    )  # fmt: skip
    still_s = LONG_NIGHT_S
    bus_bytes = 2 * (2 * 4 + 3 * 5)

    def setup(self) -> Talk[None]:
        yield Write(bytes([POWER_SAVING, 0, 0]))
        for config in (self._config(0.125) | ASLEEP, self._config(0.125)):
            yield from _configure(config)
            yield from _verify(config, "the chip does not keep its settings: is it a VEML7700?")

    def read(self) -> Talk[list[Reading]]:
        gain = float(self.chosen["gain"])
        lux = yield from through_ranges((gain,) if gain else BOTH_GAINS, self._look)
        return [Reading(Quantity.ILLUMINANCE, lux, flags=Flag.RANGE if lux > BRIGHTEST_LX else Flag.NONE)]

    def _config(self, gain: float) -> int:
        return GAINS[gain] << 11 | TIMES_MS[round(float(self.chosen["integration_ms"]))] << 6 | OURS

    def _look(self, gain: float) -> Talk[Light | None]:
        config, time_ms = self._config(gain), float(self.chosen["integration_ms"])
        yield from _configure(config | ASLEEP)
        yield from _configure(config)
        yield Pause(WAKE_S + SLACK * time_ms / 1_000.0)
        count = int.from_bytes((yield from steady(ALS, 2)), "little")
        yield from _verify(config, "the chip has lost its settings: it was without power for a moment")
        if count == SATURATED:
            return None
        return Light(straightened(count * FINEST_LX * LONGEST_MS / time_ms * HIGHEST_GAIN / gain), count)

    def probe(self) -> Talk[bool]:
        """Whether the configuration is one that this chip can hold; its reserved bits are zero."""
        try:
            config = int.from_bytes((yield from registers(CONFIG, 2)), "little")
            saving = int.from_bytes((yield from registers(POWER_SAVING, 2)), "little")
        except DriverError:
            return False
        return not config & 0xE40C and not saving & 0xFFF8 and config >> 6 & 0xF in TIMES_MS.values()


def straightened(lux: float) -> float:
    """Vishay's polynomial, from what the count says to lx."""
    return (((6.0135e-13 * lux - 9.3924e-9) * lux + 8.1488e-5) * lux + 1.0023) * lux


def _configure(config: int) -> Talk[None]:
    yield Write(bytes([CONFIG]) + config.to_bytes(2, "little"))


def _verify(config: int, otherwise: str) -> Talk[None]:
    if int.from_bytes((yield from registers(CONFIG, 2)), "little") != config:
        raise DeviceFault(otherwise)
