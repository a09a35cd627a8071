"""Lets somebody else's driver read our simulated I2C chip.

`python -m tests.oracles.i2c_witness FOLDER MODULE NAME DRIVER`, JSON on stdin: it runs in a process of its own, with
the folder of third-party packages ahead on the path, because these packages contradict each other and may not come
into ours. Their waiting moves the virtual clock.

stdin: {"burnt": {"136": hex, ...} or null, "feels": [{quantity: value}, ...], "settle_s": 6, "reads": 1};
stdout: a list of what it read.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module

from drivers.reading import Quantity
from simulators.chips.bme280 import BME280
from simulators.chips.chip import I2CChip
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from simulators.shelf import chip


def main(folder: str, module: str, name: str, driver: str) -> None:
    sys.path.insert(0, folder)
    clock = VirtualClock()
    vars(time)["sleep"] = clock.advance
    vars(time)["monotonic"] = lambda: clock.boot_us() / 1e6
    asked = json.load(sys.stdin)
    kind = chip(driver)
    assert issubclass(kind, I2CChip)
    burnt = asked.get("burnt")
    subject = kind(clock.boot_us)
    if burnt:
        subject = BME280(clock.boot_us, burnt={int(at): bytes.fromhex(content) for at, content in burnt.items()})
    clock.advance(1)
    read = getattr(import_module(module), name)(SimulatedI2C({kind.address: subject}), clock)
    found = []
    for felt in asked["feels"]:
        subject.feels.update({Quantity[quantity.upper()]: value for quantity, value in felt.items()})
        clock.advance(asked.get("settle_s", 6))
        for _ in range(asked.get("reads", 1)):
            values = read()
        found.append(values)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
