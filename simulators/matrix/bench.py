"""One driver and its chip as they hang on a pole, with a neighbour, in virtual time.

Everything between the chip and the flags is the agent's own: the runners made from a compiled board, and the sampler
that judges what they give. Only the ports pass through hands that can meddle, and time is moved from one due instant
to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drivers.catalog import driver
from drivers.driver import Driver, I2CDriver, SerialLine
from drivers.lines import LinesDriver
from drivers.reading import Quantity, Reading
from drivers.setting import SettingValue
from drivers.window import Windowed
from edge.buses.port import FilePort, I2CPort, LinePort, PortOpener, SerialPort
from edge.events import ClockTold, Failed, Sampled
from edge.fit import speaks
from edge.runners.roster import runners_for
from edge.runners.runner import Runner
from edge.sampler import Sampler
from edge.sensors import sensor_facts
from edge.wiring import SensorPlan
from simulators.chips.chip import Chip, I2CChip
from simulators.chips.file_chip import FileChip
from simulators.chips.lines_chip import LinesChip
from simulators.chips.serial_chip import SerialChip
from simulators.clock import VirtualClock
from simulators.files import SimulatedFile
from simulators.gpio import SimulatedLines
from simulators.i2c import SimulatedI2C
from simulators.matrix.meddle import Hand, MeddledFile, MeddledI2C, MeddledLines, MeddledSerial
from simulators.matrix.world import History
from simulators.shelf import chip
from simulators.uart import SimulatedSerial

SUBJECT, NEIGHBOUR = "subject", "neighbour"
WINDOW_MS = 10_000
NEIGHBOUR_MS = 2_000
BUFFER = 8  # edges that the kernel keeps, so that a lag shows
LONGEST_STEP_MS = 250
COUNTING: Mapping[str, Mapping[str, SettingValue]] = {  # what may be used either way counts by the window
    "vl53l1x": {"mode": "passage"},
    "tfmini": {"mode": "passage"},
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What the agent made of one moment: judged readings, or the cause of a failure."""

    sensor: str
    at_ms: int  # the stamp
    now_ms: int
    readings: tuple[Reading, ...] = ()
    cause: str = ""
    off_ms: int | None = None  # a clock told the time; how far from what it was


@dataclass(slots=True)
class Part:
    """A sensor of the bench."""

    plan: SensorPlan
    chip: Chip
    hand: Hand
    history: History
    ports: list[SimulatedLines] = field(default_factory=list)


class Bench:
    """A subject and its neighbour. `heard` is everything that came of them."""

    def __init__(self, name: str, windowed: bool = False, least_ms: int = 1_000) -> None:
        self.clock = VirtualClock()
        self.clock.advance(1_000.0)
        kind = driver(name)
        self.settings = COUNTING.get(name, {}) if windowed else {}
        self.made: Driver = kind(**self.settings)
        self.windowed = windowed or (isinstance(self.made, Windowed) and self.made.must_window)
        self.parts = {SUBJECT: self._part(self._plan(kind, least_ms)), NEIGHBOUR: self._part(self._beside(kind))}
        self.subject.history.counts = Quantity.COUNT in self.made.measures and self.windowed
        self.counting: LinesDriver | None = None  # is told every edge of the twin
        self.truth: dict[int, dict[str, float]] = {}  # what it says at the end of each window
        if isinstance(self.made, LinesDriver):
            self.subject.history.twin = chip(name)(self.clock.boot_us)
            counting = kind(**self.settings)
            assert isinstance(counting, LinesDriver)
            counting.begin(self.clock.now_us, dict.fromkeys(counting.lines, 0))
            self.counting = counting
        self.sampler = Sampler(1, "0" * 32, [sensor_facts(part.plan) for part in self.parts.values()], 60_000, 0)
        self.heard: list[Heard] = []
        self.lagging: set[str] = set()
        ports = PortOpener(self._i2c, self._serial, self._lines, self._file)
        self.runners: list[Runner] = runners_for([part.plan for part in self.parts.values()], ports)

    @property
    def subject(self) -> Part:
        return self.parts[SUBJECT]

    @property
    def now_ms(self) -> int:
        return self.clock.now_us // 1_000

    # How it is wired.

    def _plan(self, kind: type[Driver], least_ms: int) -> SensorPlan:
        bus = {"i2c": "/dev/i2c-1", "uart": "/dev/ttyUSB0", "gpio": "/dev/gpiochip0", "file": "/sys/w1/28-1/w1_slave"}
        spoken = speaks(kind)
        lines = self.made.lines if isinstance(self.made, LinesDriver) else ()
        pins = {line: number for number, line in enumerate(lines)}
        pace_ms = WINDOW_MS if spoken == "gpio" else max(least_ms, round(self.made.interval_min_s * 1_000))
        return SensorPlan(
            SUBJECT, kind.name, spoken, bus[spoken], self.made.default_address if isinstance(self.made, I2CDriver)
            else None, pins, pace_ms, window_ms=WINDOW_MS if self.windowed and spoken != "gpio" else 0,
            beside=NEIGHBOUR if self.made.uses else "", settings=dict(self.settings),
        )  # fmt: skip

    def _beside(self, kind: type[Driver]) -> SensorPlan:
        """On the same bus where that is shared, else on one of its own."""
        address = 0x45 if getattr(kind, "default_address", None) == 0x44 else 0x44
        return SensorPlan(NEIGHBOUR, "sht31", "i2c", "/dev/i2c-1", address, interval_ms=NEIGHBOUR_MS)

    def _part(self, plan: SensorPlan) -> Part:
        made = chip(plan.driver)(self.clock.boot_us)
        return Part(plan, made, Hand(), History(made))

    def _i2c(self, bus: str) -> I2CPort:
        found = {part.plan.address: part.chip for part in self.parts.values() if part.plan.bus == bus}
        there = {at: one for at, one in found.items() if at is not None and isinstance(one, I2CChip)}
        port: I2CPort = SimulatedI2C(there)
        for part in self.parts.values():
            if part.plan.bus == bus and part.plan.address is not None:
                port = MeddledI2C(port, part.plan.address, part.hand)
        return port

    def _serial(self, path: str, line: SerialLine) -> SerialPort:
        part = self.subject
        assert isinstance(part.chip, SerialChip)
        port = MeddledSerial(SimulatedSerial(part.chip), part.hand)
        port.drain()  # raises while it is unplugged
        return port

    def _lines(self, path: str, offsets: tuple[int, ...], bias: str, active_low: bool) -> LinePort:
        part = self.subject
        assert isinstance(part.chip, LinesChip)
        if not part.hand.pulled:
            part.chip.edges()  # what nobody watched is over; how the lines stand is left of it
        request = SimulatedLines(part.chip, part.plan.pins, BUFFER)
        part.ports.append(request)
        port = MeddledLines(request, part.hand)
        _ = port.fd  # raises while it is unplugged
        return port  # type: ignore[return-value]

    def _file(self, path: str) -> FilePort:
        part = self.subject
        assert isinstance(part.chip, FileChip)
        port = MeddledFile(SimulatedFile(part.chip), part.hand)
        if part.hand.pulled:
            port.read(1)
        return port

    # How it lives.

    def turn(self, climate: int) -> None:
        """Let another climate come over both."""
        for part in self.parts.values():
            part.history.turn(climate, self.clock.now_us)

    def live(self, seconds: float) -> None:
        """Let so much time pass, step by step."""
        end_ms = self.now_ms + round(seconds * 1_000)
        self.subject.history.live(self.clock.now_us, end_ms * 1_000)
        while self.now_ms < end_ms:
            due = [at for runner in self._awake() if (at := runner.next_due_ms()) is not None]
            soonest = max(self.now_ms + 1, min([*due, self.now_ms + LONGEST_STEP_MS]))
            self.clock.now_us = min(soonest, end_ms) * 1_000
            if self.subject.ports and not self.subject.hand.pulled:
                self.subject.ports[-1].pump()
            for runner in self._awake():
                self._hear(runner)
            self._count_truly()

    def _count_truly(self) -> None:
        """At the end of a window: what a driver says that was told every edge."""
        twin = self.subject.history.twin
        if self.now_ms % WINDOW_MS or self.counting is None or not isinstance(twin, LinesChip):
            return
        for edge in twin.edges():
            self.counting.edge(edge)
        self.truth[self.now_ms] = {r.name: r.value for r in self.counting.close(self.clock.now_us)}

    def _awake(self) -> list[Runner]:
        return [runner for runner in self.runners if not self.lagging & set(runner.sensors)]

    def _hear(self, runner: Runner) -> None:
        for event in runner.step(self.now_ms):
            if isinstance(event, Sampled):
                judged = self.sampler.take(event, self.now_ms)
                self.heard.append(Heard(event.sensor, event.at_ms, self.now_ms, judged))
            elif isinstance(event, ClockTold):
                tells = getattr(self.parts[event.sensor].chip, "tells_ms", None)
                off_ms = abs(tells() - event.unix_ms) if tells else 0
                self.heard.append(Heard(event.sensor, event.at_ms, self.now_ms, off_ms=off_ms))
            elif isinstance(event, Failed):
                self.heard.append(Heard(event.sensor, event.at_ms, self.now_ms, cause=event.cause))

    def close(self) -> None:
        """Let go of the ports."""
        for runner in self.runners:
            runner.close()

    def compares(self, quantity: Quantity) -> bool:
        """Whether a reading of this quantity can be held against what the chip feels."""
        return quantity in self.subject.chip.resolves and quantity in self.subject.chip.feels

