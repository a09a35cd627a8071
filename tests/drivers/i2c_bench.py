"""A bench: one simulated I2C chip, its driver, and a virtual clock between them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drivers.catalog import CATALOG, driver
from drivers.driver import I2CDriver
from drivers.reading import Quantity, Reading
from drivers.setting import SettingValue
from drivers.talk import Step, Talk
from simulators.chips.chip import I2CChip
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C, converse, i2c_steps
from simulators.shelf import chip
from simulators.vectors import known, settings_of

VECTORS = Path(__file__).parent.parent / "vectors"
I2C = tuple(name for name in CATALOG if issubclass(driver(name), I2CDriver))


def vectors(file: str, driver_or_chip: str) -> list[dict[str, Any]]:
    """The public vectors of one device."""
    found = json.loads((VECTORS / file).read_text())["vectors"]
    return [v for v in found if driver_or_chip in (v.get("driver"), v.get("chip"))]


class Bench:
    """`read()` sets the driver up if need be and gives its readings; `before` is called ahead of each step."""

    def __init__(self, name: str, **settings: SettingValue) -> None:
        self.clock = VirtualClock()
        kind, speaks = chip(name), driver(name)
        assert issubclass(kind, I2CChip) and issubclass(speaks, I2CDriver)
        self.chip, self.driver = kind(self.clock.boot_us), speaks(**settings)
        self.bus = SimulatedI2C({self.driver.default_address: self.chip})
        self.steps: list[Step] = []
        self.clock.advance(1)

    def perform(self, step: Step) -> bytes:
        self.before(step)
        self.steps.append(step)
        return i2c_steps(self.bus, self.driver.default_address, self.clock.advance)(step)

    def before(self, step: Step) -> None:
        """Nothing, unless a test says otherwise."""

    def talk(self, talk: Talk[Any]) -> Any:
        return converse(talk, self.perform)

    def set_up(self) -> None:
        self.talk(self.driver.setup())

    def read(self) -> list[Reading]:
        found = self.talk(self.driver.read())
        assert isinstance(found, list)
        return found

    def values(self) -> dict[Quantity, float]:
        return {reading.quantity: reading.value for reading in self.read()}


def played(vector: Mapping[str, Any]) -> dict[str, float]:
    """What the driver makes of a vector's door. Raises DriverError."""
    chosen, _ = settings_of(driver(vector["driver"]), vector)
    bench = Bench(vector["driver"], **chosen)
    bench.chip.load(vector["door"])
    bench.driver.known = known(vector)
    bench.set_up()
    return {reading.name: reading.value for reading in bench.read()}
