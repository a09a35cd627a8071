"""The TFmini against its simulated chip: distances, passages, parking, and looks that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.reading import Flag, Quantity
from drivers.tfmini import TFmini
from simulators.chips.tfmini import TFmini as Lidar
from simulators.clock import VirtualClock
from tests.drivers.serial_bench import SerialBench
from tests.drivers.streams import heard

RAW = json.loads((Path(__file__).parents[1] / "vectors" / "vectors-serial.json").read_text())
VECTOR = bytes.fromhex(next(v["raw_hex"] for v in RAW if v["id"] == "pub-085"))
D = Quantity.DISTANCE


def bench(**settings: str | float) -> tuple[SerialBench, TFmini, Lidar]:
    clock = VirtualClock()
    chip = Lidar(clock.boot_us)
    return SerialBench(chip, clock), TFmini(**settings), chip


def frame(cm: int, strength: int) -> bytes:
    body = b"\x59\x59" + cm.to_bytes(2, "little") + strength.to_bytes(2, "little") + b"\xc8\x08"
    return body + bytes([sum(body) & 0xFF])


def closed(street: SerialBench, driver: TFmini) -> dict[str, float]:
    return {reading.name: reading.value for reading in driver.close(street.clock.now_us)}


def test_vector() -> None:
    assert heard(TFmini(), [VECTOR]) == [{"distance": 3.12}]
    chip = Lidar(lambda: 0)
    chip.feels[D] = 3.12
    assert chip.spoken() == VECTOR


@given(st.integers(1, 1200), st.integers(100, 65534))
def test_sweep(cm: int, strength: int) -> None:
    assert heard(TFmini(), [frame(cm, strength)]) == [{"distance": cm / 100}]


@pytest.mark.parametrize(("cm", "strength"), [(300, 99), (300, 0), (300, 65535), (0, 500), (65535, 500), (65534, 500),
                                              (65532, 500)])  # fmt: skip
def test_looks_that_are_none(cm: int, strength: int) -> None:
    driver = TFmini()
    assert not any(heard(driver, [frame(cm, strength)]))
    assert driver.errors == {"not_measured": 1}


def test_the_least_strength_may_be_set() -> None:
    assert heard(TFmini(least_strength=20), [frame(300, 50)]) == [{"distance": 3.0}]


def test_a_damaged_frame_is_no_distance() -> None:
    driver = TFmini()
    assert heard(driver, [VECTOR[:2] + b"\x39" + VECTOR[3:], VECTOR]) == [{"distance": 3.12}]
    assert driver.errors == {"checksum": 1}


@pytest.mark.parametrize("passages", [0, 1, 7])
def test_passages(passages: int) -> None:
    street, driver, chip = bench()
    for number in range(passages):
        chip.passes(2_000_000 + number * 1_000_000)
    street.listen(driver, 4 + passages)
    assert closed(street, driver) == {"count": passages, "count_total": passages}
    street.listen(driver, 1)
    assert closed(street, driver) == {"count": 0, "count_total": passages}
    assert driver.counts_people


@pytest.mark.parametrize(
    ("seconds", "settings", "counted"),
    [(5.0, {}, 1), (40.0, {}, 0), (5.0, {"most_s": 3.0}, 0), (0.3, {"least_s": 1.0}, 0), (5.0, {"near": 0.5}, 0)],
)
def test_what_is_near_for_too_long_or_too_short_is_no_passage(
    seconds: float, settings: dict[str, float], counted: int
) -> None:
    street, driver, _ = bench(**settings)
    street.listen(driver, 1)
    street.feel({D: 1.0})
    street.listen(driver, seconds)
    street.feel({D: 3.0})
    street.listen(driver, 1)
    assert closed(street, driver)["count"] == counted


def test_open_air_behind_is_as_good_as_a_wall() -> None:
    street, driver, chip = bench()
    chip.strength = 5
    street.listen(driver, 1)
    chip.strength = 1000
    street.feel({D: 1.0})
    street.listen(driver, 1)
    chip.strength = 5
    street.listen(driver, 1)
    assert closed(street, driver)["count"] == 1


def test_a_lidar_that_measures_nothing_at_all_is_no_open_sky() -> None:
    """It says so itself: no distance and no light, for ever."""
    open_sky, dead = TFmini(), TFmini()
    assert open_sky.feed(frame(0, 3)) == [[]]
    assert dead.feed(frame(0, 0)) == []
    assert [reading.value for reading in open_sky.close(0)] == [0, 0]
    assert dead.close(0) == []


def test_dazzled_looks_are_no_looks() -> None:
    street, driver, chip = bench()
    street.listen(driver, 1)
    street.feel({D: 1.0})
    street.listen(driver, 1)
    chip.faults.saturate = True
    assert street.listen(driver, 2) == []
    chip.faults.saturate = False
    street.feel({D: 3.0})
    street.listen(driver, 1)
    counts = driver.close(street.clock.now_us)
    assert counts[0].value == 0  # who was there when it was dazzled may have been another than who went
    assert counts[0].flags == Flag.STALE


def test_parking() -> None:
    street, driver, _ = bench(mode="parking")
    assert not driver.counts_people
    street.listen(driver, 30)
    driver.close(street.clock.now_us)
    street.feel({D: 1.2})
    street.listen(driver, 60)
    street.feel({D: 3.0})
    street.listen(driver, 60)
    said = closed(street, driver)
    assert (said["count"], said["count_total"]) == (1, 1)
    assert said["occupancy"] == pytest.approx(0.5, abs=0.01)


def test_who_only_walks_through_a_spot_has_not_parked() -> None:
    street, driver, _ = bench(mode="parking")
    street.listen(driver, 30)
    for distance in (1.0, 3.0) * 4:
        street.feel({D: distance})
        street.listen(driver, 5)
    said = closed(street, driver)
    assert (said["count"], said["occupancy"]) == (0, 0.0)


def test_a_window_without_a_look_says_nothing() -> None:
    street, driver, chip = bench()
    street.listen(driver, 1)
    closed(street, driver)
    chip.faults.nack_next(10_000)
    street.listen(driver, 5)
    assert closed(street, driver) == {}


def test_lost_looks_give_up_who_is_half_seen() -> None:
    for mode in ("passage", "parking"):
        street, driver, _ = bench(mode=mode, hold_s=0.5, free_s=0.5)
        street.listen(driver, 1)
        street.feel({D: 1.0})
        street.listen(driver, 0.2)
        driver.lost(3)
        street.feel({D: 3.0})
        street.listen(driver, 1)
        said = driver.close(street.clock.now_us)
        assert (said[0].value, said[0].flags) == (0, Flag.STALE)


def test_a_lidar_that_hangs_is_flagged_and_a_parked_car_is_not() -> None:
    driver = TFmini(mode="parking")
    for at in range(0, 7_000, 5):
        driver.at_us = at * 100_000
        ((live,),) = driver.feed(frame(250, 1000 + at % 3))
    assert live.flags == Flag.NONE
    for at in range(7_000, 14_000, 5):
        driver.at_us = at * 100_000
        ((hung,),) = driver.feed(frame(250, 1000))
    assert hung.flags == Flag.STUCK
    assert driver.close(1_400_000_000)[0].flags == Flag.STUCK
    for at in range(14_000, 15_000, 5):
        driver.at_us = at * 100_000
        driver.feed(frame(250, 1000))
    hung_window = {reading.quantity: reading.flags for reading in driver.close(1_500_000_000)}
    assert hung_window == {Quantity.COUNT: Flag.STUCK, Quantity.COUNT_TOTAL: Flag.NONE}  # taken or not: nobody knows
