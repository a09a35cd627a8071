"""SPS30 on a serial port: what holds over I2C holds here, in frames of a length that nobody knows beforehand."""

from __future__ import annotations

import struct
from typing import TypeVar

import pytest

from drivers.errors import (
    ChecksumError,
    DeviceFault,
    DriverError,
    FramingError,
    NoAnswer,
    NotMeasured,
    NotReady,
    WrongChip,
)
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import SettingValue
from drivers.shdlc import request
from drivers.sps30 import ORDER
from drivers.sps30_uart import SPS30UART
from drivers.talk import Step, Talk, Write
from simulators.chips.sps30_uart import SPS30UART as Chip
from simulators.chips.sps30_uart import frame
from simulators.clock import VirtualClock
from simulators.i2c import converse
from simulators.uart import SimulatedSerial, serial_steps
from tests.drivers.test_shdlc import OURS

T = TypeVar("T")
FRAMES = {vector["id"]: vector for vector in OURS}
KEYS = ("pm1_0", "pm2_5", "pm4_0", "pm10", "nc0_5", "nc1_0", "nc2_5", "nc4_0", "nc10")


class Desk:
    """The chip, its port and its driver, in virtual time."""

    def __init__(self, **settings: SettingValue) -> None:
        self.clock = VirtualClock(now_us=1_000_000)
        self.chip, self.driver = Chip(self.clock.boot_us), SPS30UART(**settings)
        self.port = SimulatedSerial(self.chip, self.clock.advance)
        self.said: list[bytes] = []

    def talk(self, talk: Talk[T]) -> T:
        perform = serial_steps(self.port, self.clock.advance)

        def heard(step: Step) -> bytes:
            if isinstance(step, Write):
                self.said.append(step.data)
            return perform(step)

        return converse(talk, heard)

    def set_up(self) -> bool:
        return self.talk(self.driver.setup())

    def read(self) -> list[Reading]:
        return self.talk(self.driver.read())

    def values(self) -> dict[Quantity, float]:
        return {reading.quantity: reading.value for reading in self.read()}


@pytest.mark.parametrize(("name", "spoken"), [("pub-029", "float"), ("pub-032", "uint16")])
def test_published_measurements(name: str, spoken: str) -> None:
    desk = Desk(format=spoken)
    desk.set_up()
    desk.chip.load({"reply": FRAMES[name]["raw_hex"]})
    expected = FRAMES[name]["expected"]["values"]
    assert list(desk.values().values()) == pytest.approx([expected[key] for key in KEYS], abs=1e-4)


def test_published_refusal_is_an_idle_device() -> None:
    desk = Desk()
    desk.set_up()
    desk.chip.load({"reply": FRAMES["pub-031"]["raw_hex"].replace("7e0000", "7e0003").replace("bc7e", "b97e")})
    with pytest.raises(NotMeasured, match="idle"):
        desk.read()


def test_what_it_says_is_what_is_published() -> None:
    desk = Desk()
    desk.set_up()
    desk.read()
    for name in ("pub-024", "pub-026", "pub-027"):
        assert bytes.fromhex(FRAMES[name]["raw_hex"]) in desk.said
    whole = Desk(format="uint16")
    whole.set_up()
    assert bytes.fromhex(FRAMES["pub-025"]["raw_hex"]) in whole.said
    assert request(0xD0, b"\x03").hex() == FRAMES["pub-028"]["raw_hex"]


@pytest.mark.parametrize("value", [0.0, 1000.0, struct.unpack(">f", b"\x3f\x7e\x7d\x11")[0]])
def test_frames_of_any_length(value: float) -> None:
    desk = Desk()
    desk.chip.feels.update(dict.fromkeys(ORDER, value))
    desk.set_up()
    assert desk.values() == pytest.approx(dict.fromkeys(ORDER, value), abs=0.001)


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), 1e30])
def test_what_is_no_number_gives_no_value(broken: float) -> None:
    desk = Desk()
    desk.set_up()
    data = struct.pack(">10f", *[1.0] * 8, broken, 1.0)
    desk.chip.load({"reply": frame(b"\0\x03\0\x28" + data).hex()})
    with pytest.raises(NotMeasured):
        desk.read()


def test_another_format_than_was_asked_for() -> None:
    desk = Desk(format="uint16")
    desk.set_up()
    desk.chip.load({"reply": FRAMES["pub-029"]["raw_hex"]})
    with pytest.raises(FramingError):
        desk.read()


@pytest.mark.parametrize(
    ("status", "said"), [(1 << 4, "fan"), (1 << 5, "laser")],
)  # fmt: skip
def test_a_broken_device_gives_no_value(status: int, said: str) -> None:
    desk = Desk()
    desk.set_up()
    desk.chip.condition = status
    with pytest.raises(DeviceFault, match=said):
        desk.read()


def test_a_fan_at_a_wrong_speed_is_a_doubt_and_only_then_is_the_status_asked() -> None:
    desk = Desk()
    desk.set_up()
    desk.read()
    assert request(0xD2, b"\0") not in desk.said
    desk.chip.condition = 1 << 21
    assert {reading.flags for reading in desk.read()} == {Flag.RANGE}


def test_old_firmware_cannot_say_which_fault() -> None:
    desk = Desk(auto_clean_s=86_400)
    desk.chip.firmware = (1, 0)
    desk.set_up()
    assert desk.chip.cleaning_s == 86_400
    desk.chip.condition = 1 << 4
    with pytest.raises(DeviceFault, match="too old"):
        desk.read()


def test_power_lost_is_found_out() -> None:
    desk = Desk()
    assert desk.set_up() is False
    desk.read()
    desk.chip.faults.brown_out()
    with pytest.raises(NotMeasured, match="lost power"):
        desk.read()
    assert desk.set_up() is False
    assert desk.values()[Quantity.PM10] == pytest.approx(8.0)


def test_one_that_goes_on_measuring_is_left_to_it() -> None:
    desk = Desk()
    desk.set_up()
    desk.read()
    desk.chip.faults.nack_next()
    with pytest.raises(NoAnswer):
        desk.read()
    assert desk.set_up() is True
    assert desk.set_up() is False, "no reading since: begin anew"
    desk.read()
    desk.chip.power_on()
    assert desk.set_up() is False


def test_rests_asleep_and_is_woken() -> None:
    desk = Desk()
    desk.set_up()
    desk.read()
    desk.talk(desk.driver.rest())
    with pytest.raises(NoAnswer):
        desk.read()
    desk.clock.advance(60)
    assert desk.talk(desk.driver.probe()) is True
    desk.talk(desk.driver.rest())
    desk.clock.advance(60)
    assert desk.set_up() is False
    assert desk.values()[Quantity.PM10] == pytest.approx(8.0)


@pytest.mark.parametrize(("seconds", "writes"), [(604_800, 0), (86_400, 1), (0, 1), (2**32 - 1, 1)])
def test_fan_cleaning_is_burnt_in_only_when_it_differs(seconds: int, writes: int) -> None:
    desk = Desk(auto_clean_s=seconds)
    for _ in range(3):
        desk.set_up()
    assert desk.said.count(request(0x80, b"\0" + seconds.to_bytes(4, "big"))) == writes
    assert desk.chip.cleaning_s == seconds


def test_another_device() -> None:
    desk = Desk()
    desk.chip.product = "00080001"
    assert desk.talk(desk.driver.probe()) is False
    with pytest.raises(WrongChip, match="00080001"):
        desk.set_up()


def test_nobody_there() -> None:
    desk = Desk()
    desk.chip.faults.nack_next(1_000)
    assert desk.talk(desk.driver.probe()) is False
    with pytest.raises(NoAnswer):
        desk.set_up()


def test_not_measuring() -> None:
    desk = Desk()
    desk.set_up()
    desk.chip.faults.stuck_busy = True
    with pytest.raises(NotReady):
        desk.read()
    assert desk.set_up() is False


@pytest.mark.parametrize("byte", range(1, 46))
def test_no_value_from_a_damaged_answer(byte: int) -> None:
    desk = Desk()
    desk.set_up()
    desk.clock.advance(1)
    desk.chip.faults.corrupt(byte=byte, bit=6)
    with pytest.raises((ChecksumError, FramingError, NoAnswer)):
        desk.read()


@pytest.mark.parametrize("knob", ["garbage", "corrupt", "tear"])
def test_noise_and_halves_are_got_over(knob: str) -> None:
    desk = Desk()
    desk.set_up()
    for _ in range(4):
        if knob == "tear":
            desk.chip.tear()
        else:
            desk.chip.faults.turn(knob, 9 if knob == "garbage" else 1)
        try:
            assert desk.values()[Quantity.PM10] == pytest.approx(8.0)
        except DriverError:
            desk.set_up()
    assert desk.values()[Quantity.PM10] == pytest.approx(8.0)
