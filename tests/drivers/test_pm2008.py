"""The PM2008 against its simulated chip: published bytes, standing still, two calibrations, rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cubic import command
from drivers.errors import ChecksumError, DriverError, NoAnswer, NotReady
from drivers.pm2008 import CLOSE, OPEN, PM2008, READ
from drivers.reading import Quantity
from simulators.chips.pm2008 import PM2008 as Cubic
from simulators.clock import VirtualClock
from simulators.i2c import converse
from simulators.uart import serial_steps
from tests.drivers.serial_bench import SerialBench

FILE = Path(__file__).parents[1] / "vectors" / "vectors-serial.json"
RAW = {vector["id"]: bytes.fromhex(vector["raw_hex"]) for vector in json.loads(FILE.read_text())}


def bench(reply: bytes | None = None) -> tuple[SerialBench, Cubic]:
    clock = VirtualClock()
    chip = Cubic(clock.boot_us)
    if reply is not None:
        chip.load({"reply": reply.hex()})
    return SerialBench(chip, clock), chip


def test_commands_and_answers_are_those_published() -> None:
    assert [RAW[f"pub-0{number}"] for number in (48, 49, 50)] == [OPEN, CLOSE, READ]
    _, chip = bench()
    chip.hear(RAW["pub-048"])
    assert (chip.say().hex(), chip.running) == ("16020c02da", True)
    chip.hear(RAW["pub-049"])
    assert (chip.say().hex(), chip.running) == ("16020c01db", False)
    assert len(RAW["pub-047"]) == len(bench()[1].framed(0x0B, bytes(52))) == 56


def test_the_calibration_of_either_instrument() -> None:
    for calibration, masses in (("grimm", (10, 18, 25)), ("tsi", (9, 16, 22))):
        street, _ = bench(RAW["pub-047"])
        said = street.ask(PM2008(calibration=calibration))
        assert tuple(said[name] for name in ("pm1", "pm2_5", "pm10")) == masses
        assert [said[f"nc_gt{size}"] for size in ("0_3", "0_5", "1", "2_5", "5", "10")] == [
            18.0, 5.2, 0.9, 0.12, 0.02, 0.01,
        ]  # fmt: skip


def test_it_stands_still_until_it_is_opened_and_again_after_a_loss_of_power() -> None:
    street, chip = bench()
    driver = PM2008()
    with pytest.raises(NotReady, match="stands still"):
        street.ask(driver)
    street.set_up(driver)
    assert street.ask(driver)["pm1"] == 9
    chip.faults.brown_out()
    with pytest.raises(NotReady):
        street.ask(driver)
    street.set_up(driver)
    assert street.ask(driver)["pm1"] == 9
    assert chip.opened == 1 + 1


def test_a_device_that_still_runs_begins_no_warm_up_anew() -> None:
    street, chip = bench()
    driver, other = PM2008(), PM2008()
    perform = serial_steps(street.port, street.clock.advance)
    assert converse(driver.setup(), perform) is False
    assert converse(driver.setup(), perform) is True
    assert converse(other.setup(), perform) is False
    chip.faults.brown_out()
    assert converse(driver.setup(), perform) is False
    assert chip.running


def test_rest_stops_the_fan_and_setup_starts_it() -> None:
    street, chip = bench()
    driver = PM2008()
    street.set_up(driver)
    ran = []
    for talk in (driver.rest, driver.setup):
        converse(talk(), serial_steps(street.port, street.clock.advance))
        ran.append(chip.running)
    assert ran == [False, True]
    assert street.ask(driver)["pm10"] == 9
    assert PM2008.can_rest


@given(at=st.integers(0, 55), bit=st.integers(0, 7))
def test_one_flipped_bit_is_never_a_value(at: int, bit: int) -> None:
    hurt = bytearray(RAW["pub-047"])
    hurt[at] ^= 1 << bit
    with pytest.raises(DriverError) as caught:
        bench(bytes(hurt))[0].ask(PM2008())
    assert caught.value.cause == ("checksum" if at > 2 else "framing")


@pytest.mark.parametrize(
    ("reply", "error"),
    [(b"", NoAnswer), (RAW["pub-047"][:55], NoAnswer), (RAW["pub-047"][:55] + b"\0", ChecksumError)],
)
def test_what_is_no_answer_is_named(reply: bytes, error: type[DriverError]) -> None:
    with pytest.raises(error):
        bench(reply)[0].ask(PM2008())


def test_a_late_confirmation_is_passed_over() -> None:
    street, _ = bench(bytes.fromhex("16020c02da") + RAW["pub-047"])
    assert street.ask(PM2008())["pm2_5"] == 18


def test_a_chip_hears_no_command_whose_checksum_is_wrong() -> None:
    _, chip = bench()
    chip.hear(OPEN[:-1] + b"\0" + command(0x0C))
    assert (chip.say(), chip.running) == (b"", False)


def test_another_sensor_of_the_maker_is_none() -> None:
    street, chip = bench()
    chip.faults.wrong_chip_id = 1
    with pytest.raises(DriverError):
        street.ask(PM2008())


def test_values_and_probe() -> None:
    street, chip = bench()
    driver = PM2008()
    street.set_up(driver)
    street.feel({Quantity.PM10: 999.0, Quantity.NC_GT0_3: 655.35})
    said = street.ask(driver)
    assert (said["pm10"], said["nc_gt0_3"]) == (999, 655.35)
    assert converse(PM2008().probe(), serial_steps(street.port, street.clock.advance))
    chip.faults.nack_next(1)
    assert not converse(PM2008().probe(), serial_steps(street.port, street.clock.advance))
