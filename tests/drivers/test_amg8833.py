"""AMG8833: words of two kinds of sign, and people who leave as two counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.amg8833 import AMG8833, frame, thermistor
from drivers.errors import BusFault, DriverError, FramingError, NotReady, WrongChip
from drivers.reading import Quantity
from drivers.setting import SettingValue
from drivers.talk import Write
from simulators.chips.amg8833 import AMG8833 as Chip
from tests.drivers.i2c_bench import Bench, vectors


def bench(**settings: SettingValue) -> Bench:
    made = Bench("amg8833", **settings)
    made.set_up()
    return made


def look(made: Bench, seconds: float) -> None:
    driver = made.driver
    assert isinstance(driver, AMG8833)
    ends_us = made.clock.now_us + round(seconds * 1e6)
    while made.clock.now_us < ends_us:
        driver.at_us = made.clock.now_us
        made.read()
        made.clock.now_us = max(made.clock.now_us, driver.at_us + round(driver.window_look_s * 1e6))


def said(made: Bench) -> dict[str, float]:
    assert isinstance(made.driver, AMG8833)
    return {reading.name: reading.value for reading in made.driver.close(made.clock.now_us)}


def test_the_published_registers() -> None:
    (vector,) = vectors("vectors-i2c.json", "AMG8833")
    made = Bench("amg8833")
    made.chip.load(vector["raw"])
    made.set_up()
    expected = {name: one["value"] for name, one in vector["expected"].items()}
    assert [reading.value for reading in made.read()] == [
        expected["thermistor"], expected["pixel_max"], expected["pixel_min"]
    ]  # fmt: skip
    assert frame(bytes.fromhex(vector["raw"]["regs"]["0x80"]))[:8] == expected["pixels_first8"]


@pytest.mark.parametrize(
    ("word", "value"), [("9001", 25.0), ("0108", -0.0625), ("ff07", 127.9375), ("ff0f", -127.9375), ("0000", 0.0)]
)
def test_the_thermistor_is_sign_and_magnitude(word: str, value: float) -> None:
    assert thermistor(bytes.fromhex(word)) == value


@pytest.mark.parametrize("word", ["0010", "0080"])
def test_bits_that_are_always_zero(word: str) -> None:
    with pytest.raises(FramingError):
        thermistor(bytes.fromhex(word))
    with pytest.raises(FramingError):
        frame(bytes(126) + bytes.fromhex(word))


@given(st.lists(st.integers(-2048, 2047), min_size=64, max_size=64))
def test_pixels_are_twos_complement(quarters: list[int]) -> None:
    held = b"".join((value & 0xFFF).to_bytes(2, "little") for value in quarters)
    if any(quarters):
        assert frame(held) == [value / 4 for value in quarters]
    else:
        with pytest.raises(NotReady):
            frame(held)


def test_no_frame_and_a_dead_bus() -> None:
    with pytest.raises(NotReady):
        frame(bytes(128))
    with pytest.raises(BusFault):
        frame(b"\xff" * 128)


@pytest.mark.parametrize("turned", [False, True])
def test_people_go_in_and_out(turned: bool) -> None:
    made = bench(turned=turned)
    assert isinstance(made.chip, Chip)
    look(made, 1)
    for n, way in enumerate(["in", "in", "out"]):
        made.chip.passes(made.clock.now_us + 3 * n * 1_000_000, way)
    look(made, 10)
    told = said(made)
    assert told.pop("temperature") == 18.0
    counts = (2, 1) if not turned else (1, 2)
    assert list(told.items()) == list(
        zip(("count.in", "count.out", "count_total.in", "count_total.out"), counts * 2, strict=True)
    )
    look(made, 2)
    assert list(said(made).values()) == [0, 0, *counts, 18.0]
    assert said(made) == {}


def test_two_who_walk_side_by_side_and_across_the_grain() -> None:
    made, across = bench(), bench(along="columns")
    for one in (made, across):
        assert isinstance(one.chip, Chip)
        look(one, 1)
        one.chip.passes(one.clock.now_us, "in", 0.5)
        one.chip.passes(one.clock.now_us, "in", 6.5)
        look(one, 4)
    assert said(made)["count.in"] == 2
    assert said(across)["count.in"] == 0


def test_who_is_half_seen_when_looks_are_lost_is_given_up() -> None:
    made = bench()
    assert isinstance(made.chip, Chip) and isinstance(made.driver, AMG8833)
    look(made, 1)
    made.chip.passes(made.clock.now_us)
    look(made, 0.8)
    made.driver.lost(1)
    look(made, 2)
    assert said(made)["count.in"] == 0
    made.chip.passes(made.clock.now_us)
    look(made, 3)
    assert said(made)["count.in"] == 1


def test_the_slow_warmth_of_a_day_is_nobody() -> None:
    made = bench()
    for step in range(15):
        made.chip.feels = {Quantity.TEMPERATURE: 18.0 + step / 5}
        look(made, 10)
    told = said(made)
    assert (told["count.in"], told["count.out"]) == (0, 0)


def test_lines_must_follow_each_other_and_a_window_is_not_a_must() -> None:
    with pytest.raises(ValueError, match="before second_line"):
        AMG8833(first_line=4.5, second_line=4.5)
    assert AMG8833.counts_people and not AMG8833.must_window


def test_setup_leaves_a_chip_alone_that_runs() -> None:
    made = bench()
    before = len(made.steps)
    assert made.talk(made.driver.setup()) is True
    assert not any(isinstance(step, Write) for step in made.steps[before:])
    made.bus.transfer(0x69, b"\x00\x10", 0)
    assert made.talk(made.driver.setup()) is False
    assert made.read()


def test_who_lost_its_power_sleeps_or_hangs_is_not_believed() -> None:
    made = bench()
    made.chip.faults.brown_out()
    with pytest.raises(NotReady, match="lost its power"):
        made.read()
    made.chip.faults.stuck_busy = True
    made.set_up()
    with pytest.raises(NotReady, match="no frame"):
        made.read()
    assert made.talk(made.driver.probe()) is True


def test_neighbours() -> None:
    made = bench()
    assert made.talk(made.driver.probe()) is True
    made.chip.faults.wrong_chip_id = 0x58
    with pytest.raises(WrongChip):
        made.set_up()
    assert made.talk(made.driver.probe()) is False
    made.chip.faults.wrong_chip_id, made.chip.faults.unplug = None, True
    assert made.talk(made.driver.probe()) is False
    with pytest.raises(DriverError):
        made.read()
