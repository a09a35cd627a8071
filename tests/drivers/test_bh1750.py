"""BH1750: a chip of which nothing can be read back but the count."""

from __future__ import annotations

import pytest

from drivers.bh1750 import BH1750
from drivers.errors import ChecksumError, DriverError, FramingError, NotMeasured
from drivers.reading import Quantity
from drivers.talk import Step, Write
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, played, vectors

LUX = Quantity.ILLUMINANCE
H = "w 01\nw 42\nw 65\nw 20\np 180\n"


@pytest.mark.parametrize("vector", vectors("vectors-i2c.json", "BH1750"), ids=lambda vector: vector["id"])
def test_the_published_counts(vector: dict) -> None:  # type: ignore[type-arg]
    raw, expected = vector["raw"], vector["expected"]
    config = {"mode": raw["mode"], "mtreg": raw["mtreg"]}
    found = played({"driver": "bh1750", "config": config, "door": {"read": raw["read"]}})
    assert found == {"illuminance": pytest.approx(expected["illuminance"]["value"], abs=0.01)}


@pytest.mark.parametrize("mode", ["H", "H2", "L", "auto"])
def test_saturated_is_no_value(mode: str) -> None:
    bench = Bench("bh1750", mode=mode)
    bench.chip.faults.saturate = True
    bench.set_up()
    with pytest.raises(NotMeasured, match="saturated"):
        bench.read()


@pytest.mark.parametrize(("felt", "fine"), [(0.0, 0.0), (3.3, 0.21), (900.0, 0.21), (1_700.0, 0.21), (120_000.0, 0.93)])
def test_by_the_light(felt: float, fine: float) -> None:
    bench = Bench("bh1750")
    bench.set_up()
    bench.chip.feels[LUX] = felt
    assert bench.values()[LUX] == pytest.approx(felt, abs=fine + 1e-6)


@pytest.mark.parametrize(("settings", "most"), [
    ({"mode": "H", "mtreg": 31}, 121_000.0), ({"mode": "H"}, 54_000.0), ({"mode": "H2"}, 27_000.0),
    ({"mode": "L", "mtreg": 31}, 121_000.0),
])  # fmt: skip
def test_each_mode_by_itself(settings: dict[str, str | int], most: float) -> None:
    bench = Bench("bh1750", **settings)
    bench.set_up()
    for felt in (17.0, most / 3, most):
        bench.chip.feels[LUX] = felt
        assert bench.values()[LUX] == pytest.approx(felt, abs=4.0)


def test_a_zero_is_asked_twice() -> None:
    assert follow(BH1750(mode="H").read(), 2 * (H + "r 0000\nr 0000\n"))[0].value == 0.0
    assert follow(BH1750(mode="H").read(), H + "r 0000\nr 0000\n" + H + "r 0012\nr 0012\n")[0].value == 15.0


@pytest.mark.parametrize("felt", [20.0, 500.0, 5_000.0, 100_000.0])
@pytest.mark.parametrize("settings", [{}, {"mode": "H"}, {"mode": "H", "mtreg": 31}, {"mode": "L", "mtreg": 31}])
def test_power_lost_at_any_step_gives_no_wrong_value(felt: float, settings: dict[str, str | int]) -> None:
    for at in range(1, 14):
        bench = Bench("bh1750", **settings)
        bench.chip.feels[LUX] = felt

        def lose(step: Step, bench: Bench = bench, at: int = at) -> None:
            if len(bench.steps) == at:
                bench.chip.faults.brown_out()

        bench.before = lose  # type: ignore[method-assign]
        try:
            bench.set_up()
            assert bench.values()[LUX] == pytest.approx(felt, abs=4.0), at
        except DriverError:
            pass


def test_another_answer_the_second_time() -> None:
    with pytest.raises(ChecksumError):
        follow(BH1750(mode="H").read(), H + "r 0012\nr 0013\n")


def test_an_answer_of_another_length() -> None:
    talk = BH1750(mode="H").read()
    step = next(talk)
    while isinstance(step, Write):
        step = talk.send(b"")
    talk.send(b"")
    talk.send(b"\x12")
    with pytest.raises(FramingError):
        talk.send(b"\x12")


def test_probe() -> None:
    assert follow(BH1750().probe(), "r 0000\nr 0000") is True
    assert follow(BH1750().probe(), "r 0012\nr 0100") is False
    assert follow(BH1750().probe(), "r ffff\nr ffff") is False
    assert follow(BH1750().probe(), "r 0000 !nack") is False


def test_other_times_are_refused() -> None:
    with pytest.raises(ValueError, match="mtreg must be one of 69, 31"):
        BH1750(mtreg=254)
