"""The map of the seeded city: a square in the middle, streets that lead to it, rings around it.

It has no real model, so that no measurement of a real street is ever mistaken for one. Coordinates are WGS 84; the city
lies in the east of the Netherlands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from simulators.chance import unit

MIDDLE = (52.2208, 6.8936)
METRES_PER_DEGREE = 111_320.0
RINGS_M = (350.0, 800.0, 1_400.0)
REACH_M = 1_800.0
SPOKES = 9
NAMES = (
    "Stationsstraat", "Molenweg", "Kerkstraat", "Havenkade", "Wilhelminalaan", "Singel", "Deurningerstraat",
    "Spoorlaan", "Lindenhof", "Marktstraat", "Gronausebaan", "Parkweg", "Oosterdijk", "Weverstraat", "Brinkpad",
)  # fmt: skip
RING_NAMES = ("Binnensingel", "Buitensingel", "Ringweg")


@dataclass(frozen=True, slots=True)
class Street:
    """A line of (latitude, longitude) points; `busy` from 0 (a footpath) to 1 (the ring road)."""

    name: str
    busy: float
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """A lamppost: where a node can hang."""

    name: str
    latitude: float
    longitude: float
    street: Street


def place(east_m: float, north_m: float) -> tuple[float, float]:
    """Latitude and longitude of a point so many metres from the middle."""
    latitude = MIDDLE[0] + north_m / METRES_PER_DEGREE
    longitude = MIDDLE[1] + east_m / (METRES_PER_DEGREE * math.cos(math.radians(MIDDLE[0])))
    return round(latitude, 6), round(longitude, 6)


def streets(seed: int) -> tuple[Street, ...]:
    """Every street of the city with this seed."""
    spokes = tuple(_spoke(seed, number) for number in range(SPOKES))
    return spokes + tuple(_ring(seed, number) for number in range(len(RINGS_M)))


def _spoke(seed: int, number: int) -> Street:
    angle = 2 * math.pi * (number + 0.5 * unit(seed, "spoke", number)) / SPOKES
    points = []
    for step in range(7):
        radius = 60 + (REACH_M - 60) * step / 6
        bent = angle + 0.12 * (unit(seed, "bend", number, step) - 0.5) * step / 2
        points.append(place(radius * math.cos(bent), radius * math.sin(bent)))
    name = NAMES[(number + int(unit(seed, "names") * len(NAMES))) % len(NAMES)]
    return Street(name, 0.25 + 0.5 * unit(seed, "busy", number), tuple(points))


def _ring(seed: int, number: int) -> Street:
    points = []
    for step in range(37):
        angle = 2 * math.pi * (step % 36) / 36
        radius = RINGS_M[number] * (0.93 + 0.14 * unit(seed, "ring", number, step % 36))
        points.append(place(radius * math.cos(angle), radius * math.sin(angle)))
    return Street(RING_NAMES[number], (0.3, 0.6, 1.0)[number], tuple(points))


def spots(seed: int, count: int) -> tuple[Spot, ...]:
    """The first `count` lampposts of the city, spread over its streets."""
    city = streets(seed)
    return tuple(_spot(seed, city[number % len(city)], number) for number in range(count))


def _spot(seed: int, street: Street, number: int) -> Spot:
    along = unit(seed, "spot", number) * (len(street.points) - 1)
    step = min(int(along), len(street.points) - 2)
    (south, west), (north, east) = street.points[step], street.points[step + 1]
    part = along - step
    house = 2 * int(1 + 90 * unit(seed, "house", number))
    return Spot(
        f"{street.name} {house}",
        round(south + (north - south) * part, 6),
        round(west + (east - west) * part, 6),
        street,
    )


def geojson(seed: int) -> dict[str, Any]:
    """The streets as a GeoJSON FeatureCollection (RFC 7946: longitude first)."""
    return {"type": "FeatureCollection", "features": [_feature(street) for street in streets(seed)]}


def _feature(street: Street) -> dict[str, Any]:
    line = [[longitude, latitude] for latitude, longitude in street.points]
    return {
        "type": "Feature",
        "properties": {"name": street.name, "busy": round(street.busy, 2)},
        "geometry": {"type": "LineString", "coordinates": line},
    }
