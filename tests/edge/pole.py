"""A whole agent on a told clock whose sensors are played by the test: its real rooms, a disk in memory, an office in
the same process."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from drivers.driver import SerialLine
from drivers.errors import BusFault
from drivers.reading import Quantity, Reading
from edge.agent import Agent
from edge.buses.port import I2CPort, LinePort, PortOpener, SerialPort
from edge.events import Asked, Sampled
from edge.wire.chunks import Schema, decode
from edge.wire.messages import CheckResult, ClockRecord, EventRecord, from_json
from edge.wire.record import RecordKind
from edge.wiring import JournalPlan, SensorPlan, Site, Wiring
from simulators.clock import VirtualClock
from simulators.disk import MemoryDisk
from tests.edge.loopback import Loopback, Office

PLANS = tuple(SensorPlan(name, "sht31", "i2c", "/dev/i2c-9", 0x44, interval_ms=1_000) for name in ("air", "soil"))
WIRING = Wiring("pole-001", Site(), None, JournalPlan("journal", 1_000, 4 * 2**20), PLANS)


def refuse(*_: object) -> I2CPort:
    raise BusFault("no bus in this test")


def no_serial(path: str, line: SerialLine) -> SerialPort:
    raise BusFault("no port in this test")


def no_lines(chip: str, offsets: tuple[int, ...], bias: str, active_low: bool) -> LinePort:
    raise BusFault("no lines in this test")


PORTS = PortOpener(refuse, no_serial, no_lines)


class Pole:
    """An agent whose sensors are played by the test: its bus threads are never started."""

    def __init__(
        self, office: Office | None = None, disk: MemoryDisk | None = None, seed: int = 1, wiring: Wiring = WIRING,
        clock: VirtualClock | None = None,
    ) -> None:  # fmt: skip
        self.clock = clock or VirtualClock(now_us=50_000_000)
        self.disk = disk or MemoryDisk()
        self.office = office or Office()
        self.random = Random(seed).random
        self.sampled = 0
        self.wiring = wiring
        self.start()

    def start(self, boot_id: str | None = None) -> None:
        if boot_id:
            self.clock.boot_id = boot_id
        self.links: list[Loopback] = []
        self.agent = Agent(self.wiring, self.clock, self.disk, PORTS, self._link, self.random)
        self.play_sensors()
        self.agent.start()
        self.settle()

    def play_sensors(self) -> None:
        """No bus threads: what sensors say comes from the test."""
        for bus in self.agent.node.sensors.buses:
            bus.stop(0)
        self.agent.node.sensors.buses.clear()

    def _link(self, put: Callable[..., None]) -> Loopback:
        self.links.append(Loopback(self.office, put))
        return self.links[-1]

    def settle(self) -> None:
        """Let the agent do all that can be done at this instant."""
        quiet = 0
        for _ in range(10_000):
            event = self.agent.inbox.take(0)
            if event is not None:
                self.agent.hear(event, self.clock.boot_ms())
            self.agent.on_time(self.clock.boot_ms())
            quiet = 0 if event else quiet + 1
            if quiet > 1 and self.agent.due_ms() > self.clock.boot_ms():
                return
        raise AssertionError("it does not come to rest: a busy loop")

    def live(self, seconds: int, readings: int = 2) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            for plan in self.wiring.sensors:
                self.sample(plan.name, readings)
            self.settle()

    def sample(self, name: str, readings: int = 2) -> None:
        now = self.clock.boot_ms()
        values = (Reading(Quantity.TEMPERATURE, 20 + now % 977 / 100), Reading(Quantity.HUMIDITY, 50 + now % 331 / 100))
        self.sampled += readings
        self.agent.inbox.put(Sampled(name, now, values[:readings]))

    def health(self) -> dict[str, CheckResult]:
        return {check.name: check for check in self.agent.node.health(self.clock.boot_ms()).checks}

    def ask(self, question: dict[str, object]) -> list[dict[str, object]]:
        answers: list[dict[str, object]] = []
        self.agent.inbox.put(Asked(question, answers.append))
        self.settle()
        return answers


def events(office: Office) -> list[EventRecord]:
    records = sorted(office.records.items())
    return [from_json(EventRecord, record.body) for _, record in records if record.kind == RecordKind.EVENT]


def cells(office: Office) -> int:
    """Every chunk is decoded with a schema that arrived, and belongs to a boot whose clock is known."""
    schemas = {}
    for record in office.records.values():
        if record.kind == RecordKind.SCHEMA:
            schemas[Schema.decode(record.body).key] = Schema.decode(record.body)
    boots = {from_json(ClockRecord, r.body).boot for r in office.records.values() if r.kind == RecordKind.CLOCK}
    chunks = [decode(schemas.get, r.body) for r in office.records.values() if r.kind == RecordKind.CHUNK]
    assert {chunk.boot for chunk in chunks} <= boots
    return sum(len(chunk.cells) for chunk in chunks)
