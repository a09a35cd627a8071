"""Alphasense: two voltages, a sheet, a temperature and, for ozone, a neighbour's NO2."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.alphasense import Alphasense
from drivers.electrodes import TABLE, Cell, Electrode
from drivers.errors import DeviceFault, NotMeasured
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import SettingValue
from simulators.chips.alphasense import Alphasense as Chip
from tests.drivers.i2c_bench import Bench, vectors

RAW = vectors("vectors-i2c.json", "AlphasenseISB")
SHEET: dict[str, SettingValue] = {
    "we_electronic_mv": 224, "we_sensor_mv": -4, "ae_electronic_mv": 226, "ae_sensor_mv": -2,
    "sensitivity_mv_per_ppb": 0.223,
}  # fmt: skip
AIR = {Quantity.TEMPERATURE: 20.0}


def bench(**settings: SettingValue) -> tuple[Bench, Chip]:
    ready = Bench("alphasense", **settings)
    ready.set_up()
    assert isinstance(ready.chip, Chip)
    return ready, ready.chip


def first(made: Bench) -> Reading:
    return made.read()[0]


@pytest.mark.parametrize("vector", RAW, ids=lambda vector: vector["id"])
def test_raw_vectors(vector: dict[str, Any]) -> None:
    asked, expected, allowed = vector["raw"]["input"], vector["expected"], vector["tolerance"]
    we = Electrode(asked["we_electronic_mv"], asked["we_sensor_zero_mv"])
    ae = Electrode(asked["ae_electronic_mv"], asked["ae_sensor_zero_mv"])
    cell = Cell(asked["sensor"], asked["algorithm"], we, ae, asked["sensitivity_mv_per_ppb"])
    celsius = asked["temperature_c"]
    assert cell.factor(celsius) == pytest.approx(expected["factor"]["value"], abs=allowed["factor"])
    corrected = cell.corrected_mv(asked["we_mv"], asked["ae_mv"], celsius)
    assert corrected == pytest.approx(expected["we_corrected"]["value"], abs=allowed["we_corrected"])
    assert corrected / asked["sensitivity_mv_per_ppb"] == pytest.approx(
        expected["concentration"]["value"], abs=allowed["concentration"]
    )


@pytest.mark.parametrize("vector", RAW, ids=lambda vector: vector["id"])
def test_raw_vectors_through_the_converter(vector: dict[str, Any]) -> None:
    asked = vector["raw"]["input"]
    sheet: dict[str, SettingValue] = {
        name: asked[name] for name in ("we_electronic_mv", "ae_electronic_mv", "sensitivity_mv_per_ppb")
    }
    sheet |= {"we_sensor_mv": asked["we_sensor_zero_mv"], "ae_sensor_mv": asked["ae_sensor_zero_mv"]}
    gas = asked["sensor"].partition("-")[0].lower()
    made, chip = bench(gas=gas, model=asked["sensor"], algorithm=asked["algorithm"], **sheet)
    chip.inputs = {0: asked["we_mv"] / 1000, 1: asked["ae_mv"] / 1000}
    made.driver.known = {Quantity.TEMPERATURE: asked["temperature_c"]}
    step_ppb = 2.0 / 32768 * 1000 / asked["sensitivity_mv_per_ppb"] * 3
    reading = first(made)
    assert reading.name == gas
    assert reading.value == pytest.approx(vector["expected"]["concentration"]["value"], abs=step_ppb)


def test_without_a_sheet_only_the_voltages_leave() -> None:
    made, chip = bench()
    assert made.driver.measures == (Quantity.ELECTRODE_VOLTAGE,)
    chip.inputs = {0: 0.2314, 1: 0.229}
    assert {r.name: r.value for r in made.read()} == {
        "electrode_voltage.we": pytest.approx(0.2314, abs=1e-4), "electrode_voltage.ae": pytest.approx(0.229, abs=1e-4)
    }  # fmt: skip


def test_with_it_they_leave_as_well() -> None:
    made, _ = bench(**SHEET)
    made.driver.known = AIR
    assert [r.name for r in made.read()] == ["no2", "electrode_voltage.we", "electrode_voltage.ae"]
    assert made.driver.measures == (Quantity.NO2, Quantity.ELECTRODE_VOLTAGE)


@pytest.mark.parametrize("model", TABLE)
@given(ppb=st.floats(-20.0, 300.0), celsius=st.floats(-30.0, 50.0), data=st.data())
def test_what_a_cell_feels_is_told_with_every_algorithm(
    model: str, ppb: float, celsius: float, data: st.DataObject
) -> None:
    algorithm = data.draw(st.sampled_from(sorted(TABLE[model])))
    cell = Cell(model, algorithm, Electrode(224, 20), Electrode(226, 15), 0.3)
    ae_mv = 229.0
    we_mv = ppb * 0.3 - cell.corrected_mv(0.0, ae_mv, celsius)
    assert cell.corrected_mv(we_mv, ae_mv, celsius) / 0.3 == pytest.approx(ppb, abs=1e-6)
    assert cell.corrected_mv(we_mv + 3.0, ae_mv, celsius) / 0.3 == pytest.approx(ppb + 10.0, abs=1e-6)


@pytest.mark.parametrize(("model", "algorithm", "factor", "corrected"), [
    ("CO-B4", 2, 1.0, 71.0 - 1.0 * 18 / 5 * 15.0),  # 412 - 341 = 71 mV, 345 - 330 = 15 mV
    ("NO-B4", 2, 1.0, 71.0 - 1.0 * 18 / 5 * 15.0),
    ("NO2-B43F", 3, 1.0, 71.0 - (18 - 5) - 1.0 * 15.0),
    ("OX-A431", 3, 1.0, 71.0 - (18 - 5) - 1.0 * 15.0),
    ("SO2-B4", 4, 0.0, 71.0 - 18.0),
    ("OX-B431", 1, 1.7, 71.0 - 1.7 * 15.0),
])  # fmt: skip
def test_each_algorithm_worked_by_hand_at_20_degrees(
    model: str, algorithm: int, factor: float, corrected: float
) -> None:
    cell = Cell(model, algorithm, Electrode(341, 18), Electrode(330, 5), 0.42)
    assert cell.factor(20.0) == pytest.approx(factor)
    assert cell.corrected_mv(412.0, 345.0, 20.0) == pytest.approx(corrected)


PUBLISHED = """
CO-B4 1 .7 .7 .7 .7 1 3 3.5 4 4.5 2 .2 .2 .2 .2 .3 1 1.2 1.3 1.5
NO2-B43F 1 1.3 1.3 1.3 1.3 1 .6 .4 .2 -1.5 3 1 1 1 1 1 1 .4 -.1 -4
OX-B431 1 .9 .9 1 1.3 1.5 1.7 2 2.5 3.7 3 .5 .5 .5 .6 .6 1 2.8 5 5.3
NO-B4 2 1.8 1.8 1.4 1.1 1.1 1 .9 .9 .8 3 .8 .8 .8 .8 .9 1 1.1 1.2 1.3 1 2.9 2.9 2.2 1.8 1.7 1.6 1.5 1.4 1.3
SO2-B4 4 -4 -4 -4 -4 -4 0 20 140 450 1 1.6 1.6 1.6 1.6 1.6 1.6 1.9 3 5.8
CO-A4 1 1 1 1 1 -.2 -.9 -1.5 -1.5 -1.5
NO2-A43F 1 .8 .8 1 1.2 1.6 1.8 1.9 2.5 3.6
OX-A431 3 .1 .1 .2 .3 .7 1 1.7 3 4 1 1 1.2 1.2 1.6 1.7 2 2.1 3.4 4.6
NO-A4 3 .7 .7 .7 .7 .8 1 1.2 1.4 1.6
SO2-A4 4 0 0 0 0 0 0 5 25 45
"""


def test_the_table_is_the_published_one_and_its_order_recommends() -> None:
    for line in PUBLISHED.strip().splitlines():
        model, *numbers = line.split()
        rows = [numbers[at : at + 10] for at in range(0, len(numbers), 10)]
        assert [(int(a), tuple(map(float, f))) for a, *f in rows] == list(TABLE[model].items())
    assert len(PUBLISHED.strip().splitlines()) == len(TABLE)


@pytest.mark.parametrize(("celsius", "factor", "flags"), [
    (-40.0, 1.3, Flag.RANGE), (-30.0, 1.3, Flag.NONE), (15.0, 0.8, Flag.NONE), (20.0, 0.6, Flag.NONE),
    (45.0, -0.65, Flag.NONE), (50.0, -1.5, Flag.NONE), (55.0, -1.5, Flag.RANGE),
])  # fmt: skip
def test_beyond_the_table_its_end_counts_and_is_flagged(celsius: float, factor: float, flags: Flag) -> None:
    made, chip = bench(**SHEET)
    chip.inputs = {0: 0.2500, 1: 0.2300}
    made.driver.known = {Quantity.TEMPERATURE: celsius}
    reading = first(made)
    assert reading.value == pytest.approx((26.0 - factor * 4.0) / 0.223, abs=1.0)
    assert reading.flags == flags


def test_without_a_temperature_the_remedy_is_told() -> None:
    made, _ = bench(**SHEET)
    with pytest.raises(NotMeasured, match="beside = "):
        made.read()


def test_ozone_takes_the_neighbours_no2_off() -> None:
    made, chip = bench(gas="o3", **SHEET, no2_sensitivity_mv_per_ppb=0.4)
    assert isinstance(made.driver, Alphasense)
    chip.cell, chip.gas_ppb, chip.no2_mv, chip.air_c = made.driver.cell, 55.0, 30.0 * 0.4, 20.0
    made.driver.known = {**AIR, Quantity.NO2: 30.0}
    assert made.values()[Quantity.O3] == pytest.approx(55.0, abs=0.5)
    for known in (AIR, {Quantity.NO2: 30.0}):
        made.driver.known = known
        with pytest.raises(NotMeasured, match="beside = "):
            made.read()


def test_ozone_without_the_sheets_second_sensitivity() -> None:
    made, _ = bench(gas="o3", **SHEET)
    made.driver.known = {**AIR, Quantity.NO2: 30.0}
    with pytest.raises(NotMeasured, match="no2_sensitivity_mv_per_ppb"):
        made.read()


def told(made: Bench, second: float, celsius: float) -> Flag:
    made.driver.at_us, made.driver.known = round(second * 1e6), {Quantity.TEMPERATURE: celsius}
    return first(made).flags


def test_air_that_changes_quickly_is_flagged_until_it_rests() -> None:
    made, _ = bench(**SHEET)
    assert [told(made, second, 20.0) for second in (0, 60, 120)] == [Flag.NONE] * 3
    assert told(made, 180, 21.5) == Flag.WARMING
    assert told(made, 240, 24.0) == Flag.WARMING
    assert told(made, 300, 24.0) == Flag.WARMING
    assert [told(made, second, 24.0) for second in (600, 660)] == [Flag.NONE] * 2


def test_slow_changes_and_trembling_are_not() -> None:
    made, _ = bench(**SHEET)
    assert {told(made, second, 10.0 + second / 60 * 0.6) for second in range(0, 3600, 30)} == {Flag.NONE}
    assert {told(made, second, 38.0 + second % 20 / 50) for second in range(9000, 9900, 10)} == {Flag.NONE}


def test_an_electrode_at_the_end_of_the_scale_is_flagged_and_so_is_the_gas() -> None:
    made, chip = bench(**SHEET)
    chip.inputs[0] = 2.2
    made.driver.known = AIR
    assert [r.flags for r in made.read()] == [Flag.RANGE, Flag.RANGE, Flag.NONE]


def test_hours_of_warming_up_begin_when_power_comes_and_not_after_a_nack() -> None:
    made, chip = bench(**SHEET, warm_up_h=6)
    assert made.driver.warm_up_s == 6 * 3600
    made.driver.known = AIR
    assert made.talk(made.driver.setup()) is True
    chip.faults.brown_out()
    with pytest.raises(DeviceFault, match="without power"):
        made.read()
    assert made.talk(made.driver.setup()) is False


def test_the_second_algorithm_needs_a_zero_of_the_auxiliary_electrode() -> None:
    zero = Cell("NO-B4", 2, Electrode(300, 20), Electrode(290, 0), 0.5)
    first = Cell("NO-B4", 1, Electrode(300, 20), Electrode(290, 0), 0.5)
    assert zero.corrected_mv(350, 310, 20.0) == first.corrected_mv(350, 310, 20.0)


@pytest.mark.parametrize(("gas", "cell", "algorithm"), [
    ("no2", "NO2-B43F", 1), ("o3", "OX-B431", 1), ("co", "CO-B4", 1), ("so2", "SO2-B4", 4), ("no", "NO-B4", 2),
])  # fmt: skip
def test_recommended(gas: str, cell: str, algorithm: int) -> None:
    driver = Alphasense(gas=gas)
    assert (driver.cell.model, next(iter(TABLE[driver.cell.model]))) == (cell, algorithm)


@pytest.mark.parametrize(("settings", "why"), [
    ({"gas": "no2", "model": "NO-B4"}, "does not measure no2"), ({"gas": "no", "model": "NO2-B43F"}, "not measure no"),
    ({"gas": "co", "algorithm": 3}, "algorithms 1, 2, not 3"), ({"ae_input": "0"}, "another input"),
    ({"gas": "co2"}, "one of"), ({"we_input": "0-1"}, "one of"),
])  # fmt: skip
def test_boards_that_can_not_be(settings: dict[str, SettingValue], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Alphasense(**settings)


def test_it_claims_both_inputs() -> None:
    assert Alphasense(we_input="2", ae_input="3").claims == ("input 2", "input 3")
