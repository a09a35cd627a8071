"""MAX17048: a model of the battery that begins as a guess."""

from __future__ import annotations

import pytest

from drivers.errors import ChecksumError, DeviceFault, NotMeasured, NotReady, WrongChip
from drivers.max17048 import MAX17048
from drivers.reading import Quantity
from drivers.talk import Write
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, played, vectors

V, LEVEL, RATE = Quantity.VOLTAGE, Quantity.BATTERY_LEVEL, Quantity.BATTERY_RATE


def told(charge: str, rate: str) -> dict[Quantity, float]:
    script = f"x 02 {charge}\nx 02 {charge}\nx 16 {rate}\nx 16 {rate}\nx 1a 0000"
    return {reading.quantity: reading.value for reading in follow(MAX17048().read(), script)}


def test_the_published_words() -> None:
    (vector,) = vectors("vectors-i2c.json", "MAX17048")
    found = played({"driver": "max17048", "config": {}, "door": vector["raw"]})
    wanted = {here: vector["expected"][there]["value"] for here, there in
              (("voltage", "voltage"), ("battery_level", "soc"), ("battery_rate", "rate"))}  # fmt: skip
    assert found == {name: pytest.approx(value, abs=1e-5) for name, value in wanted.items()}


@pytest.mark.parametrize(("word", "rate"), [("ffff", -0.208), ("fff4", -2.496), ("0000", 0.0), ("8001", -6815.536)])
def test_emptying_is_negative(word: str, rate: float) -> None:
    assert told("be504e80", word)[RATE] == pytest.approx(rate)


@pytest.mark.parametrize(("word", "level"), [("6400", 100.0), ("6480", 100.0), ("6900", 100.0), ("0000", 0.0)])
def test_more_than_full_is_full(word: str, level: float) -> None:
    assert told("be50" + word, "0000")[LEVEL] == level


def test_the_end_of_a_range_is_no_value() -> None:
    assert set(told("ffff4e80", "0000")) == {LEVEL, RATE}
    assert set(told("be50ffff", "7fff")) == {V}
    with pytest.raises(NotMeasured):
        told("ffffffff", "7fff")


def test_no_voltage_yet_is_no_empty_battery() -> None:
    with pytest.raises(NotReady):
        told("00000000", "0000")


def test_a_battery_that_was_away() -> None:
    bench = Bench("max17048")
    assert bench.talk(bench.driver.setup()) is False
    before = bench.values()
    assert bench.talk(bench.driver.setup()) is True
    bench.chip.faults.brown_out()
    with pytest.raises(DeviceFault, match="guess"):
        bench.read()
    assert bench.talk(bench.driver.setup()) is False
    assert bench.values() == before


def test_another_battery_has_another_figure_written_once() -> None:
    bench = Bench("max17048", rcomp=0x50)
    bench.set_up()
    bench.set_up()
    written = [step.data for step in bench.steps if isinstance(step, Write)]
    assert written == [bytes.fromhex("0c501c"), bytes.fromhex("1a0000")]


def test_a_sleeping_chip_is_woken() -> None:
    assert follow(MAX17048().setup(), "x 08 0012\nx 0c 979c\nw 0c971c\nx 1a 0000") is True


def test_a_reset_that_is_not_forgotten() -> None:
    with pytest.raises(DeviceFault, match="is its battery there"):
        follow(MAX17048().setup(), "x 08 0012\nx 0c 971c\nx 1a 0100\np 250\nw 1a0000\nx 1a 0100")


def test_two_cells() -> None:
    one, two = Bench("max17048"), Bench("max17048", cells=2)
    for bench in (one, two):
        bench.set_up()
    assert two.values()[V] == pytest.approx(2 * one.values()[V])


def test_a_word_that_changes_all_the_time() -> None:
    with pytest.raises(ChecksumError):
        follow(MAX17048().read(), "".join(f"x 02 be5{n}4e80\n" for n in range(4)))


def test_another_chip_at_the_address() -> None:
    with pytest.raises(WrongChip, match="expected a MAX17048, found a chip with version 0020"):
        follow(MAX17048().setup(), "x 08 0020")
    assert follow(MAX17048().probe(), "x 08 0011") is True
    assert follow(MAX17048().probe(), "x 08 ffff") is False
    assert follow(MAX17048().probe(), "x 08 0000 !nack") is False
