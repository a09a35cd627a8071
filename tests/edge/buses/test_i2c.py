"""Linux's errnos as the drivers' errors, through unmodified smbus2 over an ioctl that answers as the kernel does."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from smbus2 import I2cFunc
from smbus2.smbus2 import I2C_FUNCS, I2C_M_RD, I2C_RDWR, i2c_rdwr_ioctl_data

from drivers.errors import BusFault, DriverError, Nack
from edge.buses.i2c import LinuxI2C
from edge.buses.system import system_ports


class Kernel:
    """Notes the messages of each I2C_RDWR, fills reads with 0x5A, or fails with an errno."""

    def __init__(self) -> None:
        self.fails = 0
        self.seen: list[list[tuple[int, int, bytes]]] = []

    def ioctl(self, fd: int, request: int, argument: object) -> int:
        if request == I2C_FUNCS:
            argument.value = I2cFunc.I2C  # type: ignore[attr-defined]
            return 0
        assert request == I2C_RDWR
        if self.fails:
            raise OSError(self.fails, os.strerror(self.fails))
        assert isinstance(argument, i2c_rdwr_ioctl_data)
        messages = [argument.msgs[number] for number in range(argument.nmsgs)]
        for message in messages:
            if message.flags & I2C_M_RD:
                ctypes.memset(message.buf, 0x5A, message.len)
        self.seen.append([(m.addr, m.flags, ctypes.string_at(m.buf, m.len)) for m in messages])
        return 0


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr("smbus2.smbus2.ioctl", kernel.ioctl)
    return kernel


@pytest.fixture
def port(kernel: Kernel, tmp_path: Path) -> LinuxI2C:
    (tmp_path / "i2c-1").touch()
    return LinuxI2C(str(tmp_path / "i2c-1"))


def test_each_transfer_is_one_transaction_of_any_length(port: LinuxI2C, kernel: Kernel) -> None:
    assert port.transfer(0x44, b"\x24\x00", 0) == b""
    assert port.transfer(0x44, None, 60) == b"\x5a" * 60
    assert port.transfer(0x76, b"\xf7", 8) == b"\x5a" * 8
    assert port.transfer(0x10, b"", 0) == b""
    assert kernel.seen == [
        [(0x44, 0, b"\x24\x00")],
        [(0x44, I2C_M_RD, b"\x5a" * 60)],
        [(0x76, 0, b"\xf7"), (0x76, I2C_M_RD, b"\x5a" * 8)],
        [(0x10, 0, b"")],
    ]
    port.close()


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.EREMOTEIO, Nack),
        (errno.ENXIO, Nack),
        (errno.ETIMEDOUT, BusFault),
        (errno.EIO, BusFault),
        (errno.EAGAIN, BusFault),
        (errno.EPROTO, BusFault),
        (errno.ENODEV, BusFault),
        (errno.EBUSY, BusFault),
        (errno.EOPNOTSUPP, BusFault),
        (errno.ENOMEM, BusFault),
    ],
)
def test_errnos_of_a_transfer(port: LinuxI2C, kernel: Kernel, number: int, error: type[DriverError]) -> None:
    kernel.fails = number
    with pytest.raises(error) as told:
        port.transfer(0x62, None, 3)
    assert type(told.value) is error
    assert "0x62" in str(told.value)
    assert "Errno" not in str(told.value)
    kernel.fails = 0
    assert port.transfer(0x62, None, 1) == b"\x5a"


def test_a_bus_that_is_not_there_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(BusFault, match=r"there is no .*i2c-7.*dtparam=i2c_arm=on"):
        system_ports().i2c(str(tmp_path / "i2c-7"))


@pytest.mark.parametrize(("number", "words"), [(errno.EACCES, "group i2c"), (errno.EBUSY, "in use")])
def test_refusals_at_open(number: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("smbus2.smbus2.os.open", refuse)
    opener: Callable[[str], object] = LinuxI2C
    with pytest.raises(BusFault, match=words):
        opener("/dev/i2c-1")


def test_what_is_no_bus(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BusFault, match="file"):
        LinuxI2C(str(tmp_path / "file"))
