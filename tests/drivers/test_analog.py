"""Analog: a straight line from volts or milliamperes, and what a broken wire says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.analog import Analog
from drivers.errors import DeviceFault, NotMeasured
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import SettingValue
from simulators.chips.analog import Analog as Chip
from simulators.chips.analog import Line
from tests.drivers.i2c_bench import Bench

LEVEL: dict[str, SettingValue] = {"quantity": "distance", "shunt_ohm": 100, "low": 0.0, "high": 5.0}
VANE: dict[str, SettingValue] = {"quantity": "wind_direction", "low_v": 0.5, "high_v": 2.5, "low": 0.0, "high": 180.0}


def bench(**settings: SettingValue) -> tuple[Bench, Chip]:
    ready = Bench("analog", **settings)
    ready.set_up()
    assert isinstance(ready.chip, Chip)
    return ready, ready.chip


def at(volts: float, **settings: SettingValue) -> Reading:
    made, chip = bench(**settings)
    chip.inputs = {0: volts}
    (reading,) = made.read()
    return reading


def test_without_a_scale_volts_are_volts() -> None:
    reading = at(3.21)
    assert (reading.name, reading.flags) == ("voltage", Flag.NONE)
    assert reading.value == pytest.approx(3.21, abs=2e-4)


@pytest.mark.parametrize(("milliamperes", "metres", "flags"), [
    (4.0, 0.0, Flag.NONE), (12.0, 2.5, Flag.NONE), (20.0, 5.0, Flag.NONE), (3.85, -0.046875, Flag.NONE),
    (3.7, -0.09375, Flag.RANGE), (20.5, 5.15625, Flag.RANGE), (20.9, 5.28125, Flag.RANGE),
])  # fmt: skip
def test_a_current_loop(milliamperes: float, metres: float, flags: Flag) -> None:
    reading = at(milliamperes / 10, **LEVEL)
    assert reading.quantity is Quantity.DISTANCE
    assert reading.value == pytest.approx(metres, abs=0.001)
    assert reading.flags == flags


@pytest.mark.parametrize(("milliamperes", "why"), [(0.0, "broken"), (3.55, "broken"), (21.1, "short"), (24.0, "short")])
def test_a_current_that_means_a_fault_is_no_value(milliamperes: float, why: str) -> None:
    with pytest.raises(DeviceFault, match=why):
        at(milliamperes / 10, **LEVEL)


def test_a_wire_that_is_cut_while_it_runs_and_mended() -> None:
    made, chip = bench(**LEVEL)
    chip.line = Line(Quantity.DISTANCE, 4.0, 20.0, 0.0, 5.0, 0.1)
    chip.feels[Quantity.DISTANCE] = 3.3
    assert made.values()[Quantity.DISTANCE] == pytest.approx(3.3, abs=0.001)
    chip.wire_cut = True
    with pytest.raises(DeviceFault, match=r"3\.6 mA"):
        made.read()
    chip.wire_cut = False
    assert made.values()[Quantity.DISTANCE] == pytest.approx(3.3, abs=0.001)


def test_a_loop_from_zero_cannot_tell_a_broken_wire() -> None:
    assert at(0.0, **LEVEL, low_ma=0.0).value == 0.0


def test_ten_volts_through_a_divider() -> None:
    settings: dict[str, SettingValue] = {"divider": 4.0, "low_v": 0.0, "high_v": 10.0, "low": 0.0, "high": 50.0}
    assert at(1.25, quantity="wind_speed", **settings).value == pytest.approx(25.0, abs=0.01)
    assert at(2.6, quantity="wind_speed", **settings).flags == Flag.RANGE


def test_a_potentiometer_may_run_backwards() -> None:
    assert at(1.0, **{**VANE, "low": 180.0, "high": 0.0}).value == pytest.approx(135.0, abs=0.02)
    assert at(1.0, **{**VANE, "low_v": 2.5, "high_v": 0.5}).value == pytest.approx(135.0, abs=0.02)


@pytest.mark.parametrize(("volts", "lives"), [(0.1, False), (0.5, True), (2.5, True), (2.9, False)])
def test_a_live_range_in_volts(volts: float, lives: bool) -> None:
    settings = {**VANE, "live_low_v": 0.2, "live_high_v": 2.8}
    if lives:
        assert at(volts, **settings).flags == Flag.NONE
    else:
        with pytest.raises(DeviceFault, match="V"):
            at(volts, **settings)


@given(
    low_v=st.floats(0.0, 1.5), width=st.floats(0.5, 2.0), share=st.floats(0.0, 1.0),
    low=st.floats(-50.0, 50.0), high=st.floats(-50.0, 50.0),
)  # fmt: skip
def test_any_line(low_v: float, width: float, share: float, low: float, high: float) -> None:
    volts = low_v + width * share
    reading = at(volts, quantity="temperature", low_v=low_v, high_v=low_v + width, low=low, high=high)
    assert reading.value == pytest.approx(low + (high - low) * share, abs=abs(high - low) / width * 1.3e-4 + 1e-9)
    assert reading.flags == Flag.NONE


def test_the_channel_is_said() -> None:
    assert at(1.0, **VANE, channel="b").name == "wind_direction.b"


def test_beyond_the_converter_nothing_is_known() -> None:
    with pytest.raises(NotMeasured, match="larger fsr_v"):
        at(2.5, fsr_v=2.048)


@pytest.mark.parametrize(("settings", "why"), [
    ({"low_v": 1.0}, "another voltage"), ({"shunt_ohm": 100, "low_ma": 20.0}, "more than low_ma"),
    ({"quantity": "count"}, "no quantity that"), ({"divider": 0.5}, "between 1 and 1000"), ({"channel": "x"}, "one of"),
])  # fmt: skip
def test_scales_that_are_none(settings: dict[str, SettingValue], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Analog(**settings)


def test_it_measures_what_the_board_says_and_claims_its_input() -> None:
    driver = Analog(**LEVEL, input="3")
    assert driver.measures == (Quantity.DISTANCE,)
    assert driver.claims == ("input 3",)
    assert driver.shares == "ads1115"
