"""Sensirion SCD40, SCD41, SCD43: carbon dioxide, with the temperature and humidity inside the housing.

Source: datasheet SCD4x, version 1.4. Wiring: SDA and SCL to header pins 3 and 5, 3V3; address 0x62.

The chip measures by itself, every 5 s (every 30 s in low power), and hears little else while it does: a chip that
gives its serial number is idle, one that refuses it is measuring. So a chip that lost power is found out at the next
reading, and one that merely was not understood once is left to go on. The first three measurements are flagged; 0 ppm
is no measurement.

Settings live in RAM and are burnt into the chip's EEPROM (2000 writes) only when they differ from what the board
says; a chip that loses power comes back with them. The air pressure, where a neighbour knows it, is told while it
measures. Forced recalibration is not a driver's business: it needs fresh air and a person.
"""

from __future__ import annotations

from drivers.driver import I2CDriver
from drivers.errors import DriverError, Nack, NotMeasured, NotReady
from drivers.reading import Flag, Quantity, Reading
from drivers.sensirion import ask, celsius, hold, percent, tell, tell_if_heard
from drivers.setting import Chosen, Setting
from drivers.talk import Pause, Talk

WAKE, STOP, SERIAL, READY, TAKE, PERSIST = 0x36F6, 0x3F86, 0x3682, 0xE4B8, 0xEC05, 0x3615
START, START_LOW_POWER, SET_PRESSURE = 0x21B1, 0x21AC, 0xE000
SET_OFFSET, SET_ALTITUDE, SET_SELF_CALIBRATION = 0x241D, 0x2427, 0x2416
GET_OFFSET, GET_ALTITUDE, GET_SELF_CALIBRATION = 0x2318, 0x2322, 0x2313
WAKE_S, STOP_S, REGISTER_S, POLL_S, PERSIST_S = 0.030, 0.500, 0.001, 0.250, 0.800
PERIOD_S, LOW_POWER_PERIOD_S = 5.0, 30.0
SETTLING = 3  # measurements after the start that are flagged
LOWEST_HPA, HIGHEST_HPA = 700, 1200


class SCD4x(I2CDriver):
    """CO2 (ppm), temperature (°C) and humidity (%RH)."""

    name = "scd4x"
    title = "Sensirion SCD40, SCD41, SCD43: carbon dioxide, temperature, humidity"
    datasheet = "https://sensirion.com/resource/datasheet/scd4x"
    default_address = 0x62
    addresses = (0x62,)
    measures = (Quantity.CO2, Quantity.TEMPERATURE, Quantity.HUMIDITY)
    uses = (Quantity.PRESSURE,)
    interval_min_s = PERIOD_S
    bus_bytes = 20  # ready 3 + 4, take 3 + 10
    settings = (
        Setting(
            "auto_calibration", "keep",
            "trust that the lowest CO2 of a week is fresh air (400 ppm): on, off, or as the chip has it",
            ("keep", "on", "off"),
        ),
        Setting("low_power", False, "measure every 30 s instead of every 5 s"),
        Setting("temperature_offset_c", 4.0, "how much the chip is warmer than the air, in °C", low=0.0, high=20.0),
        Setting("altitude_m", 0, "metres above the sea; CO2 needs the air pressure", low=0, high=3000),
    )  # fmt: skip

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._settling = SETTLING
        self._trusted = False  # measuring as we left it, for all we know
        self._told_hpa = 0

    def setup(self) -> Talk[bool]:
        """True when it was found measuring as we left it, and has given a reading since the last setup."""
        trusted, self._trusted = self._trusted, False
        if trusted and not (yield from _idle()):
            yield from ask(READY, 1, REGISTER_S)  # it is there at all
            return True
        yield from tell_if_heard(WAKE, WAKE_S)
        yield from tell_if_heard(STOP, STOP_S)
        yield from ask(SERIAL, 3, REGISTER_S)
        yield from self._keep_settings()
        yield from tell(START_LOW_POWER if self.chosen["low_power"] else START, wait_s=REGISTER_S)
        self._settling, self._told_hpa = SETTLING, 0
        return False

    def _keep_settings(self) -> Talk[None]:
        offset = offset_ticks(float(self.chosen["temperature_offset_c"]))
        wanted = [
            (GET_OFFSET, SET_OFFSET, offset, "the temperature offset"),
            (GET_ALTITUDE, SET_ALTITUDE, round(float(self.chosen["altitude_m"])), "the altitude"),
        ]
        if self.chosen["auto_calibration"] != "keep":
            on = int(self.chosen["auto_calibration"] == "on")
            wanted.append((GET_SELF_CALIBRATION, SET_SELF_CALIBRATION, on, "self-calibration"))
        changed = False
        for get, put, value, what in wanted:
            changed |= yield from hold(get, put, [value], what, REGISTER_S)
        if changed:
            yield from tell(PERSIST, wait_s=PERSIST_S)

    def read(self) -> Talk[list[Reading]]:
        """Raises NotMeasured when the chip is idle, NotReady when no measurement comes within its period."""
        try:
            yield from self._new_measurement()
        except (NotMeasured, NotReady):
            self._trusted = False
            raise
        answer = yield from ask(TAKE, 3, REGISTER_S)
        yield from self._tell_pressure()
        self._trusted = True
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
        for turn in range(int((period + 1.0) / POLL_S)):
            if is_ready(int.from_bytes((yield from ask(READY, 1, REGISTER_S)), "big")):
                return
            if not turn and (yield from _idle()):
                raise NotMeasured("the SCD4x is idle: it lost power, or somebody stopped it")
            yield Pause(POLL_S)
        raise NotReady(f"no new measurement within {period + 1.0:g} s")

    def _tell_pressure(self) -> Talk[None]:
        """The pressure that the neighbour knows, in whole hPa, when it has changed."""
        if (pressure := self.known.get(Quantity.PRESSURE)) is None:
            return
        hectopascal = max(LOWEST_HPA, min(HIGHEST_HPA, round(pressure / 100)))
        if hectopascal != self._told_hpa:
            yield from tell(SET_PRESSURE, hectopascal, wait_s=REGISTER_S)
            self._told_hpa = hectopascal

    def probe(self) -> Talk[bool]:
        try:
            yield from ask(READY, 1, REGISTER_S)
        except DriverError:
            return False
        return True


def _idle() -> Talk[bool]:
    """A measuring chip does not hear that it is asked for its serial number."""
    try:
        yield from ask(SERIAL, 3, REGISTER_S)
    except Nack:
        return False
    return True


def is_ready(status: int) -> bool:
    """Whether the status word (E4B8) says that a measurement waits; the highest bits mean nothing."""
    return bool(status & 0x07FF)


def offset_ticks(celsius: float) -> int:
    """The argument of set-temperature-offset (241D) for an offset in °C."""
    return round(celsius * 65535 / 175)
