"""The Plantower family against its simulated chip, its public vectors, and what its siblings say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.pms5003 import MASS, NUMBER, PMS5003, command
from drivers.reading import Flag, Quantity
from simulators.chips.pms5003 import PMS5003 as Plantower
from simulators.clock import VirtualClock
from tests.drivers.serial_bench import SerialBench
from tests.drivers.streams import Values, heard

RAW = json.loads((Path(__file__).parents[1] / "vectors" / "vectors-serial.json").read_text())
COMMANDS = [v for v in RAW if v["device"] == "pms5003" and v["expected"].get("type") == "command"]
ACK = next(v["raw_hex"] for v in RAW if v["expected"].get("type") == "ack" and v["device"] == "pms5003")
words = st.integers(0, 1000)


def bench(model: str = "pms5003") -> SerialBench:
    clock = VirtualClock()
    chip = Plantower(clock.boot_us)
    chip.model = model
    return SerialBench(chip, clock)


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: str(vector["what"]))
def test_commands_are_those_of_the_manual(vector: dict[str, Any]) -> None:
    assert command(vector["expected"]["cmd"], vector["expected"]["data"]).hex() == vector["raw_hex"]


def test_an_answer_to_a_command_is_no_reading() -> None:
    driver = PMS5003()
    assert driver.feed(bytes.fromhex(ACK)) == []
    assert not driver.errors


@given(mass=st.tuples(*[words] * 6), number=st.tuples(*[st.integers(0, 65535)] * 6))
def test_sweep(mass: tuple[int, ...], number: tuple[int, ...]) -> None:
    chip = Plantower(lambda: 0)
    felt = dict(zip(MASS, map(float, mass), strict=True)) | {q: n / 100 for q, n in zip(NUMBER, number, strict=True)}
    chip.feels.update(felt)
    (found,) = heard(PMS5003(), [chip.measurement()]) or [{}]
    assert found == ({q.value: value for q, value in felt.items()} if any(felt.values()) else {})


@pytest.mark.parametrize(
    ("model", "variant", "more", "fewer"),
    [
        ("pms3003", "auto", {}, [quantity.value for quantity in NUMBER]),
        ("pms5003", "auto", {}, ["temperature", "formaldehyde"]),
        ("pms5003st", "pms5003st", {"formaldehyde": 12.0, "temperature": -7.5, "humidity": 61.2}, []),
        ("pms5003st", "auto", {}, ["formaldehyde", "temperature", "humidity"]),
        ("pms5003s", "pms5003s", {"formaldehyde": 12.0}, ["temperature"]),
        ("pms5003t", "pms5003t", {"temperature": -7.5, "humidity": 61.2}, ["nc_gt5", "nc_gt10", "formaldehyde"]),
    ],
)
def test_siblings(model: str, variant: str, more: Values, fewer: list[str]) -> None:
    street = bench(model)
    street.feel({Quantity.TEMPERATURE: -7.5, Quantity.HUMIDITY: 61.2, Quantity.PM2_5: 17.0})
    (values,) = street.listen(PMS5003(variant=variant), 1)
    assert values["pm2_5"] == 17.0
    assert {name: values.get(name) for name in more} == more
    assert not set(fewer) & set(values)


def test_setup_wakes_a_sleeper_and_makes_a_passive_one_talk() -> None:
    for command_before in (command(0xE4, 0), command(0xE1, 0)):
        street, driver = bench(), PMS5003()
        street.chip.hear(command_before)
        assert street.listen(driver, 4) == []
        street.set_up(driver)
        assert len(street.listen(driver, 4)) >= 5
        assert not driver.errors


def test_rest_stops_the_laser_and_setup_wakes_it() -> None:
    street, driver = bench(), PMS5003()
    street.lay_down(driver)
    street.listen(driver, 1)
    assert street.listen(driver, 10) == []
    street.set_up(driver)
    assert len(street.listen(driver, 4)) >= 4
    assert not driver.errors


@pytest.mark.parametrize("head", [b"BM\x00\x1d", b"BM\x01", b"BM\x01\x1c", b"BN"])
def test_a_length_of_nobody_is_refused_at_once(head: bytes) -> None:
    driver = PMS5003()
    assert driver.feed(head) == []
    assert driver.errors == {"framing": 1}
    assert driver.flush() == []
    assert driver.errors == {"framing": 1}


def test_no_particle_at_all_is_no_air() -> None:
    chip, driver = Plantower(lambda: 0), PMS5003()
    chip.feels.update(dict.fromkeys((*MASS, *NUMBER), 0.0))
    assert heard(driver, [chip.measurement()]) == []
    assert driver.errors == {"not_ready": 1}
    chip.feels[Quantity.NC_GT0_3] = 0.01
    assert len(heard(driver, [chip.measurement()])) == 1


@pytest.mark.parametrize(("mass", "number", "flag"), [(1000, 655.35, Flag.RANGE), (999, 655.34, Flag.NONE)])
def test_the_highest_is_only_a_bound(mass: float, number: float, flag: Flag) -> None:
    chip = Plantower(lambda: 0)
    chip.feels.update(dict.fromkeys(MASS, mass) | dict.fromkeys(NUMBER, number))
    (found,) = PMS5003().feed(chip.measurement())
    assert {reading.flags for reading in found} == {flag}
    assert len(found) == 12


def test_before_the_first_measurement_there_is_none() -> None:
    street, driver = bench(), PMS5003()
    street.chip.faults.stuck_busy = True
    assert street.listen(driver, 4) == []
    assert set(driver.errors) == {"not_ready"}


def test_the_error_byte_is_counted_and_the_values_stand() -> None:
    chip, driver = Plantower(lambda: 0), PMS5003()
    chip.error = 3
    assert len(heard(driver, [chip.measurement()])) == 1
    assert driver.errors == {"device_fault": 1}
