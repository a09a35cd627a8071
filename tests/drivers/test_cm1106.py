"""The CM1106 against its simulated chip: published bytes, preheating, a baseline told once, who is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cm1106 import CM1106, READ
from drivers.cubic import checked, command
from drivers.errors import ChecksumError, DriverError, FramingError, NoAnswer, NotReady, WrongChip
from drivers.reading import Flag, Quantity
from simulators.chips.cm1106 import CM1106 as Cubic
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


def answer(co2: int, status: int = 0) -> bytes:
    return checked(b"\x16\x05\x01" + co2.to_bytes(2, "big") + bytes([status, 0]))


def test_commands_and_answers_are_those_published() -> None:
    assert command(READ) == RAW["pub-045"]
    assert answer(550) == RAW["pub-046"]
    _, chip = bench()
    chip.feels[Quantity.CO2] = 550
    chip.hear(RAW["pub-045"])
    assert chip.say() == RAW["pub-046"]
    chip.hear(bytes.fromhex("1107106400 07 019064 78"))
    assert (chip.say().hex(), chip.baseline, chip.days) == ("160110d9", True, 7)
    chip.hear(bytes.fromhex("110303 0258 8f"))
    assert (chip.say().hex(), chip.calibrated) == ("160103e6", 600)


@given(before=st.binary(max_size=40), co2=st.integers(1, 5000), after=st.binary(max_size=9))
def test_the_answer_is_found_among_other_bytes(before: bytes, co2: int, after: bytes) -> None:
    noise = before if b"\x16" not in before else b"\x11\x05\x01"
    street, _ = bench(noise + answer(co2) + after)
    assert street.ask(CM1106()) == {"co2": co2}


@given(co2=st.integers(1, 5000), at=st.integers(0, 7), bit=st.integers(0, 7))
def test_one_flipped_bit_is_never_a_value(co2: int, at: int, bit: int) -> None:
    hurt = bytearray(answer(co2))
    hurt[at] ^= 1 << bit
    with pytest.raises(DriverError) as caught:
        bench(bytes(hurt))[0].ask(CM1106())
    assert caught.value.cause == ("checksum" if at > 2 else "framing")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"", NoAnswer), (answer(600)[:5], NoAnswer), (answer(0), NotReady), (bytes(300), FramingError),
        (answer(600)[:7] + b"\x00", ChecksumError), (answer(600)[:5] + answer(600), None),
        (bytes.fromhex("160110d9") + answer(600), None),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_named(reply: bytes, error: type[DriverError] | None) -> None:
    street, _ = bench(reply)
    if error is None:
        assert street.ask(CM1106()) == {"co2": 600}
        return
    with pytest.raises(error):
        street.ask(CM1106())


def test_it_says_itself_that_it_preheats() -> None:
    street, chip = bench()
    chip.faults.brown_out()
    chip.say()
    flags = []
    for _ in range(2):
        (reading,) = converse(CM1106().read(), serial_steps(street.port, street.clock.advance))
        flags.append(reading.flags)
        street.clock.advance(30)
    assert flags == [Flag.WARMING, Flag.NONE]


def test_the_baseline_is_told_once_and_confirmed() -> None:
    street, chip = bench()
    street.set_up(CM1106())
    assert chip.settings == 0
    driver = CM1106(abc="off", abc_days=9)
    for _ in range(3):
        street.set_up(driver)
    assert (chip.baseline, chip.days, chip.settings) == (False, 9, 1)
    street.set_up(CM1106(abc="on"))
    assert (chip.baseline, chip.days) == (True, 15)


def test_a_baseline_that_is_not_confirmed_is_told_again() -> None:
    street, chip = bench()
    driver = CM1106(abc="off")
    chip.knows_version = False
    chip.faults.corrupt(1, byte=3)
    with pytest.raises(ChecksumError):
        street.set_up(driver)
    for _ in range(2):
        street.set_up(driver)
    assert (chip.baseline, chip.settings) == (False, 2)


def test_another_sensor_of_the_maker_is_told_apart() -> None:
    street, chip = bench()
    chip.faults.wrong_chip_id = 1
    with pytest.raises(WrongChip, match="PM V1"):
        street.set_up(CM1106())
    chip.faults.wrong_chip_id = None
    chip.knows_version = False
    street.set_up(CM1106())


def test_a_version_of_another_length_is_no_reason_to_refuse_it() -> None:
    street, chip = bench()
    chip.version = b"CM V0.0.20-long"
    driver = CM1106(abc="off")
    street.set_up(driver)
    assert not chip.baseline
    assert street.ask(driver) == {"co2": 430}


def test_probe() -> None:
    street, chip = bench()
    assert converse(CM1106().probe(), serial_steps(street.port, street.clock.advance))
    chip.faults.nack_next(1)
    assert not converse(CM1106().probe(), serial_steps(street.port, street.clock.advance))
