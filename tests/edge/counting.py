"""A node with one counting sensor that lives several lives: the real agent, runner and driver at a simulated chip.

The chip and what passes by it go on while the power is away. Time is told: it goes from one due instant to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

from drivers.catalog import driver
from drivers.driver import I2CDriver, SerialLine
from drivers.lines import LinesDriver
from drivers.window import Windowed
from edge.agent import Agent
from edge.buses.port import FilePort, I2CPort, LinePort, PortOpener, SerialPort
from edge.fit import speaks
from edge.link import LinkMaker
from edge.runners.runner import Counting as Counting_
from edge.runners.runner import Runner
from edge.wiring import JournalPlan, OfficePlan, Scalar, SensorPlan, Site, Wiring
from simulators.chips.chip import I2CChip
from simulators.chips.lines_chip import LinesChip
from simulators.chips.serial_chip import SerialChip
from simulators.clock import VirtualClock
from simulators.disk import MemoryDisk, PowerCut
from simulators.gpio import SimulatedLines
from simulators.i2c import SimulatedI2C
from simulators.shelf import chip
from simulators.uart import SimulatedSerial

COMMIT_MS, LATE_MS, WINDOW_MS = 10_000, 500, 60_000
STEP_MS = 250
CLOSED_US = 60_000
CAP_BYTES = 4 << 20
OFFICE = OfficePlan("mqtt://office.example", "credentials", publish_ms=0)
BUSES = {"i2c": "/dev/i2c-1", "uart": "/dev/ttyUSB0", "gpio": "/dev/gpiochip0"}


@dataclass(frozen=True)
class Kind:
    """A driver as it counts."""

    driver: str
    settings: Mapping[str, Scalar | list[dict[str, Scalar]]]

    def __str__(self) -> str:
        return "-".join([self.driver, *map(str, self.settings.values())])


def no_file(path: str) -> FilePort:
    raise AssertionError("nothing here is a file")


class Counting:
    """The pole. `began` says when each life began."""

    def __init__(self, kind: Kind, link: LinkMaker | None = None, window_ms: int = WINDOW_MS, seed: int = 1) -> None:
        self.clock = VirtualClock(now_us=120_000_000)
        self.disk = MemoryDisk()
        self.chip = chip(kind.driver)(self.clock.boot_us)
        for name, value in kind.settings.items():
            if hasattr(self.chip, name):
                setattr(self.chip, name, value)
        self.made = driver(kind.driver)(**kind.settings)
        self.link, self.random = link, Random(seed).random
        self.plan = self._plan(kind, window_ms)
        self.passed_us: list[int] = []
        self.began: list[int] = []
        self.agent: Agent | None = None

    def _plan(self, kind: Kind, window_ms: int) -> SensorPlan:
        spoken, made = speaks(driver(kind.driver)), self.made
        assert isinstance(made, Windowed)
        pins = {line: number for number, line in enumerate(made.lines)} if isinstance(made, LinesDriver) else {}
        address = made.default_address if isinstance(made, I2CDriver) else None
        pace_ms = window_ms if spoken == "gpio" else max(1_000, round(made.interval_min_s * 1_000))
        return SensorPlan("subject", kind.driver, spoken, BUSES[spoken], address, pins, pace_ms, dict(kind.settings),
                          window_ms=0 if spoken == "gpio" else window_ms)  # fmt: skip

    # Its ports.

    def _i2c(self, bus: str) -> I2CPort:
        assert isinstance(self.chip, I2CChip) and self.plan.address is not None
        return SimulatedI2C({self.plan.address: self.chip})

    def _serial(self, path: str, line: SerialLine) -> SerialPort:
        assert isinstance(self.chip, SerialChip)
        return SimulatedSerial(self.chip)

    def _lines(self, path: str, offsets: tuple[int, ...], bias: str, active_low: bool) -> LinePort:
        assert isinstance(self.chip, LinesChip)
        self.chip.edges()  # what nobody watched is over
        return SimulatedLines(self.chip, self.plan.pins)

    # What passes.

    def passes(self, at_us: int) -> None:
        """One more, at this time."""
        way = "out" if len(self.passed_us) % 3 == 1 else "in"
        self.passed_us.append(at_us)
        if self.plan.driver in ("rain", "contact"):
            assert isinstance(self.chip, LinesChip)
            self.chip.plan(at_us, "line", 1)
            self.chip.plan(at_us + CLOSED_US, "line", 0)
        else:
            counts: Callable[[int, str], None] = self.chip.passes  # type: ignore[attr-defined]
            counts(at_us, way)

    # Its lives.

    def begin(self) -> Agent:
        """The power comes."""
        journal = JournalPlan("journal", COMMIT_MS, CAP_BYTES)
        wiring = Wiring("pole-001", Site(), OFFICE if self.link else None, journal, (self.plan,))
        ports = PortOpener(self._i2c, self._serial, self._lines, no_file)
        self.clock.boot_id = f"{len(self.began) + 1:032x}"
        self.agent = Agent(wiring, self.clock, self.disk, ports, self.link, self.random)
        sensors = self.agent.node.sensors
        self.runners = [bus.runner for bus in sensors.buses]
        for bus in sensors.buses:
            bus.stop()
        hands: list[Any] = [Hand(runner, self) for runner in self.runners]
        sensors.buses = hands
        self.began.append(self.clock.boot_ms())
        self.agent.start()
        return self.agent

    def live(self, until_ms: int) -> None:
        """From due instant to due instant. Raises PowerCut when the disk does."""
        assert self.agent is not None
        while self.clock.boot_ms() < until_ms:
            due = [at for runner in self.runners if (at := runner.next_due_ms()) is not None]
            soonest = min(self.agent.due_ms(), *due, self.clock.boot_ms() + STEP_MS, until_ms)
            self.clock.now_us = max(soonest, self.clock.boot_ms() + 1) * 1_000
            for runner in self.runners:
                for event in runner.step(self.clock.boot_ms()):
                    self.agent.hear(event, self.clock.boot_ms())
            self._agent_turn()

    def _agent_turn(self) -> None:
        assert self.agent is not None
        for _ in range(10_000):
            event = self.agent.inbox.take(0)
            if event is not None:
                self.agent.hear(event, self.clock.boot_ms())
            self.agent.on_time(self.clock.boot_ms())
            if event is None and self.agent.due_ms() > self.clock.boot_ms():
                return
        raise AssertionError("a busy loop")

    def stop(self) -> None:
        """As systemd stops it."""
        assert self.agent is not None
        self.agent.finish()

    def cut(self, keep: str, chance: Random) -> None:
        """The power goes. Of what was not synced is `keep`."""
        for runner in self.runners:
            runner.close()
        self.disk.crash(keep, chance)

    def cut_in_commit(self, keep: str, chance: Random, until_ms: int) -> None:
        """The power goes in the midst of something that the disk does, or at this time."""
        self.disk.cut_after(chance.randint(0, 6))
        with suppress(PowerCut):
            self.live(until_ms)
        self.cut(keep, chance)


class Hand:
    """A bus without a thread: the test turns its crank."""

    def __init__(self, runner: Runner, pole: Counting) -> None:
        self.runner, self._pole = runner, pole

    def start(self) -> None:
        """It is turned from outside."""

    def wake(self) -> None:
        """The same."""

    def stop(self, timeout_s: float = 1.0) -> bool:
        agent = self._pole.agent
        if isinstance(self.runner, Counting_) and agent is not None:
            for event in self.runner.opened(self._pole.clock.boot_ms()):
                agent.inbox.put(event)
        self.runner.close()
        return True
