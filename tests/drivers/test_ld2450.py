"""The LD2450: its example frame, people who walk over lines of all kinds, and those who only seem to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ld2450 import LD2450, Line, places, signed
from drivers.reading import Flag, Quantity
from simulators.chips.ld2450 import LD2450 as Radar
from simulators.chips.ld2450 import sign_word
from simulators.clock import VirtualClock
from tests.drivers.serial_bench import SerialBench
from tests.drivers.streams import heard

RAW = json.loads((Path(__file__).parents[1] / "vectors" / "vectors-serial.json").read_text())
EXAMPLE = bytes.fromhex(next(v["raw_hex"] for v in RAW if v["id"] == "pub-084"))
TENTH_US = 100_000
Way = list[tuple[float, float]]


def bench(**settings: float) -> tuple[SerialBench, LD2450, Radar]:
    clock = VirtualClock()
    chip = Radar(clock.boot_us)
    return SerialBench(chip, clock), LD2450(**settings), chip


def frame(*people: tuple[float, float]) -> bytes:
    chip = Radar(lambda: 0)
    chip.stand = list(people)
    return chip.spoken()


def walked(driver: LD2450, *ways: Way, step_us: int = TENTH_US) -> tuple[float, float]:
    """Let people walk side by side, a place a look; who was counted in and out."""
    for number in range(max(map(len, ways))):
        driver.at_us += step_us
        driver.feed(frame(*(way[number] for way in ways if number < len(way))))
    said = {reading.name: reading.value for reading in driver.close(driver.at_us)}
    return said["count.in"], said["count.out"]


def straight(start: tuple[float, float], end: tuple[float, float], steps: int = 30) -> Way:
    return [tuple(a + (b - a) * n / steps for a, b in zip(start, end, strict=True)) for n in range(steps + 1)]  # type: ignore[misc]


TOWARDS, AWAY = straight((0.2, 3.8), (0.2, 0.3)), straight((0.2, 0.3), (0.2, 3.8))


def test_the_example_of_the_manual() -> None:
    assert places(EXAMPLE) == [(-0.782, 1.713)]
    assert signed(0x8010) == 16 and signed(0x0010) == -16
    assert heard(LD2450(), [EXAMPLE]) == [{"presence": 1.0}]


@given(st.integers(-0x7FFF, 0x7FFF).filter(bool))
def test_signs_are_those_of_the_chip(value: int) -> None:
    assert signed(sign_word(value)) == value


def test_presence() -> None:
    street, driver, _ = bench()
    assert street.listen(driver, 0.5) == [{"presence": 0.0}] * 5
    street.feel({Quantity.PRESENCE: 1.0})
    assert street.listen(driver, 0.5) == [{"presence": 1.0}] * 5
    assert not driver.errors


@pytest.mark.parametrize(
    ("way", "counted"),
    [
        (TOWARDS, (1, 0)), (AWAY, (0, 1)), (TOWARDS + AWAY, (1, 1)), (AWAY[:18] + AWAY[17::-1], (0, 1 - 1)),
        (straight((-2, 2.5), (2, 2.5)), (0, 0)),                      # along the line
        (straight((0, 3), (0, 2.1)) + straight((0, 2.1), (0, 3)), (0, 0)),      # turns round on it
        (straight((0, 3), (0, 1.9)) * 1, (0, 0)),                     # stops on it
        (straight((-4, 3), (-4, 1)), (0, 0)),                         # beside its end
    ],
)  # fmt: skip
def test_ways(way: Way, counted: tuple[int, int]) -> None:
    if counted == (0, 0) and way[0] == AWAY[0]:
        way = straight((0, 0.3), (0, 1.9)) + straight((0, 1.9), (0, 0.3))
    assert walked(LD2450(), way) == counted


def test_who_trembles_on_the_line_is_counted_once() -> None:
    on_it = [(0.0, 2.0 + 0.1 * (-1) ** n) for n in range(50)]
    assert walked(LD2450(), straight((0, 3), (0, 2)) + on_it + straight((0, 2), (0, 1))) == (1, 0)


@pytest.mark.parametrize("line", [(-3, 2, 3, 2), (0, 0.5, 0, 6), (-2, 1, 3, 4), (2, 1, -3, 4)])
def test_in_is_from_the_left_of_the_line_to_its_right(line: tuple[float, float, float, float]) -> None:
    x1, y1, x2, y2 = line
    middle, along = ((x1 + x2) / 2, (y1 + y2) / 2), (x2 - x1, y2 - y1)
    size = (along[0] ** 2 + along[1] ** 2) ** 0.5
    left = middle[0] - along[1] / size, middle[1] + along[0] / size
    right = middle[0] + along[1] / size, middle[1] - along[0] / size
    driver = LD2450(x1=x1, y1=y1, x2=x2, y2=y2)
    assert walked(driver, straight(left, right)) == (1, 0)
    driver.at_us += 60_000_000
    assert walked(driver, straight(right, left)) == (0, 1)


def test_two_who_meet_on_the_line() -> None:
    beside = [(x - 1.2, y) for x, y in AWAY]
    assert walked(LD2450(), TOWARDS, beside) == (1, 1)
    assert walked(LD2450(), TOWARDS, [(x + 1.5, y) for x, y in TOWARDS], beside) == (2, 1)


def test_a_jump_is_another_person_and_who_is_unseen_for_a_second_is_forgotten() -> None:
    assert walked(LD2450(), [(0, 3), (0, 1)]) == (0, 0)
    assert walked(LD2450(), [(0, 2.3), (0, 1.7)]) == (1, 0)
    assert walked(LD2450(), [(0, 2.3), (0, 1.7)], step_us=1_100_000) == (0, 0)


def test_what_was_lost_is_nobodys_passage() -> None:
    for looks in (0, 1):
        driver = LD2450()
        walked(driver, TOWARDS[:16])
        driver.lost(looks) if looks else driver.forget()
        assert walked(driver, TOWARDS[16:]) == (0, 0)


@given(st.lists(st.sampled_from(["in", "out"]), max_size=8))
def test_every_passage_is_counted(ways: list[str]) -> None:
    street, driver, chip = bench()
    for number, way in enumerate(ways):
        chip.passes(3_000_000 + 2_000_000 * number, way)
    street.listen(driver, 6 + 2 * len(ways))
    said = {reading.name: reading.value for reading in driver.close(street.clock.now_us)}
    assert said == {f"{kind}.{way}": ways.count(way) for kind in ("count", "count_total") for way in ("in", "out")}


def test_windows_begin_anew_and_totals_go_on() -> None:
    driver = LD2450()
    walked(driver, TOWARDS)
    driver.at_us += 10_000_000
    assert walked(driver, TOWARDS) == (1, 0)
    driver.feed(frame())
    said = {reading.name: reading.value for reading in driver.close(driver.at_us)}
    assert said == {"count.in": 0, "count.out": 0, "count_total.in": 2, "count_total.out": 0}
    assert driver.close(driver.at_us + 1) == []


def test_nothing_of_a_person_is_in_what_a_window_says() -> None:
    driver = LD2450()
    walked(driver, TOWARDS)
    driver.feed(frame((0.1, 1.0)))
    assert {reading.quantity for reading in driver.close(1)} == {Quantity.COUNT, Quantity.COUNT_TOTAL}
    driver.at_us += 5_000_000
    driver.feed(frame())
    assert driver._tracks == []


@pytest.mark.parametrize(("at", "value"), [(0, 0xAB), (3, 1), (28, 0x54), (29, 0)])
def test_what_is_no_frame_is_refused(at: int, value: int) -> None:
    hurt = bytearray(EXAMPLE)
    hurt[at] = value
    driver = LD2450()
    assert heard(driver, [bytes(hurt), EXAMPLE]) == [{"presence": 1.0}]
    assert driver.errors["framing"] >= 1


def test_where_the_radar_can_not_see_nobody_is() -> None:
    assert places(frame((9.0, 2.0), (1.0, 8.5), (0.0, -1.0))) == []


def test_a_line_needs_two_ends() -> None:
    with pytest.raises(ValueError, match="line"):
        LD2450(x1=1.0, y1=2.0, x2=1.0, y2=2.0)


@given(st.tuples(*[st.floats(-3, 3)] * 4))
def test_a_place_on_one_side_is_on_no_other(numbers: tuple[float, float, float, float]) -> None:
    line = Line((numbers[0], 1.0), (numbers[1], 4.0), 0.15)
    place = numbers[2], numbers[3]
    back = Line((numbers[1], 4.0), (numbers[0], 1.0), 0.15)
    assert line.beyond(place) == pytest.approx(-back.beyond(place))


def test_a_radar_that_hangs_is_flagged() -> None:
    street, driver, chip = bench()
    street.feel({Quantity.PRESENCE: 1.0})
    street.listen(driver, 650)
    assert {reading.flags for reading in driver.close(street.clock.now_us)} == {Flag.NONE}
    chip.faults.freeze = True
    street.listen(driver, 650)
    flags = {reading.name: reading.flags for reading in driver.close(street.clock.now_us)}
    assert flags["count.in"] == flags["count.out"] == Flag.STUCK
