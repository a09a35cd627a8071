"""Other people's readers of the kernel's 1-Wire files, in a process of their own.

`python -m tests.oracles.onewire FOLDER NAME PLACE` with the folder of third-party packages and the one that plays
`/sys/bus/w1/devices`. For each line on stdin the thermometer is read once; what it read is one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

SERIAL = "0316a4fabcff"
FOLDER = f"28-{SERIAL}"


def w1thermsensor(place: str) -> Callable[[], dict[str, float]]:
    """The thermometer and its resolution; an error is told by its name."""
    os.environ["W1THERMSENSOR_NO_KERNEL_MODULE"] = "1"
    found: Any = import_module("w1thermsensor")
    found.W1ThermSensor.BASE_DIRECTORY = Path(place)
    (sensor,) = found.W1ThermSensor.get_available_sensors([found.Sensor.DS18B20])

    def read() -> dict[str, float]:
        return {"temperature": sensor.get_temperature(), "bits": sensor.get_resolution()}

    return read


def main() -> None:
    folder, name, place = sys.argv[1:]
    sys.path.insert(0, folder)
    read = {"w1thermsensor": w1thermsensor}[name](place)
    for _ in sys.stdin:
        try:
            print(json.dumps(read()), flush=True)
        except Exception as error:
            print(json.dumps({"error": type(error).__name__}), flush=True)


if __name__ == "__main__":
    main()
