"""What a scan finds, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.catalog import drivers
from drivers.errors import BusFault, Nack
from edge.scan import READ_ONLY, Found, SerialFound, held_by_kernel, i2c_buses, scan_i2c, serial_ports
from simulators import shelf
from simulators.chips.chip import I2CChip
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from tests.edge.runners.hands import Bus

BUS = "/dev/i2c-1"
ON_THE_BUS = ["bme280", "sht31", "scd4x", "sps30"]


def test_every_chip_on_the_shelf_is_recognised_by_its_own_driver_and_no_other() -> None:
    clock = VirtualClock(now_us=10_000_000)
    chips = [shelf.chip(name)(clock.boot_us) for name in ON_THE_BUS]
    bus = SimulatedI2C({chip.address: chip for chip in chips if isinstance(chip, I2CChip)})
    clock.advance(2)  # they were switched on just now
    found = scan_i2c(BUS, bus, drivers(), clock.advance)
    assert {found.address: found.drivers for found in found} == {
        chip.address: (chip.name,) for chip in chips if isinstance(chip, I2CChip)
    }


@given(st.sets(st.integers(0x08, 0x77)), st.sets(st.integers(0x08, 0x77)))
def test_asks_as_i2cdetect_does(there: set[int], held: set[int]) -> None:
    def behave(address: int, data: bytes | None, count: int) -> bytes:
        if address not in there:
            raise Nack("nobody")
        return bytes(count)

    bus = Bus(behave)
    names = dict.fromkeys(held, "rtc-ds1307")
    found = scan_i2c(BUS, bus, [], lambda seconds: None, names)
    assert [f.address for f in found] == sorted(there | held)
    assert {f.address for f in found if f.held_by} == held
    asked = {address: (data, count) for address, data, count in bus.heard}
    assert set(asked) == set(range(0x08, 0x78)) - held
    assert all(asked[a] == ((None, 1) if a in READ_ONLY else (b"", 0)) for a in asked)


def test_a_dead_bus_says_so_and_a_lame_address_does_not_hide_the_others() -> None:
    def dead(address: int, data: bytes | None, count: int) -> bytes:
        raise BusFault("a line is held low")

    with pytest.raises(BusFault, match="held low"):
        scan_i2c(BUS, Bus(dead), drivers(), lambda seconds: None)

    def lame(address: int, data: bytes | None, count: int) -> bytes:
        if address == 0x20:
            raise BusFault("broke off")
        if address != 0x21:
            raise Nack("nobody")
        return bytes(count)

    assert scan_i2c(BUS, Bus(lame), drivers(), lambda seconds: None) == [Found(BUS, 0x21, ())]


def test_buses_and_what_the_kernel_holds(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    for number in (10, 1, 2):
        (tmp_path / f"dev/i2c-{number}").touch()
    assert i2c_buses(tmp_path) == ["/dev/i2c-1", "/dev/i2c-2", "/dev/i2c-10"]
    driver = tmp_path / "sys/bus/i2c/drivers/rtc-ds1307"
    driver.mkdir(parents=True)
    for name, bound in (("1-0068", True), ("1-0050", False), ("11-0068", True)):
        device = tmp_path / "sys/bus/i2c/devices" / name
        device.mkdir(parents=True)
        if bound:
            (device / "driver").symlink_to(driver)
    assert held_by_kernel("/dev/i2c-1", tmp_path) == {0x68: "rtc-ds1307"}


def test_serial_ports_by_the_path_that_stays(tmp_path: Path) -> None:
    for name in ("ttyUSB0", "ttyUSB1", "ttyAMA0"):
        (tmp_path / "dev").mkdir(exist_ok=True)
        (tmp_path / "dev" / name).touch()
    for folder, name, device in (
        ("by-id", "usb-1a86_USB_Serial-if00-port0", "ttyUSB0"),
        ("by-path", "platform-usb-0:1.2:1.0-port0", "ttyUSB0"),
        ("by-path", "platform-usb-0:1.3:1.0-port0", "ttyUSB1"),
    ):
        (tmp_path / "dev/serial" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "dev/serial" / folder / name).symlink_to(f"../../{device}")
    (tmp_path / "dev/serial0").symlink_to("ttyAMA0")
    assert serial_ports(tmp_path) == [
        SerialFound("/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0", "/dev/ttyUSB0"),
        SerialFound("/dev/serial/by-path/platform-usb-0:1.3:1.0-port0", "/dev/ttyUSB1"),
        SerialFound("/dev/serial0", "/dev/ttyAMA0"),
    ]
