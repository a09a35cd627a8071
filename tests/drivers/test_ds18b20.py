"""A DS18B20 as Linux prints it: real prints, prints that lie, and a chip that loses power."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ds18b20 import DS18B20, crc8, scratchpad
from drivers.errors import BusFault, ChecksumError, DeviceFault, DriverError, FramingError, NotReady, WrongChip
from drivers.reading import Quantity
from drivers.talk import Step
from simulators.chips.ds18b20 import DS18B20 as Chip
from simulators.chips.ds18b20 import maxim, printed
from simulators.clock import VirtualClock
from simulators.files import SimulatedFile, file_steps
from simulators.i2c import converse
from simulators.transcript import follow

PRINT = (
    b"72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n"
    b"72 01 4b 46 7f ff 0e 10 57 t=23125\n"
)  # fmt: skip


def chip_and_steps() -> tuple[Chip, Callable[[Step], bytes]]:
    clock = VirtualClock()
    chip = Chip(clock.boot_us)
    clock.advance(60)
    return chip, file_steps(SimulatedFile(chip), clock.advance)


def celsius(perform: Callable[[Step], bytes], driver: DS18B20) -> float:
    readings = converse(driver.read(), perform)
    assert [reading.name for reading in readings] == ["temperature"]
    return readings[0].value


def said(text: bytes) -> float:
    chip, perform = chip_and_steps()
    chip.load({"file": text.decode("latin-1")})
    return celsius(perform, DS18B20())


def of(raw: int, *, config: int = 0x7F) -> bytes:
    body = raw.to_bytes(2, "little", signed=True) + bytes([0x4B, 0x46, config, 0xFF, 0x10 - (raw & 15), 0x10])
    return body + bytes([maxim(body)])


def test_a_print_of_a_real_thermometer() -> None:
    assert said(PRINT) == 23.125
    assert said(PRINT.rstrip(b"\n")) == 23.125


@pytest.mark.parametrize("raw", range(-55 * 16, 125 * 16 + 1, 7))
def test_every_temperature_and_none_below_zero_is_lost(raw: int) -> None:
    if raw != 85 * 16:
        assert said(printed(of(raw))) == raw / 16


@pytest.mark.parametrize(("config", "value"), [(0x1F, 25.5), (0x3F, 25.75), (0x5F, 25.875), (0x7F, 25.9375)])
def test_bits_below_the_resolution_mean_nothing(config: int, value: float) -> None:
    assert said(printed(of(25 * 16 + 15, config=config))) == value


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"", FramingError),
        (b"\n", FramingError),
        (PRINT[:40], FramingError),
        (PRINT + PRINT, FramingError),
        (PRINT.replace(b"YES", b"NO"), ChecksumError),
        (PRINT.replace(b"72 01", b"73 01"), ChecksumError),
        (PRINT.replace(b"t=23125", b"t=24125"), FramingError),
        (PRINT.replace(b"t=23125", b"t=-127000"), FramingError),
        (PRINT.replace(b"57 t=", b"58 t="), FramingError),
        (printed(bytes(9)), FramingError),
        (printed(b"\xff" * 9), ChecksumError),
        (printed(of(85 * 16)), NotReady),
        (printed(of(-127 * 16)), FramingError),
        (printed(of(126 * 16)), FramingError),
        (printed(of(20 * 16, config=0xFF)), WrongChip),
        (bytes(range(256)), FramingError),
    ],
)
def test_prints_that_are_no_temperature(text: bytes, error: type[DriverError]) -> None:
    with pytest.raises(error):
        said(text)


@given(st.integers(0, 71), st.integers(-880, 2000))
def test_no_flipped_bit_of_the_scratchpad_becomes_a_value(bit: int, raw: int) -> None:
    hurt = bytearray(of(raw))
    hurt[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ChecksumError):
        scratchpad(printed(bytes(hurt)).replace(b"NO", b"YES"))


@given(st.binary(max_size=64))
def test_both_crcs_are_the_same(data: bytes) -> None:
    assert crc8(data) == maxim(data)
    assert crc8(data + bytes([crc8(data)])) == 0


def test_the_resolution_is_written_once_and_only_when_it_differs() -> None:
    coarse = printed(of(25 * 16, config=0x1F))
    assert follow(DS18B20(resolution=9).setup(), f"r {PRINT.hex()} /256\nw 390a\nr {coarse.hex()} /256") is None
    assert follow(DS18B20(resolution=9).setup(), f"r {coarse.hex()} /256") is True
    assert follow(DS18B20().setup(), f"r {PRINT.hex()} /256") is True
    chip, perform = chip_and_steps()
    driver = DS18B20(resolution=10)
    assert converse(driver.setup(), perform) is None
    assert chip.bits == 10
    assert converse(driver.setup(), perform) is True
    assert chip.burns == 0


def test_a_resolution_that_does_not_stick_is_a_fault() -> None:
    chip, perform = chip_and_steps()
    chip.load({"file": PRINT.decode()})
    with pytest.raises(DeviceFault, match="works at 12"):
        converse(DS18B20(resolution=9).setup(), perform)


def test_a_chip_that_lost_power_says_nothing_until_it_is_set_up_again() -> None:
    chip, perform = chip_and_steps()
    driver = DS18B20(resolution=10)
    converse(driver.setup(), perform)
    assert celsius(perform, driver) == 20
    chip.faults.brown_out()
    for why in ("85", "12 bits"):
        with pytest.raises(NotReady, match=why):
            celsius(perform, driver)
    assert converse(driver.setup(), perform) is None
    assert celsius(perform, driver) == 20


@pytest.mark.parametrize(("bits", "allowed"), [(9, 0.25), (10, 0.125), (11, 0.0625), (12, 0.03125)])
def test_each_resolution(bits: int, allowed: float) -> None:
    chip, perform = chip_and_steps()
    driver = DS18B20(resolution=bits)
    converse(driver.setup(), perform)
    for felt in (-54.9, -0.3, 0.0, 20.11, 83.9, 124.9):
        chip.feels[Quantity.TEMPERATURE] = felt
        assert abs(celsius(perform, driver) - felt) <= allowed


@pytest.mark.parametrize(
    "knob", ["unplug", "sda_stuck", "stuck_busy", "nack_next", "corrupt", "garbage", "wrong_chip_id"]
)
def test_every_fault_is_an_error_and_passes(knob: str) -> None:
    chip, perform = chip_and_steps()
    chip.faults.turn(knob, 1)
    with pytest.raises(DriverError):
        celsius(perform, DS18B20())
    chip.faults.wrong_chip_id = None
    for switch in ("unplug", "sda_stuck", "stuck_busy"):
        chip.faults.turn(switch, 0)
    assert celsius(perform, DS18B20()) == 20


def test_probe() -> None:
    chip, perform = chip_and_steps()
    assert converse(DS18B20().probe(), perform)
    chip.faults.wrong_chip_id = 0x10
    assert not converse(DS18B20().probe(), perform)
    chip.faults.unplug = True
    with pytest.raises(BusFault):
        SimulatedFile(chip).read(1)
    assert not converse(DS18B20().probe(), perform)
