"""The ZH03B against its simulated chip: published frames of both kinds, sleep, and zeros that are no measurement."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.reading import Quantity
from drivers.zh03b import ZH03B
from simulators.chips.zh03b import ZH03B as Winsen
from simulators.clock import VirtualClock
from simulators.i2c import converse
from simulators.uart import serial_steps
from tests.drivers.serial_bench import SerialBench
from tests.drivers.streams import cut, heard

FILE = Path(__file__).parents[1] / "vectors" / "vectors-serial.json"
RAW = {vector["id"]: bytes.fromhex(vector["raw_hex"]) for vector in json.loads(FILE.read_text())}
DUST = {"pm1": 96.0, "pm2_5": 133.0, "pm10": 150.0}


def bench() -> tuple[SerialBench, Winsen]:
    clock = VirtualClock()
    chip = Winsen(clock.boot_us)
    return SerialBench(chip, clock), chip


@pytest.mark.parametrize("vector", ["pub-040", "pub-041"])
def test_both_frames_are_understood_as_published(vector: str) -> None:
    assert heard(ZH03B(), [RAW[vector]]) == [DUST]


def test_the_chip_speaks_as_published() -> None:
    _, chip = bench()
    chip.feels.update({Quantity[name.upper()]: mass for name, mass in DUST.items()})
    assert chip.spoken() == RAW["pub-041"]
    chip.hear(RAW["pub-042"] + bytes.fromhex("ff01860000000000 79"))
    assert (chip.say(), chip.uploads) == (RAW["pub-040"], False)
    chip.hear(RAW["pub-043"])
    assert chip.uploads


@given(places=st.lists(st.integers(0, 200), max_size=8), order=st.lists(st.sampled_from(["pub-040", "pub-041"])))
def test_frames_of_both_kinds_mixed_and_cut(places: list[int], order: list[str]) -> None:
    stream = b"".join(RAW[vector] for vector in order)
    driver = ZH03B()
    assert heard(driver, cut(stream, places)) == [DUST] * len(order)
    assert not driver.errors


@given(vector=st.sampled_from(["pub-040", "pub-041"]), data=st.data())
def test_one_flipped_bit_is_never_a_value(vector: str, data: st.DataObject) -> None:
    frame = bytearray(RAW[vector])
    frame[data.draw(st.integers(0, len(frame) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    driver = ZH03B()
    assert heard(driver, [bytes(frame)]) == []
    assert driver.flush() == []
    assert driver.errors


def test_a_frame_inside_the_wreck_of_another_is_found() -> None:
    driver = ZH03B()
    assert heard(driver, [RAW["pub-041"][:9], RAW["pub-041"], b"\xff\x86\x00", RAW["pub-040"]]) == [DUST] * 2
    assert driver.errors


def test_zeros_are_no_measurement() -> None:
    street, chip = bench()
    chip.faults.stuck_busy = True
    driver = ZH03B()
    assert street.listen(driver, 3) == []
    assert driver.errors == {"not_ready": 3}
    chip.faults.stuck_busy = False
    assert len(street.listen(driver, 2)) == 2


def test_setup_wakes_it_and_lets_it_speak() -> None:
    street, chip = bench()
    driver = ZH03B()
    chip.asleep, chip.uploads = True, False
    assert street.listen(driver, 3) == []
    street.set_up(driver)
    assert (chip.asleep, chip.uploads) == (False, True)
    assert len(street.listen(driver, 3)) >= 2
    assert not driver.errors, "its answers to commands are no damage"


def test_rest_and_a_loss_of_power() -> None:
    street, chip = bench()
    driver = ZH03B()
    converse(driver.rest(), serial_steps(street.port, street.clock.advance))
    assert chip.asleep
    assert street.listen(driver, 5) == []
    chip.faults.brown_out()
    assert len(street.listen(driver, 5)) == 5 - 1
    assert ZH03B.can_rest
