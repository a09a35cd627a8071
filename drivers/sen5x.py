"""Sensirion SEN50, SEN54, SEN55: particulate matter, temperature, humidity, VOC index, NOx index.

Source: datasheet SEN5x, version 2. Wiring: 5 V, SEL to ground (that selects I2C, before power comes on), SDA and SCL
to header pins 3 and 5; address 0x69, as the SPS30's.

The SEN50 has particles only, the SEN54 all but NOx; what a module lacks it marks as absent. `variant` names the module
when another one at its place should be an error. The cleaning period of the fan and the temperature offset are lost
with the power and told at each setup. `rest` stops fan and laser; the gas indices then learn anew each time and stay
flagged, so a module whose indices matter should not rest.
"""

from __future__ import annotations

from drivers.reading import Quantity
from drivers.sen import INDICES, LAYOUT, PARTICLES, REGISTER_S, STOP, WARM_UPS_S, Module, offset_word
from drivers.sensirion import high_word, hold, tell_if_heard
from drivers.setting import Chosen, Setting
from drivers.talk import Talk

OFFSET, AUTO_CLEAN = 0x60B2, 0x8004
HAS = {
    "sen50": PARTICLES,
    "sen54": (*PARTICLES, Quantity.HUMIDITY, Quantity.TEMPERATURE, Quantity.VOC_INDEX),
}
PARTS = {4: "the fan", 5: "the laser", 6: "the temperature and humidity chip", 7: "the gas chip"}


class SEN5x(Module):
    """PM (µg/m³), humidity (%RH), temperature (°C), VOC and NOx index (1 to 500)."""

    name = "sen5x"
    title = "Sensirion SEN50, SEN54, SEN55: particulate matter, temperature, humidity, VOC and NOx index"
    datasheet = "https://sensirion.com/resource/datasheet/sen5x"
    default_address = 0x69
    addresses = (0x69,)
    measures: tuple[Quantity, ...] = (*PARTICLES, Quantity.HUMIDITY, Quantity.TEMPERATURE, *INDICES)
    warm_up_s = 30.0
    warm_ups_s = WARM_UPS_S
    can_rest = True
    bus_bytes = 45  # ready 3 + 4, take 3 + 25, status 3 + 7
    settings = (
        Setting("variant", "any", "the module that must be there", ("any", "sen50", "sen54", "sen55")),
        Setting("auto_clean_s", 604_800, "seconds between two cleanings of the fan; 0: never", low=0, high=2**32 - 1),
        Setting("temperature_offset_c", 0.0, "what to add to the temperature, in °C", low=-20.0, high=20.0),
    )
    take = 0x03C4
    layout = LAYOUT
    stop_s = 0.200
    faults = PARTS

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self.measures = HAS.get(str(self.chosen["variant"]), self.measures)

    def knows(self, product: str) -> bool:
        variant = str(self.chosen["variant"])
        return product in (("SEN50", "SEN54", "SEN55") if variant == "any" else (variant.upper(),))

    def keep_settings(self, product: str) -> Talk[None]:
        period = high_word(round(float(self.chosen["auto_clean_s"])))
        yield from hold(AUTO_CLEAN, AUTO_CLEAN, period, "the fan's cleaning period", REGISTER_S)
        if product != "SEN50":  # which has no thermometer
            offset = offset_word(float(self.chosen["temperature_offset_c"]))
            yield from hold(OFFSET, OFFSET, [offset, 0, 0], "the temperature offset", REGISTER_S)

    def rest(self) -> Talk[None]:
        self._trusted = False
        yield from tell_if_heard(STOP, self.stop_s)
