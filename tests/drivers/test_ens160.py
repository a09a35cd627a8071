"""ENS160: the chip says itself how far its values hold, and is believed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ens160 import ENS160, climate
from drivers.errors import BusFault, ChecksumError, DeviceFault, NotMeasured, NotReady, WrongChip
from drivers.reading import Flag, Quantity
from drivers.talk import Write
from simulators.chips.ens160 import ENS160 as Chip
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, vectors

RAW = {vector["id"]: vector for vector in vectors("vectors-i2c.json", "ENS160")}
NAMES = {"aqi": Quantity.AQI_UBA, "tvoc": Quantity.TVOC, "eco2": Quantity.ECO2}


def bench() -> Bench:
    ready = Bench("ens160")
    ready.set_up()
    ready.clock.advance(200)
    return ready


def told(field: str) -> str:
    """A reading in which the chip tells this field twice."""
    status = int(field[:2], 16)
    return f"x 20 {status | 0x02:02x}\nx 20 {field}\nx 20 {status & ~2:02x}{field[2:]}"


@pytest.mark.parametrize("name", ["ens160-01", "ens160-02"])
def test_raw_vectors(name: str) -> None:
    door, expected = RAW[name]["raw"]["regs"], RAW[name]["expected"]
    found = follow(ENS160().read(), told("".join(door[at] for at in ("0x20", "0x21", "0x22", "0x24"))))
    assert {reading.quantity: reading.value for reading in found} == {
        quantity: expected[key]["value"] for key, quantity in NAMES.items()
    }
    warming = Flag.WARMING if expected["validity"]["value"] else Flag.NONE
    assert {reading.flags for reading in found} == {warming}


def test_the_published_climate() -> None:
    asked, wanted = RAW["ens160-07"]["raw"]["input"], RAW["ens160-07"]["expected"]
    lsb = RAW["ens160-07"]["tolerance"]["lsb"]
    told = climate(asked["temperature_c"], asked["rh"])
    for at, register in ((0, "reg_0x13"), (2, "reg_0x15")):
        published = int.from_bytes(bytes.fromhex(wanted[register]["value"]), "little")
        assert abs(int.from_bytes(told[at : at + 2], "little") - published) <= lsb


@given(st.floats(-400.0, 2000.0), st.floats(-100.0, 200.0))
def test_any_climate_fits_its_registers(celsius: float, percent: float) -> None:
    assert len(climate(celsius, percent)) == 4


def test_the_climate_is_told_only_when_it_is_known_and_before_each_reading() -> None:
    made = bench()
    made.read()
    assert not [s for s in made.steps if isinstance(s, Write) and s.data[0] == 0x13]
    made.driver.known = {Quantity.TEMPERATURE: -5.0}
    made.clock.advance(1)
    made.read()
    assert not [s for s in made.steps if isinstance(s, Write) and s.data[0] == 0x13]
    made.driver.known = {Quantity.TEMPERATURE: -5.0, Quantity.HUMIDITY: 80.0}
    made.clock.advance(1)
    made.read()
    made.clock.advance(1)
    assert made.bus.transfer(0x53, b"\x30", 4) == climate(-5.0, 80.0)


def test_never_called_co2() -> None:
    assert Quantity.CO2 not in ENS160.measures
    assert {reading.quantity for reading in bench().read()} == set(ENS160.measures)


@pytest.mark.parametrize(("young", "age_s", "flags"), [
    (False, 10, Flag.WARMING), (False, 179, Flag.WARMING), (False, 181, Flag.NONE),
    (True, 181, Flag.WARMING), (True, 3599, Flag.WARMING), (True, 3601, Flag.NONE),
])  # fmt: skip
def test_warming_is_the_chips_own_word(young: bool, age_s: int, flags: Flag) -> None:
    made = Bench("ens160")
    assert isinstance(made.chip, Chip)
    made.chip.young = young
    made.set_up()
    made.clock.advance(age_s - 0.02)
    assert {reading.flags for reading in made.read()} == {flags}


@pytest.mark.parametrize(("index", "there"), [(0, False), (1, True), (5, True), (6, False), (7, False)])
def test_an_index_that_does_not_exist_is_left_out(index: int, there: bool) -> None:
    found = follow(ENS160().read(), told(f"82{index:02x}3400a401"))
    assert (Quantity.AQI_UBA in {reading.quantity for reading in found}) is there
    assert len(found) == 2 + there


@pytest.mark.parametrize(("field", "error"), [
    ("8e023400a401", NotMeasured), ("c2023400a401", DeviceFault), ("ce023400a401", DeviceFault),
])  # fmt: skip
def test_what_the_chip_does_not_believe_is_no_value(field: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        follow(ENS160().read(), told(field))


def test_the_highest_is_only_a_bound() -> None:
    made = bench()
    made.chip.faults.saturate = True
    made.clock.advance(1)
    flags = {reading.quantity: reading.flags for reading in made.read()}
    assert flags == {Quantity.AQI_UBA: Flag.NONE, Quantity.TVOC: Flag.RANGE, Quantity.ECO2: Flag.RANGE}


def test_a_flipped_bit_is_never_a_value() -> None:
    with pytest.raises(ChecksumError):
        follow(ENS160().read(), "x 20 82\nx 20 82023400a401\nx 20 80023500a401\nx 20 80023600a401\nx 20 80023700a401")
    for byte in range(6):
        for bit in range(8):
            made = bench()
            made.chip.faults.corrupt(answers=2, byte=byte, bit=bit)
            try:
                assert {r.quantity: r.value for r in made.read()} == {
                    q: made.chip.rests[q] for q in ENS160.measures
                }  # fmt: skip
            except (ChecksumError, DeviceFault, NotReady, NotMeasured):
                pass


def test_power_lost_between_readings_is_noticed_and_warms_up_anew() -> None:
    made = bench()
    assert made.read()[0].flags == Flag.NONE
    made.chip.faults.brown_out()
    with pytest.raises(DeviceFault, match="without power"):
        made.read()
    assert made.talk(made.driver.setup()) is False
    assert made.read()[0].flags == Flag.WARMING


def test_setup_does_not_restart_what_runs() -> None:
    made = bench()
    assert made.talk(made.driver.setup()) is True
    assert made.read()[0].flags == Flag.NONE


def test_a_dead_bus_and_other_chips() -> None:
    with pytest.raises(BusFault):
        follow(ENS160().read(), "x 20 ff")
    with pytest.raises(WrongChip, match="00B2"):
        follow(ENS160().setup(), "x 00 b200\nx 00 b200")
    assert follow(ENS160().probe(), "x 00 6101\nx 00 6101") is True
    assert follow(ENS160().probe(), "x 00 6101 !nack") is False


def test_stuck_busy() -> None:
    made = Bench("ens160")
    made.set_up()
    made.chip.faults.stuck_busy = True
    with pytest.raises(NotReady):
        made.read()


def test_all_vectors_of_the_chip_are_used() -> None:
    used: set[Any] = {"ens160-01", "ens160-02", "ens160-07"}
    assert set(RAW) == used
