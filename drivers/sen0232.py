"""DFRobot SEN0232: a sound level meter that says its dB(A) as a voltage, at an input of an ADS1115.

Source: DFRobot's page of the SEN0232 (50 dB a volt, 0.6 to 2.6 V are 30 to 130 dB(A)); the converter is
drivers/ads1115.py, with its wiring. The meter takes 5 V (or 3.3 V) from header pin 2 (or 1); its signal goes to the
input named by `input`. Outside of 0.6 to 2.6 V it is unplugged or broken: no value, a device fault.

The meter weighs and averages by itself (A, fast): what comes here is its level eight times a second, never sound.
With a `window` on the board the looks stay here, and LAeq, LA10 and LA90 of the window leave (drivers/levels.py);
without one each reading is the level of that moment.
"""

from __future__ import annotations

from drivers.ads1115 import INPUT, Channel, ConverterDriver, channel
from drivers.errors import DeviceFault
from drivers.levels import Levels
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen
from drivers.talk import Talk
from drivers.window import Windowed

FSR_V, RATE = 4.096, 128
DB_PER_V = 50.0
LOWEST_V, HIGHEST_V = 0.6, 2.6
SLACK_V = 0.002  # the converter's own error, at either end


class SEN0232(Windowed, ConverterDriver):
    """Sound level in dB(A); LAeq, LA10 and LA90 of a window."""

    name = "sen0232"
    title = "DFRobot SEN0232 (Gravity): sound level, at an ADS1115"
    datasheet = "https://wiki.dfrobot.com/Gravity__Analog_Sound_Level_Meter_SKU_SEN0232"
    measures = (Quantity.SOUND_LEVEL, Quantity.LAEQ, Quantity.LA10, Quantity.LA90)
    settings = (INPUT,)
    interval_min_s = 0.125
    window_look_s = 0.125
    warm_up_s = 1.0
    still_s = 600.0  # no street is as loud as before to a tenth of a decibel

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._channel = channel(self.chosen["input"], FSR_V, RATE)
        self._levels = Levels()

    @property
    def channels(self) -> tuple[Channel, ...]:
        return (self._channel,)

    def read(self) -> Talk[list[Reading]]:
        volts = (yield from self._channel.sample()).volts
        if not LOWEST_V - SLACK_V <= volts <= HIGHEST_V + SLACK_V:
            raise DeviceFault(f"{volts:.2f} V is no sound level: the meter is unplugged or broken")
        level_db = volts * DB_PER_V
        self._levels.add(level_db, self.at_us)
        return [Reading(Quantity.SOUND_LEVEL, level_db)]

    def close(self, at_us: int) -> list[Reading]:
        return self._levels.close()
