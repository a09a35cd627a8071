"""Whatever says one value as a voltage or a current, at an input of an ADS1115: described in the board file alone.

Source: the transmitter's own sheet for the scale; NAMUR NE 43 for the currents that mean a fault; the converter is
drivers/ads1115.py, with its wiring. Two points make the scale: `low_v` is `low`, `high_v` is `high`, in the
quantity's unit, straight in between. Three kinds of signal:

- A voltage (potentiometer, ultrasonic level): the points as they are. `live_low_v` and `live_high_v` say
between which volts a healthy wire is; 0 leaves an end unwatched. - 0-10 V through two resistors: `divider` is what
the voltage was divided by; all volts in the settings are those before. - 4-20 mA over a resistor: `shunt_ohm`; the
points are then `low_ma` and `high_ma`. Below 3.6 mA the wire is broken, above 21 mA it is shorted or the transmitter
says that it failed: no value, a device fault. Where `low_ma` is less than 3.6 a broken wire cannot be told from the
lowest value.

A value further outside its two points than an eightieth of the span (the currents below 3.8 and above 20.2 mA) is
flagged as out of range. Where the converter's scale ends nothing is known: then `fsr_v` is too small.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.ads1115 import FSR_V, INPUT, RATE_HZ, Channel, ConverterDriver, channel
from drivers.errors import DeviceFault, NotMeasured
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.talk import Talk

BROKEN_MA, SHORTED_MA = 3.6, 21.0
BEYOND = 1 / 80  # of the span
NOT_FOR_A_SCALE = {
    Quantity.COUNT, Quantity.COUNT_TOTAL, Quantity.OCCUPANCY, Quantity.LATITUDE, Quantity.LONGITUDE, Quantity.UPTIME,
    Quantity.LAEQ, Quantity.LA10, Quantity.LA90, Quantity.CPU_LOAD, Quantity.MEMORY_AVAILABLE, Quantity.DISK_FREE,
    Quantity.THROTTLED, Quantity.PRESENCE, Quantity.VEHICLE_SPEED,
}  # fmt: skip
SCALED = tuple(quantity.value for quantity in Quantity if quantity not in NOT_FOR_A_SCALE)
CHANNELS = ("", *"abcdefgh", "l1", "l2", "l3", "min", "max")


@dataclass(frozen=True, slots=True)
class Scale:
    """Two points of a straight line, and between which signals the wire is healthy (None: not watched)."""

    low_signal: float
    high_signal: float
    low: float
    high: float
    broken: float | None = None
    shorted: float | None = None
    unit: str = "V"

    def value(self, signal: float) -> float:
        share = (signal - self.low_signal) / (self.high_signal - self.low_signal)
        return self.low + (self.high - self.low) * share

    def beyond(self, signal: float) -> bool:
        """Further outside of the two points than a healthy transmitter goes."""
        share = (signal - self.low_signal) / (self.high_signal - self.low_signal)
        return not -BEYOND <= share <= 1 + BEYOND

    def check(self, signal: float) -> None:
        """Raises DeviceFault outside of the live range."""
        if self.broken is not None and signal < self.broken:
            raise DeviceFault(f"{signal:.2f} {self.unit}: below {self.broken:g} {self.unit} the wire is broken")
        if self.shorted is not None and signal > self.shorted:
            raise DeviceFault(f"{signal:.2f} {self.unit}: above {self.shorted:g} {self.unit} it is a short or a fault")


class Analog(ConverterDriver):
    """One quantity by a straight line from a voltage or a current."""

    name = "analog"
    title = "Any transmitter with a voltage or 4-20 mA, at an ADS1115"
    measures = (Quantity.VOLTAGE,)
    settings = (
        Setting("quantity", "voltage", "what is measured", SCALED),
        Setting("channel", "", "which of several of this quantity", CHANNELS),
        INPUT,
        FSR_V,
        RATE_HZ,
        Setting("low_v", 0.0, "voltage at the lower point, in V"),
        Setting("high_v", 1.0, "voltage at the upper point, in V"),
        Setting("low", 0.0, "value at the lower point, in the quantity's unit"),
        Setting("high", 1.0, "value at the upper point, in the quantity's unit"),
        Setting("live_low_v", 0.0, "below this many V the wire is broken; 0: not watched"),
        Setting("live_high_v", 0.0, "above this many V there is a fault; 0: not watched"),
        Setting("divider", 1.0, "what the voltage is divided by before the input, such as 4.0 for 0-10 V", (), 1, 1000),
        Setting("shunt_ohm", 0.0, "resistor over which a current flows, in ohm; 0: a voltage", (), 0, 10_000),
        Setting("low_ma", 4.0, "current at the lower point, in mA", (), 0, 24),
        Setting("high_ma", 20.0, "current at the upper point, in mA", (), 0, 24),
    )
    still_s = 0.0  # a level may stand still for days

    def __init__(self, **settings: Chosen) -> None:
        """Raises ValueError also for a scale that is no line."""
        super().__init__(**settings)
        self._channel = channel(self.chosen["input"], self.chosen["fsr_v"], self.chosen["rate"])
        self.quantity = Quantity[str(self.chosen["quantity"]).upper()]
        self.measures = (self.quantity,)
        self.scale = self._current_scale() if self._number("shunt_ohm") else self._voltage_scale()

    def _number(self, name: str) -> float:
        return float(self.chosen[name])

    def _current_scale(self) -> Scale:
        low_ma, high_ma = self._number("low_ma"), self._number("high_ma")
        if low_ma >= high_ma:
            raise ValueError("analog.high_ma must be more than low_ma")
        broken = BROKEN_MA if low_ma > BROKEN_MA else None
        shorted = SHORTED_MA if high_ma < SHORTED_MA else None
        return Scale(low_ma, high_ma, self._number("low"), self._number("high"), broken, shorted, "mA")

    def _voltage_scale(self) -> Scale:
        low_v, high_v = self._number("low_v"), self._number("high_v")
        if low_v == high_v:
            raise ValueError("analog.high_v must be another voltage than low_v")
        live = self._number("live_low_v") or None, self._number("live_high_v") or None
        return Scale(low_v, high_v, self._number("low"), self._number("high"), *live)

    @property
    def channels(self) -> tuple[Channel, ...]:
        return (self._channel,)

    def read(self) -> Talk[list[Reading]]:
        sample = yield from self._channel.sample()
        if sample.bound:
            raise NotMeasured(f"the input is beyond ±{self._channel.fsr_v:g} V: choose a larger fsr_v")
        signal = sample.volts * self._number("divider")
        if shunt_ohm := self._number("shunt_ohm"):
            signal *= 1000.0 / shunt_ohm
        self.scale.check(signal)
        flags = Flag.RANGE if self._described and self.scale.beyond(signal) else Flag.NONE
        return [Reading(self.quantity, self.scale.value(signal), str(self.chosen["channel"]), flags)]

    @property
    def _described(self) -> bool:
        """Whether the board gave a scale at all: without one, volts are volts, as many as there are."""
        return self.quantity is not Quantity.VOLTAGE or self.scale != Scale(0.0, 1.0, 0.0, 1.0)
