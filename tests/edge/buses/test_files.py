"""Files of the kernel as ports: read anew each time, and every way of being absent told in words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drivers.errors import BusFault
from edge.buses.files import LinuxFile
from edge.buses.port import FilePort, PortOpener
from edge.buses.system import system_ports


def opened(path: Path) -> FilePort:
    return system_ports().files(str(path))


def test_each_reading_is_of_the_file_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "w1_slave"
    path.write_bytes(b"first")
    port = opened(path)
    assert (port.read(100), port.read(2)) == (b"first", b"fi")
    path.write_bytes(b"second")
    assert port.read(100) == b"second"
    port.close()


def test_what_is_written_is_there(tmp_path: Path) -> None:
    path = tmp_path / "w1_slave"
    path.write_bytes(b"")
    opened(path).write(b"11\n")
    assert path.read_bytes() == b"11\n"


def test_a_file_that_vanishes_is_a_fault_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "w1_slave"
    path.write_bytes(b"here")
    port = opened(path)
    path.unlink()
    for use in (lambda: port.read(1), lambda: port.write(b"1")):
        with pytest.raises(BusFault, match="is the device wired"):
            use()
    path.write_bytes(b"again")
    assert port.read(9) == b"again"


def test_what_is_not_there_is_told_when_it_is_opened(tmp_path: Path) -> None:
    with pytest.raises(BusFault, match="w1-gpio"):
        opened(tmp_path / "28-0")


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_only_plain_files_are_opened(tmp_path: Path, kind: str) -> None:
    """A pipe that nobody writes would hold the thread for ever."""
    path = tmp_path / kind
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(BusFault, match="no plain file"):
        LinuxFile(str(path))


def test_what_may_not_be_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "resolution"
    path.write_bytes(b"12")
    port = opened(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(BusFault, match="resolution"):
        port.write(b"9")


def test_ports_without_files_say_so() -> None:
    ports = PortOpener(system_ports().i2c, system_ports().serial, system_ports().lines)
    with pytest.raises(BusFault, match="no files here"):
        ports.files("/sys/x")
