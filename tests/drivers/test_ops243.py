"""The OPS243: vehicles by direction and band, in every unit and shape, and no speed of a single one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ops243 import OPS243, TO_KMH
from drivers.reading import Flag, Quantity
from drivers.talk import Write
from simulators.chips.ops243 import OPS243 as Radar
from simulators.clock import VirtualClock
from tests.drivers.serial_bench import SerialBench
from tests.drivers.streams import Values

RAW = json.loads((Path(__file__).parents[1] / "vectors" / "vectors-serial.json").read_text())
NAMES = ("pub-086", "pub-087")
JSON_LINE, PLAIN_LINE = (bytes.fromhex(next(v["raw_hex"] for v in RAW if v["id"] == name)) for name in NAMES)
MINUTE_US = 60_000_000
BANDS: list[dict[str, str | int]] = [{"name": "slow", "low": 0, "high": 40}, {"name": "fast", "low": 40}]


def bench(**settings: Any) -> tuple[SerialBench, OPS243, Radar]:
    clock = VirtualClock()
    chip = Radar(clock.boot_us)
    street, driver = SerialBench(chip, clock), OPS243(**settings)
    street.set_up(driver)
    street.listen(driver, 1)
    assert driver.errors == {"framing": 1}  # nobody heard how the first line began
    driver.errors.clear()
    return street, driver, chip


def forgetful(driver: OPS243) -> bool:
    return driver.lost_setup


def closed(street: SerialBench, driver: OPS243) -> Values:
    return {reading.name: reading.value for reading in driver.close(street.clock.now_us)}


def reported(driver: OPS243, *lines: str) -> Values:
    """What a window holds after these lines, a tenth of a second apart."""
    driver.feed(b"\r\n")
    for line in lines:
        driver.at_us += 100_000
        assert driver.feed(line.encode() + b"\r\n") in ([[]], [])
    driver.at_us += 10_000_000
    return {reading.name: reading.value for reading in driver.close(driver.at_us)}


def test_vectors() -> None:
    mps = OPS243(unit="mps", unit_told=False, least_reports=1, bands=BANDS)
    said = reported(mps, JSON_LINE.decode().strip())
    assert (said["count.out"], said["count.out.fast"], said["count.in"]) == (1, 1, 0)  # -12.3 m/s is 44.3 km/h away
    plain = OPS243(unit="mps", unit_told=False, least_reports=1, bands=BANDS, format="plain")
    said = reported(plain, PLAIN_LINE.decode().strip())
    assert (said["count.in"], said["count.in.slow"]) == (1, 1)  # 7.6 m/s is 27.4 km/h


def test_setup_tells_the_unit_the_shape_and_to_name_the_unit() -> None:
    def told(**settings: str | bool) -> list[bytes]:
        return [step.data for step in OPS243(**settings).setup() if isinstance(step, Write)]

    assert told() == [b"UK", b"OU", b"OS", b"Om", b"Ot", b"OJ", b"BZ"]
    assert told(unit="mph", format="plain", zeros=False) == [b"US", b"OU", b"OS", b"Om", b"Ot", b"Oj"]


@pytest.mark.parametrize("shape", ["json", "plain"])
@pytest.mark.parametrize("unit", TO_KMH)
def test_counts_in_every_unit_and_shape(unit: str, shape: str) -> None:
    street, driver, chip = bench(unit=unit, format=shape)
    for number, (way, kmh) in enumerate([("in", 25.0), ("in", 45.0), ("out", 45.0), ("out", 80.0), ("in", 31.0)]):
        chip.passes(street.clock.now_us + 3_000_000 * (number + 1), way, kmh)
    street.listen(driver, 20)
    said = closed(street, driver)
    assert {name: value for name, value in said.items() if name.startswith("count.")} == {
        "count.in": 3, "count.in.to_30": 1, "count.in.30_50": 2, "count.in.from_50": 0,
        "count.out": 2, "count.out.to_30": 0, "count.out.30_50": 1, "count.out.from_50": 1,
    }  # fmt: skip
    assert said["count_total.in"] == 3
    assert not driver.errors


def test_totals_go_on_and_windows_begin_anew() -> None:
    street, driver, chip = bench()
    for window in (1, 2):
        chip.passes(street.clock.now_us + 1_000_000, "in")
        street.listen(driver, 5)
        said = closed(street, driver)
        assert (said["count.in"], said["count_total.in"], said["count_total.in.30_50"]) == (1, window, window)


def test_who_is_in_the_beam_when_a_window_ends_counts_in_the_next() -> None:
    street, driver, chip = bench()
    chip.passes(street.clock.now_us + 1_000_000, "in")
    street.listen(driver, 1.5)
    assert closed(street, driver)["count.in"] == 0
    street.listen(driver, 5)
    assert closed(street, driver)["count.in"] == 1


@pytest.mark.parametrize("vehicles", range(8))
def test_no_speed_of_a_few_vehicles_leaves(vehicles: int) -> None:
    street, driver, chip = bench()
    for number in range(vehicles):
        chip.passes(street.clock.now_us + 3_000_000 * (number + 1), "in", 40.0 + number)
    street.listen(driver, 3 * vehicles + 5)
    said = closed(street, driver)
    assert ("vehicle_speed.in" in said) == (vehicles >= 5)
    if vehicles >= 5:
        assert said["vehicle_speed.in"] == pytest.approx(40.0 + (vehicles - 1) / 2, abs=0.2)
    assert "vehicle_speed.out" not in said


def test_the_least_number_for_a_mean_can_not_be_set_to_one() -> None:
    with pytest.raises(ValueError, match="least_for_mean"):
        OPS243(least_for_mean=1)


def test_looks_say_nothing() -> None:
    driver = OPS243()
    assert driver.must_window
    assert driver.feed(Radar(lambda: 0).spoken()) == [[]]


@pytest.mark.parametrize(
    ("line", "way"),
    [
        ('{"unit":"kmph","speed":42}', "in"), ('{"unit":"kmph","speed":"-42.5"}', "out"),
        ('{"unit":"kmph","speed":42,"direction":"outbound"}', "out"),
        ('{"unit":"km/h","speed":-42,"direction":"inbound"}', "in"),
    ],
)  # fmt: skip
def test_directions(line: str, way: str) -> None:
    for inbound in ("positive", "negative"):
        said = reported(OPS243(inbound=inbound), line, line)
        turned = inbound == "negative" and "direction" not in line
        expected = {"in": "out", "out": "in"}[way] if turned else way
        assert {w: said[f"count.{w}"] for w in ("in", "out")} == {"in": expected == "in", "out": expected == "out"}


@pytest.mark.parametrize(
    ("lines", "counted"),
    [
        (["40"], 0), (["40", "41"], 1), (["1", "2", "1"], 0), (["260", "270"], 0), (["0", "0"], 0),
        (["40", "299", "41", "40"], 1),
    ],
)  # fmt: skip
def test_what_is_no_vehicle(lines: list[str], counted: int) -> None:
    driver = OPS243(format="plain", bands=BANDS)
    said = reported(driver, *(f'"kmph",{line}' for line in lines))
    assert said["count.in"] == said["count.in.slow"] + said["count.in.fast"] == counted
    assert driver.errors["not_measured"] == sum(int(line) > 250 for line in lines)


@pytest.mark.parametrize(
    "line",
    ['{"unit":"parsec","speed":4}', "{", '["speed"]', "hello", '"kmph",1,2,3,4', "4;5", '"kmph","mps",4',
     '{"speed":4}'],
)
def test_what_is_no_report(line: str) -> None:
    for shape in ("json", "plain"):
        driver = OPS243(format=shape)
        reported(driver, line)
        assert sum(driver.errors.values()) == 1


def test_answers_to_commands_are_no_reports_and_prove_that_it_lives() -> None:
    driver = OPS243()
    assert reported(driver, '{"OutputFeature":"J"}')["count.in"] == 0
    assert not driver.errors


def test_a_radar_that_lost_its_power_is_set_up_again_and_its_speeds_are_not_believed() -> None:
    for shape in ("json", "plain"):
        street, driver, chip = bench(format=shape)
        assert not forgetful(driver)
        chip.faults.brown_out()
        street.listen(driver, 1)
        chip.passes(street.clock.now_us + 1_000_000, "in", 50.0)
        street.listen(driver, 5)
        assert closed(street, driver)["count.in"] == 0
        assert driver.errors["device_fault"] >= 5
        assert forgetful(driver)
        street.set_up(driver)
        assert not forgetful(driver)
        chip.passes(street.clock.now_us + 1_000_000, "in", 50.0)
        street.listen(driver, 5)
        assert closed(street, driver)["count.in"] == 1


def test_a_radar_without_a_sign_of_life_says_nothing_and_an_empty_road_zero() -> None:
    driver = OPS243()
    assert driver.close(MINUTE_US) == []
    driver.at_us = MINUTE_US
    driver.feed(b"\n{}\n")
    assert {reading.value for reading in driver.close(10 * MINUTE_US)} == {0}
    assert driver.close(40 * MINUTE_US) == []


def test_a_radar_that_reports_zeros_is_known_to_be_silent() -> None:
    street, driver, chip = bench()
    street.listen(driver, 30)
    assert {reading.flags for reading in driver.close(street.clock.now_us)} == {Flag.NONE}
    assert driver.silence_s == 10.0
    chip.faults.stuck_busy = True
    street.listen(driver, 5)
    chip.faults.stuck_busy = False
    street.listen(driver, 5)
    assert driver.close(street.clock.now_us)[0].flags == Flag.STALE
    chip.faults.stuck_busy = True
    street.listen(driver, 5)
    assert driver.close(street.clock.now_us) == []


def test_lost_looks_give_up_who_is_in_the_beam_and_flag_the_window() -> None:
    street, driver, chip = bench(zeros=False)
    chip.passes(street.clock.now_us + 1_000_000, "in")
    street.listen(driver, 1.5)
    driver.lost(1)
    street.listen(driver, 0.1)
    street.clock.advance(3)
    counts = driver.close(street.clock.now_us)
    assert counts[0].flags == Flag.STALE
    assert driver.close(street.clock.now_us)[0].flags == Flag.STALE  # he would have been counted here
    driver.at_us = street.clock.now_us + 10_000_000
    driver.feed(b"\n{}\n")
    driver.close(driver.at_us)
    assert {reading.flags for reading in driver.close(driver.at_us + 10_000_000)} == {Flag.NONE}


def test_a_radar_that_hangs_is_flagged() -> None:
    driver = OPS243()
    driver.feed(b"\n")
    for _ in range(7_000):
        driver.at_us += 100_000
        driver.feed(b'{"unit":"kmph","speed":40}\n')
    assert driver.close(driver.at_us)[0].flags & Flag.STUCK


@pytest.mark.parametrize(
    "bands",
    [[{"name": "A b"}], [{"name": ""}], [{"name": "a"}] * 2, [{"name": "a", "low": 50, "high": 30}], [{"low": 3}]],
)
def test_bands_that_can_not_be(bands: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="bands"):
        OPS243(bands=bands)


@given(st.lists(st.tuples(st.sampled_from(["in", "out"]), st.floats(5, 190)), max_size=6))
def test_every_vehicle_is_counted_in_one_band(vehicles: list[tuple[str, float]]) -> None:
    street, driver, chip = bench()
    for number, (way, kmh) in enumerate(vehicles):
        chip.passes(street.clock.now_us + 3_000_000 * (number + 1), way, kmh)
    street.listen(driver, 3 * len(vehicles) + 5)
    said = closed(street, driver)
    for way in ("in", "out"):
        assert said[f"count.{way}"] == sum(w == way for w, _ in vehicles)
        assert said[f"count.{way}"] == sum(said[f"count.{way}.{band}"] for band in ("to_30", "30_50", "from_50"))
    assert {q.quantity for q in driver.close(street.clock.now_us)} <= {Quantity.COUNT, Quantity.COUNT_TOTAL}


def test_who_passed_before_the_radar_died_is_counted_when_it_lives_again() -> None:
    """The total and the sum of the counts are never told apart."""
    street, driver, chip = bench()
    street.listen(driver, 5)
    chip.passes(street.clock.now_us)
    street.listen(driver, 1.1)
    first = closed(street, driver)
    assert first["count.in"] == 0, "it is still in the beam"
    for _ in range(2):
        street.clock.advance(60)
        driver.at_us = street.clock.now_us
        assert closed(street, driver) == {}
    street.listen(driver, 5)
    said = {reading.name: reading for reading in driver.close(street.clock.now_us)}
    assert (said["count.in"].value, said["count_total.in"].value) == (1, 1)
    assert Flag.STALE in said["count.in"].flags


def test_noise_on_the_line_does_not_lose_who_has_passed_already() -> None:
    street, driver, chip = bench(zeros=False)
    chip.passes(street.clock.now_us)
    street.listen(driver, 3)
    driver.at_us = street.clock.now_us
    driver.lost(1)
    assert closed(street, driver)["count.in"] == 1


def test_cyclists_are_people() -> None:
    assert OPS243().counts_people
