"""The chips of one board on wires that take their time: what the virtual day hangs the agent on.

Bytes on an I2C bus take as long as its clock says, and a transfer that hangs is given up after a second, as the kernel
does; meanwhile only this bus stands still. So each bus has a clock of its own that runs ahead of the common one while
a step lasts. What the chips, and the kernel that is played for
them, need of the processor is kept apart from the agent's (`tests.bench.meter`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from drivers.catalog import driver
from drivers.driver import Driver, SerialLine
from drivers.errors import BusFault, Nack
from edge.buses.port import EdgeEvent, I2CPort, LinePort, PortOpener, SerialPort
from edge.buses.segment import segment
from edge.wiring import SensorPlan
from simulators.chips.chip import Chip, I2CChip
from simulators.chips.lines_chip import LinesChip
from simulators.chips.modbus_unit import ModbusUnit
from simulators.chips.rs485 import on_one_line
from simulators.chips.serial_chip import SerialChip
from simulators.chips.tca9548a import TCA9548A
from simulators.clock import VirtualClock
from simulators.gpio import SimulatedLines
from simulators.i2c import SimulatedI2C
from simulators.matrix.meddle import GONE, Hand, MeddledSerial
from simulators.shelf import chip
from simulators.uart import SimulatedSerial
from tests.bench.meter import Meter

HZ, BITS = 100_000, 9
HANG_US = 1_000_000
SOME_FD = 1_000  # a number: nobody polls it here
SMALL_BUFFER = 4  # edges that the kernel keeps for whoever has troubles, so that a lag shows


@dataclass(slots=True)
class Wire:
    """The clock of one bus: `ahead_us` of the common one while a step lasts."""

    clock: VirtualClock
    ahead_us: int = 0

    def now_us(self) -> int:
        return self.clock.now_us + self.ahead_us


@dataclass(slots=True)
class Part:
    """A sensor of the board; `hangs` lets each of its transfers end after a second only."""

    plan: SensorPlan
    made: Driver
    chip: Chip
    hand: Hand
    hangs: bool = False
    ports: list[Any] = field(default_factory=list)  # as they were opened, the newest last

    @property
    def root(self) -> str:
        """What it shares its time with: a bus with all behind its muxes, a port; lines are nobody else's."""
        if self.plan.bus_kind == "gpio":
            return self.plan.name
        return segment(self.plan.bus).root if self.plan.bus_kind == "i2c" else self.plan.bus


class TimedI2C:
    """A bus that takes its time, and hands on its sensors (by address)."""

    def __init__(self, bus: SimulatedI2C, wire: Wire, parts: dict[int, Part], meter: Meter) -> None:
        self._bus, self._wire, self._parts, self._meter = bus, wire, parts, meter

    def transfer(self, address: int, data: bytes | None, count: int) -> bytes:
        with self._meter:
            octets = (0 if data is None else 1 + len(data)) + (1 + count if count else 0)
            self._wire.ahead_us += octets * BITS * 1_000_000 // HZ
            part = self._parts.get(address)
            return self._bus.transfer(address, data, count) if part is None else self._meddled(part, data, count)

    def _meddled(self, part: Part, data: bytes | None, count: int) -> bytes:
        hand, address = part.hand, part.plan.address or 0
        hand.transfers += 1
        if part.hangs:
            self._wire.ahead_us += HANG_US
            raise BusFault("the transfer was given up after a second")
        if hand.pulled or hand.refuse(bool(data), hand.transfers):
            raise Nack(f"nobody acknowledges at 0x{address:02X}")
        answer = self._bus.transfer(address, data, count)
        return hand.spoil(answer) if count else answer

    def recover(self) -> str:
        return self._bus.recover()

    def close(self) -> None:
        self._bus.close()


class TimedSerial(MeddledSerial):
    """A port with a descriptor, that tells when it will be readable."""

    def __init__(self, port: SimulatedSerial, hand: Hand, meter: Meter) -> None:
        super().__init__(port, hand)
        self.fd, self._chip, self._meter = SOME_FD, port.chip, meter

    def next_us(self) -> int | None:
        """When there will be something to read; a moment that lies back: now."""
        return 0 if self._waiting or self._hand.pulled else self._chip.next_us()

    def drain(self) -> None:
        with self._meter:
            super().drain()

    def write(self, data: bytes) -> None:
        with self._meter:
            super().write(data)

    def read(self, count: int, timeout_s: float) -> bytes:
        with self._meter:
            return super().read(count, timeout_s)


class TimedLines:
    """Lines that tell when there will be edges; the chip can vanish."""

    def __init__(self, port: SimulatedLines, hand: Hand, meter: Meter) -> None:
        self.fd, self._port, self._hand, self._meter = SOME_FD, port, hand, meter

    def next_us(self) -> int | None:
        """When there will be an edge; a moment that lies back: now."""
        return 0 if self._hand.pulled else self._port.chip.next_us()

    def wait_edge_events(self, timeout: float | None = None) -> bool:
        with self._meter:
            return self._there().wait_edge_events(timeout)

    def read_edge_events(self, max_events: int | None = None) -> Sequence[EdgeEvent]:
        with self._meter:
            return self._there().read_edge_events(max_events)

    def get_values(self, lines: Iterable[int] | None = None) -> Sequence[object]:
        with self._meter:
            return self._there().get_values(lines)

    def release(self) -> None:
        self._port.release()

    def _there(self) -> SimulatedLines:
        if self._hand.pulled:
            raise BusFault(GONE)
        return self._port


class Rig:
    """Every chip of a board, and the ports that lead to them."""

    def __init__(self, plans: tuple[SensorPlan, ...], clock: VirtualClock, ill: frozenset[str]) -> None:
        self.clock, self.meter, self._ill = clock, Meter(), ill
        self.wires: dict[str, Wire] = {}
        self.parts = {plan.name: self._part(plan) for plan in plans if plan.bus_kind != "host"}
        self.ports = PortOpener(self._i2c, self._serial, self._lines)

    def _part(self, plan: SensorPlan) -> Part:
        made, kind = driver(plan.driver)(**plan.settings), chip(plan.driver)
        part = Part(plan, made, kind(self.clock.boot_us), Hand())
        part.chip = kind(self.wires.setdefault(part.root, Wire(self.clock)).now_us)
        if isinstance(part.chip, ModbusUnit):
            part.chip.suit(made)
        return part

    def on(self, bus: str) -> list[Part]:
        """The sensors on one bus or port."""
        return [part for part in self.parts.values() if part.plan.bus == bus]

    def alone(self, part: Part) -> bool:
        """Whether it has its wires for itself."""
        return part.plan.bus_kind != "uart" or len(self.on(part.plan.bus)) == 1

    def _i2c(self, bus: str) -> I2CPort:
        parts = [part for part in self.parts.values() if part.root == bus]
        chips: dict[int, I2CChip] = {}
        for part in parts:
            assert isinstance(part.chip, I2CChip) and part.plan.address is not None
            hops, on = segment(part.plan.bus).hops, chips
            for address, channel in hops:
                mux = on.setdefault(address, TCA9548A(self.wires[bus].now_us))
                assert isinstance(mux, TCA9548A)
                on = mux.channels[channel]
            on[part.plan.address] = part.chip
        there = {part.plan.address or 0: part for part in parts}
        return TimedI2C(SimulatedI2C(chips), self.wires[bus], there, self.meter)

    def _serial(self, path: str, line: SerialLine) -> SerialPort:
        parts = self.on(path)
        chips = [part.chip for part in parts if isinstance(part.chip, SerialChip)]
        hand = parts[0].hand if len(parts) == 1 else Hand()
        port = TimedSerial(SimulatedSerial(on_one_line(chips)), hand, self.meter)
        port.drain()  # raises while it is unplugged
        for part in parts:
            part.ports.append(port)
        return port

    def _lines(self, path: str, offsets: tuple[int, ...], bias: str, active_low: bool) -> LinePort:
        part = next(part for part in self.on(path) if tuple(part.plan.pins.values()) == offsets)
        assert isinstance(part.chip, LinesChip)
        if part.hand.pulled:
            raise BusFault(GONE)
        part.chip.edges()  # what nobody watched is over
        size = {"event_buffer_size": SMALL_BUFFER} if part.plan.name in self._ill else {}
        port = TimedLines(SimulatedLines(part.chip, part.plan.pins, **size), part.hand, self.meter)
        part.ports.append(port)
        return port

