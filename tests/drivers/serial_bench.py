"""A streaming or answering driver and its simulated chip on one serial port, in virtual time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drivers.driver import SerialDriver
from drivers.reading import Quantity
from drivers.stream import StreamDriver
from simulators.chips.serial_chip import SerialChip
from simulators.clock import VirtualClock
from simulators.i2c import converse
from simulators.uart import SimulatedSerial, serial_steps
from tests.drivers.streams import Values


@dataclass
class SerialBench:
    """`chip` must have been made with the clock of this bench."""

    chip: SerialChip
    clock: VirtualClock
    port: SimulatedSerial = field(init=False)

    def __post_init__(self) -> None:
        self.port = SimulatedSerial(self.chip, self.clock.advance)

    def feel(self, felt: Mapping[Quantity, float]) -> None:
        self.chip.feels.update(felt)

    def set_up(self, driver: StreamDriver | SerialDriver) -> None:
        converse(driver.setup(), serial_steps(self.port, self.clock.advance))

    def lay_down(self, driver: StreamDriver) -> None:
        converse(driver.rest(), serial_steps(self.port, self.clock.advance))

    def ask(self, driver: SerialDriver) -> Values:
        readings = converse(driver.read(), serial_steps(self.port, self.clock.advance))
        return {reading.name: reading.value for reading in readings}

    def listen(self, driver: StreamDriver, seconds: float) -> list[Values]:
        """What comes out while this time passes, looked at ten times a second."""
        found: list[Values] = []
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)
            driver.at_us = self.clock.now_us
            data = self.port.read(4096, 0.0)
            found += [{r.name: r.value for r in readings} for readings in driver.feed(data)]
        return found
