"""The sensors that the bench pretends to hang on a post, and what they say: seeded, with the noise of their datasheets.

The size of a chunk is the entropy of the readings in it, so the noise decides the figures. It is that of real parts at
usual settings: a BME280 wanders by 0.006 °C, 0.025 %RH and 1.1 Pa from one second to the next, a counter by how many
came by. The quiet of a simulated city would flatter us.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from drivers.catalog import driver
from drivers.reading import Quantity, Reading
from edge.events import Sampled
from edge.sampler import SensorFacts

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Wave:
    """A day's swing around a base, and noise (standard deviation); all in the quantity's unit."""

    quantity: Quantity
    base: float
    swing: float = 0.0
    noise: float = 0.0

    def at(self, second: float, chance: Random) -> float:
        return self.base + self.swing * math.sin(math.tau * second / DAY_S) + chance.gauss(0.0, self.noise)


@dataclass(slots=True)
class Counter:
    """A total that grows by `mean` a second, in whole passages."""

    quantity: Quantity
    mean: float
    total: int = 0
    seen_s: float = 0.0

    def at(self, second: float, chance: Random) -> float:
        left, self.seen_s = self.mean * (second - self.seen_s), second
        while (left := left - chance.expovariate(1.0)) > 0:
            self.total += 1
        return float(self.total)


Says = Wave | Counter


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor: its driver gives the decimals; sensors of one `bus` that are due together share one stamp."""

    name: str
    driver: str
    bus: str
    every_s: int
    says: tuple[Says, ...]

    @property
    def facts(self) -> SensorFacts:
        return SensorFacts(self.name, self.every_s * 1_000, decimals=driver(self.driver).decimals)

    def sampled(self, at_ms: int, chance: Random) -> Sampled:
        readings = tuple(Reading(each.quantity, each.at(at_ms / 1_000, chance)) for each in self.says)
        return Sampled(self.name, at_ms, readings)


class Plant:
    """Sensors and their chance. `due` gives what they say in a second, each bus a little late in its own way."""

    def __init__(self, sensors: Sequence[Sensor], seed: int = 7) -> None:
        self.sensors = tuple(sensors)
        self._chance = Random(seed)

    @property
    def facts(self) -> list[SensorFacts]:
        return [sensor.facts for sensor in self.sensors]

    @property
    def width(self) -> int:
        """Readings when all are due."""
        return sum(len(sensor.says) for sensor in self.sensors)

    def due(self, second: int) -> list[Sampled]:
        """What is said in this second since boot; a thread wakes most often within a millisecond of its due time."""
        late = {bus: int(self._chance.expovariate(1.2)) for bus in sorted({sensor.bus for sensor in self.sensors})}
        return [
            sensor.sampled(second * 1_000 + late[sensor.bus], self._chance)
            for sensor in self.sensors
            if second % sensor.every_s == 0
        ]


CLIMATE = (
    Wave(Quantity.TEMPERATURE, 14.0, 5.0, 0.0065),
    Wave(Quantity.HUMIDITY, 71.0, 12.0, 0.025),
    Wave(Quantity.PRESSURE, 101_300.0, 400.0, 1.1),
)
CARBON = (
    Wave(Quantity.CO2, 445.0, 20.0, 0.6),
    Wave(Quantity.TEMPERATURE, 15.2, 5.0, 0.01),
    Wave(Quantity.HUMIDITY, 68.0, 12.0, 0.05),
)
DUST = (Wave(Quantity.PM2_5, 11.0, 4.0, 0.4), Wave(Quantity.PM10, 17.0, 6.0, 0.6))
PARTICLES = (
    Wave(Quantity.PM1, 7.9, 3.0, 0.12), Wave(Quantity.PM2_5, 11.0, 4.0, 0.16), Wave(Quantity.PM4, 12.6, 4.5, 0.18),
    Wave(Quantity.PM10, 13.9, 5.0, 0.2), Wave(Quantity.NC_PM0_5, 52.0, 18.0, 0.7),
    Wave(Quantity.NC_PM1, 62.0, 20.0, 0.8), Wave(Quantity.NC_PM2_5, 63.0, 20.0, 0.8),
    Wave(Quantity.NC_PM4, 63.2, 20.0, 0.8), Wave(Quantity.NC_PM10, 63.3, 20.0, 0.8),
)  # fmt: skip


def passers() -> Counter:
    return Counter(Quantity.COUNT_TOTAL, 0.6)


def six() -> Plant:
    """Six readings a second of one bus and one moment: climate, carbon dioxide, dust, a counter."""
    return Plant([
        Sensor("air", "bme280", "bus", 1, CLIMATE),
        Sensor("co2", "scd4x", "bus", 1, CARBON[:1]),
        Sensor("dust", "sds011", "bus", 1, DUST[:1]),
        Sensor("gate", "pulse_counter", "bus", 1, (passers(),)),
    ])  # fmt: skip


def twenty() -> Plant:
    """Twenty readings a second of five devices on three buses."""
    return Plant([
        Sensor("air", "bme280", "i2c", 1, CLIMATE),
        Sensor("hut", "sht31", "i2c", 1, CLIMATE[:2]),
        Sensor("co2", "scd4x", "i2c", 1, CARBON),
        Sensor("fine", "sps30", "i2c", 1, PARTICLES),
        Sensor("dust", "sds011", "uart", 1, DUST),
        Sensor("gate", "pulse_counter", "gpio", 1, (passers(),)),
    ])  # fmt: skip


def lamppost() -> Plant:
    """Twelve readings a minute, as a post has that publishes over a paid line: climate twice, the rest once."""
    return Plant([
        Sensor("air", "bme280", "i2c", 30, CLIMATE),
        Sensor("co2", "scd4x", "i2c", 60, CARBON),
        Sensor("dust", "sds011", "uart", 60, DUST),
        Sensor("gate", "pulse_counter", "gpio", 60, (passers(),)),
    ])  # fmt: skip
