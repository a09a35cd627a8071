"""MCP23017: configured whatever was before, believed only while intact, and no edge told that was not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ChecksumError, DeviceFault, DriverError, WrongChip
from drivers.mcp23017 import MCP23017, Change, Pins, changes, configure, intact, levels, story
from drivers.talk import Read, Step, Talk, Write, WriteRead
from simulators.chips.mcp23017 import MCP23017 as Chip
from simulators.chips.pulse_counter import PulseCounter
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C, converse, i2c_steps
from tests.drivers.i2c_bench import vectors

words = st.integers(0, 0xFFFF)


class Pole:
    """An expander with a contact to ground at pin 9."""

    def __init__(self) -> None:
        self.clock = VirtualClock(now_us=5_000_000)
        self.chip = Chip(self.clock.boot_us)
        self.contact = PulseCounter(self.clock.boot_us)
        self.chip.wire(self.contact, {"line": 9}, grounds=True)
        self.perform = i2c_steps(SimulatedI2C({0x20: self.chip}), 0x20, self.clock.advance)
        self.pins = Pins(1 << 9, 1 << 9, 1 << 9)

    def talk(self, talk: Talk[Any]) -> Any:
        return converse(talk, self.perform)

    def after(self, seconds: float) -> Any:
        self.clock.advance(seconds)
        return self.talk(changes(self.pins))

    def press(self, at_us: int, for_us: int) -> None:
        self.contact.plan(self.clock.now_us + at_us, "line", 1)
        self.contact.plan(self.clock.now_us + at_us + for_us, "line", 0)


def test_the_published_output() -> None:
    """Made by somebody else's driver: pin 9 becomes an output and high. We make no outputs; the chip does."""
    (vector,) = [v for v in vectors("vectors-i2c.json", "MCP23017") if v["id"] == "mcp23017-01"]
    pole = Pole()
    direction, value = (bytes.fromhex(vector["expected"][name]["value"]) for name in ("IODIRB", "OLATB_or_GPIOB"))
    pole.perform(Write(b"\x01" + direction))
    pole.perform(Write(b"\x13" + value))
    assert pole.perform(WriteRead(b"\x01", 1)) == direction
    assert pole.perform(WriteRead(b"\x15", 1)) == value
    assert pole.chip.pins() >> vector["raw"]["input"]["pin"] & 1 == vector["raw"]["input"]["value"]


def test_the_published_byte_of_a_pcf8574_is_no_mcp23017() -> None:
    """There is no driver for a PCF8574; what matters here is that nobody writes to one."""
    (vector,) = [v for v in vectors("vectors-i2c.json", "PCF8574") if v["id"] == "pcf8574-01"]
    pins = bytes.fromhex(vector["raw"]["read"])
    assert [bit for bit in range(8) if pins[0] >> bit & 1] == vector["expected"]["pins_high"]["value"]

    def perform(step: Step) -> bytes:
        assert isinstance(step, Read), "a write would change its outputs"
        return pins * step.count

    assert converse(MCP23017().probe(), perform) is False


@pytest.mark.parametrize("left", [b"", b"\x0a\x80", b"\x0a\x20", b"\x0a\xa0", b"\x00\x00\x00", b"\x04\xff\xff"])
def test_configured_whatever_was_before(left: bytes) -> None:
    pole = Pole()
    pole.perform(Write(left))
    assert pole.talk(configure(pole.pins)) == 0x0000
    pole.talk(intact(pole.pins))
    assert pole.after(1) is None


@given(words, words, words, st.binary(min_size=2, max_size=12))
def test_any_wish_and_any_past(watched: int, pulled: int, inverted: int, left: bytes) -> None:
    pole = Pole()
    pole.perform(Write(left))
    wanted = Pins(watched, pulled, inverted)
    pole.talk(configure(wanted))
    pole.talk(intact(wanted))


def test_a_pulse_that_is_over_is_two_edges() -> None:
    pole = Pole()
    stood = pole.talk(configure(pole.pins))
    pole.press(1_000, 500)
    change = pole.after(0.005)
    assert story(stood, change, pole.pins.watched) == ([(9, 1)], [(9, 0)], False)
    pole.press(1_000, 50_000)
    change = pole.after(0.005)
    assert story(change.now & 0, change, pole.pins.watched) == ([(9, 1)], [], False)
    stood = change.now
    change = pole.after(0.100)
    assert story(stood, change, pole.pins.watched) == ([(9, 0)], [], False)
    assert pole.after(1) is None


def test_a_chip_that_lost_its_power_shows_no_edges() -> None:
    pole = Pole()
    pole.talk(configure(pole.pins))
    pole.chip.faults.brown_out()
    pole.press(1_000, 500)
    assert pole.after(0.005) is None  # no latch: nothing is told, and once a second the registers are read
    with pytest.raises(DeviceFault, match="lost its configuration"):
        pole.talk(intact(pole.pins))
    pole.talk(configure(pole.pins))
    pole.perform(Write(b"\x0c\x01\x02"))
    pole.press(1_000, 500)
    with pytest.raises(DeviceFault):
        pole.after(0.1)


@given(stood=words, first=words, then=words, now=words, watched=words)
def test_the_story_ends_where_the_pins_stand(stood: int, first: int, then: int, now: int, watched: int) -> None:
    """Each pin alternates, ends at its level, and only watched ones are told."""
    begun, later, more = story(stood, Change(first, then, now), watched)
    for pin in range(16):
        told = [level for at, level in begun + later if at == pin]
        level = stood >> pin & 1
        for each in told:
            assert each == 1 - level
            level = each
        if watched >> pin & 1:
            assert level == now >> pin & 1
            latched = bool(first >> pin & 1)
            assert len(told) <= 1 + latched
            assert more or not latched or told
        else:
            assert not told


def test_pins_that_do_not_stand_still_for_a_look() -> None:
    looks = iter(range(100))
    with pytest.raises(ChecksumError, match="differ"):
        converse(levels(), lambda step: bytes([next(looks), 0]))


def test_it_measures_nothing_and_tells_others_apart() -> None:
    pole, driver = Pole(), MCP23017()
    assert pole.talk(driver.setup()) is True
    assert pole.talk(driver.read()) == []
    assert pole.talk(driver.probe()) is True
    pole.talk(configure(pole.pins))
    assert pole.talk(driver.probe()) is True
    pole.talk(intact(pole.pins))
    pole.chip.faults.wrong_chip_id = 0x42
    with pytest.raises(WrongChip):
        pole.talk(driver.read())
    assert pole.talk(driver.probe()) is False
    pole.chip.faults.unplug = True
    assert pole.talk(driver.probe()) is False
    with pytest.raises(DriverError):
        pole.talk(driver.read())
