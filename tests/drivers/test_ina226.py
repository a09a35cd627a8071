"""INA226: the INA219's bigger sibling, with an id and a mask register."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ChecksumError, DeviceFault, NotMeasured, NotReady, WrongChip
from drivers.ina226 import INA226
from drivers.reading import Quantity
from drivers.talk import Step, Write
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, played, vectors

V, SHUNT, A, W = Quantity.VOLTAGE, Quantity.SHUNT_VOLTAGE, Quantity.CURRENT, Quantity.POWER


def ready(**words: int) -> Bench:
    bench = Bench("ina226")
    bench.set_up()
    names = {"shunt": 0x01, "bus": 0x02, "power": 0x03, "current": 0x04}
    bench.chip.load({"regs16": {hex(names[name]): f"{word & 0xFFFF:04x}" for name, word in words.items()}})
    return bench


def test_the_published_words() -> None:
    (vector,) = vectors("vectors-i2c.json", "INA226")
    found = played({"driver": "ina226", "config": {}, "door": vector["raw"]})
    wanted = {("voltage" if name == "bus_voltage" else name): one["value"] for name, one in vector["expected"].items()}
    assert found == {name: pytest.approx(value, abs=1e-5) for name, value in wanted.items()}


def test_charging_is_negative() -> None:
    found = ready(shunt=-8000, bus=0x2570, current=-10000, power=4792).values()
    assert [found[SHUNT], found[A]] == pytest.approx([-0.02, -10.0])


def test_overflow_leaves_current_and_power_out() -> None:
    bench = ready(shunt=8000, bus=0x2570)
    assert set(bench.values()) == {V, SHUNT, A, W}
    bench.chip.faults.saturate = True
    assert set(bench.values()) == {V, SHUNT}


@pytest.mark.parametrize("shunt", [32767, -32768])
def test_a_shunt_at_the_end_of_its_range_is_no_value(shunt: int) -> None:
    assert set(ready(shunt=shunt).values()) == {V}


def test_nothing_within_range_is_no_reading() -> None:
    with pytest.raises(NotMeasured):
        ready(shunt=32767, bus=0x7FFF).read()


def test_a_measurement_that_never_ends() -> None:
    bench = ready()
    bench.chip.faults.stuck_busy = True
    with pytest.raises(NotReady):
        bench.read()


def test_power_lost_between_readings_never_gives_zero_amperes() -> None:
    bench = ready()
    before = bench.values()
    bench.chip.faults.brown_out()
    with pytest.raises(DeviceFault, match="without power"):
        bench.read()
    assert bench.talk(bench.driver.setup()) is None
    assert bench.values() == before
    assert bench.talk(bench.driver.setup()) is True


@pytest.mark.parametrize(("shunt", "most", "calibration"), [(0.002, 20.0, 2560), (0.1, 0.8, 1024), (0.01, 8.0, 1024)])
def test_calibration_follows_the_shunt(shunt: float, most: float, calibration: int) -> None:
    bench = Bench("ina226", shunt_ohm=shunt, max_a=most)
    bench.set_up()
    written = [step.data for step in bench.steps if isinstance(step, Write)]
    assert written == [bytes.fromhex("004523"), b"\x05" + calibration.to_bytes(2, "big")]


@given(st.sampled_from([0.0005, 0.002, 0.01, 0.1, 1.0]), st.floats(0.1, 1.0), st.floats(-1.0, 1.0))
def test_amperes_are_those_of_the_shunt(shunt: float, filled: float, share: float) -> None:
    """The chip's own law: the current register is the shunt's times the calibration, through 2048."""
    most = 0.08192 / shunt * filled
    driver = INA226(shunt_ohm=shunt, max_a=most)
    register = max(-32768, min(32767, round(share * most * shunt / 2.5e-6 * driver.ours[0x05] / 2048)))
    assert register * driver.step_a == pytest.approx(share * most, abs=driver.step_a)


@pytest.mark.parametrize(("shunt", "most"), [(0.1, 0.9), (100.0, 0.001)])
def test_a_shunt_that_does_not_fit(shunt: float, most: float) -> None:
    with pytest.raises(ValueError, match=r"more than 0\.08192 V"):
        INA226(shunt_ohm=shunt, max_a=most)


def test_an_overflow_bit_that_flips_is_not_believed() -> None:
    bench = ready()
    asked = 0

    def hurt(step: Step) -> None:
        nonlocal asked
        asked += getattr(step, "data", b"") == b"\x06"
        if asked == 2:
            bench.chip.faults.corrupt(byte=1, bit=2)
            asked += 1

    bench.before = hurt  # type: ignore[method-assign]
    with pytest.raises(ChecksumError):
        bench.read()


def test_another_chip_at_the_address() -> None:
    with pytest.raises(WrongChip, match="expected an INA226, found maker 5449 and die 2270"):
        follow(INA226().setup(), "x fe 5449\nx ff 2270")
    assert follow(INA226().probe(), "x fe 5449\nx ff 2260") is True
    assert follow(INA226().probe(), "x fe 5449\nx ff 2261") is True
    assert follow(INA226().probe(), "x fe ffff\nx ff ffff") is False
    assert follow(INA226().probe(), "x fe 0000 !nack") is False
