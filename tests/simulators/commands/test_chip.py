"""`sim chip`: one simulated chip for any other software: pyserial on a terminal, smbus2 through the kernel, a file."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial
from smbus2 import SMBus, i2c_msg

from drivers.reading import Reading
from drivers.sds011 import SDS011
from simulators.commands.run import run

WHOLE = "import sys; from simulators.cli import main; sys.exit(main())"
ALONE = "import simulators.commands.chip; from simulators.commands.app import app; app()"  # starts four times as fast
PATIENCE_S = 20.0
Capture = pytest.CaptureFixture[str]
ROOT = os.geteuid() == 0 and Path("/dev/fuse").exists()
AS_ROOT = pytest.mark.skipif(not ROOT, reason="NOT TESTED: only root, and with /dev/fuse")


class Served:
    """A `sim chip` that runs, and the end at which it takes orders."""

    def __init__(self, program: str, *words: str) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", program, "chip", *words]
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, bufsize=1)
        self.first = self.line()

    def line(self) -> str:
        """Its next line on stdout."""
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], PATIENCE_S)[0]:
            self.process.kill()
            pytest.fail(f"it says nothing: {self.process.communicate()}")
        return self.process.stdout.readline().strip()

    def order(self, line: str) -> str:
        """What it answers to an order."""
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)
        return self.line()


@contextmanager
def served(program: str, *words: str) -> Iterator[Served]:
    chip = Served(program, *words)
    try:
        yield chip
        chip.process.communicate("stop\n", timeout=PATIENCE_S)
        assert chip.process.returncode == 0
    finally:
        chip.process.kill()
        chip.process.wait()


def test_a_serial_chip_on_a_terminal(tmp_path: Path) -> None:
    place = tmp_path / "dust"
    with served(WHOLE, "sds011", "--bus", str(place), "--feel", "pm2_5=12.5") as chip:
        assert chip.first.startswith(f"ready: {place} is a sds011")
        with serial.Serial(str(place), 9600, timeout=PATIENCE_S) as port:
            assert heard(port)[0].value == 12.5
            assert chip.order("feel pm2_5 33.3") == "done"
            assert any(heard(port)[0].value == 33.3 for _ in range(3))
    assert not place.is_symlink()


def heard(port: serial.Serial) -> list[Reading]:
    """The next report."""
    driver = SDS011()
    for _ in range(100):
        if found := driver.feed(port.read(10)):
            return found[-1]
    raise AssertionError("no report came")


@pytest.mark.root
def test_an_i2c_chip_through_the_kernel(tmp_path: Path) -> None:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("NOT TESTED: I2C through the kernel needs /dev/fuse")
    with served(ALONE, "sht31", "--bus", str(tmp_path), "--address", "0x45", "--feel", "temperature=21.5") as chip:
        assert chip.first == "ready"
        with SMBus(str(tmp_path / "i2c-1")) as bus:
            bus.i2c_rdwr(i2c_msg.write(0x45, [0xF3, 0x2D]))
            status = i2c_msg.read(0x45, 3)
            bus.i2c_rdwr(status)
            assert bytes(status).hex() == "8010e1"
            assert chip.order("fault sht31 nack_next 1") == "done"
            with pytest.raises(OSError):
                bus.i2c_rdwr(i2c_msg.write(0x45, [0xF3, 0x2D]))
            bus.i2c_rdwr(i2c_msg.write(0x45, [0xF3, 0x2D]))


def test_a_chip_behind_a_file_of_the_kernel(tmp_path: Path) -> None:
    place = tmp_path / "28-000000000001" / "w1_slave"
    with served(ALONE, "ds18b20", "--bus", str(place), "--feel", "temperature=21.5") as chip:
        assert chip.first.startswith("ready")
        assert place.read_text().endswith("t=21500\n")
        assert chip.order("feel temperature -3.25") == "done"
        assert place.read_text().endswith("t=-3250\n")
        print("feel co2 400", file=chip.process.stdin, flush=True)
        assert chip.process.stderr is not None
        assert "does not feel co2" in chip.process.stderr.readline()
    assert not place.exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["lidar"], 2, "There is no simulated chip 'lidar'"),
        (["pulse_counter"], 4, "sits on GPIO lines"),
        (["sds011", "--feel", "pm2_5"], 2, "is not like temperature=21.5"),
        (["sds011", "--feel", "co2=400"], 2, "a sds011 feels pm2_5, pm10"),
        (["sds011", "--feel", "pm2_5=nan"], 2, "is not like temperature=21.5"),
        (["sds011", "--address", "0x44"], 2, "a sds011 has none"),
        (["sds011", "--bus", "/dev/null/x"], 4, "/dev/null can not be a folder"),
        (["ds18b20", "--bus", "/dev/null/x"], 4, "/dev/null can not be a folder"),
    ],
)
def test_what_can_not_be_served_is_said(words: list[str], code: int, said: str, capsys: Capture) -> None:
    assert run(["chip", *words]) == code
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())


@AS_ROOT
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--address", "0x99"], 2, "a sht31 answers at 0x44, 0x45"),
        (["--address", "here"], 2, "a sht31 answers at 0x44, 0x45"),
        (["--bus", "/dev/null"], 4, "/dev/null can not be a folder"),
    ],
)
def test_what_can_not_be_served_on_i2c_is_said(words: list[str], code: int, said: str, capsys: Capture) -> None:
    assert run(["chip", "sht31", *words]) == code
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())


@pytest.mark.parametrize("name", ["sds011", "ds18b20"])
def test_what_is_there_already_is_left_alone(name: str, tmp_path: Path, capsys: Capture) -> None:
    place = tmp_path / "mine"
    place.write_text("mine")
    assert run(["chip", name, "--bus", str(place)]) == 4
    assert "is there already" in capsys.readouterr().err
    assert place.read_text() == "mine"


@AS_ROOT
def test_what_a_killed_one_left_is_named_with_its_remedy(tmp_path: Path, capsys: Capture) -> None:
    here = Served(ALONE, "sht31", "--bus", str(tmp_path / "i2c"))
    here.process.kill()
    here.process.communicate()
    try:
        assert run(["chip", "sht31", "--bus", str(tmp_path / "i2c")]) == 4
    finally:
        subprocess.run(["umount", str(tmp_path / "i2c")], check=True)
    assert "sudo umount" in capsys.readouterr().err
