"""What neighbours may know: good, recent, and never a mixture of two moments of writing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.reading import Flag, Quantity, Reading
from drivers.talk import Talk, Write
from edge.runners.blackboard import LEAST_MS, Blackboard
from edge.runners.seat import Seat
from edge.runners.talks import I2CRunner
from edge.runners.voice import Terms
from simulators.clock import VirtualClock
from tests.edge.runners.hands import Bus, Plain, drive

TEMPERATURE, HUMIDITY = Quantity.TEMPERATURE, Quantity.HUMIDITY


@given(st.integers(0, 10**9), st.integers(1, 3_600_000), st.integers(0, 10**8))
def test_what_is_too_old_is_not_known(at_ms: int, interval_ms: int, age_ms: int) -> None:
    board = Blackboard()
    board.write("air", at_ms, interval_ms, [Reading(TEMPERATURE, 20.0)])
    fresh = age_ms <= max(3 * interval_ms, LEAST_MS)
    assert board.known("air", at_ms + age_ms) == ({TEMPERATURE: 20.0} if fresh else {})
    assert board.known("soil", at_ms) == {}


@given(st.sampled_from([flag for flag in Flag if flag]))
def test_what_is_doubted_is_not_known_and_does_not_hide_what_was_good(flag: Flag) -> None:
    board = Blackboard()
    board.write("air", 0, 1_000, [Reading(TEMPERATURE, 20.0), Reading(HUMIDITY, 50.0)])
    board.write("air", 1_000, 1_000, [Reading(TEMPERATURE, 21.0, flags=flag), Reading(HUMIDITY, 51.0)])
    assert board.known("air", 2_000) == {TEMPERATURE: 20.0, HUMIDITY: 51.0}


def test_what_cannot_be_is_not_known_and_the_channel_without_a_name_comes_first() -> None:
    board = Blackboard()
    board.write("air", 0, 1_000, [Reading(TEMPERATURE, 999.0), Reading(HUMIDITY, 40.0, "in"), Reading(HUMIDITY, 50.0)])
    assert board.known("air", 0) == {HUMIDITY: 50.0}


@given(st.lists(st.sets(st.sampled_from([TEMPERATURE, HUMIDITY, Quantity.NO2])), min_size=1, max_size=5), st.booleans())
def test_what_a_neighbour_does_not_measure_its_own_neighbour_tells(said: list[set[Quantity]], ring: bool) -> None:
    board, names = Blackboard(), [f"sensor{at}" for at in range(len(said))]
    for at, (name, behind) in enumerate(zip(names, [*names[1:], names[0] if ring else ""], strict=True)):
        board.place(name, behind)
        board.write(name, 0, 1_000, [Reading(one, 10.0 * at + 1) for one in said[at]])
    nearest = {one: at for at in reversed(range(len(said))) for one in said[at]}
    assert board.known(names[0], 0) == {one: 10.0 * at + 1 for one, at in nearest.items()}


def test_a_stale_word_is_not_replaced_by_that_of_somebody_farther_off() -> None:
    board = Blackboard()
    board.place("no2", "air")
    board.write("no2", 0, 1_000, [Reading(TEMPERATURE, 20.0), Reading(Quantity.NO2, 30.0)])
    board.write("air", LEAST_MS, 1_000, [Reading(TEMPERATURE, 25.0), Reading(HUMIDITY, 50.0)])
    assert board.known("no2", LEAST_MS + 1) == {HUMIDITY: 50.0}


class Curious(Plain):
    """Notes what it was told before each talk."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[int, dict[Quantity, float]]] = []

    def read(self) -> Talk[list[Reading]]:
        self.told.append((self.at_us, dict(self.known)))
        yield Write(b"\x01")
        return []


def test_a_driver_knows_when_it_is_and_what_its_neighbour_said() -> None:
    board, clock = Blackboard(), VirtualClock()
    curious, alone = Curious(), Curious()
    seats = [
        Seat("gas", curious, 10_000, 1, Terms(beside="air", board=board)),
        Seat("alone", alone, 10_000, 2, Terms(board=board)),
        Seat("air", Plain(), 5_000, 3, Terms(board=board)),
    ]
    drive(I2CRunner(Bus().open, seats), clock, 30)
    assert curious.told == [(0, {}), *((at * 10_000_000, {TEMPERATURE: 20.0}) for at in (1, 2, 3))]
    assert all(known == {} for _, known in alone.told)
