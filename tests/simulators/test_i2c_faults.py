"""Every knob, turned at every step of setup and reading: an error or the truth, and good again afterwards."""

from __future__ import annotations

import pytest

from drivers.errors import DriverError
from drivers.reading import Quantity
from drivers.talk import Step
from simulators.faults import COUNTED, SWITCHES, Faults
from tests.drivers.i2c_bench import I2C, Bench

KNOBS = ("nack_next", "corrupt", "stuck_busy", "unplug", "sda_stuck", "brown_out", "wrong_chip_id")


BOOT_S = 3.0  # the slowest chip (SCD30) is deaf for two seconds after its power came back


def steps_of(name: str) -> int:
    bench = Bench(name)
    warm(bench)
    bench.read()
    return len(bench.steps)


def warm(bench: Bench) -> None:
    """Set up, and let what needs it warm up: what it says before that is flagged, and judged elsewhere."""
    bench.set_up()
    if bench.driver.warm_up_s:
        bench.read()
        bench.clock.advance(bench.driver.warm_up_s)


def warmer(bench: Bench) -> dict[Quantity, float]:
    """Let the chip feel something that is neither its rest nor zero; how it is felt."""
    for quantity, (low, high) in bench.chip.spans.items():
        bench.chip.feels[quantity] = low + 0.37 * (high - low)
    return bench.chip.feels


def true(bench: Bench) -> bool:
    """Whether whatever a reading gives without a doubt is what the chip feels."""
    bench.driver.at_us = bench.clock.now_us
    found = {reading.quantity: reading.value for reading in bench.read() if not reading.flags}
    told = {q: value for q, value in found.items() if q in bench.chip.resolves and q not in bench.chip.untold}
    return all(abs(value - bench.chip.feels[q]) <= 1.000001 * bench.chip.resolves[q] for q, value in told.items())


@pytest.mark.parametrize("knob", KNOBS)
@pytest.mark.parametrize("name", I2C)
def test_turned_at_any_step(name: str, knob: str) -> None:
    for at in range(steps_of(name)):
        bench = Bench(name)
        warmer(bench)

        def turn(step: Step, bench: Bench = bench, at: int = at) -> None:
            if len(bench.steps) == at:
                bench.chip.faults.turn(knob, 0x58 if knob == "wrong_chip_id" else 1)

        bench.before = turn  # type: ignore[method-assign]
        try:
            warm(bench)
            for _ in range(2):
                assert true(bench), f"{knob} at step {at} gave a wrong value"
        except DriverError:
            pass
        bench.chip.faults = Faults()
        bench.clock.advance(BOOT_S)
        warm(bench)
        assert true(bench), f"{knob} at step {at} is not got over"


@pytest.mark.parametrize("name", I2C)
def test_unplugged_and_back(name: str) -> None:
    bench = Bench(name)
    bench.set_up()
    bench.chip.faults.unplug = True
    with pytest.raises(DriverError):
        bench.read()
    bench.chip.faults.unplug = False
    bench.chip.power_on()
    bench.clock.advance(BOOT_S)
    bench.set_up()
    assert bench.read() or not bench.driver.measures


def test_knobs_by_name() -> None:
    faults = Faults()
    for knob in (*SWITCHES, *COUNTED, "brown_out", "wrong_chip_id"):
        before = repr(faults)
        faults.turn(knob, 1)
        assert repr(faults) != before, knob
    with pytest.raises(KeyError, match="stuck_busy"):
        faults.turn("hammer")


def test_counted_knobs_wear_off() -> None:
    faults = Faults()
    faults.nack_next(2)
    assert [faults.refuses() for _ in range(3)] == [True, True, False]
    faults.corrupt(answers=1, byte=-1, bit=7)
    assert [faults.damaged(b"\x00\x00") for _ in range(2)] == [b"\x00\x80", b"\x00\x00"]
    faults.brown_out()
    assert [faults.browned_out() for _ in range(2)] == [True, False]
    faults.garbage(3)
    assert [len(faults.noise()) for _ in range(2)] == [3, 0]
