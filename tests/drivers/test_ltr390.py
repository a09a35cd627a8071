"""LTR390: light and UV in turn, and the first result after a turn is worth nothing."""

from __future__ import annotations

import pytest

from drivers.errors import DeviceFault, NotMeasured, NotReady, WrongChip
from drivers.ltr390 import LTR390
from drivers.reading import Quantity
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, played, vectors

LUX, UVI = Quantity.ILLUMINANCE, Quantity.UV_INDEX
LIGHT = "w 0422\nw 0500\nw 0002\np 240\nx 07 08\n"


@pytest.mark.parametrize("vector", vectors("vectors-i2c.json", "LTR390"), ids=lambda vector: vector["id"])
def test_the_published_counts(vector: dict) -> None:  # type: ignore[type-arg]
    raw, expected = vector["raw"], vector["expected"]
    config = {"gain": raw["gain"], "resolution_bits": raw["resolution_bits"]}
    found = played({"driver": "ltr390", "config": config, "door": {"regs": raw["regs"]}})
    assert found["illuminance"] == pytest.approx(expected["illuminance"]["value"], abs=0.001)
    assert found["uv_index"] == pytest.approx(expected["uvi"]["value"], abs=0.0001)


@pytest.mark.parametrize("gain", [1, 3, 6, 9, 18])
@pytest.mark.parametrize("bits", [13, 16, 17, 18, 19, 20])
def test_each_range_within_its_own_step(gain: int, bits: int) -> None:
    bench = Bench("ltr390", gain=gain, resolution_bits=bits)
    bench.set_up()
    bench.chip.feels.update({LUX: 333.0, UVI: 4.4})
    found = bench.values()
    time = {13: 0.03125, 16: 0.25, 17: 0.5, 18: 1.0, 19: 2.0, 20: 4.0}[bits]
    assert found[LUX] == pytest.approx(333.0, abs=0.31 / gain / time)
    assert found[UVI] == pytest.approx(4.4, abs=0.51 / (gain / 18 * 2.0 ** (bits - 20) * 2300))


@pytest.mark.parametrize(("felt", "fine"), [(0.0, 0.0), (3.0, 0.017), (500.0, 0.017), (5_000.0, 0.3), (150_000.0, 0.3)])
def test_by_the_light(felt: float, fine: float) -> None:
    bench = Bench("ltr390")
    bench.set_up()
    bench.chip.feels[LUX] = felt
    assert bench.values()[LUX] == pytest.approx(felt, abs=fine + 1e-9)


def test_a_cover_is_counted_in() -> None:
    bare, covered = Bench("ltr390"), Bench("ltr390", window_factor=1.25)
    for bench in (bare, covered):
        bench.set_up()
    assert covered.values() == {q: pytest.approx(1.25 * value) for q, value in bare.values().items()}


def test_what_saturates_is_left_out() -> None:
    bench = Bench("ltr390", gain=18)
    bench.set_up()
    bench.chip.feels[LUX] = 20_000.0
    assert set(bench.values()) == {UVI}
    bench.chip.faults.saturate = True
    with pytest.raises(NotMeasured):
        bench.read()


def test_a_measurement_that_never_ends() -> None:
    bench = Bench("ltr390")
    bench.set_up()
    bench.chip.faults.stuck_busy = True
    with pytest.raises(NotReady):
        bench.read()


@pytest.mark.parametrize("settings", [{}, {"gain": 3}])
def test_power_lost_between_the_modes(settings: dict[str, int]) -> None:
    """With gain 3 and 18 bits every setting but the mode is the chip's own default."""
    bench = Bench("ltr390", **settings)
    bench.set_up()
    before = bench.values()
    bench.chip.faults.brown_out()
    assert bench.values() == before
    script = LIGHT.replace("w 0500", f"w 050{int('gain' in settings)}") + 2 * "x 0d e80300\n" + "x 00 00"
    with pytest.raises(DeviceFault, match="without power"):
        follow(LTR390(**settings).read(), script)


def test_settings_that_do_not_stick() -> None:
    with pytest.raises(DeviceFault, match="does not keep"):
        follow(LTR390(gain=1).read(), LIGHT + 2 * "x 0d e80300\n" + "x 00 02\nx 04 2201")


def test_another_chip_at_the_address() -> None:
    with pytest.raises(WrongChip, match="expected an LTR390, found a chip with id 60"):
        follow(LTR390().setup(), "x 06 60")
    assert follow(LTR390().probe(), "x 06 b2") is True
    assert follow(LTR390().probe(), "x 06 b3") is True
    assert follow(LTR390().probe(), "x 06 60") is False
    assert follow(LTR390().probe(), "x 06 00 !nack") is False
