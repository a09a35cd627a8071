"""Sensirion SEN66: particulate matter, temperature, humidity, VOC index, NOx index, carbon dioxide.

Source: datasheet SEN6x, version 0.9. Wiring: 3.3 V (not 5 V), SDA and SCL to header pins 3 and 5; address 0x6B.

After a start the NOx index is absent for about 10 s and CO2 for about 25 s. Self-calibration of CO2 is kept by the
module and written only when it differs; altitude and temperature offset are lost with the power and told at each
setup; the air pressure, where a neighbour knows it, is told while it measures. The module does not rest: its indices
and its self-calibration need to run. Forced recalibration is not a driver's business.
"""

from __future__ import annotations

from drivers.reading import Quantity, Reading
from drivers.sen import INDICES, LAYOUT, PARTICLES, REGISTER_S, WARM_UPS_S, Field, Module, offset_word
from drivers.sensirion import hold, tell
from drivers.setting import Chosen, Setting
from drivers.talk import Talk

OFFSET, SELF_CALIBRATION, PRESSURE, ALTITUDE = 0x60B2, 0x6711, 0x6720, 0x6736
LOWEST_HPA, HIGHEST_HPA = 700, 1200
SETTLES_S = {**WARM_UPS_S, Quantity.CO2: 60.0}
PARTS = {
    4: "the fan", 6: "the temperature and humidity chip", 7: "the gas chip", 9: "the CO2 chip", 11: "the laser",
    12: "the CO2 chip",
}  # fmt: skip


class SEN66(Module):
    """PM (µg/m³), humidity (%RH), temperature (°C), VOC and NOx index (1 to 500), CO2 (ppm)."""

    name = "sen66"
    title = "Sensirion SEN66: particulate matter, temperature, humidity, VOC and NOx index, carbon dioxide"
    datasheet = "https://sensirion.com/resource/datasheet/sen6x"
    default_address = 0x6B
    addresses = (0x6B,)
    measures = (*PARTICLES, Quantity.HUMIDITY, Quantity.TEMPERATURE, *INDICES, Quantity.CO2)
    uses = (Quantity.PRESSURE,)
    warm_up_s = 30.0
    warm_ups_s = SETTLES_S
    bus_bytes = 48  # ready 3 + 4, take 3 + 28, status 3 + 7
    settings = (
        Setting(
            "auto_calibration", "keep",
            "trust that the lowest CO2 of a week is fresh air (400 ppm): on, off, or as the module has it",
            ("keep", "on", "off"),
        ),
        Setting("temperature_offset_c", 0.0, "what to add to the temperature, in °C", low=-20.0, high=20.0),
        Setting("altitude_m", 0, "metres above the sea; CO2 needs the air pressure", low=0, high=3000),
    )  # fmt: skip
    take = 0x0300
    layout = (*LAYOUT, Field(Quantity.CO2, 1, False))
    stop_s = 1.400
    faults = PARTS

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._told_hpa = 0

    def knows(self, product: str) -> bool:
        return product == "SEN66"

    def keep_settings(self, product: str) -> Talk[None]:
        self._told_hpa = 0
        if self.chosen["auto_calibration"] != "keep":
            on = int(self.chosen["auto_calibration"] == "on")
            yield from hold(SELF_CALIBRATION, SELF_CALIBRATION, [on], "self-calibration", REGISTER_S)
        yield from hold(ALTITUDE, ALTITUDE, [round(float(self.chosen["altitude_m"]))], "the altitude", REGISTER_S)
        offset = offset_word(float(self.chosen["temperature_offset_c"]))
        yield from tell(OFFSET, offset, 0, 0, 0, wait_s=REGISTER_S)  # cannot be read back

    def read(self) -> Talk[list[Reading]]:
        yield from self._tell_pressure()
        readings = yield from super().read()
        return [reading for reading in readings if reading.quantity is not Quantity.CO2 or reading.value]

    def _tell_pressure(self) -> Talk[None]:
        """The pressure that the neighbour knows, in whole hPa, when it has changed."""
        if (pressure := self.known.get(Quantity.PRESSURE)) is None:
            return
        hectopascal = max(LOWEST_HPA, min(HIGHEST_HPA, round(pressure / 100)))
        if hectopascal != self._told_hpa:
            yield from tell(PRESSURE, hectopascal, wait_s=REGISTER_S)
            self._told_hpa = hectopascal
