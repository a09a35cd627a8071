"""What a chip says, as numbers that every floor understands.

A quantity has exactly one unit inside the house, one resolution at which it is stored, and one range outside
of which the world cannot be. Other units are a matter of display. A reading is a number and nothing else: there is no
type here that could carry an identifier, an image or a sound, which is how "only numbers leave the pole" is kept.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass


class Flag(enum.IntFlag):
    """Why a value deserves doubt. The value is kept beside its flags, never replaced by them."""

    NONE = 0
    RANGE = 1  # outside what the quantity or the device can be
    STUCK = 2  # has not moved for longer than the world stands still
    SPIKE = 4  # jumped away from its neighbours in time
    STALE = 8  # older than the interval it stands for
    WARMING = 16  # the device is not warm or settled yet
    THINNED = 32  # the mean or the sum of many, which had to go because the journal was full


class Quantity(enum.Enum):
    """A measured thing: its name is its value; unit, decimals stored, lowest and highest plausible value."""

    unit: str
    decimals: int
    low: float
    high: float

    def __new__(cls, name: str, unit: str, decimals: int, low: float, high: float) -> Quantity:
        member = object.__new__(cls)
        member._value_ = name
        member.unit, member.decimals, member.low, member.high = unit, decimals, low, high
        return member

    TEMPERATURE = "temperature", "°C", 2, -60.0, 150.0
    HUMIDITY = "humidity", "%RH", 2, 0.0, 100.0
    PRESSURE = "pressure", "Pa", 0, 30_000.0, 110_000.0
    GAS_RESISTANCE = "gas_resistance", "ohm", 0, 0.0, 1e9
    CO2 = "co2", "ppm", 0, 0.0, 40_000.0
    ECO2 = "eco2", "ppm", 0, 0.0, 65_535.0
    TVOC = "tvoc", "ppb", 0, 0.0, 65_535.0
    VOC_RAW = "voc_raw", "tick", 0, 0.0, 65_535.0
    NOX_RAW = "nox_raw", "tick", 0, 0.0, 65_535.0
    VOC_INDEX = "voc_index", "1", 1, 0.0, 500.0
    NOX_INDEX = "nox_index", "1", 1, 0.0, 500.0
    AQI_UBA = "aqi_uba", "1", 0, 1.0, 5.0
    PM1 = "pm1", "µg/m³", 2, 0.0, 10_000.0
    PM2_5 = "pm2_5", "µg/m³", 2, 0.0, 10_000.0
    PM4 = "pm4", "µg/m³", 2, 0.0, 10_000.0
    PM10 = "pm10", "µg/m³", 2, 0.0, 10_000.0
    PM1_CF1 = "pm1_cf1", "µg/m³", 2, 0.0, 10_000.0
    PM2_5_CF1 = "pm2_5_cf1", "µg/m³", 2, 0.0, 10_000.0
    PM10_CF1 = "pm10_cf1", "µg/m³", 2, 0.0, 10_000.0
    NC_PM0_5 = "nc_pm0_5", "1/cm³", 2, 0.0, 100_000.0
    NC_PM1 = "nc_pm1", "1/cm³", 2, 0.0, 100_000.0
    NC_PM2_5 = "nc_pm2_5", "1/cm³", 2, 0.0, 100_000.0
    NC_PM4 = "nc_pm4", "1/cm³", 2, 0.0, 100_000.0
    NC_PM10 = "nc_pm10", "1/cm³", 2, 0.0, 100_000.0
    NC_GT0_3 = "nc_gt0_3", "1/cm³", 2, 0.0, 100_000.0
    NC_GT0_5 = "nc_gt0_5", "1/cm³", 2, 0.0, 100_000.0
    NC_GT1 = "nc_gt1", "1/cm³", 2, 0.0, 100_000.0
    NC_GT2_5 = "nc_gt2_5", "1/cm³", 2, 0.0, 100_000.0
    NC_GT5 = "nc_gt5", "1/cm³", 2, 0.0, 100_000.0
    NC_GT10 = "nc_gt10", "1/cm³", 2, 0.0, 100_000.0
    NO2 = "no2", "ppb", 2, -500.0, 20_000.0
    O3 = "o3", "ppb", 2, -500.0, 20_000.0
    CO = "co", "ppb", 2, -5_000.0, 1_000_000.0
    SO2 = "so2", "ppb", 2, -500.0, 100_000.0
    NO = "no", "ppb", 2, -500.0, 20_000.0
    FORMALDEHYDE = "formaldehyde", "µg/m³", 1, 0.0, 10_000.0
    VOLTAGE = "voltage", "V", 3, -1_000.0, 1_000.0
    SHUNT_VOLTAGE = "shunt_voltage", "V", 6, -1.0, 1.0
    ELECTRODE_VOLTAGE = "electrode_voltage", "V", 5, -10.0, 10.0
    CURRENT = "current", "A", 4, -1_000.0, 1_000.0
    POWER = "power", "W", 1, -1e6, 1e6
    POWER_EXPORT = "power_export", "W", 1, 0.0, 1e6
    ENERGY_IMPORT = "energy_import", "kWh", 3, 0.0, 1e9
    ENERGY_EXPORT = "energy_export", "kWh", 3, 0.0, 1e9
    FREQUENCY = "frequency", "Hz", 2, 0.0, 1_000.0
    GAS_VOLUME = "gas_volume", "m³", 3, 0.0, 1e9
    WATER_VOLUME = "water_volume", "m³", 3, 0.0, 1e9
    BATTERY_LEVEL = "battery_level", "%", 1, 0.0, 100.0
    BATTERY_RATE = "battery_rate", "%/h", 1, -1_000.0, 1_000.0
    ILLUMINANCE = "illuminance", "lx", 2, 0.0, 250_000.0
    UV_INDEX = "uv_index", "1", 2, 0.0, 30.0
    DISTANCE = "distance", "m", 3, 0.0, 1_000.0
    PRESENCE = "presence", "1", 0, 0.0, 1.0
    COUNT = "count", "1", 0, 0.0, 1e9
    COUNT_TOTAL = "count_total", "1", 0, 0.0, 1e15
    OCCUPANCY = "occupancy", "1", 3, 0.0, 1.0
    VEHICLE_SPEED = "vehicle_speed", "km/h", 1, 0.0, 300.0
    SOUND_LEVEL = "sound_level", "dB(A)", 1, 0.0, 150.0
    LAEQ = "laeq", "dB(A)", 1, 0.0, 150.0
    LA10 = "la10", "dB(A)", 1, 0.0, 150.0
    LA90 = "la90", "dB(A)", 1, 0.0, 150.0
    WIND_SPEED = "wind_speed", "m/s", 2, 0.0, 120.0
    WIND_DIRECTION = "wind_direction", "°", 1, 0.0, 360.0
    RAIN = "rain", "mm", 2, 0.0, 1_000.0
    LATITUDE = "latitude", "°", 7, -90.0, 90.0
    LONGITUDE = "longitude", "°", 7, -180.0, 180.0
    ALTITUDE = "altitude", "m", 1, -500.0, 10_000.0
    # The host's own vitals: a node is a sensor of itself.
    CPU_LOAD = "cpu_load", "1", 2, 0.0, 1_000.0
    MEMORY_AVAILABLE = "memory_available", "MiB", 0, 0.0, 1e7
    DISK_FREE = "disk_free", "MiB", 0, 0.0, 1e9
    UPTIME = "uptime", "s", 0, 0.0, 1e10
    THROTTLED = "throttled", "1", 0, 0.0, 1e6

    @property
    def resolution(self) -> float:
        """The step at which the quantity is stored, in its unit."""
        return float(10.0**-self.decimals)

    def plausible(self, value: float) -> bool:
        """Whether the world can be so; NaN and infinities never are."""
        return math.isfinite(value) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Reading:
    """One number from one chip: unrounded, in the quantity's own unit. Sensor and time are added upstairs."""

    quantity: Quantity
    value: float
    channel: str = ""
    flags: Flag = Flag.NONE

    @property
    def name(self) -> str:
        """`quantity` or `quantity.channel`, as written everywhere."""
        return f"{self.quantity.value}.{self.channel}" if self.channel else self.quantity.value


def to_steps(value: float, decimals: int) -> int:
    """The value as a whole number of resolution steps: the one place where rounding happens.

    Raises ValueError for NaN and infinities.
    """
    if not math.isfinite(value):
        raise ValueError(f"not a number that can be stored: {value}")
    return round(value * int(10**decimals))


def from_steps(steps: int, decimals: int) -> float:
    """The stored number again, as the float nearest to it."""
    return steps / int(10**decimals)
