"""The SDS011 against its simulated chip, its public vectors, and every value it can say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.reading import Flag, Quantity
from drivers.sds011 import SDS011, command
from drivers.talk import Write
from simulators.chips.sds011 import SDS011 as Nova
from simulators.clock import VirtualClock
from tests.drivers.serial_bench import SerialBench
from tests.drivers.streams import heard

RAW = json.loads((Path(__file__).parents[1] / "vectors" / "vectors-serial.json").read_text())
COMMANDS = {vector["expected"]["name"]: vector["raw_hex"] for vector in RAW
            if vector["device"] == "sds011" and vector["expected"].get("type") == "command"}
REPLIES = [v["raw_hex"] for v in RAW if v["device"] == "sds011" and v["expected"].get("type") == "config_reply"]


def bench() -> SerialBench:
    clock = VirtualClock()
    return SerialBench(Nova(clock.boot_us), clock)


@pytest.mark.parametrize(
    ("name", "function", "value"),
    [("set_active", 2, 0), ("set_query", 2, 1), ("sleep", 6, 0), ("work", 6, 1), ("period_1min", 8, 1)],
)
def test_commands_are_those_of_the_protocol(name: str, function: int, value: int) -> None:
    assert command(function, value).hex() == COMMANDS[name]


@pytest.mark.parametrize("reply", REPLIES)
def test_answers_to_commands_are_no_readings(reply: str) -> None:
    driver = SDS011()
    assert driver.feed(bytes.fromhex(reply)) == []
    assert driver.errors == ({"device_fault": 1} if reply.startswith("aac5020101") else {})  # we want no asking mode


@given(fine=st.integers(0, 9999), coarse=st.integers(0, 19999))
def test_sweep(fine: int, coarse: int) -> None:
    chip = Nova(lambda: 0)
    chip.feels.update({Quantity.PM2_5: fine / 10, Quantity.PM10: coarse / 10})
    wanted = [{"pm2_5": fine / 10, "pm10": coarse / 10}] if fine or coarse else []
    driver = SDS011()
    assert heard(driver, [chip.report()]) == wanted
    assert driver.errors == ({} if wanted else {"not_ready": 1})


@pytest.mark.parametrize(
    ("fine", "coarse", "flags"),
    [(9999, 19999, [Flag.RANGE] * 2), (9998, 19998, [Flag.NONE] * 2), (9999, 12000, [Flag.RANGE, Flag.NONE])],
)
def test_the_highest_is_only_a_bound(fine: int, coarse: int, flags: list[Flag]) -> None:
    chip = Nova(lambda: 0)
    chip.feels.update({Quantity.PM2_5: fine / 10, Quantity.PM10: coarse / 10})
    (found,) = SDS011().feed(chip.report())
    assert [reading.flags for reading in found] == flags


def test_setup_wakes_a_sleeper_that_only_answers_when_asked() -> None:
    street = bench()
    street.chip.hear(command(2, 1) + command(6, 0))
    driver = SDS011()
    assert street.listen(SDS011(), 5) == []
    street.set_up(driver)
    assert len(street.listen(driver, 5)) >= 5
    assert not driver.errors


def test_a_working_period_lets_the_laser_rest() -> None:
    street, driver = bench(), SDS011(working_period=2)
    street.set_up(driver)
    assert 28 <= len(street.listen(driver, 120)) <= 31
    assert 28 <= len(street.listen(driver, 120)) <= 31
    assert driver.silence_s > 90
    assert SDS011().silence_s < 10


def test_the_period_outlives_a_power_cut_and_sleep_does_not() -> None:
    street, driver = bench(), SDS011()
    assert isinstance(street.chip, Nova)
    street.chip.hear(command(8, 5) + command(6, 0))
    street.chip.faults.brown_out()
    street.chip.say()
    assert (street.chip.period_min, street.chip.asleep) == (5, False)
    street.set_up(driver)
    assert street.chip.period_min == 0


@pytest.mark.parametrize("period", [-1, 31, True, "5"])
def test_a_period_that_the_device_does_not_have_is_refused(period: int) -> None:
    with pytest.raises(ValueError, match="working_period"):
        SDS011(working_period=period)


def test_faults_cost_readings_and_never_give_wrong_ones() -> None:
    street, driver = bench(), SDS011()
    street.feel({Quantity.PM2_5: 12.3, Quantity.PM10: 45.6})
    knobs = street.chip.faults
    knobs.corrupt(2, byte=3, bit=5)
    knobs.garbage(50)
    street.chip.tear()
    knobs.nack_next(1)
    good = street.listen(driver, 10)
    assert good
    assert all(values == {"pm2_5": 12.3, "pm10": 45.6} for values in good)
    assert set(driver.errors) == {"checksum", "framing"}


def test_a_device_that_has_not_measured_says_nothing() -> None:
    street, driver = bench(), SDS011()
    street.chip.faults.stuck_busy = True
    assert street.listen(driver, 5) == []
    assert driver.errors == {"not_ready": 5}


def test_setup_writes_and_pauses_only() -> None:
    assert written(SDS011(), "") == [
        command(6, 1), command(2, 0, write=False), command(8, 0, write=False), command(2, 0), command(8, 0),
    ]  # fmt: skip


def written(driver: SDS011, answers: str) -> list[bytes]:
    """What setup writes when the device gives these answers meanwhile."""
    said = []
    for step in driver.setup():
        if isinstance(step, Write):
            said.append(step.data)
        elif len(said) == 3:
            driver.feed(bytes.fromhex(answers))
    return said


def answer(function: int, written: int, value: int) -> str:
    body = bytes([function, written, value, 0]) + b"\xa1\x60"
    return (b"\xaa\xc5" + body + bytes([sum(body) & 0xFF, 0xAB])).hex()


@pytest.mark.parametrize(("mode", "minutes", "writes"), [(0, 5, []), (1, 5, [(2, 0)]), (0, 0, [(8, 5)]),
                                                         (1, 3, [(2, 0), (8, 5)])])  # fmt: skip
def test_what_is_so_is_not_written_again(mode: int, minutes: int, writes: list[tuple[int, int]]) -> None:
    said = written(SDS011(working_period=5), answer(2, 0, mode) + answer(8, 0, minutes))
    assert said[3:] == [command(function, value) for function, value in writes]


def test_a_setting_that_does_not_stick_is_told() -> None:
    driver = SDS011(working_period=5)
    driver.feed(bytes.fromhex(answer(8, 1, 5)))
    assert not driver.errors
    driver.feed(bytes.fromhex(answer(8, 1, 0)))
    assert driver.errors == {"device_fault": 1}


def test_rest_stops_the_laser_and_setup_wakes_it() -> None:
    street, driver = bench(), SDS011()
    street.lay_down(driver)
    street.listen(driver, 1)
    assert street.listen(driver, 10) == []
    street.set_up(driver)
    assert len(street.listen(driver, 5)) >= 4
    assert not driver.errors
