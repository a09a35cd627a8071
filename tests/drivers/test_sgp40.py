"""SGP40: looked at every second, told the air, and its index learns over failures but not over long silences."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.errors import ChecksumError, DeviceFault, Nack, WrongChip
from drivers.reading import Flag, Quantity
from drivers.sensirion import command
from drivers.sgp4x import NO_HUMIDITY, NO_TEMPERATURE, SELF_TEST, SOUND, compensation
from drivers.sgp40 import MEASURE, SGP40
from drivers.talk import Write
from simulators.chips.sgp40 import SGP40 as Chip
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, vectors

RAW: dict[str, Any] = {vector["id"]: vector for vector in vectors("vectors-i2c.json", "SGP40")}


def bench_of() -> tuple[Bench, Chip]:
    bench = Bench("sgp40")
    assert isinstance(bench.chip, Chip)
    return bench, bench.chip


def look(bench: Bench, times: int = 1, every_s: float = 1.0) -> dict[str, tuple[float, Flag]]:
    for _ in range(times):
        bench.clock.advance(every_s)
        bench.driver.at_us = bench.clock.now_us
        found = {reading.name: (reading.value, reading.flags) for reading in bench.read()}
    return found


def air(vector: dict[str, Any]) -> dict[Quantity, float]:
    given = vector["raw"]["input"]
    told = {Quantity.HUMIDITY: given["rh"], Quantity.TEMPERATURE: given["temperature_c"]}
    return {quantity: value for quantity, value in told.items() if value is not None}


def test_published_measurement() -> None:
    vector = RAW["sgp40-01"]
    driver = SGP40()
    driver.known = air(vector)
    (raw,) = follow(driver.read(), f"w {vector['expected']['tx']['value']}\np 30\nr {vector['raw']['response']}")
    assert (raw.quantity, raw.value) == (Quantity.VOC_RAW, vector["expected"]["sraw_voc"]["value"])


def test_published_defaults() -> None:
    vector = RAW["sgp40-05"]
    assert compensation(air(vector)) == (NO_HUMIDITY, NO_TEMPERATURE)
    assert command(MEASURE, *compensation({})).hex() == vector["expected"]["tx"]["value"]


def test_published_self_test() -> None:
    raw = RAW["sgp40-06"]["raw"]
    assert command(SELF_TEST).hex() == raw["command"]
    assert int(raw["response"][:4], 16) == SOUND


@pytest.mark.parametrize(
    ("humidity", "celsius", "told"),
    [(0.0, -45.0, (0, 0)), (100.0, 130.0, (0xFFFF, 0xFFFF)), (150.0, -90.0, (0xFFFF, 0)), (-3.0, 200.0, (0, 0xFFFF))],
)
def test_the_ends_of_the_air(humidity: float, celsius: float, told: tuple[int, int]) -> None:
    assert compensation({Quantity.HUMIDITY: humidity, Quantity.TEMPERATURE: celsius}) == told


def test_a_failed_self_test_is_a_fault_and_a_passed_one_is_not_repeated() -> None:
    bench, chip = bench_of()
    chip.sound = 0x4B00
    with pytest.raises(DeviceFault, match="self-test"):
        bench.set_up()
    chip.sound = 0xD400
    for _ in range(3):
        bench.set_up()
    assert sum(isinstance(s, Write) and s.data == b"\x28\x0e" for s in bench.steps) == 2


def test_no_index_for_45_seconds_then_one_that_learns_for_an_hour() -> None:
    bench, _ = bench_of()
    bench.set_up()
    assert set(look(bench, 40)) == {"voc_raw"}
    assert look(bench, 20)["voc_index"][1] is Flag.WARMING
    settled = look(bench, 3_560)
    assert abs(settled["voc_index"][0] - 100.0) <= 2.0
    assert settled["voc_index"][1] is Flag.NONE
    assert settled["voc_raw"] == (30_000.0, Flag.NONE)


def test_ticks_that_no_film_says_doubt_the_index_too() -> None:
    bench, chip = bench_of()
    bench.set_up()
    look(bench, 370, every_s=10.0)
    for ticks in (0.0, 65_000.0, 65_535.0):
        chip.feels[Quantity.VOC_RAW] = ticks
        found = look(bench)
        assert found["voc_raw"] == (ticks, Flag.RANGE)
        assert found["voc_index"][1] is Flag.RANGE
    chip.feels[Quantity.VOC_RAW] = 64_999.0
    assert {flags for _, flags in look(bench).values()} == {Flag.NONE}


def test_an_event_shows_and_a_failure_on_the_bus_costs_nothing() -> None:
    bench, chip = bench_of()
    assert bench.talk(bench.driver.setup()) is False
    look(bench, 600)
    chip.faults.nack_next()
    with pytest.raises(Nack):
        look(bench)
    assert bench.talk(bench.driver.setup()) is True
    chip.feels[Quantity.VOC_RAW] = 27_000.0
    assert look(bench, 60)["voc_index"][0] > 200.0


def test_the_algorithm_bears_steps_of_ten_seconds_at_most() -> None:
    driver, steps = SGP40(), []
    for at_s in (0, 1, 5, 15, 135, 735, 1_336):
        driver.at_us = at_s * 1_000_000
        steps.append(driver.step_s())
    assert steps == [1.0, 1.0, 4.0, 10.0, 10.0, 10.0, 1.0]


def test_after_ten_silent_minutes_it_begins_anew() -> None:
    bench, _ = bench_of()
    bench.set_up()
    look(bench, 100)
    bench.clock.advance(601)
    assert set(look(bench)) == {"voc_raw"}
    bench.driver.at_us += 700_000_000
    assert bench.talk(bench.driver.setup()) is False


def test_time_steps_are_those_of_the_looks() -> None:
    slow, quick = bench_of()[0], bench_of()[0]
    slow.set_up()
    quick.set_up()
    assert look(slow, 30, every_s=10.0)["voc_index"] == look(quick, 300)["voc_index"]
    assert set(look(slow, 1, every_s=120.0)) == {"voc_raw", "voc_index"}


@pytest.mark.parametrize("serial", [(0, 0, 0), (0xFFFF, 0xFFFF, 0xFFFF)])
def test_a_dead_bus_is_no_chip(serial: tuple[int, int, int]) -> None:
    bench, chip = bench_of()
    chip.serial = serial
    assert bench.talk(bench.driver.probe()) is False
    with pytest.raises(WrongChip):
        bench.set_up()


def test_an_sgp41_does_not_hear_an_sgp40s_measurement() -> None:
    other = Bench("sgp41")
    with pytest.raises(Nack):
        other.talk(SGP40().read())


def test_probe_on_an_empty_place() -> None:
    assert follow(SGP40().probe(), "w 3682 !nack") is False


@pytest.mark.parametrize("byte", range(3))
def test_no_value_from_a_damaged_answer(byte: int) -> None:
    bench, chip = bench_of()
    bench.set_up()
    chip.faults.corrupt(byte=byte, bit=5)
    with pytest.raises(ChecksumError):
        look(bench)
