"""SCD30: it remembers everything, so little is said to it, and 0 ppm is never believed."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.checks import word, words
from drivers.errors import ChecksumError, DeviceFault, DriverError, Nack, NotMeasured, NotReady
from drivers.reading import Flag, Quantity
from drivers.scd30 import INTERVAL, NO_PRESSURE, SCD30, START
from drivers.sensirion import command
from drivers.setting import SettingValue
from simulators.chips.scd30 import SCD30 as Chip
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, vectors

RAW = {vector["id"]: vector for vector in vectors("vectors-i2c.json", "SCD30")}


def bench_of(**settings: SettingValue) -> tuple[Bench, Chip]:
    bench = Bench("scd30", **settings)
    assert isinstance(bench.chip, Chip)
    return bench, bench.chip


def floats(*values: float) -> str:
    raw = struct.pack(">3f", *values)
    return b"".join(word(int.from_bytes(raw[at : at + 2], "big")) for at in range(0, 12, 2)).hex()


@pytest.mark.parametrize("name", ["scd30-01", "scd30-02"])
def test_published_measurements(name: str) -> None:
    vector: dict[str, Any] = RAW[name]
    said = f"w 0202\np 10\nr {RAW['scd30-07']['raw']['response']}\nw 0300\np 10\nr {vector['raw']['response']}"
    found = {reading.name: reading.value for reading in follow(SCD30().read(), said)}
    for quantity, expected in vector["expected"].items():
        assert found[quantity] == pytest.approx(expected["value"], abs=vector["tolerance"][quantity])


def test_published_commands() -> None:
    assert bool(words(bytes.fromhex(RAW["scd30-07"]["raw"]["response"]))[1]) is True
    assert command(START, NO_PRESSURE).hex() == RAW["scd30-09"]["expected"]["tx"]["value"]
    assert command(INTERVAL, 2).hex() == RAW["scd30-10"]["expected"]["tx"]["value"]


def test_settings_and_the_start_are_burnt_in_once() -> None:
    bench, chip = bench_of(auto_calibration="on", measure_every_s=5, temperature_offset_c=2.5, altitude_m=440)
    bench.set_up()
    assert chip.writes == ["interval", "offset", "altitude", "self_calibration", "start"]
    assert (chip.kept["offset"], chip.kept["altitude"], chip.kept["interval"]) == (250, 440, 5)
    for _ in range(3):
        bench.read()
        bench.set_up()
    chip.power_on()
    bench.clock.advance(3)
    bench.set_up()
    assert len(chip.writes) == 5


@pytest.mark.parametrize(("chosen", "before", "after"), [("keep", 1, 1), ("keep", 0, 0), ("on", 0, 1), ("off", 1, 0)])
def test_self_calibration(chosen: str, before: int, after: int) -> None:
    bench, chip = bench_of(auto_calibration=chosen)
    chip.kept["self_calibration"] = before
    bench.set_up()
    assert chip.kept["self_calibration"] == after


def test_a_setting_that_does_not_stick_is_a_fault() -> None:
    bench, chip = bench_of(altitude_m=440)
    chip.load({"command": "5102", "response": "000081"})
    with pytest.raises(DeviceFault, match="altitude"):
        bench.set_up()


def test_where_it_ends_the_value_is_only_a_bound() -> None:
    for co2, flag in ((40_000.0, Flag.RANGE), (39_999.0, Flag.NONE)):
        found = follow(SCD30().read(), f"w 0202\np 10\nr 0001b0\nw 0300\np 10\nr {floats(co2, 20.0, 50.0)}")
        assert [reading.flags for reading in found] == [flag, Flag.NONE, Flag.NONE]


def test_zero_after_a_loss_of_power_is_no_measurement_and_the_warm_up_begins_anew() -> None:
    bench, chip = bench_of()
    bench.set_up()
    bench.read()
    assert bench.talk(bench.driver.setup()) is True
    bench.read()
    chip.zeroes = 1
    chip.faults.brown_out()
    with pytest.raises(DriverError):
        bench.read()
    bench.clock.advance(5)
    with pytest.raises(NotMeasured, match="0 ppm"):
        bench.read()
    assert bench.talk(bench.driver.setup()) is False
    assert bench.values()[Quantity.CO2] == pytest.approx(430.0)


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_gives_no_value(place: int, broken: float) -> None:
    values = [500.0, 20.0, 50.0]
    values[place] = broken
    with pytest.raises(NotMeasured):
        follow(SCD30().read(), f"w 0202\np 10\nr 0001b0\nw 0300\np 10\nr {floats(*values)}")


@pytest.mark.parametrize("ppm", [-1.0, 0.0, 1e9])
def test_what_no_air_holds(ppm: float) -> None:
    with pytest.raises(NotMeasured):
        follow(SCD30().read(), f"w 0202\np 10\nr 0001b0\nw 0300\np 10\nr {floats(ppm, 20.0, 50.0)}")


def test_waits_for_a_measurement_and_no_longer() -> None:
    bench, chip = bench_of()
    bench.set_up()
    bench.read()
    chip.faults.stuck_busy = True
    began = bench.clock.now_us
    with pytest.raises(NotReady):
        bench.read()
    assert (bench.clock.now_us - began) / 1e6 == pytest.approx(3.0, abs=0.3)


def test_somebody_stopped_it() -> None:
    bench, chip = bench_of()
    bench.set_up()
    chip.transfer(bytes.fromhex("0104"), 0)
    bench.clock.advance(1)
    with pytest.raises(NotReady):
        bench.read()
    bench.set_up()
    assert bench.values()[Quantity.CO2] == pytest.approx(430.0)


def test_no_repeated_start_and_no_hasty_reading() -> None:
    bench, chip = bench_of()
    bench.clock.advance(2)
    with pytest.raises(Nack):
        chip.transfer(bytes.fromhex("0202"), 3)
    bench.clock.advance(0.002)
    with pytest.raises(Nack):
        chip.transfer(None, 3)


@pytest.mark.parametrize("refused", ["4600 0001", "5204 0100", "0010 0064", "5306 0002"])
def test_the_chip_refuses_what_is_out_of_its_range(refused: str) -> None:
    _, chip = bench_of()
    code, value = refused.split()
    with pytest.raises(Nack):
        chip.transfer(bytes.fromhex(code) + word(int(value, 16)), 0)


def test_probe() -> None:
    bench, _ = bench_of()
    assert bench.talk(SCD30().probe()) is True
    assert follow(SCD30().probe(), "w 0202 !nack") is False
    assert follow(SCD30().probe(), f"w 0202\np 10\nr {word(0x8000).hex()}") is False


@given(st.integers(0, 17), st.integers(0, 7))
def test_no_value_from_a_damaged_answer(byte: int, bit: int) -> None:
    good = bytearray.fromhex(RAW["scd30-01"]["raw"]["response"])
    good[byte] ^= 1 << bit
    with pytest.raises(ChecksumError):
        follow(SCD30().read(), f"w 0202\np 10\nr 0001b0\nw 0300\np 10\nr {good.hex()}")


def test_a_chip_that_measures_seldom_is_not_asked_often() -> None:
    bench, chip = bench_of(measure_every_s=1_800)
    bench.set_up()
    chip.faults.stuck_busy = True
    before = len(bench.steps)
    with pytest.raises(DriverError):
        bench.read()
    assert len(bench.steps) - before <= 250
