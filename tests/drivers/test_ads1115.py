"""ADS1115: a voltage is believed only when the settings, two results and our mark agree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ads1115 import ADS1115, GAIN, MUX, RATE, Channel
from drivers.errors import DeviceFault, DriverError, NotReady, WrongChip
from drivers.reading import Flag, Quantity
from drivers.setting import SettingValue
from drivers.talk import Pause, Write
from simulators.chips.ads1115 import ADS1115 as Chip
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, vectors

RAW = {vector["id"]: vector for vector in vectors("vectors-i2c.json", "ADS1115")}


def bench(**settings: SettingValue) -> tuple[Bench, Chip]:
    ready = Bench("ads1115", **settings)
    ready.set_up()
    assert isinstance(ready.chip, Chip)
    return ready, ready.chip


@pytest.mark.parametrize("name", ["ads1115-01", "ads1115-02", "ads1115-03"])
def test_raw_vectors(name: str) -> None:
    raw, expected = RAW[name]["raw"], RAW[name]["expected"]
    made, chip = bench(fsr_v=raw["fsr_v"])
    chip.load({"regs16": raw["regs16"]})
    (reading,) = made.read()
    assert reading.value == pytest.approx(expected["voltage"]["value"], abs=1e-7)
    assert reading.value * 32768 / raw["fsr_v"] == pytest.approx(expected["code"]["value"])
    assert bool(reading.flags & Flag.RANGE) is expected["saturated"]["value"]


def test_the_published_request() -> None:
    asked: dict[str, Any] = RAW["ads1115-09"]["raw"]["input"]
    word = Channel(asked["mux"].removeprefix("AIN"), asked["fsr"], asked["sps"]).word
    assert f"01{word:04x}" == RAW["ads1115-09"]["expected"]["tx"]["value"]
    assert set(RAW) == {"ads1115-01", "ads1115-02", "ads1115-03", "ads1115-09"}


@pytest.mark.parametrize("fsr_v", GAIN)
@pytest.mark.parametrize("which", MUX)
def test_every_input_at_every_scale(which: str, fsr_v: float) -> None:
    made, chip = bench(input=which, fsr_v=fsr_v)
    chip.inputs = {at: fsr_v * share for at, share in enumerate((0.9, 0.1, 0.55, 0.31))}
    first, _, second = which.partition("-")
    wanted = chip.inputs[int(first)] - (chip.inputs[int(second)] if second else 0.0)
    (reading,) = made.read()
    assert reading.value == pytest.approx(wanted, abs=fsr_v / 32768)
    assert reading.flags == Flag.NONE


@pytest.mark.parametrize("rate", RATE)
def test_it_waits_as_long_as_the_slowest_chip_takes(rate: int) -> None:
    made, _ = bench(rate=rate)
    made.steps.clear()
    assert made.values()[Quantity.VOLTAGE] == pytest.approx(1.234, abs=0.001)
    assert sum(step.seconds for step in made.steps if isinstance(step, Pause)) < 1.2 / rate + 0.001


@given(st.integers(-32768, 32767))
def test_every_word_against_ground_and_as_a_difference(code: int) -> None:
    for which in ("0", "0-1"):
        made, chip = bench(input=which)
        chip.loaded = code & 0xFFFF
        (reading,) = made.read()
        noise = which == "0" and -8 <= code < 0
        assert reading.value == (0.0 if noise else code * 4.096 / 32768)
        assert bool(reading.flags) is (code in (-32768, 32767))


def test_sensors_share_a_converter_and_claim_their_inputs() -> None:
    assert ADS1115.shares == "ads1115"
    assert ADS1115(input="2").claims == ("input 2",)
    assert ADS1115(input="0-3").claims == ("input 0",)


def test_each_notices_that_power_was_lost_though_another_was_first() -> None:
    made, chip = bench(input="0")
    other = ADS1115(input="1")
    made.talk(other.setup())
    assert made.talk(made.driver.setup()) is True
    assert made.talk(other.setup()) is True
    chip.faults.brown_out()
    for driver in (made.driver, other):
        with pytest.raises(DeviceFault, match="without power"):
            made.talk(driver.read())
        assert made.talk(driver.setup()) is False
    assert made.talk(other.read()) and made.read()


def test_a_process_that_starts_anew_knows_nothing_of_the_past() -> None:
    made, _ = bench()
    assert made.talk(ADS1115().setup()) is False


def test_another_program_that_left_it_running_and_comparing() -> None:
    made, chip = bench()
    for word in ("01 0283", "02 1000", "03 2000"):
        chip.transfer(bytes.fromhex(word), 0)
    made.set_up()
    assert int.from_bytes(chip.transfer(b"\x01", 2), "big") & 0x8100 == 0x8100, "it rests until it is asked"
    assert made.values()[Quantity.VOLTAGE] == pytest.approx(1.234, abs=0.001)
    made.steps.clear()
    made.set_up()
    assert not [step for step in made.steps if isinstance(step, Write)]


def test_settings_of_somebody_else_are_no_value() -> None:
    with pytest.raises(DeviceFault, match="other settings"):
        follow(ADS1115().read(), "w 01c383\np 9.09375\nx 01 d383")


def test_another_chip() -> None:
    with pytest.raises(WrongChip, match="ADS1115"):
        follow(ADS1115().setup(), "x 02 399f\nx 02 399f\nx 03 0000\nx 03 0000\nw 037fff\nx 03 0000\nx 03 0000")
    made, chip = bench()
    assert made.talk(made.driver.probe()) is True
    chip.faults.wrong_chip_id = 0x399F
    assert made.talk(made.driver.probe()) is False
    chip.faults.unplug = True
    assert made.talk(made.driver.probe()) is False


def test_stuck_busy_and_saturated() -> None:
    made, chip = bench()
    chip.faults.saturate = True
    (reading,) = made.read()
    assert reading.flags == Flag.RANGE
    chip.faults.stuck_busy = True
    with pytest.raises(NotReady):
        made.read()


@pytest.mark.parametrize("answer", range(4))
def test_a_flipped_bit_is_never_a_value(answer: int) -> None:
    for byte in range(2):
        for bit in range(8):
            made, chip = bench()
            made.steps.clear()

            def hurt(step: object, made: Bench = made, chip: Chip = chip, byte: int = byte, bit: int = bit) -> None:
                if len(made.steps) == 2 + answer:
                    chip.faults.corrupt(byte=byte, bit=bit)

            made.before = hurt  # type: ignore[method-assign]
            try:
                assert made.values()[Quantity.VOLTAGE] == pytest.approx(1.234, abs=0.001)
            except DriverError:
                pass


@pytest.mark.parametrize("settings", [{"input": "4"}, {"input": "1-0"}, {"fsr_v": 5.0}, {"rate": 100}])
def test_settings_that_the_chip_does_not_have(settings: dict[str, SettingValue]) -> None:
    with pytest.raises(ValueError, match="must be one of"):
        ADS1115(**settings)
