"""The thread shell over real runners and real terminals. Waits are for conditions, never for a length of time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers import catalog
from drivers.stream import StreamDriver
from drivers.talk import Pause, Read, Write
from edge.buses.system import system_ports
from edge.buses.thread import BusThread
from edge.clock import SystemClock
from edge.events import Event, Failed, Sampled
from edge.runners.roster import runners_for
from edge.runners.runner import Runner
from edge.runners.seat import Seat
from edge.runners.streams import StreamRunner
from edge.runners.talks import I2CRunner
from edge.wiring import SensorPlan
from simulators.chips.mhz19 import MHZ19
from simulators.chips.sds011 import SDS011
from simulators.clock import PacedClock
from simulators.uart import PtyDoor
from tests.edge.runners.hands import Bus, Plain, Steps

PATIENCE_S = 30.0
Start = Callable[..., "tuple[BusThread, queue.Queue[Event]]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts bus threads and sees that they end."""
    threads: list[BusThread] = []

    def started(runner: Runner, clock: PacedClock | SystemClock) -> tuple[BusThread, queue.Queue[Event]]:
        events: queue.Queue[Event] = queue.Queue()
        threads.append(BusThread(runner, clock, events.put))
        threads[-1].start()
        return threads[-1], events

    yield started
    for thread in threads:
        assert thread.stop(PATIENCE_S)
        assert not thread.alive


def until(events: queue.Queue[Event], wanted: Callable[[Event], bool]) -> Event:
    while True:
        event = events.get(timeout=PATIENCE_S)
        if wanted(event):
            return event


def is_sampled(event: Event) -> bool:
    return isinstance(event, Sampled)


def has_failed(event: Event) -> bool:
    return isinstance(event, Failed)


def test_samples_come_on_the_clock_of_the_street(start: Start) -> None:
    runner = I2CRunner(Bus().open, [Seat("a", Plain(), 10_000, 1)])
    thread, events = start(runner, PacedClock(speed=200))
    stamps = [event.at_ms for _ in range(4) if isinstance(event := until(events, is_sampled), Sampled)]
    assert thread.stop(PATIENCE_S)
    slots = [at // 10_000 for at in stamps]
    assert len(set(slots)) == 4
    assert slots[-1] - slots[0] - 3 <= runner.counters()["a"]["missed"]


def test_a_stream_and_a_talk_over_real_terminals(tmp_path: Path, start: Start) -> None:
    clock = PacedClock(speed=20)
    dust, co2 = tmp_path / "ttyUSB0", tmp_path / "ttyUSB1"
    plans = [
        SensorPlan("dust", "sds011", "uart", str(dust)),
        SensorPlan("co2", "mhz19", "uart", str(co2)),
    ]
    with PtyDoor(SDS011(clock.boot_us), dust), PtyDoor(MHZ19(clock.boot_us), co2):
        for runner in runners_for(plans, system_ports()):
            thread, events = start(runner, clock)
            event = until(events, is_sampled)
            assert isinstance(event, Sampled)
            assert event.readings
            assert thread.stop(PATIENCE_S)


def test_pulled_out_and_put_back(tmp_path: Path, start: Start) -> None:
    clock = PacedClock(speed=20)
    path = tmp_path / "ttyUSB0"
    driver = catalog.driver("sds011")()
    assert isinstance(driver, StreamDriver)
    with PtyDoor(SDS011(clock.boot_us), path) as door:
        runner = StreamRunner("dust", driver, 1_000, lambda: system_ports().serial(str(path), driver.line))
        _, events = start(runner, clock)
        until(events, is_sampled)
        door.unplug()
        failed = until(events, has_failed)
        assert isinstance(failed, Failed)
        assert failed.cause == "bus"
        door.plug()
        until(events, is_sampled)


def test_it_is_woken_to_end_and_to_read_out_of_turn(start: Start) -> None:
    bus = Bus()
    thread, events = start(I2CRunner(bus.open, [Seat("a", Plain(), 3_600_000, 1)]), SystemClock())
    until(events, is_sampled)
    thread.ask("a")
    until(events, is_sampled)
    assert thread.stop(PATIENCE_S)
    assert not thread.alive


def test_a_pause_is_kept_by_the_real_clock(start: Start) -> None:
    clock = SystemClock()
    at: list[int] = []

    def behave(address: int, data: bytes | None, count: int) -> bytes:
        at.append(clock.boot_us())
        return bytes(count)

    patient = Steps([Write(b"m"), Pause(0.05), Read(1)])
    _, events = start(I2CRunner(Bus(behave).open, [Seat("a", patient, 60_000, 1)]), clock)
    until(events, is_sampled)
    assert at[-1] - at[-2] >= 50_000


def test_it_does_not_spin(start: Start) -> None:
    """A port that is readable for ever, and a runner that never reads it, are looked at in measure."""
    looked = threading.Event()
    readable = open("/dev/zero", "rb")  # noqa: SIM115 - held until the thread has ended

    class Blind:
        sensors: tuple[str, ...] = ()
        fd: int | None = readable.fileno()
        gather_ms = 50
        steps: list[int] = []  # noqa: RUF012 - one instance

        def step(self, now_ms: int) -> list[Event]:
            self.steps.append(now_ms)
            if len(self.steps) == 10:
                looked.set()
            return []

        def next_due_ms(self) -> int | None:
            return None

        def ask(self, sensor: str) -> None: ...

        def counters(self) -> dict[str, dict[str, int]]:
            return {}

        def close(self) -> None: ...

    blind = Blind()
    thread, _ = start(blind, SystemClock())
    assert looked.wait(PATIENCE_S)
    assert thread.stop(PATIENCE_S)
    readable.close()
    assert blind.steps[9] - blind.steps[0] >= 9 * 50 - 10


def test_nothing_is_left_open_whether_it_ran_or_not(start: Start) -> None:
    def open_files() -> set[str]:
        return {str(path) for path in Path("/proc/self/fd").iterdir()}

    before = open_files()
    runner = I2CRunner(Bus().open, [Seat("a", Plain(), 10_000, 1)])
    assert BusThread(runner, SystemClock(), lambda event: None).stop()
    thread, events = start(runner, SystemClock())
    until(events, is_sampled)
    assert thread.stop(PATIENCE_S)
    thread.wake()
    assert thread.stop(PATIENCE_S)
    assert len(open_files()) <= len(before)
