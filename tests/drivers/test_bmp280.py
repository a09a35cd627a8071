"""BMP280: the BME280's arithmetic and doubts, without humidity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.bmp280 import BMP280
from drivers.bosch import reading
from drivers.errors import BusFault, DeviceFault, NotMeasured, NotReady, WrongChip
from drivers.reading import Flag, Quantity
from drivers.talk import Write
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, played, vectors


def test_the_published_example() -> None:
    (vector,) = vectors("vectors-i2c.json", "BMP280")
    found = played({"driver": "bmp280", "config": {}, "door": vector["raw"]})
    assert found == {
        name: pytest.approx(wanted["value"], abs=vector["tolerance"][name])
        for name, wanted in vector["expected"].items()
    }


def test_needs_setup() -> None:
    with pytest.raises(NotReady):
        follow(BMP280().read(), "")


@pytest.mark.parametrize(("chip_id", "found"), [(0x60, "BME280"), (0x61, "BME680"), (0x00, "id 00")])
def test_says_who_answers_instead(chip_id: int, found: str) -> None:
    with pytest.raises(WrongChip, match=f"expected a BMP280, found .*{found}"):
        follow(BMP280().setup(), f"x d0 {chip_id:02x}")


@pytest.mark.parametrize("chip_id", [0x56, 0x57, 0x58])
def test_early_samples_are_known(chip_id: int) -> None:
    assert follow(BMP280().probe(), f"x d0 {chip_id:02x}") is True
    assert follow(BMP280().probe(), "x d0 00 !nack") is False


@pytest.mark.parametrize("filling", ["00", "ff"])
def test_empty_calibration_is_a_dead_bus(filling: str) -> None:
    bench = Bench("bmp280")
    bench.chip.load({"regs": {"0x88": filling * 24}})
    with pytest.raises(BusFault):
        bench.set_up()


@pytest.mark.parametrize("data", ["8000007eed00", "655ac0800000"])
def test_a_skipped_channel_is_no_number(data: str) -> None:
    bench = Bench("bmp280")
    bench.set_up()
    bench.chip.load({"regs": {"0xf7": data}})
    with pytest.raises(NotMeasured):
        bench.read()


def test_power_lost_between_readings_is_noticed_and_got_over() -> None:
    bench = Bench("bmp280")
    bench.set_up()
    before = bench.values()
    bench.chip.faults.brown_out()
    with pytest.raises(DeviceFault, match="without power"):
        bench.read()
    assert bench.talk(bench.driver.setup()) is False
    assert bench.values() == before


def test_setup_leaves_a_healthy_chip_alone() -> None:
    bench = Bench("bmp280")
    assert bench.talk(bench.driver.setup()) is False
    bench.steps.clear()
    assert bench.talk(bench.driver.setup()) is True
    assert not [step for step in bench.steps if isinstance(step, Write)]


def test_a_chip_that_somebody_left_measuring_is_set_up_anew() -> None:
    bench = Bench("bmp280")
    bench.set_up()
    bench.chip.written(bytes([0xF5, 0xA0, 0xF4, 0x57]))
    with pytest.raises(DeviceFault):
        bench.read()
    assert bench.talk(bench.driver.setup()) is False
    assert bench.values()[Quantity.TEMPERATURE] == pytest.approx(18.0, abs=0.01)


def test_stuck_busy() -> None:
    bench = Bench("bmp280")
    bench.set_up()
    bench.chip.faults.stuck_busy = True
    with pytest.raises(NotReady):
        bench.read()


@pytest.mark.parametrize("name", ["bmp280", "bme280"])
def test_a_converter_at_its_end_is_flagged(name: str) -> None:
    bench = Bench(name)
    bench.set_up()
    assert not any(reading.flags for reading in bench.read())
    bench.chip.faults.saturate = True
    flags = {reading.quantity: reading.flags for reading in bench.read()}
    assert flags[Quantity.TEMPERATURE] == flags[Quantity.PRESSURE] == Flag.RANGE


@pytest.mark.parametrize(("quantity", "value", "flag"), [
    (Quantity.TEMPERATURE, 85.1, Flag.RANGE), (Quantity.TEMPERATURE, -40.1, Flag.RANGE),
    (Quantity.PRESSURE, 29_990.0, Flag.RANGE), (Quantity.PRESSURE, 110_010.0, Flag.RANGE),
    (Quantity.TEMPERATURE, 85.0, Flag.NONE), (Quantity.PRESSURE, 30_000.0, Flag.NONE),
])  # fmt: skip
def test_what_the_chip_can_tell_ends_where_its_datasheet_says(quantity: Quantity, value: float, flag: Flag) -> None:
    assert reading(quantity, value).flags is flag


@given(st.floats(-40.0, 85.0), st.floats(30_000.0, 110_000.0))
def test_what_is_felt_is_read_and_unflagged(temperature: float, pressure: float) -> None:
    bench = Bench("bmp280")
    bench.chip.feels.update({Quantity.TEMPERATURE: temperature, Quantity.PRESSURE: pressure})
    bench.set_up()
    found = bench.read()
    assert [reading.flags for reading in found] == [Flag.NONE, Flag.NONE]
    assert [reading.value for reading in found] == [
        pytest.approx(temperature, abs=0.006), pytest.approx(pressure, abs=2.8)
    ]  # fmt: skip
