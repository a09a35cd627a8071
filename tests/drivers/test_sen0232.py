"""SEN0232: a voltage that is a level, looks that stay inside a window, and a wire that may be cut."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import DeviceFault
from drivers.reading import Quantity
from drivers.sen0232 import SEN0232
from simulators.chips.sen0232 import SEN0232 as Chip
from tests.drivers.i2c_bench import Bench, vectors


def bench() -> tuple[Bench, Chip]:
    ready = Bench("sen0232")
    ready.set_up()
    assert isinstance(ready.chip, Chip)
    return ready, ready.chip


def test_the_published_level() -> None:
    (vector,) = vectors("vectors-i2c.json", "SEN0232")
    made, chip = bench()
    chip.inputs[0] = vector["raw"]["input"]["voltage_v"]
    wanted, allowed = vector["expected"]["level"]["value"], vector["tolerance"]["level"]
    assert made.values() == {Quantity.SOUND_LEVEL: pytest.approx(wanted, abs=allowed)}


@pytest.mark.parametrize(("volts", "lives"), [(0.0, False), (0.59, False), (0.6, True), (2.6, True), (2.61, False)])
def test_outside_of_its_range_it_is_broken(volts: float, lives: bool) -> None:
    made, chip = bench()
    chip.inputs[0] = volts
    if lives:
        assert made.values()[Quantity.SOUND_LEVEL] == pytest.approx(volts * 50, abs=0.01)
    else:
        with pytest.raises(DeviceFault, match="unplugged"):
            made.read()


def looked(made: Bench, at_us: int) -> None:
    made.driver.at_us = at_us
    made.read()


@given(st.lists(st.floats(30.0, 130.0), min_size=1, max_size=20))
def test_a_window_is_the_mean_energy_of_its_looks(levels: list[float]) -> None:
    made, chip = bench()
    for number, level in enumerate(levels, 1):
        chip.feels[Quantity.SOUND_LEVEL] = level
        looked(made, number * 125_000)
    assert isinstance(made.driver, SEN0232)
    found = {reading.quantity: reading.value for reading in made.driver.close(10**9)}
    mean = sum(10 ** (level / 10) for level in levels) / len(levels)
    assert found[Quantity.LAEQ] == pytest.approx(10 * math.log10(mean), abs=0.01)
    assert min(levels) - 0.1 <= found[Quantity.LA90] <= found[Quantity.LA10] <= max(levels) + 0.1
    assert set(found) == {Quantity.LAEQ, Quantity.LA10, Quantity.LA90}
    assert made.driver.close(2 * 10**9) == []


def test_a_cut_wire_adds_nothing_to_the_window() -> None:
    made, chip = bench()
    looked(made, 125_000)
    chip.wire_cut = True
    with pytest.raises(DeviceFault):
        looked(made, 250_000)
    assert isinstance(made.driver, SEN0232)
    assert made.driver.close(10**6)[0].value == pytest.approx(55.0, abs=0.01)


def test_it_shares_a_converter() -> None:
    assert SEN0232(input="3").claims == ("input 3",)
    assert SEN0232.shares == "ads1115"
    assert not SEN0232.must_window and SEN0232.window_look_s == 0.125
