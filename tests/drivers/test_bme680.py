"""BME680 and BME688: four quantities, a heater, and gas only where the chip itself believes it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.bme680 import BME680, HIGH, LOW, Calibration, wait_code
from drivers.errors import BusFault, DeviceFault, NotMeasured, NotReady, WrongChip
from drivers.reading import Flag, Quantity
from drivers.talk import Write
from simulators.chips.bme680 import BME680 as Chip
from simulators.chips.bme680 import BURNT
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, played, vectors

TRIM = Calibration.decode(BURNT[0x8A], BURNT[0xE1], BURNT[0x00])
RAW = [v for chip in ("BME680", "BME688") for v in vectors("vectors-i2c.json", chip)]
FIELDS = [v for v in RAW if "input" not in v["raw"]]


@pytest.mark.parametrize("vector", FIELDS, ids=lambda vector: vector["id"])
def test_raw_vectors(vector: dict[str, Any]) -> None:
    found = played({"driver": "bme680", "config": {}, "door": vector["raw"]})
    for name, allowed in vector["tolerance"].items():
        assert found[name] == pytest.approx(vector["expected"][name]["value"], abs=allowed)


def test_the_published_heater_registers() -> None:
    (vector,) = [v for v in RAW if v["id"] == "bme680-10"]
    asked, wanted = vector["raw"]["input"], vector["expected"]
    assert TRIM.heat(asked["target_c"], asked["ambient_c"]) == pytest.approx(wanted["res_heat_0"]["value"], abs=1)
    assert wait_code(asked["duration_ms"]) == wanted["gas_wait_0"]["value"]


@given(st.integers(1, 4032))
def test_the_heating_time_is_told_within_its_step(milliseconds: int) -> None:
    code = wait_code(milliseconds)
    told = (code & 0x3F) * 4 ** (code >> 6)
    assert told <= milliseconds < told + 4 ** (code >> 6) or (code == 0xFF and milliseconds >= 0xFC0)


@pytest.mark.parametrize(("byte", "error"), [(0x00, 0), (0x10, 1), (0x70, 7), (0x80, -8), (0xF0, -1), (0xFF, -1)])
def test_the_range_error_has_a_sign(byte: int, error: int) -> None:
    trim = Calibration.decode(BURNT[0x8A], BURNT[0xE1], bytes([0, 0, 0, 0, byte]))
    assert trim.range_error == error
    assert trim.ohms(LOW, 512, 0) == pytest.approx(8e6)
    assert trim.ohms(LOW, 1023, 0) == pytest.approx(8e6 / (1 + 511 / (1340 + 5 * error)))


def bench(**settings: float) -> Bench:
    ready = Bench("bme680", **settings)
    ready.set_up()
    return ready


@pytest.mark.parametrize("variant", [LOW, HIGH])
@pytest.mark.parametrize("ohms", [2_000.0, 12_345.0, 50_000.0, 499_000.0])
def test_gas_is_told_to_a_thousandth(variant: int, ohms: float) -> None:
    made = Bench("bme680")
    assert isinstance(made.chip, Chip)
    made.chip.variant = variant
    made.chip.feels[Quantity.GAS_RESISTANCE] = ohms
    made.set_up()
    assert made.values()[Quantity.GAS_RESISTANCE] == pytest.approx(ohms, rel=1e-3)


@pytest.mark.parametrize("word", ["7d05", "7d15", "7d25"])
def test_gas_that_is_not_valid_or_not_stable_is_left_out(word: str) -> None:
    made = bench()
    made.chip.load({"regs": {"0x1D": f"8000549d0077a9c05014000000{word}0000"}})
    assert set(made.values()) == {Quantity.TEMPERATURE, Quantity.HUMIDITY, Quantity.PRESSURE}


def test_a_cold_heater_measures_no_gas_and_is_never_started() -> None:
    made = bench(heater_c=0)
    assert Quantity.GAS_RESISTANCE not in made.driver.measures
    assert Quantity.GAS_RESISTANCE not in made.values()
    assert made.steps[-5] == Write(bytes.fromhex("70087100744d"))


def test_the_profile_of_the_board_reaches_the_chip() -> None:
    made = bench(heater_c=200, heater_ms=60)
    made.read()
    (start,) = [step.data for step in made.steps if isinstance(step, Write) and step.data[0] == 0x5A]
    assert start[1] == TRIM.heat(200, 25.0) and start[3] == 60
    made.chip.feels[Quantity.TEMPERATURE] = -30.0
    made.read()
    made.read()
    last = [step.data for step in made.steps if isinstance(step, Write) and step.data[0] == 0x5A][-1]
    assert last[1] == TRIM.heat(200, -30.0) < start[1]


def test_too_short_a_heating_gives_no_gas() -> None:
    assert Quantity.GAS_RESISTANCE not in bench(heater_ms=10).values()


@pytest.mark.parametrize(("settings", "why"), [({"heater_c": 500}, "0 and 400"), ({"heater_ms": 0}, "1 and 4032")])
def test_settings_have_bounds(settings: dict[str, int], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        BME680(**settings)


def test_needs_setup() -> None:
    with pytest.raises(NotReady):
        follow(BME680().read(), "")


@pytest.mark.parametrize(("chip_id", "found"), [(0x60, "BME280"), (0x58, "BMP280"), (0x00, "id 00")])
def test_says_who_answers_instead(chip_id: int, found: str) -> None:
    with pytest.raises(WrongChip, match=f"expected a BME680 or BME688, found .*{found}"):
        follow(BME680().setup(), f"x d0 {chip_id:02x}")


def test_an_unknown_variant_is_no_guess() -> None:
    with pytest.raises(WrongChip, match="variant 02"):
        follow(BME680().setup(), "x d0 61\nw e0b6\np 10\nx f0 02\nx f0 02")


@pytest.mark.parametrize("filling", ["00", "ff"])
@pytest.mark.parametrize(("first", "count"), [("0x8A", 23), ("0xE1", 14)])
def test_empty_calibration_is_a_dead_bus(first: str, count: int, filling: str) -> None:
    made = Bench("bme680")
    made.chip.load({"regs": {first: filling * count}})
    with pytest.raises(BusFault):
        made.set_up()


@pytest.mark.parametrize("field", ["80008000007a9c0050140000", "8000549d0080000050140000", "8000549d0077a9c080000000"])
def test_a_skipped_channel_is_no_number(field: str) -> None:
    made = bench()
    made.chip.load({"regs": {"0x1D": field + "007d350000"}})
    with pytest.raises(NotMeasured):
        made.read()


def test_power_lost_between_readings_is_noticed_and_got_over() -> None:
    made = bench()
    before = made.values()
    made.chip.faults.brown_out()
    with pytest.raises(DeviceFault, match="without power"):
        made.read()
    assert made.talk(made.driver.setup()) is False
    assert made.values() == pytest.approx(before)
    assert made.talk(made.driver.setup()) is True


def test_stuck_busy() -> None:
    made = bench()
    made.chip.faults.stuck_busy = True
    with pytest.raises(NotReady):
        made.read()


def test_a_converter_at_its_end_is_flagged() -> None:
    made = bench()
    made.chip.faults.saturate = True
    flags = {reading.quantity: reading.flags for reading in made.read()}
    assert flags[Quantity.TEMPERATURE] == flags[Quantity.PRESSURE] == Flag.RANGE


blocks = st.tuples(*(st.binary(min_size=n, max_size=n) for n in (23, 14, 5)))


@given(blocks, st.integers(0, 0xFFFFF), st.integers(0, 0xFFFF), st.integers(0, 1023), st.integers(0, 15))
def test_compensation_is_finite(
    burnt: tuple[bytes, bytes, bytes], word: int, humidity: int, gas: int, gas_range: int
) -> None:
    trim = Calibration.decode(*burnt)
    fine = trim.fine(word)
    assert math.isfinite(fine) and 0.0 <= trim.percent(humidity, fine / 5120.0) <= 100.0
    assert all(0.0 < trim.ohms(variant, gas, gas_range) < 1.1e8 for variant in (LOW, HIGH))
    assert 0 <= trim.heat(320, fine / 5120.0) <= 255
    try:
        assert math.isfinite(trim.pascal(word, fine))
    except NotMeasured:
        pass
