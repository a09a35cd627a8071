"""SEN5x: one address, many small chips; what is absent is left out, and a broken part is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ChecksumError, DeviceFault, DriverError, Nack, NotMeasured, NotReady, WrongChip
from drivers.reading import Flag, Quantity
from drivers.sen import CLEANING, FAN_SPEED, INDICES, LAYOUT, PARTICLES, condition, offset_word
from drivers.sen5x import SEN5x
from drivers.setting import SettingValue
from simulators.chips.sen5x import SEN5x as Chip
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, vectors

RAW: dict[str, Any] = {vector["id"]: vector for vector in vectors("vectors-i2c.json", "SEN5x")}
NAMES = {"pm1p0": "pm1", "pm2p5": "pm2_5", "pm4p0": "pm4", "pm10p0": "pm10"}
STATUS_OK = "w d206\np 20\nr 000081000081"


def bench_of(**settings: SettingValue) -> tuple[Bench, Chip]:
    bench = Bench("sen5x", **settings)
    assert isinstance(bench.chip, Chip)
    return bench, bench.chip


def read_of(response: str) -> str:
    return f"w 0202\np 20\nr 0001b0\nw 03c4\np 20\nr {response}\n{STATUS_OK}"


def test_published_measurement() -> None:
    vector = RAW["sen5x-01"]
    found = {r.name: r.value for r in follow(SEN5x().read(), read_of(vector["raw"]["response"]))}
    for name, expected in vector["expected"].items():
        assert found[NAMES.get(name, name)] == pytest.approx(expected["value"], abs=vector["tolerance"][name])


def test_published_nothing() -> None:
    with pytest.raises(NotMeasured):
        follow(SEN5x().read(), read_of(RAW["sen5x-02"]["raw"]["response"]))


@pytest.mark.parametrize(
    ("product", "absent"),
    [("SEN55", set()), ("SEN54", {Quantity.NOX_INDEX}), ("SEN50", set(Quantity) - set(PARTICLES))],
)
def test_what_a_module_lacks_is_left_out(product: str, absent: set[Quantity]) -> None:
    bench, chip = bench_of(variant=product.lower())
    chip.becomes(product)
    bench.clock.advance(1)
    bench.set_up()
    assert set(bench.values()) == set(bench.driver.measures) == set(SEN5x.measures) - absent


@pytest.mark.parametrize(("variant", "product"), [("sen54", "SEN55"), ("sen50", "SEN54"), ("any", "SPS30")])
def test_another_module(variant: str, product: str) -> None:
    bench, chip = bench_of(variant=variant)
    chip.product = product
    assert bench.talk(bench.driver.probe()) is False
    with pytest.raises(WrongChip, match=product):
        bench.set_up()


def test_negative_temperatures_and_clean_air() -> None:
    bench, chip = bench_of()
    chip.feels.update({Quantity.TEMPERATURE: -7.5, Quantity.PM1: 0.0})
    bench.set_up()
    values = bench.values()
    assert (values[Quantity.TEMPERATURE], values[Quantity.PM1]) == (-7.5, 0.0)


@pytest.mark.parametrize("index", INDICES)
def test_an_index_of_zero_is_the_blackout(index: Quantity) -> None:
    (field,) = [field for field in LAYOUT if field.quantity is index]
    assert (field.value(0), field.value(0x7FFF), field.value(10)) == (None, None, 1.0)


@pytest.mark.parametrize(("bit", "part"), [(4, "fan"), (5, "laser"), (6, "humidity"), (7, "gas")])
def test_a_broken_part_is_named_and_nothing_is_believed(bit: int, part: str) -> None:
    bench, chip = bench_of()
    bench.set_up()
    chip.condition = 1 << bit
    with pytest.raises(DeviceFault, match=part):
        bench.read()


def test_a_fan_at_a_wrong_speed_doubts_the_particles_only() -> None:
    bench, chip = bench_of()
    bench.set_up()
    chip.condition = FAN_SPEED
    assert {r.quantity: r.flags for r in bench.read() if r.flags} == dict.fromkeys(PARTICLES, Flag.RANGE)
    assert condition(FAN_SPEED | CLEANING) is Flag.RANGE | Flag.WARMING


def test_while_the_fan_is_cleaned_nothing_comes_and_nothing_is_begun_anew() -> None:
    bench, chip = bench_of()
    bench.set_up()
    bench.read()
    chip.condition = CLEANING
    with pytest.raises(NotReady, match="cleaned"):
        bench.read()
    chip.condition = 0
    assert bench.talk(bench.driver.setup()) is True


def test_power_lost_is_found_out_and_told_settings_are_told_again() -> None:
    bench, chip = bench_of(auto_clean_s=86_400, temperature_offset_c=-1.5)
    bench.set_up()
    bench.read()
    assert (chip.settings[0x8004], chip.settings[0x60B2]) == ([1, 0x5180], [offset_word(-1.5), 0, 0])
    chip.faults.brown_out()
    with pytest.raises(DriverError):
        bench.read()
    bench.clock.advance(1)
    with pytest.raises(NotMeasured, match="lost power"):
        bench.read()
    assert bench.talk(bench.driver.setup()) is False
    assert (chip.settings[0x8004], chip.settings[0x60B2]) == ([1, 0x5180], [0xFED4, 0, 0])
    assert bench.values()[Quantity.PM10] == pytest.approx(8.0)


@pytest.mark.parametrize("product", ["SEN54", "SEN50"])
def test_an_offset_of_an_earlier_board_does_not_stay(product: str) -> None:
    bench, chip = bench_of(temperature_offset_c=3.0)
    chip.becomes(product)
    bench.clock.advance(1)
    bench.set_up()
    bench.driver = SEN5x()
    bench.set_up()
    assert chip.settings.get(0x60B2, [0, 0, 0]) == [0, 0, 0]


def test_one_that_goes_on_measuring_is_left_to_it() -> None:
    bench, chip = bench_of()
    assert bench.talk(bench.driver.setup()) is False
    bench.read()
    chip.faults.nack_next()
    with pytest.raises(Nack):
        bench.read()
    assert bench.talk(bench.driver.setup()) is True
    assert bench.talk(bench.driver.setup()) is False, "no reading since: begin anew"


def test_a_setting_that_does_not_stick_is_a_fault() -> None:
    bench, chip = bench_of(auto_clean_s=3_600)
    chip.load({"command": "8004", "response": "00091c3a80aa"})
    with pytest.raises(DriverError):
        bench.set_up()


def test_rest_stops_the_fan() -> None:
    bench, chip = bench_of()
    bench.set_up()
    bench.read()
    bench.talk(bench.driver.rest())
    assert not chip.measuring
    assert bench.talk(bench.driver.setup()) is False
    assert bench.read()


@given(st.integers(0, 23), st.integers(0, 7))
def test_no_value_from_a_damaged_answer(byte: int, bit: int) -> None:
    good = bytearray.fromhex(RAW["sen5x-01"]["raw"]["response"])
    good[byte] ^= 1 << bit
    said = read_of(good.hex()).partition("\nw d206")[0]
    with pytest.raises(ChecksumError):
        follow(SEN5x().read(), said)


@pytest.mark.parametrize(("celsius", "word"), [(0.0, 0), (1.0, 200), (-0.005, 0xFFFF), (-20.0, 0xF060)])
def test_offsets(celsius: float, word: int) -> None:
    assert offset_word(celsius) == word


def test_how_long_an_index_learns() -> None:
    learns = {Quantity.VOC_INDEX: 3_600.0, Quantity.NOX_INDEX: 21_600.0}
    assert {quantity: SEN5x.warm_ups_s[quantity] for quantity in INDICES} == learns
