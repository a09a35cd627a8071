"""Sensirion SCD40, SCD41, SCD43: carbon dioxide, with the temperature and humidity inside the housing.

Source: datasheet SCD4x, version 1.4. Wiring: SDA and SCL to header pins 3 and 5, 3V3; address 0x62.

The chip measures by itself, every 5 s (every 30 s in low power), and hears little else while it does; so setup stops
it first, which also finds it in the same state whatever happened before. A chip that lost power is idle and never
ready: the reading fails, and setup runs again. The first three measurements are flagged; 0 ppm is no measurement.
"""

from __future__ import annotations

from drivers.driver import I2CDriver
from drivers.errors import DriverError, NotReady
from drivers.reading import Flag, Quantity, Reading
from drivers.sensirion import ask, celsius, percent, tell, tell_if_heard
from drivers.setting import Setting, SettingValue
from drivers.talk import Pause, Talk

WAKE, STOP, SERIAL, READY, TAKE = 0x36F6, 0x3F86, 0x3682, 0xE4B8, 0xEC05
START, START_LOW_POWER = 0x21B1, 0x21AC
SET_OFFSET, SET_ALTITUDE, SET_SELF_CALIBRATION = 0x241D, 0x2427, 0x2416
WAKE_S, STOP_S, REGISTER_S, POLL_S = 0.030, 0.500, 0.001, 0.250
PERIOD_S, LOW_POWER_PERIOD_S = 5.0, 30.0
SETTLING = 3  # measurements after the start that are flagged


class SCD4x(I2CDriver):
    """CO2 (ppm), temperature (°C) and humidity (%RH)."""

    name = "scd4x"
    title = "Sensirion SCD40, SCD41, SCD43: carbon dioxide, temperature, humidity"
    default_address = 0x62
    addresses = (0x62,)
    measures = (Quantity.CO2, Quantity.TEMPERATURE, Quantity.HUMIDITY)
    interval_min_s = PERIOD_S
    settings = (
        Setting("self_calibration", True, "trust that the lowest CO2 of a week is fresh air (400 ppm)"),
        Setting("low_power", False, "measure every 30 s instead of every 5 s"),
        Setting("temperature_offset_c", 4.0, "how much the chip is warmer than the air, in °C", low=0.0, high=20.0),
        Setting("altitude_m", 0, "metres above the sea; CO2 needs the air pressure", low=0, high=3000),
    )

    def __init__(self, **settings: SettingValue) -> None:
        super().__init__(**settings)
        self._settling = SETTLING

    def setup(self) -> Talk[None]:
        yield from tell_if_heard(WAKE, WAKE_S)
        yield from tell_if_heard(STOP, STOP_S)
        yield from ask(SERIAL, 3, REGISTER_S)
        yield from tell(SET_SELF_CALIBRATION, int(self.chosen["self_calibration"]), wait_s=REGISTER_S)
        yield from tell(SET_OFFSET, offset_ticks(float(self.chosen["temperature_offset_c"])), wait_s=REGISTER_S)
        yield from tell(SET_ALTITUDE, round(float(self.chosen["altitude_m"])), wait_s=REGISTER_S)
        yield from tell(START_LOW_POWER if self.chosen["low_power"] else START, wait_s=REGISTER_S)
        self._settling = SETTLING

    def read(self) -> Talk[list[Reading]]:
        yield from self._new_measurement()
        answer = yield from ask(TAKE, 3, REGISTER_S)
        co2, temperature, humidity = (int.from_bytes(answer[at : at + 2], "big") for at in (0, 2, 4))
        flags = Flag.WARMING if self._settling else Flag.NONE
        self._settling = max(0, self._settling - 1)
        air = [
            Reading(Quantity.TEMPERATURE, celsius(temperature), flags=flags),
            Reading(Quantity.HUMIDITY, percent(humidity), flags=flags),
        ]
        return [Reading(Quantity.CO2, float(co2), flags=flags), *air] if co2 else air

    def _new_measurement(self) -> Talk[None]:
        period = LOW_POWER_PERIOD_S if self.chosen["low_power"] else PERIOD_S
        for _ in range(int((period + 1.0) / POLL_S)):
            if is_ready(int.from_bytes((yield from ask(READY, 1, REGISTER_S)), "big")):
                return
            yield Pause(POLL_S)
        raise NotReady(f"no new measurement within {period + 1.0:g} s: the chip is not measuring")

    def probe(self) -> Talk[bool]:
        try:
            yield from ask(READY, 1, REGISTER_S)
        except DriverError:
            return False
        return True


def is_ready(status: int) -> bool:
    """Whether the status word (E4B8) says that a measurement waits; the highest bits mean nothing."""
    return bool(status & 0x07FF)


def offset_ticks(celsius: float) -> int:
    """The argument of set-temperature-offset (241D) for an offset in °C."""
    return round(celsius * 65535 / 175)
