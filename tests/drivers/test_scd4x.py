"""SCD4x: it measures by itself, and says when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.checks import words
from drivers.errors import ChecksumError, DeviceFault, DriverError, Nack, NotMeasured, NotReady
from drivers.reading import Flag, Quantity
from drivers.scd4x import SET_ALTITUDE, SET_OFFSET, SET_PRESSURE, SCD4x, is_ready, offset_ticks
from drivers.sensirion import command
from drivers.setting import SettingValue
from drivers.talk import Step, Write
from simulators.chips.scd4x import SCD4x as Chip
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, vectors

WRITES = {0x241D, 0x2427, 0x2416, 0x3615}


def written(bench: Bench) -> list[str]:
    """What was set since, and burnt in."""
    said = [step.data for step in bench.steps if isinstance(step, Write)]
    return [data.hex() for data in said if int.from_bytes(data[:2], "big") in WRITES]


def test_probe_asks_what_the_chip_answers_in_every_state() -> None:
    assert follow(SCD4x().probe(), "w e4b8\np 1\nr 8000a2") is True
    assert follow(SCD4x().probe(), "w e4b8\np 1\nr 8000a3") is False
    assert follow(SCD4x().probe(), "w e4b8 !nack") is False


def test_the_first_three_measurements_are_flagged_after_every_start() -> None:
    bench = Bench("scd4x")
    for _ in range(2):
        bench.chip.power_on()
        bench.clock.advance(1)
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
    with pytest.raises(NotMeasured, match="lost power"):
        bench.read()
    assert bench.talk(bench.driver.setup()) is False
    assert bench.values()[Quantity.CO2] == 430.0


def test_a_chip_that_went_on_measuring_is_left_to_it() -> None:
    bench = Bench("scd4x")
    assert bench.talk(bench.driver.setup()) is False
    for _ in range(4):
        bench.read()
    bench.chip.faults.nack_next()
    with pytest.raises(Nack):
        bench.read()
    assert bench.talk(bench.driver.setup()) is True
    assert bench.talk(bench.driver.setup()) is False, "no reading since: begin anew"
    for _ in range(4):
        bench.read()
    assert bench.talk(bench.driver.setup()) is True
    assert {reading.flags for reading in bench.read()} == {Flag.NONE}


def test_a_chip_that_measures_for_ever_is_started_anew() -> None:
    bench = Bench("scd4x")
    bench.set_up()
    bench.read()
    bench.chip.faults.stuck_busy = True
    with pytest.raises(NotReady):
        bench.read()
    assert bench.talk(bench.driver.setup()) is False


def test_a_chip_that_lost_power_unseen_is_set_up_anew() -> None:
    bench = Bench("scd4x")
    bench.set_up()
    bench.read()
    bench.chip.power_on()
    bench.clock.advance(1)
    assert bench.talk(bench.driver.setup()) is False
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


def test_settings_are_burnt_in_once_and_survive_a_loss_of_power() -> None:
    bench = Bench("scd4x", auto_calibration="off", temperature_offset_c=5.4, altitude_m=1950, low_power=True)
    assert isinstance(bench.chip, Chip)
    bench.set_up()
    assert written(bench) == ["241d07e648", "2427079e09", "2416000081", "3615"]
    bench.steps.clear()
    bench.chip.power_on()
    bench.clock.advance(1)
    bench.set_up()
    assert written(bench) == []
    assert (bench.chip.settings["self_calibration"], bench.chip.settings["altitude"]) == (0, 1950)


@pytest.mark.parametrize(("chosen", "before", "after"), [("keep", 0, 0), ("on", 0, 1), ("off", 1, 0), ("keep", 1, 1)])
def test_self_calibration_is_as_the_board_says_or_as_it_was(chosen: str, before: int, after: int) -> None:
    bench = Bench("scd4x", auto_calibration=chosen)
    assert isinstance(bench.chip, Chip)
    bench.chip.settings["self_calibration"] = before
    bench.set_up()
    assert bench.chip.settings["self_calibration"] == after


def test_a_setting_that_does_not_stick_is_a_fault() -> None:
    bench = Bench("scd4x", altitude_m=12)
    bench.chip.load({"command": "2322", "response": "000081"})
    with pytest.raises(DeviceFault, match="altitude"):
        bench.set_up()


def test_the_pressure_next_door_is_told_when_it_changes() -> None:
    bench = Bench("scd4x")
    assert isinstance(bench.chip, Chip)
    bench.set_up()
    told = []
    for pressure in (98_700.0, 98_720.0, 101_000.0, 20_000.0):
        bench.driver.known = {Quantity.PRESSURE: pressure}
        bench.read()
        told.append(bench.chip.pressure)
    assert told == [987, 987, 1010, 700]
    assert sum(isinstance(step, Write) and step.data[:2] == b"\xe0\x00" for step in bench.steps) == 3


@pytest.mark.parametrize(
    "setting",
    [{"altitude_m": 4000}, {"temperature_offset_c": -1.0}, {"asc": True}, {"auto_calibration": "perhaps"}],
)
def test_settings_that_are_refused(setting: dict[str, SettingValue]) -> None:
    with pytest.raises(ValueError, match="scd4x"):
        SCD4x(**setting)


def test_published_commands_and_status_words() -> None:
    raw = {vector["id"]: vector for vector in vectors("vectors-i2c.json", "SCD4x")}
    for name in ("scd4x-06", "scd4x-07"):
        assert is_ready(int(raw[name]["raw"]["response"][:4], 16)) is raw[name]["expected"]["ready"]["value"]
    assert not is_ready(0xF800), "the highest five bits mean nothing"
    assert all(is_ready(1 << bit) for bit in range(11))
    offset = command(SET_OFFSET, offset_ticks(raw["scd4x-11"]["raw"]["input"]["temperature_offset_c"]))
    assert offset.hex() == raw["scd4x-11"]["expected"]["tx"]["value"]
    altitude = command(SET_ALTITUDE, raw["scd4x-12"]["raw"]["input"]["altitude_m"])
    assert altitude.hex() == raw["scd4x-12"]["expected"]["tx"]["value"]
    pressure = command(SET_PRESSURE, raw["scd4x-13"]["raw"]["input"]["pressure_pa"] // 100)
    assert pressure.hex() == raw["scd4x-13"]["expected"]["tx"]["value"]
    serial = words(bytes.fromhex(raw["scd4x-18"]["raw"]["response"]))
    assert serial.hex() == raw["scd4x-18"]["expected"]["serial"]["value"]


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
