"""SHT31: a command, a wait, two words with their CRCs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.checks import crc8, word
from drivers.errors import ChecksumError, FramingError, Nack, WrongChip
from drivers.reading import Flag, Quantity
from drivers.sht31 import ALERT, HEATER, RESET_SEEN, SHT31
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, vectors

SETUP = """
w 3093 !nack          # nothing to break off
p 1
w f32d
p 1
r 8010e1
w 3041
p 1
"""


def test_transcript() -> None:
    driver = SHT31()
    follow(driver.setup(), SETUP)
    temperature, humidity = follow(driver.read(), "w 2400 \n p 16 \n r 6667a2 5eb93c")
    assert (temperature.quantity, humidity.quantity) == (Quantity.TEMPERATURE, Quantity.HUMIDITY)
    assert temperature.value == pytest.approx(25.003, abs=0.0005)
    assert humidity.value == pytest.approx(37.002, abs=0.0005)


def test_setup_ends_what_would_spoil_a_reading_and_says_whether_power_was_lost() -> None:
    bench = Bench("sht31")
    assert bench.talk(bench.driver.setup()) is False
    assert bench.talk(bench.driver.setup()) is True
    for left_behind in ("306d", "2130"):
        bench.chip.transfer(bytes.fromhex(left_behind), 0)
    assert bench.talk(bench.driver.setup()) is False
    assert bench.talk(bench.driver.setup()) is True
    assert bench.values()[Quantity.TEMPERATURE] == pytest.approx(18.0, abs=0.002)
    bench.chip.faults.brown_out()
    assert bench.values()[Quantity.TEMPERATURE] == pytest.approx(18.0, abs=0.002)
    assert bench.talk(bench.driver.setup()) is False


def test_probe_knows_the_status_register() -> None:
    assert follow(SHT31().probe(), "w f32d\np 1\nr 8010e1") is True
    assert follow(SHT31().probe(), "w f32d\np 1\nr 8010e0") is False
    assert follow(SHT31().probe(), "w f32d\np 1\nr ffffac") is False
    assert follow(SHT31().probe(), "w f32d !nack") is False


def test_the_published_status_word() -> None:
    (vector,) = [v for v in vectors("vectors-i2c.json", "SHT31") if v["id"] == "sht31-11"]
    status = int(vector["raw"]["response"][:4], 16)
    assert bool(status & ALERT) is vector["expected"]["alert_pending"]["value"]
    assert bool(status & HEATER) is vector["expected"]["heater"]["value"]
    assert bool(status & RESET_SEEN) is vector["expected"]["reset_detected"]["value"]


def test_another_chip_at_the_address() -> None:
    with pytest.raises(WrongChip, match="SHT3x"):
        follow(SHT31().setup(), SETUP[: SETUP.index("r 8010")] + "r " + word(0x4000).hex())


@pytest.mark.parametrize("byte", range(6))
@pytest.mark.parametrize("bit", range(8))
def test_no_value_from_a_damaged_answer(byte: int, bit: int) -> None:
    bench = Bench("sht31")
    bench.set_up()
    bench.chip.faults.corrupt(byte=byte, bit=bit)
    with pytest.raises(ChecksumError):
        bench.read()
    assert bench.values()[Quantity.TEMPERATURE] == pytest.approx(18.0, abs=0.002)


@pytest.mark.parametrize("answer", ["", "6667a2", "6667a25eb9", "6667a25eb93c6667a2"])
def test_an_answer_of_another_length(answer: str) -> None:
    talk = SHT31().read()
    next(talk)
    talk.send(b"")
    talk.send(b"")
    with pytest.raises(FramingError):
        talk.send(bytes.fromhex(answer))


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_every_word_is_a_possible_climate(temperature: int, humidity: int) -> None:
    answer = (word(temperature) + word(humidity)).hex()
    values = {r.name: r.value for r in follow(SHT31().read(), f"w 2400\np 16\nr {answer}")}
    assert -45.0 <= values["temperature"] <= 130.0
    assert 0.0 <= values["humidity"] <= 100.0


@pytest.mark.parametrize(("ticks", "flag"), [(0, Flag.RANGE), (1800, Flag.RANGE), (1873, Flag.NONE), (63662, Flag.NONE),
                                            (63700, Flag.RANGE), (0xFFFF, Flag.RANGE)])  # fmt: skip
def test_beyond_what_the_element_can_is_flagged(ticks: int, flag: Flag) -> None:
    answer = (word(ticks) + word(0x8000)).hex()
    assert [r.flags for r in follow(SHT31().read(), f"w 2400\np 16\nr {answer}")] == [flag, Flag.NONE]


def test_refused_while_it_converts() -> None:
    bench = Bench("sht31")
    bench.set_up()
    bench.chip.faults.stuck_busy = True
    with pytest.raises(Nack):
        bench.read()


@pytest.mark.parametrize("name", ["crc8-sensirion-01", "crc8-sensirion-02"])
def test_the_published_checksums(name: str) -> None:
    (vector,) = [v for v in vectors("vectors-i2c.json", "CRC8-Sensirion") if v["id"] == name]
    assert crc8(bytes.fromhex(vector["raw"]["bytes"])) == int(vector["expected"]["crc"]["value"], 16)
