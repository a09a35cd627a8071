"""The MH-Z19 against its simulated chip: its answer is found among other bytes, and nothing else is taken for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ChecksumError, DriverError, FramingError, NoAnswer, NotReady
from drivers.mhz19 import MHZ19, checksum, command
from drivers.reading import Flag, Quantity
from drivers.talk import Read, Step
from simulators.chips.mhz19 import MHZ19 as Winsen
from simulators.chips.mhz19 import framed
from simulators.clock import VirtualClock
from simulators.i2c import converse
from simulators.uart import serial_steps
from tests.drivers.serial_bench import SerialBench

RAW = json.loads((Path(__file__).parents[1] / "vectors" / "vectors-serial.json").read_text())
COMMANDS = {vector["what"]: vector["raw_hex"] for vector in RAW if vector["device"] == "mh-z19"}


def bench(reply: bytes | None = None) -> SerialBench:
    clock = VirtualClock()
    chip = Winsen(clock.boot_us)
    if reply is not None:
        chip.load({"reply": reply.hex()})
    return SerialBench(chip, clock)


def answer(co2: int) -> bytes:
    return framed(0x86, co2.to_bytes(2, "big") + b"\x3e")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("command read CO2", command(0x86)),
        ("command ABC on", command(0x79, 0xA0)),
        ("command ABC off", command(0x79, 0)),
        ("command zero calibration", command(0x87)),
        ("command range 2000", command(0x99, 0, 0, 0, 0x07, 0xD0)),
    ],
)
def test_commands_are_those_of_the_manual(what: str, said: bytes) -> None:
    assert said.hex() == COMMANDS[what]


def test_sweep_every_value_including_those_whose_checksum_is_zero() -> None:
    street, zeros = bench(), 0
    for co2 in range(1, 5001):
        street.feel({Quantity.CO2: co2})
        zeros += answer(co2)[8] == 0
        assert street.ask(MHZ19()) == {"co2": co2}
    assert zeros


@given(before=st.binary(max_size=40), co2=st.integers(1, 10_000), after=st.binary(max_size=9))
def test_the_answer_is_found_among_other_bytes(before: bytes, co2: int, after: bytes) -> None:
    """Unless the noise itself is a whole answer, which nobody can tell."""
    noise = before if b"\xff\x86" not in before + b"\xff" else b""
    assert bench(noise + answer(co2) + after).ask(MHZ19()) == {"co2": co2}


@given(reply=st.binary(max_size=100))
def test_any_reply_ends_in_a_value_with_its_checksum_or_in_an_error(reply: bytes) -> None:
    try:
        values = bench(reply).ask(MHZ19())
    except DriverError:
        return
    found = [reply[at : at + 9] for at in range(len(reply)) if reply[at : at + 2] == b"\xff\x86"]
    assert any(checksum(f[1:8]) == f[8] and values == {"co2": f[2] << 8 | f[3]} for f in found if len(f) == 9)


@given(co2=st.integers(1, 10_000), at=st.integers(0, 8), bit=st.integers(0, 7))
def test_one_flipped_bit_is_never_a_value(co2: int, at: int, bit: int) -> None:
    hurt = bytearray(answer(co2))
    hurt[at] ^= 1 << bit
    with pytest.raises(DriverError) as caught:
        bench(bytes(hurt)).ask(MHZ19())
    assert caught.value.cause == ("checksum" if at > 1 else "framing")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"", NoAnswer),
        (answer(600)[:5], NoAnswer),
        (framed(0x99, b"\x01"), FramingError),
        (framed(0x86, bytes(6)), NotReady),
        (answer(0), NotReady),
        (answer(600)[:8] + b"\x00", ChecksumError),
        (bytes(500), FramingError),
    ],
)
def test_what_is_no_answer_is_named(reply: bytes, error: type[DriverError]) -> None:
    with pytest.raises(error):
        bench(reply).ask(MHZ19())


def test_a_line_that_babbles_for_ever_is_given_up() -> None:
    asked = 0

    def babble(step: Step) -> bytes:
        nonlocal asked
        asked += step.count if isinstance(step, Read) else 0
        assert asked < 200
        return b"\xff" * (step.count if isinstance(step, Read) else 0)

    with pytest.raises(FramingError):
        converse(MHZ19().read(), babble)


def test_settings_reach_the_device_and_its_late_answers_confuse_nobody() -> None:
    street = bench()
    chip = street.chip
    assert isinstance(chip, Winsen)
    chip.answers_setters = True
    driver = MHZ19(abc="off", range=2000)
    street.set_up(driver)
    assert (chip.baseline, chip.range_ppm) == (False, 2000)
    street.feel({Quantity.CO2: 3500})
    assert street.ask(driver) == {"co2": 2000}


@pytest.mark.parametrize(
    ("span", "ends", "goes_on"),
    [(0, (2000, 5000, 10_000, 12_000), (1999, 2001, 4999, 5001, 9999)), (2000, (2000, 2001), (1999,)),
     (5000, (5000,), (2000, 4999)), (10_000, (10_000,), (2000, 5000, 9999))],
)  # fmt: skip
def test_where_its_range_ends_the_value_is_only_a_bound(
    span: int, ends: tuple[int, ...], goes_on: tuple[int, ...]
) -> None:
    for co2 in (*ends, *goes_on):
        street = bench(answer(co2))
        (reading,) = converse(MHZ19(range=span).read(), serial_steps(street.port, street.clock.advance))
        assert (reading.value, reading.flags) == (co2, Flag.RANGE if co2 in ends else Flag.NONE)


def test_settings_are_written_once_and_only_to_a_device_that_is_there() -> None:
    street = bench()
    driver, written = MHZ19(abc="off"), []
    chip = street.chip
    assert isinstance(chip, Winsen)
    chip._set = lambda function, command: written.append((function, command[3]))  # type: ignore[method-assign]
    chip.faults.nack_next()
    with pytest.raises(NoAnswer):
        street.set_up(driver)
    assert written == []
    for _ in range(3):
        street.set_up(driver)
    assert written == [(0x79, 0)]
    street.set_up(MHZ19())
    street.set_up(MHZ19(abc="on"))
    assert written == [(0x79, 0), (0x79, 0xA0)]


def test_without_settings_nothing_is_written() -> None:
    assert list(MHZ19().setup()) == []


def test_probe() -> None:
    def probed(street: SerialBench) -> bool:
        return converse(MHZ19().probe(), serial_steps(street.port, street.clock.advance))

    assert probed(bench())
    assert not probed(bench(b""))
    assert not probed(bench(b"\xaa\xc0" * 20))


@pytest.mark.parametrize("setting", [{"abc": "maybe"}, {"range": 3000}, {"range": "2000"}])
def test_settings_that_it_does_not_have_are_refused(setting: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="mhz19"):
        MHZ19(**setting)
