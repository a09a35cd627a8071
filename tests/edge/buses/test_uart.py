"""pyserial on real pseudo terminals: exclusive, pulled out, put back, and refused in words."""

from __future__ import annotations

import errno
import os
import pty
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from drivers.driver import SerialLine
from drivers.errors import BusFault
from edge.buses.system import system_ports
from edge.buses.uart import LinuxSerial, why_not


class Terminal:
    """A pty whose other end we hold; the slave is kept closed, so that a hang-up is felt."""

    def __init__(self) -> None:
        self.master, slave = pty.openpty()
        tty.setraw(self.master)
        self.path = os.ttyname(slave)
        os.close(slave)

    def unplug(self) -> None:
        os.close(self.master)
        self.master = -1


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    if terminal.master >= 0:
        terminal.unplug()


def test_bytes_both_ways_and_none_too_many(terminal: Terminal) -> None:
    port = system_ports().serial(terminal.path, SerialLine())
    port.write(b"\xff\x01\x86")
    assert os.read(terminal.master, 9) == b"\xff\x01\x86"
    os.write(terminal.master, b"\x00\x0d\x0a\x11\x13")
    assert port.read(2, 5.0) == b"\x00\x0d"
    assert port.read(3, 5.0) == b"\x0a\x11\x13"
    assert port.read(3, 0.0) == b""
    os.write(terminal.master, b"old")
    assert port.read(1, 5.0) == b"o"
    port.drain()
    assert port.read(9, 0.0) == b""
    port.close()


def test_the_baud_rate_is_the_devices(terminal: Terminal) -> None:
    port = LinuxSerial(terminal.path, SerialLine(115_200))
    assert termios.tcgetattr(terminal.master)[4] == termios.B115200
    port.close()


def test_a_port_has_one_reader(terminal: Terminal) -> None:
    port = LinuxSerial(terminal.path, SerialLine())
    with pytest.raises(BusFault, match="in use by another program"):
        LinuxSerial(terminal.path, SerialLine())
    port.close()
    LinuxSerial(terminal.path, SerialLine()).close()


def test_pulled_out(terminal: Terminal) -> None:
    port = LinuxSerial(terminal.path, SerialLine())
    assert port.fd
    terminal.unplug()
    with pytest.raises(BusFault, match="gone"):
        port.read(1, 0.0)
    with pytest.raises(BusFault, match="gone"):
        port.write(b"x")
    port.close()
    assert not port.fd
    with pytest.raises(BusFault):
        port.read(1, 0.0)


def test_a_pty_without_parity_is_opened_all_the_same(terminal: Terminal) -> None:
    port = LinuxSerial(terminal.path, SerialLine(bits=7, parity="E"))
    assert "8N1" in port.note
    os.write(terminal.master, b"/KFM5")
    assert port.read(5, 5.0) == b"/KFM5"
    port.close()


def test_a_missing_port_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(BusFault, match=r"there is no .*ttyUSB9.*by-id"):
        LinuxSerial(str(tmp_path / "ttyUSB9"), SerialLine())


def test_what_is_no_terminal(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BusFault, match="file"):
        LinuxSerial(str(tmp_path / "file"), SerialLine())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (serial.SerialException(errno.EACCES, "could not open"), "group dialout"),
        (PermissionError(errno.EACCES, "Permission denied"), "group dialout"),
        (serial.SerialException(errno.EBUSY, "busy"), "in use"),
        (serial.SerialException("a sentence of its own"), "a sentence of its own"),
        (termios.error(errno.EIO, "Input/output error"), "adapter is gone"),
        (termios.error(errno.ENOTTY, "Inappropriate ioctl for device"), "Inappropriate ioctl"),
    ],
)
def test_refusals_in_words(error: Exception, words: str) -> None:
    assert words in why_not(error, "/dev/ttyUSB0")
