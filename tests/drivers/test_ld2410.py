"""The LD2410 against its simulated chip, the public vectors, and what a report can not be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drivers.ld2410 import LD2410, command
from drivers.reading import Flag, Quantity
from drivers.talk import Write
from simulators.chips.ld2410 import LD2410 as Radar
from simulators.clock import VirtualClock
from tests.drivers.serial_bench import SerialBench
from tests.drivers.streams import heard

RAW = {v["id"]: v for v in json.loads((Path(__file__).parents[1] / "vectors" / "vectors-serial.json").read_text())}
BOTH, NOBODY = (bytes.fromhex(RAW[name]["raw_hex"]) for name in ("pub-080", "pub-081"))
MINUTE_US = 60_000_000


def bench(**settings: bool) -> tuple[SerialBench, LD2410, Radar]:
    clock = VirtualClock()
    chip = Radar(clock.boot_us)
    driver = LD2410(**settings)
    street = SerialBench(chip, clock)
    street.set_up(driver)
    return street, driver, chip


def somebody(there: bool) -> dict[Quantity, float]:
    return {Quantity.PRESENCE: float(there)}


def test_vectors() -> None:
    assert heard(LD2410(), [BOTH, NOBODY]) == [{"presence": 1.0}, {"presence": 0.0}]
    assert command(0xFF, b"\x01\x00").hex() == RAW["pub-082"]["raw_hex"]
    driver = LD2410()
    assert driver.feed(bytes.fromhex(RAW["pub-083"]["raw_hex"])) == []
    assert not driver.errors


def test_the_chip_says_what_the_vectors_say() -> None:
    chip = Radar(lambda: 0)
    assert chip.spoken() == NOBODY
    chip.hear(bytes.fromhex(RAW["pub-082"]["raw_hex"]))
    assert chip.say().hex() == RAW["pub-083"]["raw_hex"]


@pytest.mark.parametrize(
    ("moving", "still", "all_of_them", "movers"),
    [(True, True, 1, 1), (True, False, 1, 1), (False, True, 1, 0), (False, False, 0, 0)],
)
def test_states(moving: bool, still: bool, all_of_them: int, movers: int) -> None:
    chip = Radar(lambda: 0)
    chip.feels[Quantity.PRESENCE], chip.moving, chip.still = 1.0, moving, still
    assert heard(LD2410(), [chip.spoken()]) == [{"presence": all_of_them}]
    assert heard(LD2410(count_still=False), [chip.spoken()]) == [{"presence": movers}]


def test_engineering_reports_are_understood_too() -> None:
    street, driver, chip = bench()
    chip.hear(command(0xFF, b"\1\0") + command(0x62) + command(0xFE))
    street.feel(somebody(True))
    assert street.listen(driver, 1)[-5:] == [{"presence": 1.0}] * 5
    assert not driver.errors


def test_setup_ends_a_configuration_that_was_left_open() -> None:
    street, driver, chip = bench()
    chip.hear(command(0xFF, b"\1\0"))
    assert street.listen(driver, 1) == []
    street.set_up(driver)
    assert len(street.listen(driver, 1)) >= 10
    assert [step.data for step in driver.setup() if isinstance(step, Write)] == [command(0xFE)]


@pytest.mark.parametrize(
    ("at", "value"), [(6, 3), (7, 0xAB), (8, 4), (11, 101), (14, 200), (17, 0x54), (18, 1), (4, 14), (22, 0)]
)
def test_what_a_report_can_not_be_is_refused(at: int, value: int) -> None:
    hurt = bytearray(BOTH)
    hurt[at] = value
    driver = LD2410()
    assert heard(driver, [bytes(hurt), BOTH]) == [{"presence": 1.0}]
    assert driver.errors["framing"] >= 1


def test_a_window_tells_the_share_of_the_time() -> None:
    street, driver, _ = bench()
    street.listen(driver, 1)
    driver.close(street.clock.now_us)
    for there, seconds in ((True, 30), (False, 60), (True, 10)):
        street.feel(somebody(there))
        street.listen(driver, seconds)
    (share,) = driver.close(street.clock.now_us)
    assert share.quantity is Quantity.OCCUPANCY
    assert share.value == pytest.approx(0.4, abs=0.01)
    assert share.flags == Flag.NONE


def test_a_window_without_a_report_says_nothing_and_one_with_a_hole_says_so() -> None:
    street, driver, chip = bench()
    assert driver.close(street.clock.now_us) == []
    street.listen(driver, 30)
    chip.faults.nack_next(100)
    street.listen(driver, 20)
    (share,) = driver.close(street.clock.now_us)
    assert (share.value, share.flags) == (0.0, Flag.STALE)


def test_lost_looks_are_unknown_time() -> None:
    street, driver, _ = bench()
    street.feel(somebody(True))
    street.listen(driver, 1)
    driver.lost(5)
    (share,) = driver.close(street.clock.now_us)
    assert (share.value, share.flags) == (1.0, Flag.STALE)


def test_a_radar_that_hangs_on_somebody_is_flagged_and_an_empty_place_is_not() -> None:
    driver = LD2410()
    for frame, flags in ((NOBODY, [Flag.NONE] * 3), (BOTH, [Flag.NONE, Flag.NONE, Flag.STUCK])):
        said = []
        for at_us in range(0, 16 * MINUTE_US, 1_000_000):
            driver.at_us = at_us
            ((reading,),) = driver.feed(frame)
            said.append(reading.flags)
        assert [said[0], said[600], said[-1]] == flags
    (share,) = driver.close(16 * MINUTE_US)
    assert share.flags & Flag.STUCK


def test_a_live_radar_is_never_flagged() -> None:
    street, driver, _ = bench()
    street.feel(somebody(True))
    street.listen(driver, 700)
    (share,) = driver.close(street.clock.now_us)
    assert share.flags == Flag.NONE
    street.chip.faults.freeze = True
    street.listen(driver, 700)
    (share,) = driver.close(street.clock.now_us)
    assert share.flags == Flag.STUCK


def test_what_a_radar_that_hangs_says_is_no_part_of_the_share() -> None:
    driver = LD2410()
    for second in range(800):
        driver.at_us = second * 1_000_000
        driver.feed(BOTH if second < 700 else NOBODY)
    (share,) = driver.close(800_000_000)
    assert share.value == pytest.approx(601 / 701, abs=0.003)  # of the last hundred seconds of somebody nobody knows
