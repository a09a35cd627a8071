"""Simulated I2C chips behave on the wire as their datasheets say: time, states, refusals."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.checks import crc8, words
from drivers.errors import BusFault, Nack
from drivers.reading import Quantity
from simulators.chips.bme280 import BME280
from simulators.chips.bosch import nearest
from simulators.chips.chip import I2CChip, bus_error
from simulators.chips.scd4x import SCD4x
from simulators.chips.sht31 import SHT31
from simulators.chips.sps30 import SPS30
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from simulators.shelf import chips

I2C_CHIPS = [kind for kind in chips() if issubclass(kind, I2CChip)]


class Wire:
    """A chip alone on a bus, awake, and hexadecimal words with it."""

    def __init__(self, kind: type[I2CChip]) -> None:
        self.clock = VirtualClock()
        self.chip = kind(self.clock.boot_us)
        self.bus = SimulatedI2C({kind.address: self.chip})
        self.clock.advance(1)
        with suppress(Nack):  # some only wake up from being called
            self.bus.transfer(kind.address, b"", 0)

    def say(self, written: str) -> None:
        self.bus.transfer(self.chip.address, bytes.fromhex(written), 0)

    def hear(self, count: int) -> str:
        return self.bus.transfer(self.chip.address, None, count).hex()

    def ask(self, written: str, count: int, wait_s: float) -> str:
        self.say(written)
        self.clock.advance(wait_s)
        return self.hear(count)

    def register(self, first: int, count: int = 1) -> str:
        return self.bus.transfer(self.chip.address, bytes([first]), count).hex()


def test_sht31_refuses_to_be_read_too_early_and_twice() -> None:
    wire = Wire(SHT31)
    wire.say("2400")
    wire.clock.advance(0.015)
    with pytest.raises(Nack):
        wire.hear(6)
    wire.clock.advance(0.0005)
    assert len(words(bytes.fromhex(wire.hear(6)))) == 4
    with pytest.raises(Nack):
        wire.hear(6)


def test_sht31_refuses_a_repeated_start() -> None:
    wire = Wire(SHT31)
    with pytest.raises(Nack):
        wire.bus.transfer(0x44, b"\x24\x00", 6)


def test_sht31_may_be_read_in_part_and_gives_ff_past_the_end() -> None:
    wire = Wire(SHT31)
    assert len(wire.ask("2400", 2, 0.016)) == 4
    assert wire.ask("2400", 9, 0.016).endswith("ffffff")


def test_sht31_in_periodic_mode_hears_fetch_only() -> None:
    wire = Wire(SHT31)
    wire.say("2130")
    with pytest.raises(Nack):
        wire.ask("e000", 6, 0)
    with pytest.raises(Nack):
        wire.say("2400")
    wire.clock.advance(1)
    assert len(wire.ask("e000", 6, 0)) == 12
    with pytest.raises(Nack):
        wire.ask("e000", 6, 0)
    wire.say("3093")
    wire.clock.advance(0.001)
    assert len(wire.ask("2400", 6, 0.016)) == 12


def test_sht31_status() -> None:
    wire = Wire(SHT31)
    assert wire.ask("f32d", 3, 0.001) == "8010e1"
    wire.say("3041")
    wire.say("306d")
    assert wire.ask("f32d", 2, 0.001) == "2000"
    with pytest.raises(Nack):
        wire.say("1234")
    assert wire.ask("f32d", 2, 0.001) == "2002"
    wire.bus.transfer(0, b"\x06", 0)
    assert wire.ask("f32d", 2, 0.001) == "8010"


def test_scd4x_hears_little_while_it_measures() -> None:
    wire = Wire(SCD4x)
    wire.say("21b1")
    for refused in ("3682", "2416000081", "21b1", "36e0"):
        with pytest.raises(Nack):
            wire.say(refused)
    wire.say("e00003db42")
    wire.clock.advance(1)
    assert isinstance(wire.chip, SCD4x) and wire.chip.pressure == 987
    assert wire.ask("e4b8", 3, 0.001) == "8000a2"
    wire.clock.advance(5)
    assert wire.ask("e4b8", 3, 0.001) == "800604"
    assert len(wire.ask("ec05", 9, 0.001)) == 18
    with pytest.raises(Nack):
        wire.ask("ec05", 9, 0.001)
    wire.say("3f86")
    wire.clock.advance(0.4)
    with pytest.raises(Nack):
        wire.say("3682")
    wire.clock.advance(0.1)
    assert wire.ask("3682", 9, 0.001) == "f896319f07c23bbe89"


def test_scd4x_keeps_what_was_persisted_over_a_loss_of_power() -> None:
    wire = Wire(SCD4x)
    wire.say("2427079e09")
    wire.clock.advance(0.001)
    wire.chip.faults.brown_out()
    with pytest.raises(Nack):
        wire.say("2322")
    wire.clock.advance(0.03)
    assert wire.ask("2322", 2, 0.001) == "0000"
    wire.say("2427079e09")
    wire.clock.advance(0.001)
    wire.say("3615")
    wire.clock.advance(0.8)
    wire.chip.power_on()
    wire.clock.advance(0.03)
    assert wire.ask("2322", 2, 0.001) == "079e"


def test_scd4x_wakes_without_acknowledging() -> None:
    wire = Wire(SCD4x)
    wire.say("36e0")
    wire.clock.advance(0.001)
    for woken in ("3682", "36f6"):
        with pytest.raises(Nack):
            wire.say(woken)
    wire.clock.advance(0.03)
    wire.say("3682")


def test_an_argument_with_a_wrong_checksum_is_refused() -> None:
    wire = Wire(SCD4x)
    with pytest.raises(Nack):
        wire.say("2427079e08")
    with pytest.raises(Nack):
        wire.say("2427")
    assert wire.ask("2322", 2, 0.001) == "0000"


def test_sps30_wakes_on_the_second_call_within_its_window() -> None:
    wire = Wire(SPS30)
    wire.say("1001")
    wire.clock.advance(0.1)
    with pytest.raises(Nack):
        wire.say("1103")
    wire.clock.advance(0.2)
    with pytest.raises(Nack):
        wire.say("1103")
    wire.clock.advance(0.05)
    wire.say("1103")
    wire.clock.advance(0.005)
    assert wire.ask("d002", 12, 0.005)[:4] == "3030"


def test_sps30_measures_once_a_second_and_only_after_start() -> None:
    wire = Wire(SPS30)
    with pytest.raises(Nack):
        wire.ask("0300", 60, 0.005)
    wire.say("00100300ac")
    wire.clock.advance(0.02)
    assert wire.ask("0202", 2, 0.005) == "0000"
    wire.clock.advance(1)
    assert wire.ask("0202", 2, 0.005) == "0001"
    frame = words(bytes.fromhex(wire.ask("0300", 60, 0.005)))
    assert struct.unpack(">f", frame[4:8])[0] == pytest.approx(6.0)
    assert wire.ask("0202", 2, 0.005) == "0000"
    with pytest.raises(Nack):
        wire.say("0010050000")


def test_bme280_counts_reads_up_and_takes_writes_in_pairs() -> None:
    wire = Wire(BME280)
    whole = wire.register(0x88, 26)
    assert (wire.register(0x88, 2), wire.hear(2)) == (whole[:4], whole[4:8])
    wire.say("f203f5a0f42401")  # pairs, then a lone register: only the pointer
    assert wire.register(0xF2, 4) == "030024a0"


def test_bme280_takes_its_time() -> None:
    wire = Wire(BME280)
    assert wire.register(0xF7, 8) == "8000008000008000"
    wire.say("f201f425")
    assert (wire.register(0xF3), wire.register(0xF4)) == ("08", "25")
    wire.clock.advance(0.0092)
    assert wire.register(0xF7, 8) == "8000008000008000"
    wire.clock.advance(0.0001)
    assert wire.register(0xF7, 8) != "8000008000008000"
    assert (wire.register(0xF3), wire.register(0xF4)) == ("00", "24")


def test_bme280_takes_humidity_over_only_with_ctrl_meas() -> None:
    wire = Wire(BME280)
    wire.say("f425")
    wire.say("f201")
    wire.clock.advance(0.01)
    assert wire.register(0xFD, 2) == "8000"
    wire.say("f425")
    wire.clock.advance(0.01)
    assert wire.register(0xFD, 2) != "8000"


def test_bme280_in_normal_mode_goes_on_by_itself() -> None:
    wire = Wire(BME280)
    wire.say("f201f500f427")
    wire.clock.advance(0.1)
    first = wire.register(0xF7, 8)
    wire.chip.feels[Quantity.TEMPERATURE] = -10.0
    wire.clock.advance(0.1)
    assert wire.register(0xF7, 8) != first
    assert wire.register(0xF4) == "27"


@pytest.mark.parametrize("kind", I2C_CHIPS, ids=lambda kind: kind.name)
def test_an_empty_write_is_acknowledged(kind: type[I2CChip]) -> None:
    wire = Wire(kind)
    assert wire.bus.transfer(kind.address, b"", 0) == b""
    with pytest.raises(Nack):
        wire.bus.transfer(0x33, b"", 0)


def test_a_hung_data_line_takes_the_neighbours_down() -> None:
    clock = VirtualClock()
    bus = SimulatedI2C({0x44: SHT31(clock.boot_us), 0x62: SCD4x(clock.boot_us)})
    clock.advance(1)
    bus.chips[0x62].faults.sda_stuck = True
    with pytest.raises(BusFault):
        bus.transfer(0x44, b"\x24\x00", 0)


def test_freeze_saturate_and_noise() -> None:
    chip = SHT31(lambda: 0, noise=lambda quantity: 0.5)
    assert chip.sense(Quantity.TEMPERATURE) == 18.5
    chip.faults.freeze = True
    chip.feels[Quantity.TEMPERATURE] = 30.0
    assert chip.sense(Quantity.TEMPERATURE) == 18.5
    chip.faults.saturate = True
    assert chip.sense(Quantity.TEMPERATURE) == 125.0


def test_a_door_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no door"):
        SHT31(lambda: 0).load({"regs": {"0x00": "00"}})


@pytest.mark.parametrize("kind", I2C_CHIPS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("named", ["EREMOTEIO", 6, True, "EIO", 110])
def test_a_vector_may_break_the_bus(kind: type[I2CChip], named: object) -> None:
    wire = Wire(kind)
    wire.chip.load({"bus_error": named})
    with pytest.raises(BusFault if named in ("EIO", 110) else Nack):
        wire.hear(1)
    assert bus_error(None) is None


@given(st.integers(0, 1000), st.integers(1, 1000), st.floats(-2000, 2000), st.sampled_from([-1.5, 1.5]))
def test_nearest_is_the_nearest(low: int, width: int, wanted: float, slope: float) -> None:
    candidates = range(low, low + width + 1)
    best = min(abs(slope * ticks - wanted) for ticks in candidates)
    assert abs(slope * nearest(wanted, low, low + width, lambda t: slope * t) - wanted) == best


@given(st.lists(st.integers(0, 255), max_size=12), st.lists(st.integers(0, 255), max_size=12), st.integers(0, 70))
@pytest.mark.parametrize("kind", I2C_CHIPS, ids=lambda kind: kind.name)
def test_chips_bear_any_bytes(kind: type[I2CChip], first: list[int], second: list[int], count: int) -> None:
    wire = Wire(kind)
    for written in (first, second):
        wire.clock.advance(11)
        try:
            answer = wire.bus.transfer(kind.address, bytes(written), count)
        except Nack:
            continue
        assert len(answer) == count


@given(st.integers(0, 0xFFFFFFFF))
def test_sensirion_answers_carry_their_checksums(at_us: int) -> None:
    chip = SPS30(lambda: at_us)
    chip.transfer(bytes.fromhex("d033"), 0)
    chip.now_us = lambda: at_us + 10_000
    answer = chip.transfer(None, 48)
    assert all(crc8(answer[i : i + 2]) == answer[i + 2] for i in range(0, 48, 3))


def test_every_chip_declares_its_world() -> None:
    for kind in chips():
        assert set(kind.resolves) <= set(kind.spans), kind
        assert set(kind.rests) <= set(kind.spans), kind
        assert all(kind.spans[q][0] <= rest <= kind.spans[q][1] for q, rest in kind.rests.items()), kind
