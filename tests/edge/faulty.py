"""A whole node of which one call to its disk, its network or a bus fails, once, with an errno.

Every call is counted by its kind, so that a life without a fault says how many there are of each. The real agent with
real runners and drivers at simulated chips; time is told. Before the life that is looked at there was another one, so
that there is a journal to open, a backlog to send and a count to take up.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from drivers.driver import SerialLine
from edge.agent import LAST_WORDS_MS, Agent
from edge.buses.port import I2CPort, LinePort, PortOpener, SerialPort
from edge.events import Event, Lost, Sampled
from edge.runners.runner import Runner
from edge.wire.messages import Ack
from edge.wire.record import Record, RecordKind, seqs, unpack
from edge.wiring import JournalPlan, OfficePlan, SensorPlan, Site, Wiring
from simulators.chips.chip import I2CChip
from simulators.chips.lines_chip import LinesChip
from simulators.chips.serial_chip import SerialChip
from simulators.clock import VirtualClock
from simulators.gpio import SimulatedLines
from simulators.i2c import SimulatedI2C
from simulators.shelf import chip
from simulators.uart import SimulatedSerial
from tests.edge.failing import Calls, Fault, FaultyDisk, FaultyI2C, FaultyLines, FaultySerial
from tests.edge.loopback import Loopback, Office

COMMIT_MS, WINDOW_MS = 2_000, 6_000
BEFORE_MS, LIFE_MS, RECOVERY_MS = 7_000, 14_000, 60_000  # who lost a session is back within 45 s on this board
STEP_MS = 500
MOST_TURNS = 600  # of runners and loop together, in a virtual second; without a fault less than 200
CAP_BYTES = 4 << 20
PLANS = (
    SensorPlan("air", "sht31", "i2c", "/dev/i2c-1", 0x44, interval_ms=2_000),
    SensorPlan("dust", "pms5003", "uart", "/dev/ttyUSB0", interval_ms=2_000),
    SensorPlan("gate", "pulse_counter", "gpio", "/dev/gpiochip0", pins={"line": 0}, interval_ms=WINDOW_MS),
)
OFFICE = OfficePlan("mqtt://office.example", "credentials", publish_ms=0, back_ms=45_000)


class Store(Office):
    """An office that opens packs and understands gaps, as the real one does."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps: dict[tuple[int, int], tuple[int, int]] = {}  # epoch and first seq; last seq and readings

    def take(self, payload: bytes) -> Ack:
        epoch = 0
        for item in unpack(payload):
            epoch = item.epoch
            counts = [item.count] if isinstance(item, Record) else item.counts
            kind = item.kind if isinstance(item, Record) else RecordKind.CHUNK
            body = item.body if isinstance(item, Record) else b""
            for seq, count in zip(seqs(item), counts, strict=True):
                self.records.setdefault((epoch, seq), Record(epoch, seq, kind, count, body))
            if kind == RecordKind.GAP:
                gap = json.loads(body)
                self.gaps[epoch, gap["first"]] = gap["last"], gap["readings"]
        held = {seq for of, seq in self.records if of == epoch}
        upto = 0
        while upto + 1 in held or (epoch, upto + 1) in self.gaps:
            upto = upto + 1 if upto + 1 in held else self.gaps[epoch, upto + 1][0]
        return Ack(epoch, upto, [(seq, seq) for seq in sorted(held) if seq > upto])


class FaultyLink(Loopback):
    def __init__(self, office: Office, put: Callable[[Event], None], calls: Calls) -> None:
        super().__init__(office, put)
        self._calls, self._event = calls, put

    def connect(self, broker: int = 0) -> None:
        if self._calls.fails("link.connect"):
            self._event(Lost(self._why()))
        else:
            super().connect(broker)

    def publish(self, kind: str, payload: bytes, qos: int = 1, retain: bool = False) -> int | None:
        if self._calls.fails("link.refuse"):
            return None
        if self.joined and self._calls.fails("link.publish"):
            self.joined = False
            self._event(Lost(self._why()))
            return None
        return super().publish(kind, payload, qos, retain)

    def _why(self) -> str:
        assert self._calls.fault is not None
        return os.strerror(self._calls.fault.number)


class Turned:
    """A bus without a thread."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner

    def start(self) -> None:
        """It is turned from outside."""

    def wake(self) -> None:
        """The same."""

    def stop(self, timeout_s: float = 1.0) -> bool:
        return True


class Node:
    """The node. `run` is its life under the fault."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.clock = VirtualClock(now_us=100_000_000)
        self.calls = Calls(self.clock, fault)
        self.disk, self.office, self.random = FaultyDisk(self.calls), Store(), Random(1).random
        self.chips = {plan.name: chip(plan.driver)(self.clock.boot_us) for plan in PLANS}
        self.good_ms: dict[str, int] = {}
        self.turns: Counter[int] = Counter()  # by second
        self.sampled = 0

    def _i2c(self, bus: str) -> I2CPort:
        self.calls.made("i2c.open")
        found = self.chips["air"]
        assert isinstance(found, I2CChip)
        return FaultyI2C(SimulatedI2C({0x44: found}), self.calls)

    def _serial(self, path: str, line: SerialLine) -> SerialPort:
        self.calls.made("serial.open")
        found = self.chips["dust"]
        assert isinstance(found, SerialChip)
        return FaultySerial(SimulatedSerial(found), self.calls)

    def _lines(self, path: str, offsets: tuple[int, ...], bias: str, active_low: bool) -> LinePort:
        self.calls.made("lines.open")
        found = self.chips["gate"]
        assert isinstance(found, LinesChip)
        found.edges()
        return FaultyLines(SimulatedLines(found, {"line": 0}), self.calls)

    def begin(self) -> None:
        wiring = Wiring("pole-001", Site(), OFFICE,
                        JournalPlan("journal", COMMIT_MS, CAP_BYTES), PLANS)  # fmt: skip
        ports = PortOpener(self._i2c, self._serial, self._lines)
        self.agent = Agent(wiring, self.clock, self.disk, ports, lambda put: FaultyLink(self.office, put, self.calls),
                           self.random)  # fmt: skip
        sensors = self.agent.node.sensors
        self.runners = [bus.runner for bus in sensors.buses]
        for bus in sensors.buses:
            bus.stop()
        turned: list[Any] = [Turned(runner) for runner in self.runners]
        sensors.buses = turned
        self.agent.start()

    def end(self) -> None:
        node = self.agent.node
        node.stop_sensors(self.agent.hear)
        node.last_commit(self.clock.boot_ms())
        for _ in range(LAST_WORDS_MS // 100 * node.has_words()):
            self.clock.advance(0.1)
            while (event := self.agent.inbox.take(0)) is not None:
                self.agent.hear(event, self.clock.boot_ms())
            self.agent.on_time(self.clock.boot_ms())
        node.end()
        for runner in self.runners:
            runner.close()

    def live(self, until_ms: int, enough: Callable[[], bool] = lambda: False) -> None:
        """From due instant to due instant."""
        while self.clock.boot_ms() < until_ms and not enough():
            due = [at for runner in self.runners if (at := runner.next_due_ms()) is not None]
            soonest = min(self.agent.due_ms(), *due, self.clock.boot_ms() + STEP_MS, until_ms)
            self.clock.now_us = max(soonest, self.clock.boot_ms() + 1) * 1_000
            self._turn()

    def _turn(self) -> None:
        now_ms = self.clock.boot_ms()
        for runner in self.runners:
            self._took()
            for said in runner.step(now_ms):
                if isinstance(said, Sampled) and said.readings:
                    self.sampled += len(said.readings)
                    self.good_ms[said.sensor] = now_ms
                self.agent.hear(said, now_ms)
        while True:
            self._took()
            event = self.agent.inbox.take(0)
            if event is not None:
                self.agent.hear(event, now_ms)
            self.agent.on_time(now_ms)
            if event is None and self.agent.due_ms() > now_ms:
                return

    def _took(self) -> None:
        second = self.clock.boot_ms() // 1_000
        self.turns[second] += 1
        assert self.turns[second] <= MOST_TURNS, "a busy loop"

    def before(self) -> None:
        """An earlier life, without the office."""
        self.office.up = False
        self.begin()
        self.chips["gate"].passes(self.clock.now_us + 1_000_000)  # type: ignore[attr-defined]
        self.live(self.clock.boot_ms() + BEFORE_MS)
        self.end()
        self.office.up, self.clock.boot_id = True, "2" * 32

    def run(self, fresh: bool = False) -> None:
        """The life with the fault, after another or as the first, until all is well again."""
        if not fresh:
            self.before()
        self.calls.on = True
        self.begin()
        began_ms = self.clock.boot_ms()
        for second in range(1, LIFE_MS // 1_000, 2):
            self.chips["gate"].passes(self.clock.now_us + second * 1_000_000)  # type: ignore[attr-defined]
        self.live(began_ms + LIFE_MS)
        if self.calls.fault is not None:
            since_ms = self.calls.failed_ms
            if since_ms is None:
                return  # it comes at the end
            self.live(since_ms + RECOVERY_MS, lambda: not list(self.ills(since_ms)))
            assert not list(self.ills(since_ms)), ", ".join(self.ills(since_ms))

    def ills(self, since_ms: int) -> Iterator[str]:
        """What is not as it should be, some time after the fault."""
        node = self.agent.node
        for plan in PLANS:
            if self.good_ms.get(plan.name, 0) <= since_ms:
                yield f"{plan.name} said nothing"
        journal = node.commits.journal
        if journal is None or node.commits.trouble is not None or node.commits.waiting:
            yield f"the journal does not work: {node.commits.trouble}"
        elif journal.lowest < journal.next:
            yield f"seq {journal.lowest} is not acked"
        elif not node.sampler.opened.ready:
            yield "counts were not taken up"
        if node.courier is None or not node.courier.uplink.connected:
            yield "no session"
