"""SHT4x: one byte, a wait, two words with their CRCs; nothing to set and nothing to lose."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.checks import word
from drivers.errors import ChecksumError, FramingError, Nack, WrongChip
from drivers.reading import Flag, Quantity
from drivers.sht4x import SHT4x, percent
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, vectors

RAW = vectors("vectors-i2c.json", "SHT4x")


@pytest.mark.parametrize("vector", RAW, ids=lambda vector: str(vector["id"]))
def test_published_bytes(vector: dict[str, Any]) -> None:
    said = f"w {vector['raw']['command']}\np 10\nr {vector['raw']['response']}"
    if "error" in vector["expected"]:
        with pytest.raises(ChecksumError):
            follow(SHT4x().read(), said)
        return
    found = {reading.name: reading.value for reading in follow(SHT4x().read(), said)}
    for name, expected in vector["expected"].items():
        assert found[name] == pytest.approx(expected["value"], abs=vector["tolerance"][name]), name


def test_the_whole_scale_and_no_more() -> None:
    assert [percent(ticks) for ticks in (0, 3145, 0xFFFF)] == [0.0, 0.0, 100.0]
    assert percent(3146) == pytest.approx(0.0006, abs=0.0001)


@pytest.mark.parametrize(("ticks", "flag"), [(0, Flag.RANGE), (1800, Flag.RANGE), (1873, Flag.NONE), (63662, Flag.NONE),
                                            (63700, Flag.RANGE), (0xFFFF, Flag.RANGE)])  # fmt: skip
def test_beyond_what_the_element_can_is_flagged(ticks: int, flag: Flag) -> None:
    answer = (word(ticks) + word(0x8000)).hex()
    assert [r.flags for r in follow(SHT4x().read(), f"w fd\np 10\nr {answer}")] == [flag, Flag.NONE]


def test_setup_knows_its_chip_again() -> None:
    bench = Bench("sht4x")
    assert bench.talk(bench.driver.setup()) is False
    assert bench.talk(bench.driver.setup()) is True
    bench.chip.serial = (1, 2)  # type: ignore[attr-defined]
    assert bench.talk(bench.driver.setup()) is False


def test_a_heater_pulse_of_somebody_else_is_broken_off() -> None:
    bench = Bench("sht4x")
    bench.chip.transfer(b"\x39", 0)
    with pytest.raises(Nack):
        bench.chip.transfer(b"\x89", 0)
    bench.set_up()
    assert bench.values()[Quantity.TEMPERATURE] == pytest.approx(18.0, abs=0.003)


@pytest.mark.parametrize("serial", [(0, 0), (0xFFFF, 0xFFFF)])
def test_a_dead_bus_is_no_chip(serial: tuple[int, int]) -> None:
    bench = Bench("sht4x")
    bench.chip.serial = serial  # type: ignore[attr-defined]
    assert bench.talk(bench.driver.probe()) is False
    with pytest.raises(WrongChip):
        bench.set_up()


def test_probe() -> None:
    assert Bench("sht4x").talk(SHT4x().probe()) is True
    assert follow(SHT4x().probe(), "w 89 !nack") is False
    assert follow(SHT4x().probe(), "w 89\np 1\nr ffffffffffff") is False


def test_an_sht3x_at_the_address_does_not_pass() -> None:
    assert Bench("sht31").talk(SHT4x().probe()) is False


@pytest.mark.parametrize("byte", range(6))
def test_no_value_from_a_damaged_answer(byte: int) -> None:
    bench = Bench("sht4x")
    bench.set_up()
    bench.chip.faults.corrupt(byte=byte, bit=3)
    with pytest.raises(ChecksumError):
        bench.read()
    assert bench.values()[Quantity.HUMIDITY] == pytest.approx(60.0, abs=0.002)


@pytest.mark.parametrize("answer", ["", "6667a2", "6667a25eb93c00"])
def test_an_answer_of_another_length(answer: str) -> None:
    talk = SHT4x().read()
    next(talk)
    talk.send(b"")
    talk.send(b"")
    with pytest.raises(FramingError):
        talk.send(bytes.fromhex(answer))


def test_too_early_is_refused_and_power_lost_changes_nothing() -> None:
    bench = Bench("sht4x")
    bench.set_up()
    bench.chip.transfer(b"\xfd", 0)
    bench.clock.advance(0.008)
    with pytest.raises(Nack):
        bench.chip.transfer(None, 6)
    bench.chip.faults.brown_out()
    assert bench.values()[Quantity.TEMPERATURE] == pytest.approx(18.0, abs=0.003)


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_every_word_is_a_possible_climate(temperature: int, humidity: int) -> None:
    answer = (word(temperature) + word(humidity)).hex()
    values = {r.name: r.value for r in follow(SHT4x().read(), f"w fd\np 10\nr {answer}")}
    assert -45.0 <= values["temperature"] <= 130.0
    assert 0.0 <= values["humidity"] <= 100.0
