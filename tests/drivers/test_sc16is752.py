"""SC16IS752: rates and forms, whole queues, overruns, and nothing from a chip that lost its power."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.driver import SerialLine
from drivers.errors import DeviceFault, DriverError, WrongChip
from drivers.sc16is752 import LCR, SC16IS752, at, configure, divisor, form, intact, receive, send
from drivers.talk import Step, Talk, Write
from simulators.chips.sc16is752 import SC16IS752 as Chip
from simulators.chips.serial_chip import SerialChip
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C, converse, i2c_steps
from tests.drivers.i2c_bench import vectors


class Echo(SerialChip):
    """Says what it hears."""

    name = "echo"
    rests = {}  # noqa: RUF012

    def hear(self, data: bytes) -> None:
        self.utter(data)


class Pole:
    """A bridge with an echo on each channel."""

    def __init__(self, line: SerialLine | None = None) -> None:
        self.clock = VirtualClock(now_us=5_000_000)
        self.chip = Chip(self.clock.boot_us)
        self.echoes = (Echo(self.clock.boot_us), Echo(self.clock.boot_us))
        for channel, echo in enumerate(self.echoes):
            echo.line = line or SerialLine()
            self.chip.wire(channel, echo)
        self.written: list[bytes] = []
        self._steps = i2c_steps(SimulatedI2C({0x4D: self.chip}), 0x4D, self.clock.advance)

    def perform(self, step: Step) -> bytes:
        if isinstance(step, Write):
            self.written.append(step.data)
        return self._steps(step)

    def talk(self, talk: Talk[Any]) -> Any:
        return converse(talk, self.perform)


@pytest.mark.parametrize("vector", vectors("vectors-i2c.json", "SC16IS752"), ids=lambda v: str(v["id"]))
def test_the_published_divisors(vector: dict[str, Any]) -> None:
    asked, expected = vector["raw"]["input"], vector["expected"]
    assert divisor(asked["baud"], asked["xtal_hz"]) == expected["divisor"]["value"]
    assert asked["channel"] == "A"
    assert f"{at(LCR, 0):02x}" == expected["lcr_subaddress"]["value"]
    pole = Pole()
    pole.talk(configure(0, SerialLine(asked["baud"]), asked["xtal_hz"]))
    low, high = expected["divisor"]["value"] & 0xFF, expected["divisor"]["value"] >> 8
    assert [b for b in pole.written if b[0] in (0x00, 0x08)][:2] == [bytes([0x00, low]), bytes([0x08, high])]


@given(st.integers(50, 921_600), st.sampled_from([14_745_600, 1_843_200, 3_072_000, 24_000_000]))
def test_a_rate_is_near_enough_or_refused(baud: int, crystal_hz: int) -> None:
    try:
        found = divisor(baud, crystal_hz)
    except ValueError as error:
        assert str(baud) in str(error)
        return
    assert 1 <= found <= 0xFFFF
    assert abs(crystal_hz / 16 / found - baud) <= 0.02 * baud


@pytest.mark.parametrize("baud", [0, -9600, 1, 100_000_000, 700_000])
def test_rates_that_there_are_not(baud: int) -> None:
    with pytest.raises(ValueError, match="can not be made"):
        divisor(baud)


@pytest.mark.parametrize("bits", [7, 8])
@pytest.mark.parametrize("parity", ["N", "E", "O"])
@pytest.mark.parametrize("stop", [1, 2])
@pytest.mark.parametrize("channel", [0, 1])
def test_every_form(
    bits: Literal[7, 8], parity: Literal["N", "E", "O"], stop: Literal[1, 2], channel: int
) -> None:
    line = SerialLine(19_200, bits, parity, stop)
    pole = Pole(line)
    pole.talk(configure(channel, line))
    assert pole.chip.channels[channel].line == line
    assert pole.chip.channels[1 - channel].line is None
    assert pole.talk(send(channel, b"hello")) == 5
    received = pole.talk(receive(channel))
    assert (received.data, received.overrun) == (b"hello", False)
    assert pole.talk(receive(channel)).data == b""
    assert form(SerialLine()) == 0x03


@given(st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=100)), max_size=8))
def test_the_channels_do_not_meet_and_losses_are_told(said: list[tuple[int, bytes]]) -> None:
    pole = Pole()
    for channel in (0, 1):
        pole.talk(configure(channel, SerialLine()))
    for channel, data in said:
        pole.echoes[channel].utter(data)
        received = pole.talk(receive(channel))
        assert received.data == data[:64]
        assert received.overrun == (len(data) > 64)


def test_no_more_is_sent_than_there_is_room() -> None:
    pole = Pole()
    pole.talk(configure(0, SerialLine()))
    assert pole.talk(send(0, bytes(100))) == 64


def test_another_rate_is_noise_and_a_lost_power_is_told() -> None:
    pole = Pole(SerialLine(4_800))
    pole.talk(configure(0, SerialLine()))
    pole.echoes[0].utter(b"hello")
    assert pole.talk(receive(0)).data != b"hello"
    pole.chip.faults.brown_out()
    assert pole.talk(receive(0)).data == b""
    pole.echoes[0].utter(b"hello")
    with pytest.raises(DeviceFault, match="lost its configuration"):
        pole.talk(receive(0))
    with pytest.raises(DeviceFault, match="lost its configuration"):
        pole.talk(intact(1))
    with pytest.raises(DeviceFault):
        pole.talk(send(0, b"x"))
    pole.chip.faults.stuck_busy = True
    with pytest.raises(DeviceFault, match="does not hold"):
        pole.talk(configure(0, SerialLine()))


def test_it_measures_nothing_and_tells_others_apart() -> None:
    pole, driver = Pole(), SC16IS752()
    assert pole.talk(driver.probe()) is True
    assert pole.talk(driver.setup()) is True
    assert pole.talk(driver.read()) == []
    pole.chip.faults.wrong_chip_id = 0x42
    assert pole.talk(driver.probe()) is False
    with pytest.raises(WrongChip):
        pole.talk(driver.read())
    pole.chip.faults.unplug = True
    assert pole.talk(driver.probe()) is False
    with pytest.raises(DriverError):
        pole.talk(driver.setup())
