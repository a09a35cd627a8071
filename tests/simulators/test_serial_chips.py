"""Serial chips answer as their manuals say, keep what they must keep, and their knobs do what they are named for."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from drivers.mhz19 import MHZ19 as MHZ19Driver
from drivers.mhz19 import command as winsen
from drivers.pms5003 import command as plantower
from drivers.reading import Quantity
from drivers.sds011 import SDS011 as SDS011Driver
from simulators.chips.mhz19 import MHZ19
from simulators.chips.pms5003 import PMS5003
from simulators.chips.sds011 import SDS011
from simulators.chips.serial_chip import SerialChip
from simulators.clock import VirtualClock
from simulators.shelf import chips
from tests.drivers.recorded import truth
from tests.drivers.streams import heard

FILE = Path(__file__).parents[1] / "vectors" / "vectors-serial.json"
RAW = {vector["id"]: vector["raw_hex"] for vector in json.loads(FILE.read_text())}
KINDS: list[type[SerialChip]] = [kind for kind in chips() if issubclass(kind, SerialChip)]


def nova(line: str, **state: object) -> str:
    """What an SDS011 in this state says to a command (D1..D3, and the id it is meant for)."""
    chip = SDS011(lambda: 0)
    for name, value in state.items():
        setattr(chip, name, value)
    body = bytes.fromhex(line)
    chip.hear(b"\xaa\xb4" + body + bytes([sum(body) & 0xFF, 0xAB]))
    return chip.say().hex()


QUIET = "00" * 10
ANYBODY = "ffff"


def test_sds011_answers_as_published() -> None:
    assert nova("020101" + QUIET + ANYBODY) == RAW["pub-011"]
    assert nova("070000" + QUIET + ANYBODY) == RAW["pub-012"]
    assert nova("050000" + "00" * 8 + "a001" + "a160") == RAW["pub-013"]


def test_sds011_hears_only_what_is_meant_for_it() -> None:
    assert nova("020101" + QUIET + "a160")
    assert nova("020101" + QUIET + "b000") == ""
    chip = SDS011(lambda: 0)
    chip.hear(bytes.fromhex(RAW["pub-004"])[:-2] + b"\x00\xab")
    assert chip.say() == b""
    chip.hear(bytes.fromhex("00aab4" + RAW["pub-004"]))
    assert chip.say()


def test_sds011_asleep_answers_only_the_call_to_work() -> None:
    assert nova("020101" + QUIET + ANYBODY, asleep=True) == ""
    assert nova("040000" + QUIET + ANYBODY, asleep=True) == ""
    assert nova("060101" + QUIET + ANYBODY, asleep=True).startswith("aac5060101")


def test_sds011_says_what_it_is_set_to() -> None:
    assert nova("020000" + QUIET + ANYBODY, querying=True).startswith("aac5020001")
    assert nova("060000" + QUIET + ANYBODY).startswith("aac5060001")
    assert nova("080000" + QUIET + ANYBODY, period_min=7).startswith("aac5080007")
    assert nova("08011f" + QUIET + ANYBODY, period_min=7).startswith("aac5080107")
    assert nova("040000" + QUIET + ANYBODY).startswith("aac0")


def test_pms5003_answers_as_published() -> None:
    chip = PMS5003(lambda: 0)
    chip.hear(plantower(0xE1, 0))
    assert chip.say().hex() == RAW["pub-021"]
    chip.hear(plantower(0xE2, 0))
    assert chip.say()[:4].hex() == "424d001c"
    chip.hear(plantower(0xE4, 0))
    assert chip.say().hex().startswith("424d0004e400")
    chip.hear(plantower(0xE2, 0) + plantower(0xE1, 1))
    assert chip.say() == b""
    chip.hear(plantower(0xE4, 1))
    assert chip.say()[:4].hex() == "424d001c"


def test_pms3003_hears_nothing() -> None:
    chip = PMS5003(lambda: 0)
    chip.model = "pms3003"
    chip.hear(plantower(0xE1, 0))
    assert (chip.say(), chip.passive) == (b"", False)


def test_mhz19_answers_as_published() -> None:
    chip = MHZ19(lambda: 0)
    chip.feels.update({Quantity.CO2: 608.0, Quantity.TEMPERATURE: 31.0})
    chip.hear(winsen(0x86))
    assert chip.say()[:5].hex() == RAW["pub-033"][:10]
    for setter in ("pub-037", "pub-038", "pub-039"):
        chip.hear(bytes.fromhex(RAW[setter]))
        assert chip.say() == b""
    assert (chip.baseline, chip.zeroed, chip.range_ppm) == (False, 1, 2000)
    chip.hear(b"\xff" + winsen(0x86))
    assert len(chip.say()) == 9
    assert MHZ19Driver.line == chip.line


@cache
def questions(name: str) -> tuple[bytes, ...]:
    """What its driver asks it in a reading; nothing of a chip that talks unasked."""
    return tuple(dict.fromkeys(question for talk, question in truth(name).answers if talk in ("read", "probe")))


def said(kind: type[SerialChip], seconds: float = 20.0, **knobs: int) -> bytes:
    """What a chip whose knobs were turned says in this time, asked often if it must be asked."""
    clock = VirtualClock()
    chip = kind(clock.boot_us)
    for knob, value in knobs.items():
        if knob == "tear":
            chip.tear(value)
        else:
            chip.faults.turn(knob, value)
    line = b""
    if Quantity.VEHICLE_SPEED in kind.spans:
        chip.feels[Quantity.VEHICLE_SPEED] = 50.0  # a radar says nothing of an empty street
    for _ in range(round(seconds)):
        for question in questions(kind.name):
            chip.hear(question)
        clock.advance(1)
        line += chip.say()
    return line


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_knobs(kind: type[SerialChip]) -> None:
    sound = said(kind)
    assert sound
    assert said(kind, unplug=1) == b""
    assert 0 < len(said(kind, nack_next=1)) < len(sound)
    assert len(said(kind, garbage=33)) == len(sound) + 33
    assert len(said(kind, corrupt=1)) == len(sound)
    assert said(kind, corrupt=1) != sound
    assert 0 < len(said(kind, tear=1)) < len(sound)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_frozen_chip_repeats_itself_and_a_saturated_one_says_the_most(kind: type[SerialChip]) -> None:
    chip = kind(lambda: 0)
    quantity = next(iter(chip.spans))
    before = chip.sense(quantity)
    chip.faults.freeze = True
    chip.feels[quantity] = before + 1
    assert chip.sense(quantity) == before
    chip.faults.saturate = True
    assert chip.sense(quantity) == chip.spans[quantity][1]


def test_a_moment_without_power_costs_what_was_begun_and_not_what_is_kept() -> None:
    clock = VirtualClock()
    chip = SDS011(clock.boot_us)
    chip.identity, chip.period_min = b"\x12\x34", 3
    clock.advance(0.9)
    chip.faults.brown_out()
    assert chip.say() == b""
    clock.advance(0.9)
    assert chip.say() == b""
    clock.advance(0.2)
    assert chip.say()[6:8] == b"\x12\x34"
    assert chip.period_min == 3


def test_frames_are_spaced_by_the_clock_even_when_looked_at_rarely() -> None:
    clock = VirtualClock()
    chip = SDS011(clock.boot_us)
    clock.advance(10.5)
    assert len(heard(SDS011Driver(), [chip.say()])) == 10
    assert chip.next_us() == 11_000_000


def test_noise_is_measured_anew_each_time() -> None:
    added = iter([1.0, 0.0, 2.0, 0.0])
    chip = SDS011(lambda: 0, noise=lambda quantity: next(added))
    assert heard(SDS011Driver(), [chip.report(), chip.report()]) == [
        {"pm2_5": 10.0, "pm10": 14.0},
        {"pm2_5": 11.0, "pm10": 14.0},
    ]
