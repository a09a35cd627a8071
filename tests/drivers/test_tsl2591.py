"""TSL2591: two channels, two segments, three gains by the light."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import DeviceFault, NotMeasured, NotReady, WrongChip
from drivers.reading import Quantity
from drivers.tsl2591 import TSL2591, lux
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, played, vectors

LUX = Quantity.ILLUMINANCE


@pytest.mark.parametrize("vector", vectors("vectors-i2c.json", "TSL2591"), ids=lambda vector: vector["id"])
def test_the_published_counts(vector: dict) -> None:  # type: ignore[type-arg]
    raw, expected = vector["raw"], vector["expected"]
    config = {"gain": raw["gain"], "integration_ms": raw["integration_ms"]}
    vector = {"driver": "tsl2591", "config": config, "door": {"regs": raw["regs"]}}
    if "error" in expected:
        with pytest.raises(NotMeasured, match=expected["error"]):
            played(vector)
    else:
        assert played(vector) == {"illuminance": pytest.approx(expected["illuminance"]["value"], abs=0.001)}


@pytest.mark.parametrize(("felt", "fine"), [(0.0, 0.0), (0.3, 0.006), (50.0, 0.006), (900.0, 0.09), (60_000.0, 2.1)])
def test_by_the_light(felt: float, fine: float) -> None:
    bench = Bench("tsl2591")
    bench.set_up()
    bench.chip.feels[LUX] = felt
    assert bench.values()[LUX] == pytest.approx(felt, abs=fine)


@pytest.mark.parametrize("gain", [1, 25, 428, 9876])
@pytest.mark.parametrize("time_ms", [100, 200, 300, 400, 500, 600])
def test_each_range_within_its_own_step(gain: int, time_ms: int) -> None:
    bench = Bench("tsl2591", gain=gain, integration_ms=time_ms)
    bench.set_up()
    counts_a_lux = time_ms * gain / 408
    for share in (0.0, 0.1, 0.5):
        bench.chip.feels[LUX] = 30_000 * share * 0.59 / counts_a_lux
        assert bench.values()[LUX] == pytest.approx(bench.chip.feels[LUX], abs=0.51 / counts_a_lux)


@pytest.mark.parametrize(("time_ms", "limit"), [(100, 36_863), (200, 65_535), (600, 65_535)])
@pytest.mark.parametrize("channel", ["0x14", "0x16"])
def test_either_channel_at_its_limit_is_no_value(time_ms: int, limit: int, channel: str) -> None:
    for count, good in ((limit, False), (limit - 1, True)):
        bench = Bench("tsl2591", gain=1, integration_ms=time_ms)
        bench.chip.load({"regs": {"0x14": "e803", "0x16": "fa00"} | {channel: count.to_bytes(2, "little").hex()}})
        bench.set_up()
        if good:
            assert bench.read()
        else:
            with pytest.raises(NotMeasured):
                bench.read()


@given(st.integers(0, 65_534), st.integers(0, 65_534))
def test_light_is_never_negative(all_light: int, infrared: int) -> None:
    assert lux(all_light, infrared, 1.0) >= 0.0


def test_a_measurement_that_never_ends() -> None:
    bench = Bench("tsl2591")
    bench.set_up()
    bench.chip.faults.stuck_busy = True
    with pytest.raises(NotReady):
        bench.read()


@pytest.mark.parametrize("kept", ["0000", "0310", "0110"])
def test_settings_that_went_give_no_value(kept: str) -> None:
    look = "w a001\nw a100\nw a003\np 110\nx b3 01\n" + 2 * "x b4 e803fa00\n"
    with pytest.raises(DeviceFault, match="without power"):
        follow(TSL2591(gain=1).read(), look + f"x a0 {kept}")


def test_another_chip_at_the_address() -> None:
    with pytest.raises(WrongChip, match="expected a TSL2591, found a chip with id EA"):
        follow(TSL2591().setup(), "x b2 ea")
    assert follow(TSL2591().probe(), "x b2 50") is True
    assert follow(TSL2591().probe(), "x b2 ea") is False
    assert follow(TSL2591().probe(), "x b2 00 !nack") is False


@pytest.mark.parametrize(("all_light", "infrared", "expected"), [(1000, 100, 836.0), (1000, 600, 74.0), (100, 90, 0.0)])
def test_sunlight_and_lamps_lie_on_two_lines(all_light: int, infrared: int, expected: float) -> None:
    assert lux(all_light, infrared, 1.0) == pytest.approx(expected)
