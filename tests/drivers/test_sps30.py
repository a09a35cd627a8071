"""SPS30: woken twice, read as float or as whole numbers, believed only while its fan turns."""

from __future__ import annotations

import struct

import pytest

from drivers.checks import word
from drivers.errors import ChecksumError, DeviceFault, DriverError, Nack, NotMeasured, NotReady, WrongChip
from drivers.reading import Flag, Quantity
from drivers.sensirion import command
from drivers.sps30 import FORMATS, ORDER, SPS30, START, condition
from drivers.talk import Write
from simulators.chips.sps30 import FAN, FAN_SPEED, LASER
from simulators.chips.sps30 import SPS30 as Chip
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, vectors


def floats(*values: float) -> str:
    """Ten floats as they travel."""
    raw = struct.pack(">10f", *values)
    return b"".join(word(int.from_bytes(raw[at : at + 2], "big")) for at in range(0, 40, 2)).hex()


def test_old_firmware_is_not_asked_for_its_status() -> None:
    bench = Bench("sps30")
    assert isinstance(bench.chip, Chip)
    bench.chip.firmware = 0x0201
    bench.set_up()
    bench.read()
    assert not any(isinstance(step, Write) and step.data == bytes.fromhex("d206") for step in bench.steps)


def test_probe() -> None:
    assert Bench("sps30").talk(SPS30().probe()) is True
    assert follow(SPS30().probe(), "w d002 !nack\np 5\nw d002 !nack\np 5") is False
    assert follow(SPS30().probe(), "w d002\np 5\nr " + word(0x3030).hex() * 4) is False


def test_woken_from_sleep() -> None:
    bench = Bench("sps30")
    bench.chip.transfer(bytes.fromhex("1001"), 0)
    bench.clock.advance(1)
    with pytest.raises(Nack):
        bench.chip.transfer(bytes.fromhex("d002"), 0)
    bench.clock.advance(1)
    bench.set_up()
    assert bench.values()[Quantity.PM2_5] == pytest.approx(6.0)


def test_whole_numbers() -> None:
    bench = Bench("sps30", format="uint16")
    bench.chip.feels.update({Quantity.PM2_5: 12.4, Quantity.NC_PM10: 80.6})
    bench.set_up()
    values = bench.values()
    assert (values[Quantity.PM2_5], values[Quantity.NC_PM10]) == (12.0, 81.0)
    assert set(values) == set(ORDER)


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf"), 1e30])
@pytest.mark.parametrize("place", range(9))
def test_what_is_no_number_gives_no_value(broken: float, place: int) -> None:
    values = [1.0] * 10
    values[place] = broken
    bench = Bench("sps30")
    bench.chip.load({"command": "0300", "response": floats(*values)})
    bench.set_up()
    with pytest.raises(NotMeasured):
        bench.read()


@pytest.mark.parametrize("spoken", ["float", "uint16"])
def test_truncated_answer(spoken: str) -> None:
    bench = Bench("sps30", format=spoken)
    bench.chip.load({"command": "0300", "response": floats(*[1.0] * 10)[:40]})
    bench.set_up()
    with pytest.raises(ChecksumError):
        bench.read()


@pytest.mark.parametrize(("status", "said"), [(FAN, "fan"), (LASER, "laser"), (FAN | LASER | FAN_SPEED, "fan")])
def test_a_broken_device_gives_no_value(status: int, said: str) -> None:
    bench = Bench("sps30")
    assert isinstance(bench.chip, Chip)
    bench.set_up()
    bench.chip.condition = status
    with pytest.raises(DeviceFault, match=said):
        bench.read()


def test_the_published_status_word_is_a_doubt() -> None:
    (vector,) = [v for v in vectors("vectors-i2c.json", "SPS30") if v["id"] == "sps30-10"]
    answer = bytes.fromhex(vector["raw"]["response"])
    assert condition(int.from_bytes(answer[0:2] + answer[3:5], "big")) is Flag.RANGE
    assert condition(0) is Flag.NONE


def test_the_published_start_command() -> None:
    (vector,) = [v for v in vectors("vectors-i2c.json", "SPS30") if v["id"] == "sps30-07"]
    assert command(START, FORMATS[vector["raw"]["input"]["format"]]).hex() == vector["expected"]["tx"]["value"]


@pytest.mark.parametrize(("seconds", "writes"), [(604_800, 0), (0, 1), (86_400, 1), (2**32 - 1, 1)])
def test_fan_cleaning_is_burnt_in_only_when_it_differs(seconds: int, writes: int) -> None:
    bench = Bench("sps30", auto_clean_s=seconds)
    assert isinstance(bench.chip, Chip)
    for _ in range(3):
        bench.set_up()
    said = [s.data for s in bench.steps if isinstance(s, Write) and s.data[:2] == b"\x80\x04" and len(s.data) > 2]
    assert (len(said), bench.chip.cleaning_s) == (writes, seconds)


def test_another_device_at_the_address() -> None:
    bench = Bench("sps30")
    bench.chip.load({"command": "d002", "response": word(0x5345).hex() * 4})
    with pytest.raises(WrongChip, match="SPS30"):
        bench.set_up()


def test_not_measuring() -> None:
    bench = Bench("sps30")
    bench.set_up()
    bench.chip.faults.stuck_busy = True
    with pytest.raises(NotReady):
        bench.read()


def test_old_firmware_is_not_asked_to_prove_the_fan_period() -> None:
    bench = Bench("sps30", auto_clean_s=86_400)
    assert isinstance(bench.chip, Chip)
    bench.chip.firmware = 0x0201
    bench.chip.load({"command": "8004", "response": (word(9) + word(0x3A80)).hex()})
    bench.set_up()
    assert bench.chip.cleaning_s == 86_400


def test_a_fan_period_that_does_not_stick_is_a_fault() -> None:
    bench = Bench("sps30", auto_clean_s=86_400)
    bench.chip.load({"command": "8004", "response": (word(9) + word(0x3A80)).hex()})
    with pytest.raises(DeviceFault, match="cleaning"):
        bench.set_up()


def test_rests_asleep_and_is_woken() -> None:
    bench = Bench("sps30")
    bench.set_up()
    bench.read()
    bench.talk(bench.driver.rest())
    bench.clock.advance(60)
    with pytest.raises(Nack):
        bench.chip.transfer(bytes.fromhex("0202"), 0)
    bench.clock.advance(1)
    assert bench.talk(bench.driver.setup()) is False
    assert bench.values()[Quantity.PM10] == pytest.approx(8.0)
    bench.talk(bench.driver.rest())
    bench.talk(bench.driver.rest())


def test_one_that_goes_on_measuring_is_left_to_it() -> None:
    bench = Bench("sps30")
    assert bench.talk(bench.driver.setup()) is False
    bench.read()
    bench.chip.faults.corrupt()
    with pytest.raises(ChecksumError):
        bench.read()
    assert bench.talk(bench.driver.setup()) is True
    assert bench.talk(bench.driver.setup()) is False, "no reading since: begin anew"
    bench.read()
    bench.chip.power_on()
    assert bench.talk(bench.driver.setup()) is False


def test_power_lost_is_found_out() -> None:
    bench = Bench("sps30")
    bench.set_up()
    bench.read()
    bench.chip.faults.brown_out()
    with pytest.raises(DriverError):
        bench.read()
    bench.set_up()
    assert bench.values()[Quantity.PM10] == pytest.approx(8.0)
