"""Simulated serial ports: in memory by the clock, and on a real pty through pyserial."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial

from drivers.errors import BusFault, NoAnswer
from drivers.mhz19 import command
from drivers.sds011 import SDS011
from drivers.talk import Pause, Read, Write, WriteRead
from simulators.chips.mhz19 import MHZ19 as Winsen
from simulators.chips.sds011 import SDS011 as Nova
from simulators.chips.serial_chip import LINE_HOLDS
from simulators.clock import PacedClock, VirtualClock
from simulators.uart import PtyDoor, SimulatedSerial, serial_steps
from tests.drivers.streams import heard

PATIENCE_S = 30.0


def nova(clock: VirtualClock) -> SimulatedSerial:
    return SimulatedSerial(Nova(clock.boot_us), clock.advance)


def test_frames_come_on_time_and_not_before() -> None:
    clock = VirtualClock()
    port = nova(clock)
    clock.advance(0.99)
    assert port.read(100, 0.0) == b""
    clock.advance(0.02)
    assert len(port.read(100, 0.0)) == 10


def test_a_read_waits_in_simulated_time_for_what_it_was_promised() -> None:
    clock = VirtualClock()
    port = nova(clock)
    assert len(port.read(15, 5.0)) == 15
    assert clock.now_us == 2_000_000
    assert len(port.read(10, 0.5)) == 5
    assert clock.now_us == 2_500_000


def test_a_late_reader_finds_no_more_than_a_tty_keeps() -> None:
    clock = VirtualClock()
    port = nova(clock)
    clock.advance(3600)
    assert len(port.read(100_000, 0.0)) == LINE_HOLDS


def test_a_sparing_reader_finds_no_more_than_a_tty_keeps() -> None:
    clock = VirtualClock()
    port = nova(clock)
    for _ in range(1000):
        clock.advance(1)
        assert len(port.read(1, 0.0)) == 1
    assert len(port.read(100_000, 0.0)) <= LINE_HOLDS


def test_drain_throws_away_and_close_ends() -> None:
    clock = VirtualClock()
    port = nova(clock)
    clock.advance(3)
    port.drain()
    assert port.read(10, 0.0) == b""
    port.close()
    with pytest.raises(BusFault):
        port.read(10, 0.0)


def test_an_unplugged_adapter_is_a_bus_fault() -> None:
    clock = VirtualClock()
    port = nova(clock)
    port.chip.faults.unplug = True
    for use in (lambda: port.read(1, 0.0), lambda: port.write(b"x"), port.drain):
        with pytest.raises(BusFault):
            use()
    port.chip.faults.unplug = False
    clock.advance(1)
    assert port.read(10, 0.0)


def test_steps_of_a_talk() -> None:
    clock = VirtualClock()
    perform = serial_steps(SimulatedSerial(Winsen(clock.boot_us), clock.advance), clock.advance)
    assert perform(Write(command(0x86))) == b""
    assert perform(Pause(0.5)) == b""
    assert len(perform(Read(9))) == 9
    with pytest.raises(NoAnswer, match="0 of 9"):
        perform(Read(9))
    with pytest.raises(TypeError):
        perform(WriteRead(b"", 1))


@contextmanager
def door(folder: Path, chip: Callable[[PacedClock], Nova | Winsen]) -> Iterator[PtyDoor]:
    with PtyDoor(chip(PacedClock(speed=50)), folder / "ttyUSB0") as opened:
        yield opened


def test_a_stream_through_a_real_pty(tmp_path: Path) -> None:
    with (
        door(tmp_path, lambda clock: Nova(clock.boot_us)) as opened,
        serial.Serial(str(opened.path), 9600, timeout=PATIENCE_S, exclusive=True) as port,
    ):
        data = port.read(100)
    assert heard(SDS011(), [data])[-1] == {"pm2_5": 9.0, "pm10": 14.0}


def test_questions_and_answers_through_a_real_pty(tmp_path: Path) -> None:
    with door(tmp_path, lambda clock: Winsen(clock.boot_us)) as opened:
        for _ in range(3):  # opened and closed again, as a probe does
            with serial.Serial(str(opened.path), 9600, timeout=PATIENCE_S) as port:
                port.write(command(0x86))
                assert port.read(9)[:2] == b"\xff\x86"


def test_bytes_go_through_unchanged(tmp_path: Path) -> None:
    """Also for a client that sets nothing: a tty that is not raw turns CR into LF, echoes, and stops at 03 and 04."""
    every = bytes(range(256))
    with door(tmp_path, lambda clock: Winsen(clock.boot_us)) as opened:
        opened.chip.load({"reply": every.hex()})
        port = os.open(opened.path, os.O_RDWR | os.O_NOCTTY)
        os.write(port, command(0x86))
        got = b""
        while len(got) < len(every) and select.select([port], [], [], PATIENCE_S)[0]:
            got += os.read(port, 256)
        os.close(port)
    assert got == every


def test_unplug_is_felt_and_the_next_plug_may_have_another_number(tmp_path: Path) -> None:
    with door(tmp_path, lambda clock: Nova(clock.boot_us)) as opened:
        port = serial.Serial(str(opened.path), 9600, timeout=PATIENCE_S)
        assert port.read(10)
        opened.unplug()
        assert not os.path.lexists(opened.path)
        with pytest.raises((serial.SerialException, OSError)):
            while port.read(100):
                pass
        port.close()
        with pytest.raises(serial.SerialException):
            serial.Serial(str(opened.path), 9600)
        opened.plug(tmp_path / "ttyUSB1")
        with serial.Serial(str(tmp_path / "ttyUSB1"), 9600, timeout=PATIENCE_S) as again:
            assert len(again.read(10)) == 10


def test_a_busy_port_is_refused(tmp_path: Path) -> None:
    with (
        door(tmp_path, lambda clock: Nova(clock.boot_us)) as opened,
        serial.Serial(str(opened.path), 9600, exclusive=True),
        pytest.raises(serial.SerialException),
    ):
        serial.Serial(str(opened.path), 9600, exclusive=True)


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    before, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(3):
        with door(tmp_path, lambda clock: Nova(clock.boot_us)):
            pass
    assert len(os.listdir("/proc/self/fd")) == before
    assert threading.active_count() == threads
    assert list(tmp_path.iterdir()) == []


