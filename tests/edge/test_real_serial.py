"""Serial devices at a real terminal of the kernel, through pyserial and the node's own threads, as on a pole."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.catalog import driver
from drivers.driver import SerialDriver
from drivers.reading import Flag, Quantity
from drivers.stream import StreamDriver
from edge.buses.system import system_ports
from edge.buses.thread import BusThread
from edge.events import Event, Failed, Sampled
from edge.runners.seat import Seat
from edge.runners.streams import StreamRunner
from edge.runners.talks import SerialRunner
from simulators.chips.serial_chip import SerialChip
from simulators.clock import PacedClock
from simulators.shelf import chip
from simulators.uart import PtyDoor

PATIENCE_S = 30.0
SPEED = 20.0


class Pole:
    """One serial sensor, its runner in its own thread, and the events that come of it."""

    def __init__(self, name: str, folder: Path, path: Path | None = None) -> None:
        self.clock = PacedClock(SPEED)
        kind = chip(name)
        assert issubclass(kind, SerialChip)
        self.door = PtyDoor(kind(self.clock.boot_us), folder / "ttyUSB0")
        self.path = str(path or self.door.path)
        self.events: queue.Queue[Event] = queue.Queue()
        self.thread = BusThread(self._runner(name), self.clock, self.events.put)

    def _runner(self, name: str) -> StreamRunner | SerialRunner:
        one, ports = driver(name)(), system_ports()
        if isinstance(one, StreamDriver):
            line = one.line
            return StreamRunner("it", one, 1000, lambda: ports.serial(self.path, line))
        assert isinstance(one, SerialDriver)
        return SerialRunner(lambda: ports.serial(self.path, SerialDriver.line), [Seat("it", one, 2000)])

    def next(self, wanted: Callable[[Event], bool]) -> Event:
        while not wanted(event := self.events.get(timeout=PATIENCE_S)):
            pass
        return event

    def sampled(self, quantity: Quantity, value: float) -> Sampled:
        """The next event in which this quantity has this value."""

        def fits(event: Event) -> bool:
            return isinstance(event, Sampled) and any(
                reading.quantity is quantity and reading.value == pytest.approx(value) for reading in event.readings
            )

        event = self.next(fits)
        assert isinstance(event, Sampled)
        return event


@pytest.fixture
def hang(tmp_path: Path) -> Iterator[Callable[[str], Pole]]:
    poles: list[Pole] = []

    def hung(name: str, path: Path | None = None) -> Pole:
        pole = Pole(name, tmp_path, path)
        pole.door.__enter__()
        poles.append(pole)
        pole.thread.start()
        return pole

    yield hung
    for pole in poles:
        assert pole.thread.stop(PATIENCE_S)
        pole.door.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("name", "quantity", "value"),
    [
        ("sds011", Quantity.PM2_5, 12.3),
        ("pms5003", Quantity.PM10, 45.0),
        ("mhz19", Quantity.CO2, 612.0),
        ("dsmr", Quantity.POWER, 532.0),
    ],
)
def test_what_the_world_is_arrives(
    name: str, quantity: Quantity, value: float, hang: Callable[[str], Pole]
) -> None:
    pole = hang(name)
    pole.door.feel({quantity: value})
    first = pole.sampled(quantity, value)
    pole.door.feel({quantity: value * 2})
    second = pole.sampled(quantity, value * 2)
    assert second.at_ms > first.at_ms
    warms = driver(name).warm_up_s > 0
    assert all(bool(reading.flags & Flag.WARMING) == warms for reading in first.readings)


def test_a_pulled_adapter_is_named_and_read_again_when_it_is_back(hang: Callable[[str], Pole]) -> None:
    pole = hang("sds011")
    pole.sampled(Quantity.PM2_5, 9.0)
    pole.door.unplug()
    lost = pole.next(lambda event: isinstance(event, Failed))
    assert isinstance(lost, Failed)
    assert lost.cause == "bus"
    assert pole.thread.alive
    pole.door.plug()
    pole.door.feel({Quantity.PM2_5: 33.3})
    pole.sampled(Quantity.PM2_5, 33.3)


def test_an_adapter_that_comes_back_under_another_number_is_found_by_its_id(tmp_path: Path) -> None:
    """`/dev/serial/by-id/…` is a symlink that udev moves: here it is ours to move."""
    by_id = tmp_path / "usb-1a86_USB_Serial-if00-port0"
    pole = Pole("mhz19", tmp_path, by_id)
    by_id.symlink_to(tmp_path / "ttyUSB0")
    with pole.door:
        pole.thread.start()
        pole.sampled(Quantity.CO2, 430.0)
        pole.door.unplug()
        pole.next(lambda event: isinstance(event, Failed) and event.cause == "bus")
        by_id.unlink()
        pole.door.plug(tmp_path / "ttyUSB1")
        by_id.symlink_to(tmp_path / "ttyUSB1")
        pole.door.feel({Quantity.CO2: 777.0})
        pole.sampled(Quantity.CO2, 777.0)
        assert pole.thread.stop(PATIENCE_S)


def test_garbage_on_the_wire_costs_nothing_but_its_count(hang: Callable[[str], Pole]) -> None:
    pole = hang("sds011")
    pole.sampled(Quantity.PM2_5, 9.0)
    pole.door.chip.faults.garbage(300)
    pole.door.chip.faults.corrupt(2, byte=4, bit=1)
    pole.door.feel({Quantity.PM2_5: 44.4})
    while not isinstance(event := pole.next(lambda event: True), Sampled) or event.readings[0].value != 44.4:
        assert not isinstance(event, Sampled) or event.readings[0].value == 9.0
    counters = pole.thread.runner.counters()["it"]
    assert counters["framing"] >= 1
    assert counters["checksum"] >= 1
