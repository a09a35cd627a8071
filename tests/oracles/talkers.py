"""Other people's drivers for devices that talk unasked: a radar, a lidar, a GPS receiver.

What was on the line before we asked is thrown away, and of what comes the second is taken: the first may have begun
before the chip felt what it feels now.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

Values = dict[str, float]
Read = Callable[[str], Values]


def port(path: str, baud: int) -> Any:
    return import_module("serial").Serial(path, baud, timeout=2)


def ld2410(path: str) -> Read:
    radar = import_module("LD2410").LD2410(path, verbosity=logging.CRITICAL)

    def read(_: str) -> Values:
        radar.ser.reset_input_buffer()
        radar.get_radar_data()
        (kind, *_rest), _moving, _still = radar.get_radar_data()
        return {"presence": float(kind > 0)}

    return read


def adafruit_tfmini(path: str) -> Read:
    lidar = import_module("adafruit_tfmini").TFmini(port(path, 115200))

    def read(_: str) -> Values:
        return {"distance": (lidar.distance, lidar.distance)[1] / 100}

    return read


def sentences(line: Any) -> Iterator[str]:
    """Whole ones, as they come."""
    line.reset_input_buffer()
    line.readline()
    while True:
        yield line.readline().decode("ascii")


def pynmea2(path: str) -> Read:
    parse, line = import_module("pynmea2").parse, port(path, 9600)

    def read(_: str) -> Values:
        places = (said for text in sentences(line) if (said := parse(text.strip(), check=True)).sentence_type == "GGA")
        next(places)
        place = next(places)
        return {"latitude": place.latitude, "longitude": place.longitude, "altitude": place.altitude}

    return read


def adafruit_gps(path: str) -> Read:
    line = port(path, 9600)
    gps = import_module("adafruit_gps").GPS(line)

    def read(_: str) -> Values:
        line.reset_input_buffer()
        line.readline()
        seen = 0
        while seen < 2:
            if gps.update() and (gps.nmea_sentence or "")[3:6] == "GGA":
                seen += 1
        latitude = abs(gps.latitude_degrees) + gps.latitude_minutes / 60
        longitude = abs(gps.longitude_degrees) + gps.longitude_minutes / 60
        return {
            "latitude": math.copysign(latitude, gps.latitude), "longitude": math.copysign(longitude, gps.longitude),
            "altitude": gps.altitude_m,
        }  # fmt: skip

    return read
