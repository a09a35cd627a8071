"""SCD4x: it measures by itself, and says when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.checks import word
from drivers.errors import ChecksumError, DriverError, NotReady
from drivers.reading import Flag, Quantity
from drivers.scd4x import SET_ALTITUDE, SET_OFFSET, SCD4x, is_ready, offset_ticks
from drivers.sensirion import command
from drivers.talk import Step, Write
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, vectors

SETUP = f"""
w 36f6 !nack          # wakes without acknowledging
p 30
w 3f86
p 500
w 3682
p 1
r f89631 9f07c2 3bbe89
w 2416 0001b0
p 1
w 241d 05da {word(offset_ticks(4.0))[2:].hex()}
p 1
w 2427 000081
p 1
w 21b1
p 1
"""
READ = """
w e4b8
p 1
r 8000a2              # not yet
p 250
w e4b8
p 1
r 800604
w ec05
p 1
r 01f433 6667a2 5eb93c
"""


def test_transcript() -> None:
    driver = SCD4x()
    follow(driver.setup(), SETUP)
    co2, temperature, humidity = follow(driver.read(), READ)
    assert (co2.quantity, co2.value) == (Quantity.CO2, 500.0)
    assert temperature.value == pytest.approx(25.003, abs=0.0005)
    assert humidity.value == pytest.approx(37.002, abs=0.0005)


def test_probe_asks_what_the_chip_answers_in_every_state() -> None:
    assert follow(SCD4x().probe(), "w e4b8\np 1\nr 8000a2") is True
    assert follow(SCD4x().probe(), "w e4b8\np 1\nr 8000a3") is False
    assert follow(SCD4x().probe(), "w e4b8 !nack") is False


def test_the_first_three_measurements_are_flagged_after_every_setup() -> None:
    bench = Bench("scd4x")
    for _ in range(2):
        bench.set_up()
        flags = [{reading.flags for reading in bench.read()} for _ in range(5)]
        assert flags == [{Flag.WARMING}] * 3 + [{Flag.NONE}] * 2


def test_zero_ppm_is_no_measurement() -> None:
    bench = Bench("scd4x")
    bench.chip.load({"command": "ec05", "response": "0000816667a25eb93c"})
    bench.set_up()
    assert set(bench.values()) == {Quantity.TEMPERATURE, Quantity.HUMIDITY}


@pytest.mark.parametrize("byte", range(9))
def test_no_value_from_a_damaged_answer(byte: int) -> None:
    good = bytearray.fromhex("01f4336667a25eb93c")
    good[byte] ^= 0x10
    bench = Bench("scd4x")
    bench.chip.load({"command": "ec05", "response": good.hex()})
    bench.set_up()
    with pytest.raises(ChecksumError):
        bench.read()


def test_a_chip_that_lost_power_is_found_out_and_set_up_again() -> None:
    bench = Bench("scd4x")
    bench.set_up()
    bench.read()
    bench.chip.faults.brown_out()
    with pytest.raises(DriverError):
        bench.read()
    bench.clock.advance(1)
    with pytest.raises(NotReady):
        bench.read()
    bench.set_up()
    assert bench.values()[Quantity.CO2] == 430.0


@pytest.mark.parametrize(("low_power", "waited"), [(False, 6.0), (True, 31.0)])
def test_waits_a_period_and_no_longer(low_power: bool, waited: float) -> None:
    bench = Bench("scd4x", low_power=low_power)
    bench.set_up()
    bench.chip.faults.stuck_busy = True
    began = bench.clock.now_us
    with pytest.raises(NotReady):
        bench.read()
    assert (bench.clock.now_us - began) / 1e6 == pytest.approx(waited, abs=0.5)


def test_settings_reach_the_chip() -> None:
    bench = Bench("scd4x", self_calibration=False, temperature_offset_c=5.4, altitude_m=1950, low_power=True)
    bench.set_up()
    said = {step.data for step in bench.steps if isinstance(step, Write)}
    assert {bytes.fromhex(hexed) for hexed in ("2416000081", "241d07e648", "2427079e09", "21ac")} <= said


@pytest.mark.parametrize("setting", [{"altitude_m": 4000}, {"temperature_offset_c": -1.0}, {"asc": True}])
def test_settings_that_are_refused(setting: dict[str, float | bool]) -> None:
    with pytest.raises(ValueError, match="scd4x"):
        SCD4x(**setting)


def test_published_commands_and_status_words() -> None:
    raw = {vector["id"]: vector for vector in vectors("vectors-i2c.json", "SCD4x")}
    for name in ("scd4x-06", "scd4x-07"):
        assert is_ready(int(raw[name]["raw"]["response"][:4], 16)) is raw[name]["expected"]["ready"]["value"]
    offset = command(SET_OFFSET, offset_ticks(raw["scd4x-11"]["raw"]["input"]["temperature_offset_c"]))
    assert offset.hex() == raw["scd4x-11"]["expected"]["tx"]["value"]
    altitude = command(SET_ALTITUDE, raw["scd4x-12"]["raw"]["input"]["altitude_m"])
    assert altitude.hex() == raw["scd4x-12"]["expected"]["tx"]["value"]


@given(st.integers(0, 50))
def test_power_lost_at_any_step_never_gives_a_wrong_value(at: int) -> None:
    bench = Bench("scd4x")
    bench.chip.feels[Quantity.CO2] = 777.0

    def fail(step: Step) -> None:
        if len(bench.steps) == at:
            bench.chip.faults.brown_out()

    bench.before = fail  # type: ignore[method-assign]
    try:
        bench.set_up()
        assert bench.values()[Quantity.CO2] == 777.0
    except DriverError:
        pass
