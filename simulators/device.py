"""A driver with what it speaks to, in the hands of a test: a simulated chip in virtual time, or the real thing.

Both have the same face, so that a test written indoors also runs against hardware, where pauses are real and the
device says what the world is. Only a simulated device has a `chip` whose world can be set.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TypeVar

from drivers.driver import Driver, FileDriver, I2CDriver, SerialDriver, TalkDriver
from drivers.errors import NotReady
from drivers.lines import LinesDriver
from drivers.reading import Reading
from drivers.stream import StreamDriver
from drivers.talk import Pause, Step, Talk
from edge.buses.port import FilePort, I2CPort, SerialPort
from edge.runners.conversation import STEP_LIMIT
from edge.runners.talks import i2c_answer
from simulators.chips.chip import Chip, I2CChip
from simulators.chips.file_chip import FileChip
from simulators.chips.lines_chip import LinesChip
from simulators.chips.serial_chip import SerialChip
from simulators.clock import VirtualClock
from simulators.files import SimulatedFile, file_steps
from simulators.i2c import SimulatedI2C, converse
from simulators.uart import SimulatedSerial, serial_steps

T = TypeVar("T")
AWAKE_S = 60.0  # how long a simulated chip has had power when it is first spoken to
WINDOW_S = 10.0  # of lines whose chip says nothing better
TRIES = 20  # looks at a device that has nothing to say yet


class Device:
    """One driver at one device. `talk` leads any conversation with it."""

    chip: Chip | None = None
    clock: VirtualClock | None = None

    def __init__(
        self, driver: Driver, perform: Callable[[Step], bytes], port: object, pause: Callable[[float], None],
        now_us: Callable[[], int],
    ) -> None:  # fmt: skip
        self.driver, self._perform, self._port = driver, perform, port
        self.pause, self.now_us = pause, now_us

    def talk(self, talk: Talk[T]) -> T:
        """Lead a talk to its end. Raises DriverError, AssertionError for one that does not end."""
        steps = itertools.count(1)

        def perform(step: Step) -> bytes:
            if next(steps) > STEP_LIMIT:
                raise AssertionError(f"the {self.driver.name} did not end its talk within {STEP_LIMIT} steps")
            return self._perform(step)

        return converse(talk, perform)

    def probe(self) -> bool:
        """Whether the driver knows its device here."""
        assert isinstance(self.driver, TalkDriver)
        return self.talk(self.driver.probe())

    def set_up(self) -> None:
        """Bring the device to where it measures; a simulated one is also let warm up. Raises DriverError."""
        driver = self.driver
        if isinstance(driver, StreamDriver):
            self.talk(driver.setup())
        elif isinstance(driver, TalkDriver):
            self.talk(driver.setup())
            self.read()
        if self.chip is not None:
            self.pause(driver.warm_up_s)
        if isinstance(driver, LinesDriver):
            self.pause(-self.now_us() % self._window_us() / 1e6)
            driver.begin(self.now_us(), dict.fromkeys(driver.lines, 0))

    def read(self) -> list[Reading]:
        """What it measures next: one conversation, one frame, or one window of lines. Raises DriverError."""
        if isinstance(self.driver, LinesDriver):
            return self._window(self.driver)
        if isinstance(self.driver, StreamDriver):
            return self._frame(self.driver)
        assert isinstance(self.driver, TalkDriver)
        return self._answer(self.driver)

    def values(self) -> dict[str, float]:
        """The same, by name."""
        return {reading.name: reading.value for reading in self.read()}

    def close(self) -> None:
        """Let go of a real port."""
        close = getattr(self._port, "close", None)
        if close is not None:
            close()

    def _answer(self, driver: TalkDriver) -> list[Reading]:
        for left in reversed(range(TRIES)):
            self.pause(driver.interval_min_s)
            driver.at_us = self.now_us()
            try:
                return self.talk(driver.read())
            except NotReady:
                if not left:
                    raise
        raise AssertionError("unreachable")

    def _frame(self, driver: StreamDriver) -> list[Reading]:
        port = self._port
        assert hasattr(port, "drain") and hasattr(port, "read")
        port.drain()
        driver.forget()
        for _ in range(100):
            for count, patience_s in ((1, max(5.0, driver.silence_s)), (4095, 0.0)):
                heard = port.read(count, patience_s)
                driver.at_us = self.now_us()
                if found := driver.feed(heard):
                    return found[-1]
        raise AssertionError(f"no frame of a {driver.name} comes; what came was {dict(driver.errors)}")

    def _window(self, driver: LinesDriver) -> list[Reading]:
        chip = self.chip
        assert isinstance(chip, LinesChip)
        began_us, length_us = self.now_us(), self._window_us()
        for quarter in range(4):  # in pieces, as a post lives
            chip.live(began_us + quarter * length_us // 4, began_us + (quarter + 1) * length_us // 4)
        self.pause(length_us / 1e6)
        for edge in chip.edges():
            driver.edge(edge)
        return driver.close(self.now_us())

    def _window_us(self) -> int:
        steady_s = self.chip.steady_s if isinstance(self.chip, LinesChip) else 0.0
        return round((steady_s or WINDOW_S) * 1e6)


def simulated(driver: Driver, kind: type[Chip], address: int | None = None) -> Device:
    """The driver at a simulated chip of its own. Raises TypeError when they do not belong on one bus."""
    clock = VirtualClock()
    chip = kind(clock.boot_us)
    clock.advance(AWAKE_S)
    device = _at_chip(driver, chip, clock, address)
    device.chip, device.clock = chip, clock
    return device


def _at_chip(driver: Driver, chip: Chip, clock: VirtualClock, address: int | None) -> Device:
    if isinstance(driver, I2CDriver) and isinstance(chip, I2CChip):
        at = driver.default_address if address is None else address
        return at_i2c(driver, SimulatedI2C({at: chip}), at, clock.advance, clock.boot_us)
    if isinstance(driver, SerialDriver | StreamDriver) and isinstance(chip, SerialChip):
        return at_serial(driver, SimulatedSerial(chip, clock.advance), clock.advance, clock.boot_us)
    if isinstance(driver, FileDriver) and isinstance(chip, FileChip):
        return at_file(driver, SimulatedFile(chip), clock.advance, clock.boot_us)
    if isinstance(driver, LinesDriver) and isinstance(chip, LinesChip):
        return Device(driver, _no_steps, None, clock.advance, clock.boot_us)
    raise TypeError(f"the driver {type(driver).__name__} and the chip {type(chip).__name__} do not share a bus")


def at_i2c(
    driver: I2CDriver, port: I2CPort, address: int, pause: Callable[[float], None], now_us: Callable[[], int]
) -> Device:
    """The driver at whatever sits at this address."""

    def perform(step: Step) -> bytes:
        if not isinstance(step, Pause):
            return i2c_answer(port, address, step)
        pause(step.seconds)
        return b""

    return Device(driver, perform, port, pause, now_us)


def at_serial(
    driver: SerialDriver | StreamDriver, port: SerialPort, pause: Callable[[float], None], now_us: Callable[[], int]
) -> Device:
    """The driver at whatever is on this port."""
    return Device(driver, serial_steps(port, pause), port, pause, now_us)


def at_file(driver: FileDriver, port: FilePort, pause: Callable[[float], None], now_us: Callable[[], int]) -> Device:
    """The driver at whatever is behind this file."""
    return Device(driver, file_steps(port, pause), port, pause, now_us)


def _no_steps(step: Step) -> bytes:
    raise TypeError(f"lines are not spoken to: {step}")
