"""INA260: nothing to calibrate, and still a chip without a checksum."""

from __future__ import annotations

import pytest

from drivers.errors import ChecksumError, NotMeasured, NotReady, WrongChip
from drivers.ina260 import INA260
from drivers.reading import Quantity
from drivers.talk import Step
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, played, vectors

V, A, W = Quantity.VOLTAGE, Quantity.CURRENT, Quantity.POWER


def ready(**words: int) -> Bench:
    bench = Bench("ina260")
    bench.set_up()
    names = {"current": 0x01, "bus": 0x02, "power": 0x03}
    bench.chip.load({"regs16": {hex(names[name]): f"{word & 0xFFFF:04x}" for name, word in words.items()}})
    return bench


def test_the_published_words() -> None:
    (vector,) = vectors("vectors-i2c.json", "INA260")
    found = played({"driver": "ina260", "config": {}, "door": vector["raw"]})
    assert found == {"voltage": pytest.approx(11.98), "current": pytest.approx(1.0), "power": pytest.approx(1.2)}


@pytest.mark.parametrize(("word", "amperes"), [(0xFFFF, -0.00125), (0xFCE0, -1.0), (0x8001, -40.95875), (0, 0.0)])
def test_negative_currents(word: int, amperes: float) -> None:
    assert ready(current=word).values()[A] == pytest.approx(amperes)


@pytest.mark.parametrize("word", [0x7FFF, 0x8000])
def test_saturated_is_no_value(word: int) -> None:
    assert set(ready(current=word).values()) == {V}
    with pytest.raises(NotMeasured):
        ready(current=word, bus=0x7FFF).read()


def test_saturated_by_the_world() -> None:
    bench = ready()
    bench.chip.faults.saturate = True
    with pytest.raises(NotMeasured):
        bench.read()


def test_a_measurement_that_never_ends() -> None:
    bench = ready()
    bench.chip.faults.stuck_busy = True
    with pytest.raises(NotReady):
        bench.read()


def test_power_lost_between_readings_changes_nothing() -> None:
    """Its only setting is written with each measurement."""
    bench = ready()
    before = bench.values()
    bench.chip.faults.brown_out()
    assert bench.values() == before
    assert bench.talk(bench.driver.setup()) is True
    bench.chip.faults.brown_out()
    assert bench.talk(bench.driver.setup()) is None


def test_a_flipped_bit_is_no_value() -> None:
    bench = ready()

    def hurt(step: Step) -> None:
        if getattr(step, "data", b"") == b"\x01":
            bench.chip.faults.corrupt(byte=0, bit=4)
            bench.before = lambda step: None  # type: ignore[method-assign]

    bench.before = hurt  # type: ignore[method-assign]
    with pytest.raises(ChecksumError):
        bench.read()


def test_another_chip_at_the_address() -> None:
    with pytest.raises(WrongChip, match="expected an INA260, found maker 5449 and die 2260"):
        follow(INA260().setup(), "x fe 5449\nx ff 2260")
    assert follow(INA260().probe(), "x fe 5449\nx ff 2275") is True
    assert follow(INA260().probe(), "x fe 5449\nx ff 2260") is False
