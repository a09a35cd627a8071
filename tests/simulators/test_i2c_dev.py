"""i2c-dev's ioctls over a simulated bus, called by an unmodified smbus2 in this very process."""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import smbus2.smbus2 as library
from smbus2 import SMBus, i2c_msg

from simulators.chips.bme280 import BME280
from simulators.chips.sht31 import SHT31
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from simulators.i2cdev import RDWR, SMBUS, I2CDevice
from tests.oracles.buses import NoFile, OwnMemory


class Street:
    """A BME280 and an SHT31 on one bus."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.bus = SimulatedI2C({0x76: BME280(self.clock.boot_us), 0x44: SHT31(self.clock.boot_us)})
        self.clock.advance(1)


@pytest.fixture
def street() -> Street:
    return Street()


@pytest.fixture
def smbus(street: Street, monkeypatch: pytest.MonkeyPatch) -> Iterator[SMBus]:
    device = I2CDevice(street.bus)

    def ioctl(descriptor: int, request: int, argument: Any) -> int:
        device.ioctl(request, argument if isinstance(argument, int) else ctypes.addressof(argument), OwnMemory())
        return 0

    monkeypatch.setattr(library, "os", NoFile())
    monkeypatch.setattr(library, "ioctl", ioctl)
    yield SMBus(1)


def test_smbus_calls(smbus: SMBus) -> None:
    assert smbus.read_byte_data(0x76, 0xD0) == 0x60
    assert smbus.read_word_data(0x76, 0x88) == 0x6B70
    assert bytes(smbus.read_i2c_block_data(0x76, 0x88, 24)).hex().startswith("706b4367")
    smbus.write_byte_data(0x76, 0xF2, 0x03)
    assert smbus.read_byte_data(0x76, 0xF2) == 0x03
    smbus.write_i2c_block_data(0x76, 0xF2, [0x01, 0xF5, 0xA0])
    assert (smbus.read_byte_data(0x76, 0xF2), smbus.read_byte_data(0x76, 0xF5)) == (0x01, 0xA0)
    smbus.write_byte(0x76, 0xD0)
    assert smbus.read_byte(0x76) == 0x60
    smbus.write_quick(0x76)
    assert smbus.funcs == 0x0EFF0009


def test_transactions(smbus: SMBus, street: Street) -> None:
    answer = i2c_msg.read(0x76, 1)
    smbus.i2c_rdwr(i2c_msg.write(0x76, [0xD0]), answer)
    assert (bytes(answer), street.bus.transfers) == (b"\x60", 1), "one transfer, with a repeated start"
    smbus.i2c_rdwr(i2c_msg.write(0x76, [0xF2, 0x05]), i2c_msg.write(0x76, [0xF2]), answer)
    assert (bytes(answer), street.bus.transfers) == (b"\x05", 3)
    elsewhere = i2c_msg.read(0x76, 1)
    smbus.i2c_rdwr(i2c_msg.write(0x44, [0x30, 0x41]), elsewhere)
    assert street.bus.transfers == 5, "another address: no common transfer"
    smbus.i2c_rdwr(i2c_msg.write(0x44, [0x24, 0x00]))
    street.clock.advance(0.016)
    climate = i2c_msg.read(0x44, 6)
    smbus.i2c_rdwr(climate)
    assert len(bytes(climate)) == 6


def test_a_read_must_come_last(smbus: SMBus) -> None:
    with pytest.raises(OSError) as refused:
        smbus.i2c_rdwr(i2c_msg.read(0x76, 1), i2c_msg.write(0x76, [0xD0]))
    assert refused.value.errno == errno.EOPNOTSUPP


def test_nobody_there(smbus: SMBus, street: Street) -> None:
    calls: list[Callable[[], object]] = [
        lambda: smbus.read_byte(0x33),
        lambda: smbus.write_quick(0x33),
        lambda: smbus.i2c_rdwr(i2c_msg.write(0x33, [0])),
    ]
    for call in calls:
        with pytest.raises(OSError) as refused:
            call()
        assert refused.value.errno == errno.EREMOTEIO
    street.bus.chips[0x44].faults.sda_stuck = True
    with pytest.raises(OSError) as broken:
        smbus.read_byte(0x76)
    assert broken.value.errno == errno.EIO


def test_what_a_raspberry_pi_can_not_do(smbus: SMBus) -> None:
    with pytest.raises(OSError) as refused:
        smbus.read_block_data(0x76, 0x88)
    assert refused.value.errno == errno.EOPNOTSUPP


@pytest.mark.parametrize("count", [0, 43])
def test_too_few_or_too_many_messages(street: Street, count: int) -> None:
    memory = ctypes.create_string_buffer(struct.pack("PI4x", 0, count))
    with pytest.raises(OSError) as refused:
        I2CDevice(street.bus).ioctl(RDWR, ctypes.addressof(memory), OwnMemory())
    assert refused.value.errno == errno.EINVAL


def test_a_block_beyond_32_bytes(street: Street) -> None:
    block = ctypes.create_string_buffer(bytes([33]), 34)
    call = ctypes.create_string_buffer(struct.pack("BBxxIP", 1, 0x88, 8, ctypes.addressof(block)))
    with pytest.raises(OSError) as refused:
        I2CDevice(street.bus).ioctl(SMBUS, ctypes.addressof(call), OwnMemory())
    assert refused.value.errno == errno.EINVAL


def test_plain_read_and_write_go_to_the_chosen_address(street: Street) -> None:
    device = I2CDevice(street.bus, nack_errno=errno.ENXIO)
    with pytest.raises(OSError) as nobody:
        device.read(1)
    assert nobody.value.errno == errno.ENXIO
    device.ioctl(0x0703, 0x76, OwnMemory())
    assert (device.write(b"\xd0"), device.read(1)) == (1, b"\x60")
    with pytest.raises(OSError) as unknown:
        device.ioctl(0x0799, 0, OwnMemory())
    assert unknown.value.errno == errno.ENOTTY
