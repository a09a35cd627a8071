"""Ports in memory that do as a test says, drivers of every character, and the hand that turns a runner's crank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from drivers.driver import I2CDriver, SerialDriver
from drivers.errors import BusFault
from drivers.reading import Quantity, Reading
from drivers.talk import Pause, Read, Step, Talk, Write
from edge.events import Event, Failed, Sampled
from edge.runners.runner import Runner
from simulators.chips.serial_chip import SerialChip
from simulators.clock import VirtualClock


def drive(runner: Runner, clock: VirtualClock, until_s: float, steps: int = 100_000) -> list[Event]:
    """Step the runner in virtual time exactly when it wants to be, until half a second past `until_s`.

    Fails when it wants to be stepped without end.
    """
    events: list[Event] = []
    until_ms = round(until_s * 1_000) + 500
    for _ in range(steps):
        events += runner.step(clock.boot_ms())
        due = runner.next_due_ms()
        if due is None or due > until_ms:
            clock.advance(max(0, until_ms * 1_000 - clock.now_us) / 1e6)
            return events
        clock.advance(max(0, due - clock.boot_ms()) / 1_000)
    raise AssertionError(f"more than {steps} steps until {until_s} s: the runner spins")


def sampled(events: Sequence[Event], sensor: str = "") -> list[Sampled]:
    return [e for e in events if isinstance(e, Sampled) and sensor in ("", e.sensor)]


def failed(events: Sequence[Event], sensor: str = "") -> list[Failed]:
    return [e for e in events if isinstance(e, Failed) and sensor in ("", e.sensor)]


def stamps(events: Sequence[Event], sensor: str = "") -> list[int]:
    return [e.at_ms for e in sampled(events, sensor)]


@dataclass
class Bus:
    """An I2C bus that answers zeros, or as `behave` says; every transfer is noted."""

    behave: Callable[[int, bytes | None, int], bytes] = lambda address, data, count: bytes(count)
    heard: list[tuple[int, bytes | None, int]] = field(default_factory=list)
    opened: int = 0
    refuse: BusFault | None = None

    def open(self) -> Bus:
        self.opened += 1
        if self.refuse:
            raise self.refuse
        return self

    def transfer(self, address: int, data: bytes | None, count: int) -> bytes:
        self.heard.append((address, data, count))
        return self.behave(address, data, count)

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class Wire:
    """The serial port of a simulated chip, without a file descriptor; may be unplugged."""

    chip: SerialChip
    unplugged: bool = False
    opened: int = 0
    reads: int = 0
    _held: bytearray = field(default_factory=bytearray)

    def open(self) -> Wire:
        self.opened += 1
        self._check()
        return self

    def write(self, data: bytes) -> None:
        self._check()
        self.chip.hear(data)

    def read(self, count: int, timeout_s: float) -> bytes:
        assert timeout_s == 0, "a runner never blocks"
        self._check()
        self.reads += 1
        self._held += self.chip.say()
        data = bytes(self._held[:count])
        del self._held[:count]
        return data

    def drain(self) -> None:
        self._check()
        self.chip.say()
        self._held.clear()

    def close(self) -> None:
        """Nothing is held."""

    def _check(self) -> None:
        if self.unplugged:
            raise BusFault("the adapter is gone")


def one(value: float = 20.0) -> list[Reading]:
    return [Reading(Quantity.TEMPERATURE, value)]


class Plain(I2CDriver):
    """Sets up with one write (0xAA) and reads with write, pause, read."""

    name = "plain"
    default_address = 0x10
    addresses = (0x10,)
    measures = (Quantity.TEMPERATURE,)
    pause_s = 0.015

    def setup(self) -> Talk[None]:
        yield Write(b"\xaa")

    def read(self) -> Talk[list[Reading]]:
        yield Write(b"\x01")
        yield Pause(self.pause_s)
        yield Read(2)
        return one()


class Says(Plain):
    """Reads as the generator function it is given says."""

    def __init__(self, talk: Callable[[], Talk[list[Reading]]]) -> None:
        super().__init__()
        self._says = talk

    def read(self) -> Talk[list[Reading]]:
        return self._says()


class Steps(Says):
    """Reads by going through these steps."""

    def __init__(self, steps: Sequence[Step]) -> None:
        def talk() -> Talk[list[Reading]]:
            for step in steps:  # noqa: UP028 - a list can not be sent an answer
                yield step
            return one()

        super().__init__(talk)


class Asking(SerialDriver):
    """Asks with one byte and takes three."""

    name = "asking"
    measures = (Quantity.TEMPERATURE,)

    def read(self) -> Talk[list[Reading]]:
        yield Write(b"?")
        answer = yield Read(3, 0.5)
        return one(float(answer[0]))
