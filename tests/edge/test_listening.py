"""What a scan hears on serial ports, at real terminals, and that it speaks only into silence."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.catalog import drivers
from drivers.driver import SerialDriver, SerialLine
from drivers.errors import BusFault
from drivers.stream import StreamDriver
from edge import listening, plain
from edge.buses.port import PortOpener, SerialPort
from edge.buses.system import system_ports
from edge.listening import ASK_S, LISTEN_S, listen
from edge.scan import users_of
from edge.survey import survey
from edge.wiring import SensorPlan
from simulators.chips.serial_chip import SerialChip
from simulators.clock import PacedClock
from simulators.shelf import chip
from simulators.uart import PtyDoor
from tests.edge.pole import no_lines, refuse

SPEED = 20.0
LISTENED = {kind().line for kind in drivers() if issubclass(kind, StreamDriver)}  # the settings that are listened at
ASKERS = [kind.name for kind in drivers() if issubclass(kind, SerialDriver)]
LONGEST_S = len(LISTENED) * LISTEN_S + len(ASKERS) * ASK_S
LINES = {"sds011": "9600 8N1", "pms5003": "9600 8N1", "mhz19": "9600 8N1", "dsmr": "115200 8N1"}


@dataclass
class Spied:
    """A port, and what was done to it and at which line setting."""

    port: SerialPort
    line: SerialLine
    done: list[tuple[str, int]]

    def read(self, count: int, timeout_s: float) -> bytes:
        self.done.append(("read", self.line.baud))
        return self.port.read(count, timeout_s)

    def write(self, data: bytes) -> None:
        self.done.append(("write", self.line.baud))
        self.port.write(data)

    def drain(self) -> None:
        self.port.drain()

    def close(self) -> None:
        self.done.append(("close", self.line.baud))
        self.port.close()


@dataclass
class Spy:
    """Opens ports that are spied on."""

    opener: Callable[[SerialLine], SerialPort]
    done: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, line: SerialLine) -> SerialPort:
        port = self.opener(line)
        self.done.append(("open", line.baud))
        return Spied(port, line, self.done)

    @property
    def acts(self) -> list[str]:
        return [act for act, _ in self.done]


def hung(name: str, path: Path) -> PtyDoor:
    kind = chip(name)
    assert issubclass(kind, SerialChip)
    return PtyDoor(kind(PacedClock(SPEED).boot_us), path)


def pause(seconds: float) -> None:
    threading.Event().wait(seconds)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chips run twenty times as fast, so listening may be shorter."""
    assert LISTEN_S <= 3
    monkeypatch.setattr(listening, "LISTEN_S", 1.0)


@pytest.mark.parametrize("name", LINES)
@pytest.mark.usefixtures("hasty")
def test_every_chip_is_recognised_at_a_real_terminal(name: str, tmp_path: Path) -> None:
    with hung(name, tmp_path / "ttyUSB0") as door:
        spy = Spy(lambda line: system_ports().serial(str(door.path), line))
        heard = listen(spy, drivers(), pause)
    assert (heard.drivers, heard.line, heard.error) == ((name,), LINES[name], "")
    assert spy.acts.count("open") == spy.acts.count("close")
    if name == "mhz19":
        assert heard.asked == tuple(ASKERS[: ASKERS.index("mhz19") + 1]) and heard.octets == 0
        before = spy.done[: spy.acts.index("write")]
        bauds = [line.baud for line in LISTENED]
        assert all(before.count(("read", baud)) == 4 * bauds.count(baud) for baud in bauds)
    else:
        assert heard.asked == () and "write" not in spy.acts and heard.octets > 0


@dataclass
class Line:
    """A line on which these bytes come, one every `pace_s`, until it is pulled; what is written is kept."""

    says: bytes
    pace_s: float
    pulled_at_s: float = 1e9
    now_s: float = 0.0
    written: bytes = b""

    def open(self, line: SerialLine) -> SerialPort:
        return self

    def read(self, count: int, timeout_s: float) -> bytes:
        ready = min(count, int(timeout_s / self.pace_s), len(self.says))
        self.now_s += ready * self.pace_s if ready == count else timeout_s
        if self.now_s >= self.pulled_at_s:
            raise BusFault("the adapter is gone")
        data, self.says = self.says[:ready], self.says[ready:]
        return data

    def write(self, data: bytes) -> None:
        self.written += data

    def drain(self) -> None:
        """Nothing has arrived."""

    def close(self) -> None:
        """Nothing is held."""


@settings(max_examples=25)
@given(st.binary(max_size=3_000), st.sampled_from([0.0001, 0.001, 0.01, 0.1]))
def test_noise_is_nobody_and_is_asked_once_after_all_listening(noise: bytes, pace_s: float) -> None:
    line = Line(noise, pace_s)
    spy = Spy(line.open)
    heard = listen(spy, drivers(), pause)
    assert heard.drivers == () and heard.asked == tuple(ASKERS) and heard.octets <= len(noise)
    first = spy.acts.index("write")
    assert {baud for act, baud in spy.done[:first] if act == "read"} == {each.baud for each in LISTENED}
    assert line.now_s <= LONGEST_S
    assert line.written.count(b"\xff\x01\x86\0\0\0\0\0\x79") == 1  # nobody is asked twice


def test_a_line_that_never_falls_silent_is_left_after_a_while() -> None:
    line = Line(b"\xff\x86" * 10_000, 0.1)
    assert listen(line.open, drivers(), pause).drivers == ()
    assert line.now_s <= LONGEST_S


@pytest.mark.parametrize("pulled_at_s", [1.0, 4.0, len(LISTENED) * LISTEN_S + 0.5])
def test_an_adapter_that_is_pulled_meanwhile_is_a_sentence(pulled_at_s: float) -> None:
    line = Line(b"", 0.1, pulled_at_s)
    assert listen(line.open, drivers(), pause).error == "the adapter is gone"
    assert bool(line.written) == (pulled_at_s > len(LISTENED) * LISTEN_S)


def street(folder: Path) -> PortOpener:
    """The terminals under this folder's `dev`."""
    return PortOpener(refuse, lambda path, line: system_ports().serial(str(folder) + path, line), no_lines)


def serial(answer: dict[str, object]) -> list[dict[str, Any]]:
    rows = answer["serial"]
    assert isinstance(rows, list)
    return rows


@pytest.mark.usefixtures("hasty")
def test_a_scan_names_what_hangs_on_each_port_and_what_it_did_there(tmp_path: Path) -> None:
    folder = tmp_path / "dev/serial/by-id"
    folder.mkdir(parents=True)
    held = SensorPlan("meter", "dsmr", "uart", str(folder / "usb-d"))
    with (
        hung("sds011", folder / "usb-a"), hung("mhz19", folder / "usb-b"), hung("pms5003", folder / "usb-c"),
        hung("dsmr", folder / "usb-d"),
    ):  # fmt: skip
        busy = system_ports().serial(str(folder / "usb-c"), SerialLine())
        answer = survey(street(tmp_path), pause, [held], keep=True, root=tmp_path)
        busy.close()
    rows = {row["path"].rpartition("/")[2]: row for row in serial(answer)}
    assert rows["usb-a"]["drivers"] == ["sds011"] and rows["usb-b"]["drivers"] == ["mhz19"]
    assert "in use by another program" in rows["usb-c"]["error"] and rows["usb-c"]["drivers"] == []
    assert rows["usb-d"]["held_by"] == "sensor meter (dsmr)" and rows["usb-d"]["sensor"] == "meter"
    told = {line.split()[0].rpartition("/")[2]: line for line in plain.scan(answer | {"i2c": []}).splitlines()}
    assert "sds011 (heard, nothing written)" in told["usb-a"] and "9600 8N1" in told["usb-a"]
    assert "mhz19 (answered when asked, after silence)" in told["usb-b"]
    assert "in use by another program" in told["usb-c"]
    assert "busy: sensor meter (dsmr) has it" in told["usb-d"]


def test_who_asked_in_vain_says_that_something_was_written() -> None:
    row = {"path": "/dev/ttyS0", "device": "/dev/ttyS0", "sensor": "", "held_by": "", "error": "", "drivers": [],
           "line": "", "asked": ["mhz19"], "bytes": 12}  # fmt: skip
    told = plain.scan({"i2c": [], "serial": [row]})
    assert "12 bytes that no driver of ours knows, then no answer to mhz19 (one request written)" in told


def test_who_has_a_device_open_is_named(tmp_path: Path) -> None:
    master, slave = os.openpty()
    device = os.ttyname(slave)
    assert users_of(device).startswith(f"process {os.getpid()} (")
    os.close(slave)
    assert users_of(device) == ""
    os.close(master)
    opened: list[str] = []

    def open_serial(path: str, line: SerialLine) -> SerialPort:
        opened.append(path)
        raise BusFault("never")

    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/ttyAMA0").touch()
    (tmp_path / "proc/77/fd").mkdir(parents=True)
    (tmp_path / "proc/77/comm").write_text("agetty\n")
    (tmp_path / "proc/77/fd/0").symlink_to("/dev/ttyAMA0")
    answer = survey(PortOpener(refuse, open_serial, no_lines), pause, root=tmp_path)
    (row,) = serial(answer)
    assert row["held_by"] == "process 77 (agetty)" and not opened
