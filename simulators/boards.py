"""What hangs on the posts of the street: the board file of each simulated node, as a technician would write it.

Nine kinds of post take turns, so that a street of nine or more shows what a city hangs: air, people, vehicles, parking,
energy, weather, noise. The windows of the counters are 10 s, so that a demonstration of a minute shows counts; outside
the simulator `edge check` refuses that for people, and says why. For the same reason each commit is published at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from simulators.streets import Spot

Sensor = dict[str, object]

BACK = "3s"  # a street is small: it need not spread over minutes when the broker comes back


def i2c(name: str, driver: str, address: int, interval: str) -> Sensor:
    return {"name": name, "driver": driver, "bus": "i2c-1", "address": address, "interval": interval}


def serial(name: str, driver: str, number: int, interval: str) -> Sensor:
    return {"name": name, "driver": driver, "port": f"/dev/ttyUSB{number}", "interval": interval}


def gate(name: str, driver: str, pins: dict[str, int]) -> Sensor:
    return {"name": name, "driver": driver, "pins": pins, "window": "10s"}


def windowed(sensor: Sensor) -> Sensor:
    """The same, reported by the window."""
    return {**{key: value for key, value in sensor.items() if key != "interval"}, "window": "10s"}


AIR = [i2c("air", "bme280", 0x76, "2s"), i2c("co2", "scd4x", 0x62, "5s"), i2c("dust", "sps30", 0x69, "2s")]
DUST = [serial("dust", "sds011", 0, "2s"), i2c("air", "sht31", 0x44, "2s"), serial("co2", "mhz19", 1, "5s")]
GATE = [gate("gate", "dual_beam", {"a": 17, "b": 27}), i2c("air", "sht31", 0x44, "2s")]
ROAD = [gate("road", "pulse_counter", {"line": 22}), serial("dust", "pms5003", 0, "2s")]
MAINS = [serial("meter", "dsmr", 0, "2s"), i2c("air", "bme280", 0x76, "2s")]
WEATHER = [gate("wind", "anemometer", {"line": 5}), gate("rain", "rain", {"line": 6}),
           serial("vane", "wind_direction_rs485", 0, "2s"), i2c("light", "bh1750", 0x23, "2s")]  # fmt: skip
NOISE = [windowed(i2c("noise", "dbmeter", 0x48, "2s")), i2c("air", "sht4x", 0x44, "2s")]
TUBES = [gate("tubes", "dual_tube", {"a": 23, "b": 24}), i2c("solar", "ina226", 0x40, "2s"),
         i2c("battery", "max17048", 0x36, "5s")]  # fmt: skip
PARKING = [windowed(serial("spot", "tfmini", 0, "2s")), serial("meter", "sdm120", 1, "2s")]
POSTS: tuple[tuple[str, list[Sensor]], ...] = (
    ("air", AIR), ("dust", DUST), ("gate", GATE), ("road", ROAD), ("mains", MAINS),
    ("weather", WEATHER), ("noise", NOISE), ("tubes", TUBES), ("parking", PARKING),
)  # fmt: skip


def post(number: int) -> str:
    """What kind of post the node of this number is: the label `kind` of its registration."""
    return POSTS[number % len(POSTS)][0]


def board(number: int, node: str, spot: Spot, url: str, commit_every: str = "5s") -> str:
    """The text of `node.toml` for the node of this number at this spot."""
    tables: list[str] = [
        _table("[node]", {"id": node}),
        _table("[site]", {"name": spot.name, "latitude": spot.latitude, "longitude": spot.longitude}),
        _table("[office]", {"url": url, "credentials": "credentials.json", "publish_every": "0s", "back_within": BACK}),
        _table("[journal]", {"folder": "journal", "commit_every": commit_every, "cap": "16MiB"}),
    ]
    return "\n".join(tables + [_table("[[sensor]]", sensor) for sensor in POSTS[number % len(POSTS)][1]])


def _table(header: str, values: dict[str, object]) -> str:
    return "\n".join([header, *(f"{key} = {_value(value)}" for key, value in values.items())]) + "\n"


def _value(value: object) -> str:
    write: Callable[[object], str] = json.dumps
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {write(inner)}" for key, inner in value.items()) + " }"
    return write(value)
