"""VEML7700: two gains by the light, a polynomial, and a configuration that no power-on default looks like."""

from __future__ import annotations

import pytest

from drivers.errors import ChecksumError, DeviceFault, DriverError, NotMeasured
from drivers.reading import Flag, Quantity
from drivers.talk import Step, Write
from drivers.veml7700 import VEML7700, straightened
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, played, vectors

LUX = Quantity.ILLUMINANCE
LOOK = "w 001110\nw 001010\np 215\n"  # gain 1/8, 100 ms


@pytest.mark.parametrize("vector", vectors("vectors-i2c.json", "VEML7700"), ids=lambda vector: vector["id"])
def test_the_published_counts(vector: dict) -> None:  # type: ignore[type-arg]
    raw, expected = vector["raw"], vector["expected"]
    config = {"gain": raw["gain"], "integration_ms": raw["integration_ms"]}
    found = played({"driver": "veml7700", "config": config, "door": {"regs16le": raw["regs16le"]}})
    assert found == {"illuminance": pytest.approx(expected["illuminance_corrected"]["value"], abs=0.01)}
    assert straightened(expected["illuminance_linear"]["value"]) == pytest.approx(found["illuminance"], abs=0.01)


@pytest.mark.parametrize("gain", [0.0, 0.125, 0.25, 1.0, 2.0])
@pytest.mark.parametrize("time_ms", [25, 50, 100, 200, 400, 800])
def test_each_range_within_its_own_step(gain: float, time_ms: int) -> None:
    bench = Bench("veml7700", gain=gain, integration_ms=time_ms)
    bench.set_up()
    for felt in (0.0, 0.4, 7.7, 250.0):
        bench.chip.feels[LUX] = felt
        step = 0.0042 * 800 / time_ms * 2 / (gain or 2.0)
        assert bench.values()[LUX] == pytest.approx(felt, abs=step * 0.6, rel=0.001 if gain == 0.0 else 0.0)


@pytest.mark.parametrize(("felt", "looks"), [(3.0, 2), (500.0, 2), (900.0, 1), (60_000.0, 1)])
def test_by_the_light(felt: float, looks: int) -> None:
    bench = Bench("veml7700")
    bench.set_up()
    begun = len(bench.steps)
    bench.chip.feels[LUX] = felt
    assert bench.values()[LUX] == pytest.approx(felt, rel=0.002, abs=0.02)
    assert sum(isinstance(step, Write) for step in bench.steps[begun:]) == 2 * looks


def test_saturated_is_no_value() -> None:
    bench = Bench("veml7700", gain=2.0)
    bench.set_up()
    bench.chip.feels[LUX] = 50_000.0
    with pytest.raises(NotMeasured, match="saturated"):
        bench.read()


def test_beyond_what_the_polynomial_knows_is_flagged() -> None:
    count = 0xA800
    talk = LOOK + 2 * f"x 04 {count.to_bytes(2, 'little').hex()}\n" + "x 00 1010"
    (reading,) = follow(VEML7700().read(), talk)
    assert reading.flags == Flag.RANGE and reading.value > 120_000


@pytest.mark.parametrize("config", ["0000", "0100", "1110"])
def test_settings_that_went_give_no_value(config: str) -> None:
    with pytest.raises(DeviceFault, match="without power"):
        follow(VEML7700().read(), LOOK + 2 * "x 04 c805\n" + f"x 00 {config}")


def test_a_new_count_between_two_looks_is_no_damage() -> None:
    (reading,) = follow(VEML7700(gain=0.125).read(), LOOK + "x 04 c705\nx 04 c805\nx 04 c805\nx 00 1010")
    assert reading.value == pytest.approx(844.575, abs=0.01)
    with pytest.raises(ChecksumError):
        follow(VEML7700(gain=0.125).read(), LOOK + "".join(f"x 04 c{n}05\n" for n in range(4)))


def test_power_lost_at_any_step_gives_no_wrong_value() -> None:
    for at in range(24):
        bench = Bench("veml7700")
        bench.chip.feels[LUX] = 33.0

        def lose(step: Step, bench: Bench = bench, at: int = at) -> None:
            if len(bench.steps) == at:
                bench.chip.faults.brown_out()

        bench.before = lose  # type: ignore[method-assign]
        try:
            bench.set_up()
            assert bench.values()[LUX] == pytest.approx(33.0, abs=0.3), at
        except DriverError:
            pass


def test_who_does_not_keep_the_settings_is_another_chip() -> None:
    with pytest.raises(DeviceFault, match="is it a VEML7700"):
        follow(VEML7700().setup(), "w 030000\nw 001110\nx 00 0000")


def test_probe() -> None:
    assert follow(VEML7700().probe(), "x 00 0100\nx 03 0000") is True
    assert follow(VEML7700().probe(), "x 00 1010\nx 03 0700") is True
    assert follow(VEML7700().probe(), "x 00 ffff\nx 03 ffff") is False
    assert follow(VEML7700().probe(), "x 00 0000 !nack") is False
