"""The city that the chips feel: traffic with a morning and an evening peak, weather, and the air that follows both.

Nothing here is measured; it is only plausible, the same for everyone who asks with the same seed, and continuous in
time, so that a chart looks like a street and a spike in it is a fault that somebody injected.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from drivers.reading import Quantity
from simulators.chance import poisson, smooth, unit
from simulators.streets import Spot

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
LOCAL_MS = 2 * HOUR_MS  # central European summer time; the city never changes it
VEHICLES_PER_HOUR = 900.0
PEOPLE_PER_HOUR = 420.0


@dataclass(frozen=True, slots=True)
class Passage:
    """Somebody or something goes by: when (Unix ms), in or out. There is no more to know."""

    at_ms: int
    direction: str


@dataclass(frozen=True, slots=True)
class World:
    """One seeded city."""

    seed: int

    def feels(self, spot: Spot, at_ms: int) -> dict[Quantity, float]:
        """What it is like at this spot and moment (Unix ms), in house units."""
        return {
            **self.weather(at_ms), **self.light(at_ms), **self.air(spot, at_ms), **self.mains(spot, at_ms),
            **self.noise(spot, at_ms), **self.parking(spot, at_ms),
        }  # fmt: skip

    def rush(self, at_ms: int) -> float:
        """How much of the day's fullest traffic there is now, 0 to 1: peaks at 8:15 and 17:15, weekends calm."""
        hour, day = self._local(at_ms)
        peaks = 0.85 * _bell(hour, 8.25, 1.1) + 1.0 * _bell(hour, 17.25, 1.5) + 0.45 * _bell(hour, 12.8, 3.2)
        return min(1.0, (0.03 + 0.95 * peaks) * (0.55 if day >= 5 else 1.0))

    def weather(self, at_ms: int) -> dict[Quantity, float]:
        """Temperature, humidity, pressure, wind, rain: one sky over the whole city."""
        hours, (hour, _) = at_ms / HOUR_MS, self._local(at_ms)
        season = -math.cos(2 * math.pi * (hours / 24 - 20) / 365.25)
        sun = math.cos(2 * math.pi * (hour - 15) / 24)
        temperature = 10.5 + 8 * season + 4 * sun + 3 * smooth(hours / 9, self.seed, "front")
        humidity = 76 - 9 * season - 14 * sun + 8 * smooth(hours / 5, self.seed, "damp")
        return {
            Quantity.TEMPERATURE: temperature + 0.15 * smooth(hours * 40, self.seed, "gust"),
            Quantity.HUMIDITY: min(99.0, max(22.0, humidity)),
            Quantity.PRESSURE: 101_300 + 1_500 * smooth(hours / 30, self.seed, "pressure"),
            Quantity.WIND_SPEED: max(0.2, 3.5 + 2.8 * smooth(hours / 4, self.seed, "wind")),
            Quantity.WIND_DIRECTION: (225 + 80 * smooth(hours / 6, self.seed, "vane")) % 360,
            Quantity.RAIN: max(0.0, 14 * (smooth(hours / 1.5, self.seed, "shower") - 0.3)),
        }

    def light(self, at_ms: int) -> dict[Quantity, float]:
        """Daylight from about five to ten in summer, under passing clouds; at night the lamp."""
        hour, _ = self._local(at_ms)
        height = max(0.0, math.cos(2 * math.pi * (hour - 13.5) / 24) + 0.35) / 1.35
        clouds = 0.6 + 0.35 * smooth(at_ms / MINUTE_MS / 7, self.seed, "clouds")
        return {Quantity.ILLUMINANCE: 12.0 + 85_000 * height**1.5 * clouds, Quantity.UV_INDEX: 7 * height**2 * clouds}

    def noise(self, spot: Spot, at_ms: int) -> dict[Quantity, float]:
        """The level of the street, in dB(A): what passes, and somebody who shouts."""
        passing = 10 * math.log10(1 + 300 * self.rush(at_ms) * spot.street.busy)
        return {Quantity.SOUND_LEVEL: 41.0 + passing + 4 * smooth(at_ms / 1_500, self.seed, spot.name, "noise")}

    def parking(self, spot: Spot, at_ms: int) -> dict[Quantity, float]:
        """How far it is from the post to the ground of its parking space, or to the car that stands there."""
        taken = smooth(at_ms / MINUTE_MS / 12, self.seed, spot.name, "parking") + 0.4 * self.rush(at_ms) > 0
        return {Quantity.DISTANCE: 1.4 if taken else 3.2}

    def battery(self, spot: Spot, at_ms: int) -> dict[Quantity, float]:
        """A pole on the sun: one cell that is charged by day and carries the node by night."""
        hour, _ = self._local(at_ms)
        dull = 3 * smooth(at_ms / HOUR_MS / 20, self.seed, spot.name, "battery")
        level = 72 + 16 * math.cos(2 * math.pi * (hour - 17) / 24) + dull
        amps = 0.08 - 9e-6 * self.light(at_ms)[Quantity.ILLUMINANCE]
        volts = 3.35 + 0.0075 * level
        return {
            Quantity.BATTERY_LEVEL: level,
            Quantity.BATTERY_RATE: -100 * amps / 3.2,
            Quantity.VOLTAGE: volts,
            Quantity.CURRENT: amps,
            Quantity.POWER: volts * amps,
        }

    def air(self, spot: Spot, at_ms: int) -> dict[Quantity, float]:
        """What traffic leaves in the air, thinned by wind."""
        wind = self.weather(at_ms)[Quantity.WIND_SPEED]
        fumes = self.rush(at_ms) * spot.street.busy * 4.5 / (1.0 + wind)
        haze = 8.0 + 4.5 * smooth(at_ms / HOUR_MS / 11, self.seed, "haze")
        flicker = 1 + 0.06 * smooth(at_ms / 20_000, self.seed, spot.name)
        fine = max(0.6, (haze + 9.0 * fumes) * flicker)
        return {
            Quantity.NO2: (6.0 + 26.0 * fumes) * flicker,
            Quantity.CO2: (421.0 + 55.0 * fumes) * (1 + 0.004 * smooth(at_ms / 45_000, self.seed, spot.name, "co2")),
            **_dust(fine),
        }

    def mains(self, spot: Spot, at_ms: int) -> dict[Quantity, float]:
        """A lamppost's meter: the lamp burns at night, the electronics always."""
        hour, _ = self._local(at_ms)
        power = 6.0 + (42.0 if hour < 6.4 or hour > 21.3 else 0.0)
        used = 1_200.0 + 4_000.0 * unit(self.seed, spot.name, "meter") + (at_ms / HOUR_MS % 100_000) * 0.024
        volts = 231.0 + 2.5 * smooth(at_ms / 90_000, self.seed, spot.name, "volts")
        return {
            Quantity.POWER: power,
            Quantity.POWER_EXPORT: 0.0,
            Quantity.ENERGY_IMPORT: used,
            Quantity.ENERGY_EXPORT: 0.0,
            Quantity.VOLTAGE: volts,
            Quantity.CURRENT: power / volts,
            Quantity.GAS_VOLUME: 0.0,
        }

    def passages(self, spot: Spot, kind: str, from_ms: int, to_ms: int) -> Iterator[Passage]:
        """Who goes by between two moments (from inclusive, to exclusive), in order: kind `people` or `vehicles`."""
        for minute in range(from_ms // MINUTE_MS, (to_ms - 1) // MINUTE_MS + 1):
            for passage in self._minute(spot, kind, minute):
                if from_ms <= passage.at_ms < to_ms:
                    yield passage

    def _minute(self, spot: Spot, kind: str, minute: int) -> list[Passage]:
        full = VEHICLES_PER_HOUR * spot.street.busy if kind == "vehicles" else PEOPLE_PER_HOUR
        asked = (self.seed, spot.name, kind, minute)
        count = poisson(full * self.rush(minute * MINUTE_MS) / 60, *asked)
        inward = 0.7 if self._local(minute * MINUTE_MS)[0] < 12 else 0.35
        slot = MINUTE_MS / max(1, count)  # one passage a slot: who goes through a gate goes one after the other
        return [
            Passage(
                int(minute * MINUTE_MS + (number + 0.6 * unit(*asked, "when", number)) * slot),
                "in" if unit(*asked, "way", number) < inward else "out",
            )
            for number in range(count)
        ]

    def _local(self, at_ms: int) -> tuple[float, int]:
        local = at_ms + LOCAL_MS
        return local / HOUR_MS % 24, (local // (24 * HOUR_MS) + 3) % 7


def _bell(hour: float, middle: float, width: float) -> float:
    return math.exp(-(((hour - middle) / width) ** 2))


def _dust(fine: float) -> dict[Quantity, float]:
    """Every size of dust that a particle counter tells, from one figure for PM2.5."""
    shares = {Quantity.PM1: 0.72, Quantity.PM2_5: 1.0, Quantity.PM4: 1.15, Quantity.PM10: 1.45}
    counts = {Quantity.NC_PM0_5: 6.1, Quantity.NC_PM1: 7.4, Quantity.NC_PM2_5: 7.7, Quantity.NC_PM4: 7.75,
              Quantity.NC_PM10: 7.8, Quantity.NC_GT0_3: 14.0, Quantity.NC_GT0_5: 4.2, Quantity.NC_GT1: 0.8,
              Quantity.NC_GT2_5: 0.09, Quantity.NC_GT5: 0.03, Quantity.NC_GT10: 0.01}  # fmt: skip
    indoor = {Quantity.PM1_CF1: 0.72, Quantity.PM2_5_CF1: 1.0, Quantity.PM10_CF1: 1.45}
    return {quantity: fine * share for quantity, share in {**shares, **counts, **indoor}.items()}
