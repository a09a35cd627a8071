"""INA219: amperes hang on a calibration that a moment without power erases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ChecksumError, DeviceFault, NotMeasured, NotReady
from drivers.ina219 import INA219
from drivers.reading import Quantity
from drivers.talk import Step, Write, WriteRead
from tests.drivers.i2c_bench import Bench, played, vectors

V, SHUNT, A, W = Quantity.VOLTAGE, Quantity.SHUNT_VOLTAGE, Quantity.CURRENT, Quantity.POWER


def ready(**words: int) -> Bench:
    """A chip that is set up and then says these words."""
    bench = Bench("ina219")
    bench.set_up()
    names = {"shunt": 0x01, "bus": 0x02, "power": 0x03, "current": 0x04}
    bench.chip.load({"regs16": {hex(names[name]): f"{word & 0xFFFF:04x}" for name, word in words.items()}})
    return bench


def test_the_published_words() -> None:
    (vector,) = vectors("vectors-i2c.json", "INA219")
    found = played({"driver": "ina219", "config": {}, "door": {"regs16": vector["raw"]["regs16"]}})
    for here, there in (("voltage", "bus_voltage"), ("shunt_voltage", "shunt_voltage"), ("current", "current")):
        assert found[here] == pytest.approx(vector["expected"][there]["value"], abs=vector["tolerance"][there])
    assert found["power"] == pytest.approx(vector["expected"]["power"]["value"], abs=0.001)


def test_charging_is_negative() -> None:
    found = ready(shunt=-4000, current=-4000, bus=0x5D9A, power=2396).values()
    assert [found[q] for q in (V, SHUNT, A, W)] == pytest.approx([11.98, -0.04, -0.4, 4.792])


def test_overflow_leaves_current_and_power_out() -> None:
    assert set(ready(shunt=4000, bus=0x5D9B, current=123, power=45).values()) == {V, SHUNT}


@pytest.mark.parametrize("shunt", [32000, 32767, -32000, -32768])
def test_a_shunt_at_the_end_of_its_range_is_no_value(shunt: int) -> None:
    assert set(ready(shunt=shunt, bus=0x5D9A).values()) == {V}


def test_nothing_within_range_is_no_reading() -> None:
    with pytest.raises(NotMeasured):
        ready(shunt=32000, bus=0xFFFA).read()


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
    bench.set_up()
    assert bench.values() == before


def test_setup_says_whether_all_was_kept() -> None:
    bench = Bench("ina219")
    assert bench.talk(bench.driver.setup()) is None
    assert bench.talk(bench.driver.setup()) is True
    bench.chip.faults.brown_out()
    assert bench.talk(bench.driver.setup()) is None


def test_a_calibration_that_does_not_stick() -> None:
    bench = Bench("ina219")

    def forget(step: Step) -> None:
        if isinstance(step, WriteRead):
            bench.chip.power_on()

    bench.before = forget  # type: ignore[method-assign]
    with pytest.raises(DeviceFault, match="does not keep"):
        bench.set_up()


@pytest.mark.parametrize(
    ("shunt", "most", "config", "calibration"),
    [(0.1, 3.2, 0x3FFB, 4096), (0.1, 0.4, 0x27FB, 20480), (0.1, 1.6, 0x37FB, 8192), (1.0, 0.08, 0x2FFB, 8192),
     (0.01, 20.0, 0x3FFB, 4096), (0.00075, 400.0, 0x3FFB, 2730), (0.0005, 0.001, 0x27FB, 0xFFFE)],
)  # fmt: skip
def test_range_and_calibration_follow_the_shunt(shunt: float, most: float, config: int, calibration: int) -> None:
    bench = Bench("ina219", shunt_ohm=shunt, max_a=most)
    bench.set_up()
    written = [step.data for step in bench.steps if isinstance(step, Write)]
    assert written == [b"\x00" + config.to_bytes(2, "big"), b"\x05" + calibration.to_bytes(2, "big")]


@given(st.sampled_from([0.00075, 0.01, 0.05, 0.1, 1.0, 10.0]), st.floats(0.05, 1.0), st.floats(-1.0, 1.0))
def test_amperes_are_those_of_the_shunt(shunt: float, filled: float, share: float) -> None:
    """The chip's own law: the current register is the shunt's times the calibration, through 4096."""
    most = 0.32 / shunt * filled
    driver = INA219(shunt_ohm=shunt, max_a=most)
    counts = share * most * shunt / 1e-5
    register = round(counts * driver.ours[0x05] / 4096)
    assert abs(register) <= 0x7FFF
    assert register * driver.step_a == pytest.approx(share * most, abs=driver.step_a)
    assert driver.step_a <= max(most / 32768 * 2.6, 0.04096 / 0xFFFE / shunt) + 1e-12


@pytest.mark.parametrize(("shunt", "most"), [(0.1, 3.3), (10.0, 1.0)])
def test_a_shunt_that_does_not_fit(shunt: float, most: float) -> None:
    with pytest.raises(ValueError, match=r"more than 0\.32 V"):
        INA219(shunt_ohm=shunt, max_a=most)


@pytest.mark.parametrize("byte", [0, 1])
@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("at", range(2, 12))
def test_a_flipped_bit_is_no_value(byte: int, bit: int, at: int) -> None:
    bench = ready()
    truth = bench.values()
    begun = len(bench.steps)

    def hurt(step: Step) -> None:
        if len(bench.steps) - begun == at:
            bench.chip.faults.corrupt(byte=byte, bit=bit)

    bench.before = hurt  # type: ignore[method-assign]
    try:
        assert bench.values() == truth
    except (ChecksumError, DeviceFault):
        pass


def test_siblings_are_told_apart() -> None:
    ours, sibling = Bench("ina219"), Bench("ina226")
    assert ours.talk(ours.driver.probe()) is True
    assert sibling.talk(ours.driver.probe()) is False
    ours.chip.faults.unplug = True
    assert ours.talk(ours.driver.probe()) is False
