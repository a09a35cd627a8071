"""I2C through the kernel: an unmodified smbus2, a real file descriptor, real ioctls; only the wire is simulated.

A process of its own serves the device file through /dev/fuse. That needs root; elsewhere it is skipped, and says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from smbus2 import SMBus, i2c_msg

from drivers.catalog import driver
from drivers.driver import I2CDriver
from drivers.errors import BusFault, Nack, WrongChip
from drivers.reading import Quantity
from drivers.talk import Pause, Step, Talk
from edge.buses.i2c import LinuxI2C
from simulators.i2c import converse

ROOT = Path(__file__).parent.parent.parent


class Server:
    """`python -m simulators.fuse_i2c` in its own process."""

    def __init__(self, folder: Path, *chips: str) -> None:
        command = [sys.executable, "-m", "simulators.fuse_i2c", str(folder), *chips]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)
        self.path = folder / "i2c-1"
        self.hears("ready")

    def hears(self, wanted: str) -> None:
        assert self.process.stdout
        line = self.process.stdout.readline().strip()
        if line != wanted:
            self.process.kill()
            pytest.fail(f"the device server said {line!r}: {self.process.communicate()[1]}")

    def order(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        self.hears("done")

    def stop(self) -> int:
        self.process.terminate()
        self.process.communicate(timeout=10)
        return self.process.returncode


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if os.geteuid() != 0 or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("NOT TESTED: I2C through the kernel needs root and /dev/fuse")
    serving = Server(tmp_path, "bme280", "sht31@0x45", "scd4x", "sps30")
    yield serving
    assert serving.stop() == 0
    assert list(tmp_path.iterdir()) == [], "the folder is still mounted"


def on_linux(port: LinuxI2C, address: int, talk: Talk[object]) -> object:
    """A talk over the kernel, in real time."""

    def perform(step: Step) -> bytes:
        if isinstance(step, Pause):
            never.wait(step.seconds)  # the datasheet's own pauses: the chip at the other end keeps time, too
            return b""
        return port.transfer(address, getattr(step, "data", None), getattr(step, "count", 0))

    never = threading.Event()
    return converse(talk, perform)


@pytest.mark.root
def test_our_drivers_read_through_the_kernel(server: Server) -> None:
    server.order("feel bme280 temperature -7.25")
    server.order("feel sht31@0x45 humidity 71.5")
    server.order("feel sps30 pm2_5 33.5")
    port = LinuxI2C(str(server.path))
    wanted = (
        ("bme280", 0x76, Quantity.TEMPERATURE, -7.25, 0.006),
        ("sht31", 0x45, Quantity.HUMIDITY, 71.5, 0.002),
        ("sps30", 0x69, Quantity.PM2_5, 33.5, 0.001),
    )
    for name, address, quantity, felt, allowed in wanted:
        speaks = driver(name)()
        assert isinstance(speaks, I2CDriver)
        assert on_linux(port, address, speaks.probe()) is True
        on_linux(port, address, speaks.setup())
        readings = on_linux(port, address, speaks.read())
        assert isinstance(readings, list)
        values = {reading.quantity: reading.value for reading in readings}
        assert values[quantity] == pytest.approx(felt, abs=allowed)
    port.close()


@pytest.mark.root
def test_faults_come_through_as_the_drivers_know_them(server: Server) -> None:
    port = LinuxI2C(str(server.path))
    with pytest.raises(Nack):
        port.transfer(0x50, b"", 0)
    server.order("fault bme280 wrong_chip_id 88")
    with pytest.raises(WrongChip, match="BMP280"):
        on_linux(port, 0x76, driver_of("bme280").setup())
    server.order("fault scd4x sda_stuck")
    with pytest.raises(BusFault):
        port.transfer(0x45, b"", 0)
    port.close()


def driver_of(name: str) -> I2CDriver:
    found = driver(name)()
    assert isinstance(found, I2CDriver)
    return found


@pytest.mark.root
def test_smbus2_as_anybody_uses_it(server: Server) -> None:
    with SMBus(str(server.path)) as bus, SMBus(str(server.path)) as other:
        assert bus.read_byte_data(0x76, 0xD0) == 0x60
        assert len(other.read_i2c_block_data(0x76, 0x88, 26)) == 26
        bus.write_byte_data(0x76, 0xF4, 0x00)
        frame = i2c_msg.read(0x69, 9)
        bus.i2c_rdwr(i2c_msg.write(0x69, [0xD1, 0x00]))
        other.i2c_rdwr(frame)
        assert bytes(frame).hex() == "02030b" + "ff" * 6


@pytest.mark.root
def test_an_order_that_means_nothing_changes_nothing(server: Server) -> None:
    assert server.process.stdin
    server.process.stdin.write("feel toaster temperature 3\nfeel bme280 loudness 3\nhello\n")
    server.order("feel bme280 temperature 3")


def test_a_bus_that_is_not_there_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BusFault, match="raspi-config"):
        LinuxI2C(str(tmp_path / "i2c-9"))
