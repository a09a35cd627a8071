"""LC709203F: every word has a checksum that covers the address; the battery's size lives in RAM."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.checks import crc8
from drivers.errors import ChecksumError, DeviceFault, DriverError, Nack, NotMeasured, NotReady
from drivers.lc709203f import LC709203F
from drivers.reading import Quantity
from drivers.talk import Step, Write
from simulators.chips.lc709203f import pec
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, played, vectors

V, LEVEL, T = Quantity.VOLTAGE, Quantity.BATTERY_LEVEL, Quantity.TEMPERATURE


def said(register: int, word: int) -> str:
    data = word.to_bytes(2, "little")
    return f"x {register:02x} {data.hex()}{pec(bytes([0x16, register, 0x17]) + data):02x}\n"


def told(millivolts: int, tenths: int, kelvins: int) -> dict[Quantity, float]:
    script = said(0x09, millivolts) + said(0x0F, tenths) + said(0x08, kelvins)
    script += said(0x15, 1) + said(0x0B, 0x2D) + said(0x16, 1)
    return {reading.quantity: reading.value for reading in follow(LC709203F().read(), script)}


def test_the_published_words() -> None:
    (vector,) = vectors("vectors-i2c.json", "LC709203F")
    found = played({"driver": "lc709203f", "config": {}, "door": vector["raw"]})
    wanted = {here: vector["expected"][there]["value"] for here, there in
              (("voltage", "voltage"), ("battery_level", "soc"), ("temperature", "temperature"))}  # fmt: skip
    assert found == {name: pytest.approx(value, abs=0.01) for name, value in wanted.items()}


@given(st.binary(max_size=6))
def test_two_ways_to_the_checksum(data: bytes) -> None:
    assert pec(data) == crc8(data, 0x07, 0)


@pytest.mark.parametrize("byte", range(3))
@pytest.mark.parametrize("bit", range(8))
def test_any_flipped_bit_is_noticed(byte: int, bit: int) -> None:
    for at in range(6):
        bench = Bench("lc709203f")
        bench.set_up()
        begun = len(bench.steps)

        def hurt(step: Step, bench: Bench = bench, last: int = begun + at) -> None:
            if len(bench.steps) == last:
                bench.chip.faults.corrupt(byte=byte, bit=bit)

        bench.before = hurt  # type: ignore[method-assign]
        with pytest.raises(ChecksumError):
            bench.read()


def test_the_address_is_in_the_checksum() -> None:
    driver = LC709203F()
    driver.default_address = 0x0C  # type: ignore[misc]
    with pytest.raises(ChecksumError):
        follow(driver.read(), said(0x09, 3842))


def test_the_end_of_a_range_is_no_value() -> None:
    assert set(told(3842, 765, 2982)) == {V, LEVEL, T}
    assert set(told(5001, 765, 2982)) == {LEVEL, T}
    assert set(told(3842, 1001, 2982)) == {V, T}
    assert set(told(3842, 765, 2531)) == set(told(3842, 765, 3333)) == {V, LEVEL}
    with pytest.raises(NotMeasured):
        told(0xFFFF, 0xFFFF, 0xFFFF)
    with pytest.raises(NotReady):
        told(0, 0, 2982)


def test_below_freezing() -> None:
    assert told(3842, 765, 2600)[T] == pytest.approx(-13.15)


def test_a_sleeper_is_woken_and_told_what_it_forgot() -> None:
    bench = Bench("lc709203f", capacity_mah=3000)
    assert bench.talk(bench.driver.setup()) is False
    written = [step.data.hex()[:6] for step in bench.steps if isinstance(step, Write)]
    assert written == ["150100", "0b3600", "160100", "120100", "0755aa"]  # thermistor B is its own default
    before = bench.values()
    assert bench.talk(bench.driver.setup()) is True
    bench.chip.faults.brown_out()
    with pytest.raises(Nack):
        bench.read()
    with pytest.raises(DeviceFault, match="without power"):
        bench.read()
    assert bench.talk(bench.driver.setup()) is False
    assert bench.values() == before


def test_after_a_rest_the_model_goes_on() -> None:
    bench = Bench("lc709203f")
    bench.set_up()
    bench.talk(bench.driver.rest())
    assert bench.talk(bench.driver.setup()) is True
    assert bench.read()
    assert b"\x07" not in {step.data[:1] for step in bench.steps[-20:] if isinstance(step, Write)}


def test_without_a_thermistor_the_neighbour_says_how_warm_it_is() -> None:
    bench = Bench("lc709203f", thermistor=False)
    assert bench.driver.measures == (V, LEVEL)
    bench.set_up()
    bench.driver.known = {T: 4.2}
    assert set(bench.values()) == {V, LEVEL}
    assert bench.chip.words[0x08] == 2774  # type: ignore[attr-defined]
    bench.driver.known = {T: -35.0}
    bench.read()
    assert bench.chip.words[0x08] == 2532  # type: ignore[attr-defined]


def test_settings_that_do_not_stick() -> None:
    bench = Bench("lc709203f")

    def deaf(step: Step) -> None:
        if isinstance(step, Write):
            bench.chip.words[0x0B] = 0  # type: ignore[attr-defined]
            object.__setattr__(step, "data", step.data[:3])

    bench.before = deaf  # type: ignore[method-assign]
    with pytest.raises(DeviceFault, match="does not keep"):
        bench.set_up()


def test_probe() -> None:
    assert follow(LC709203F().probe(), "x 11 000000 !nack\np 10\n" + said(0x11, 0x2717)) is True
    assert follow(LC709203F().probe(), "x 11 ffffff") is False
    assert follow(LC709203F().probe(), 2 * "x 11 000000 !nack\np 10\n" + "x 11 000000 !nack\n") is False
    with pytest.raises(DriverError):
        follow(LC709203F().setup(), "x 11 172700")


def test_what_the_chip_is_told_of_each_size() -> None:
    said = {100: 0x08, 200: 0x0B, 500: 0x10, 1000: 0x19, 2000: 0x2D, 2200: 0x30, 3000: 0x36}
    for capacity_mah, word in said.items():
        bench = Bench("lc709203f", capacity_mah=capacity_mah)
        bench.set_up()
        assert bench.chip.words[0x0B] == word  # type: ignore[attr-defined]
