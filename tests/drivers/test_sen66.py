"""SEN66: like its elder siblings, with CO2 and what CO2 needs to be told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ChecksumError, DeviceFault, DriverError, Nack, NotMeasured, WrongChip
from drivers.reading import Quantity
from drivers.sen66 import SEN66
from drivers.setting import SettingValue
from drivers.talk import Write
from simulators.chips.sen66 import SEN66 as Chip
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, vectors

RAW: dict[str, Any] = {vector["id"]: vector for vector in vectors("vectors-i2c.json", "SEN66")}
NAMES = {"pm1p0": "pm1", "pm2p5": "pm2_5", "pm4p0": "pm4", "pm10p0": "pm10"}


def bench_of(**settings: SettingValue) -> tuple[Bench, Chip]:
    bench = Bench("sen66", **settings)
    assert isinstance(bench.chip, Chip)
    return bench, bench.chip


def read_of(response: str) -> str:
    return f"w 0202\np 20\nr 0001b0\nw 0300\np 20\nr {response}\nw d206\np 20\nr 000081000081"


def test_published_measurement() -> None:
    vector = RAW["sen66-01"]
    found = {r.name: r.value for r in follow(SEN66().read(), read_of(vector["raw"]["response"]))}
    for name, expected in vector["expected"].items():
        assert found[NAMES.get(name, name)] == pytest.approx(expected["value"], abs=vector["tolerance"][name])


def test_published_nothing() -> None:
    with pytest.raises(NotMeasured):
        follow(SEN66().read(), read_of(RAW["sen66-02"]["raw"]["response"]))


def test_what_comes_late_is_left_out_until_it_comes() -> None:
    bench, chip = bench_of()
    chip.blanks = True
    chip.power_on()
    bench.clock.advance(1)
    bench.set_up()
    late = {Quantity.CO2, Quantity.NOX_INDEX}
    assert set(bench.values()) == set(SEN66.measures) - late
    bench.clock.advance(12)
    assert set(bench.values()) == set(SEN66.measures) - {Quantity.CO2}
    bench.clock.advance(12)
    assert set(bench.values()) == set(SEN66.measures)


def test_zero_ppm_is_no_measurement() -> None:
    answer = RAW["sen66-01"]["raw"]["response"][:-6] + "000081"
    assert "co2" not in {r.name for r in follow(SEN66().read(), read_of(answer))}


@pytest.mark.parametrize("bit", [4, 6, 7, 9, 11, 12])
def test_a_broken_part_gives_no_value(bit: int) -> None:
    bench, chip = bench_of()
    bench.set_up()
    chip.condition = 1 << bit
    with pytest.raises(DeviceFault):
        bench.read()


def test_settings_reach_the_module_and_what_it_keeps_is_written_once() -> None:
    bench, chip = bench_of(auto_calibration="off", altitude_m=440, temperature_offset_c=-2.0)
    for _ in range(3):
        bench.set_up()
        bench.chip.power_on()
        bench.clock.advance(1)
    bench.set_up()
    assert (chip.self_calibration, chip.settings[0x6736], chip.offsets) == (0, [440], (0xFE70, 0, 0, 0))
    said = [step.data for step in bench.steps if isinstance(step, Write)]
    assert sum(data[:2] == b"\x67\x11" and len(data) > 2 for data in said) == 1


def test_an_offset_of_an_earlier_board_does_not_stay() -> None:
    bench, chip = bench_of(temperature_offset_c=3.0)
    bench.set_up()
    bench.driver = SEN66()
    bench.set_up()
    assert chip.offsets == (0, 0, 0, 0)


@pytest.mark.parametrize(("chosen", "before", "after"), [("keep", 0, 0), ("keep", 1, 1), ("on", 0, 1), ("off", 1, 0)])
def test_self_calibration(chosen: str, before: int, after: int) -> None:
    bench, chip = bench_of(auto_calibration=chosen)
    chip.self_calibration = before
    bench.set_up()
    assert chip.self_calibration == after


def test_a_setting_that_does_not_stick_is_a_fault() -> None:
    bench, chip = bench_of(altitude_m=440)
    chip.load({"command": "6736", "response": "000081"})
    with pytest.raises(DeviceFault, match="altitude"):
        bench.set_up()


def test_the_pressure_next_door_is_told_when_it_changes_and_after_a_loss_of_power() -> None:
    bench, chip = bench_of()
    bench.set_up()
    for pressure, told in ((98_700.0, 987), (98_710.0, 987), (130_000.0, 1200)):
        bench.driver.known = {Quantity.PRESSURE: pressure}
        bench.read()
        assert chip.settings[0x6720] == [told]
    chip.power_on()
    bench.clock.advance(1)
    with pytest.raises(NotMeasured):
        bench.read()
    bench.set_up()
    bench.read()
    assert chip.settings[0x6720] == [1200]


def test_power_lost_is_found_out() -> None:
    bench, chip = bench_of()
    bench.set_up()
    bench.read()
    assert bench.talk(bench.driver.setup()) is True
    chip.faults.brown_out()
    with pytest.raises(DriverError):
        bench.read()
    bench.clock.advance(1)
    assert bench.talk(bench.driver.setup()) is False
    assert bench.values()[Quantity.CO2] == 430.0


def test_another_module() -> None:
    bench, chip = bench_of()
    chip.product = "SEN68"
    assert bench.talk(bench.driver.probe()) is False
    with pytest.raises(WrongChip, match="SEN68"):
        bench.set_up()


@given(st.integers(0, 26), st.integers(0, 7))
def test_no_value_from_a_damaged_answer(byte: int, bit: int) -> None:
    good = bytearray.fromhex(RAW["sen66-01"]["raw"]["response"])
    good[byte] ^= 1 << bit
    with pytest.raises(ChecksumError):
        follow(SEN66().read(), read_of(good.hex()).partition("\nw d206")[0])


@pytest.mark.parametrize("told", ["6711000081", "6736000081", "5607"])
def test_a_measuring_module_refuses_what_would_disturb_it(told: str) -> None:
    bench, chip = bench_of()
    bench.set_up()
    with pytest.raises(Nack):
        chip.transfer(bytes.fromhex(told), 0)
