"""Sensirion SCD30: carbon dioxide by infrared light, with temperature and humidity.

Source: Sensirion "SCD30 interface description". Wiring: SEL to ground or open (that selects I2C), SDA and SCL to header
pins 3 and 5, supply 3.3 to 5.5 V; address 0x61. It stretches the clock, up to 30 ms and once a day 150 ms, which the
I2C block of a Raspberry Pi up to model 4 does not bear: lower the bus to 10 or 50 kHz, or give it an `i2c-gpio` bus. It
takes no repeated start.

The chip keeps everything in its own memory, that it is measuring included: after a loss of power it goes on by itself
with the same settings, and its first values may be 0 ppm. 0 ppm is never air, so such a reading fails, and the warm-up
of two minutes begins anew. Settings are read first and written only when they differ. Pressure is not told: it would
be burnt in each time; say the altitude. Forced recalibration is not a driver's business.
"""

from __future__ import annotations

import math
import struct

from drivers.driver import I2CDriver
from drivers.errors import DriverError, NotMeasured, NotReady
from drivers.reading import Flag, Quantity, Reading
from drivers.sensirion import ask, hold, tell
from drivers.setting import Chosen, Setting
from drivers.talk import Pause, Talk

START, INTERVAL, READY, TAKE, SELF_CALIBRATION = 0x0010, 0x4600, 0x0202, 0x0300, 0x5306
OFFSET, ALTITUDE, VERSION = 0x5403, 0x5102, 0xD100
WAIT_S, POLL_S, SLACK_S = 0.010, 0.250, 1.0
MOST_POLLS = 60  # of a chip that measures seldom
NO_PRESSURE = 0
HIGHEST_PPM = 40_000.0  # where it ends: a bound


class SCD30(I2CDriver):
    """CO2 (ppm), temperature (°C) and humidity (%RH)."""

    name = "scd30"
    title = "Sensirion SCD30: carbon dioxide, temperature, humidity"
    datasheet = "https://sensirion.com/resource/interface_description/scd30"
    default_address = 0x61
    addresses = (0x61,)
    max_hz = 100_000
    measures = (Quantity.CO2, Quantity.TEMPERATURE, Quantity.HUMIDITY)
    interval_min_s = 2.0
    warm_up_s = 120.0
    bus_bytes = 29  # ready 3 + 4, take 3 + 19
    settings = (
        Setting(
            "auto_calibration", "keep",
            "trust that the air is fresh for an hour each day: on, off, or as the chip has it",
            ("keep", "on", "off"),
        ),
        Setting("measure_every_s", 2, "how often the chip measures, in s; seldom costs less power", low=2, high=1800),
        Setting("temperature_offset_c", 0.0, "how much the chip is warmer than the air, in °C", low=0.0, high=20.0),
        Setting("altitude_m", 0, "metres above the sea; CO2 needs the air pressure", low=0, high=3000),
    )  # fmt: skip

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._trusted = False  # measuring as we left it, for all we know

    @property
    def _period_s(self) -> float:
        return float(self.chosen["measure_every_s"])

    def setup(self) -> Talk[bool]:
        """True when it was found measuring with these settings, and has given a reading since the last setup."""
        trusted, self._trusted = self._trusted, False
        yield from ask(VERSION, 1, WAIT_S)
        changed = yield from self._keep_settings()
        measuring = yield from self._measures_soon()
        if not measuring:
            yield from tell(START, NO_PRESSURE, wait_s=WAIT_S)
        return trusted and measuring and not changed

    def _keep_settings(self) -> Talk[bool]:
        wanted = [
            (INTERVAL, round(self._period_s), "the interval"),
            (OFFSET, round(float(self.chosen["temperature_offset_c"]) * 100), "the temperature offset"),
            (ALTITUDE, round(float(self.chosen["altitude_m"])), "the altitude"),
        ]
        if self.chosen["auto_calibration"] != "keep":
            wanted.append((SELF_CALIBRATION, int(self.chosen["auto_calibration"] == "on"), "self-calibration"))
        changed = False
        for code, value, what in wanted:
            changed |= yield from hold(code, code, [value], what, WAIT_S)
        return changed

    def _measures_soon(self) -> Talk[bool]:
        """Whether a measurement comes within the interval. That it measures is burnt in: not to be said needlessly."""
        poll_s = max(POLL_S, self._period_s / MOST_POLLS)
        for _ in range(int((self._period_s + SLACK_S) / poll_s)):
            if int.from_bytes((yield from ask(READY, 1, WAIT_S)), "big"):
                return True
            yield Pause(poll_s)
        return False

    def read(self) -> Talk[list[Reading]]:
        """Raises NotReady when no measurement comes, NotMeasured for 0 ppm and for what is no number."""
        if not (yield from self._measures_soon()):
            self._trusted = False
            raise NotReady(f"no new measurement within {self._period_s + SLACK_S:g} s: the chip is not measuring")
        co2, temperature, humidity = struct.unpack(">3f", (yield from ask(TAKE, 6, WAIT_S)))
        if not all(map(math.isfinite, (co2, temperature, humidity))) or not 0 < co2 <= HIGHEST_PPM:
            self._trusted = False
            raise NotMeasured(f"{co2:g} ppm is no measurement: the chip has just been started")
        self._trusted = True
        return [
            Reading(Quantity.CO2, co2, flags=Flag.RANGE if co2 >= HIGHEST_PPM else Flag.NONE),
            Reading(Quantity.TEMPERATURE, temperature),
            Reading(Quantity.HUMIDITY, humidity),
        ]

    def probe(self) -> Talk[bool]:
        try:
            return int.from_bytes((yield from ask(READY, 1, WAIT_S)), "big") in (0, 1)
        except DriverError:
            return False
