"""Passages and parking from distances: small sequences all of them, long ones by property."""

from __future__ import annotations

from itertools import groupby, pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.passage import Gate, Nearness, Passages, Share, Spot

LOOK_US = 50_000
FAR, NEAR, BETWEEN = 3.0, 1.0, 1.55
FOR_EVER = float("inf")

distances = st.lists(st.one_of(st.none(), st.floats(0.0, 4.0)), max_size=80)


def passages(least: int = 0, most: float = FOR_EVER, gap: float = FOR_EVER) -> Passages:
    """`least` and `most` in looks."""
    return Passages(Nearness(1.5, 0.1), least * LOOK_US, most * LOOK_US, gap)


def spot(hold: int = 2, free: int = 3, gap: float = FOR_EVER) -> Spot:
    """`hold` and `free` in looks."""
    return Spot(Nearness(1.5, 0.1), hold * LOOK_US, free * LOOK_US, gap)


def gate(still: float = FOR_EVER, gap: float = FOR_EVER) -> Gate:
    return Gate([Nearness(1.5, 0.1), Nearness(1.5, 0.1)], still, gap)


@pytest.mark.parametrize(
    ("looks", "near"),
    [
        ([1.49], [True]), ([1.5], [False]), ([BETWEEN], [False]), ([None], [False]),
        ([NEAR, BETWEEN, 1.6, 1.61], [True, True, True, False]),
        ([NEAR, None, BETWEEN], [True, False, False]),
    ],
)  # fmt: skip
def test_near_below_the_threshold_far_above_the_hysteresis(looks: list[float | None], near: list[bool]) -> None:
    edge = Nearness(1.5, 0.1)
    assert [edge.look(distance) for distance in looks] == near


@pytest.mark.parametrize(("least", "most"), [(0, FOR_EVER), (2, FOR_EVER), (0, 3), (2, 4)])
def test_every_run_of_near_looks_between_two_far_ones_counts_once(least: int, most: float) -> None:
    for seen in product((False, True), repeat=9):
        counter = passages(least, most)
        counted = sum(counter.look(n * LOOK_US, NEAR if near else FAR) for n, near in enumerate(seen))
        runs = [(near, len(list(run))) for near, run in groupby(seen)]
        whole = [length for near, length in runs[1:-1] if near]  # seen to come and to go
        assert counted == sum(least <= length <= most for length in whole), seen


@given(distances, st.floats(0.05, 2.0))
def test_wider_hysteresis_never_counts_more(seen: list[float | None], hysteresis: float) -> None:
    narrow = Passages(Nearness(1.5, 0.0), 0, FOR_EVER, FOR_EVER)
    wide = Passages(Nearness(1.5, hysteresis), 0, FOR_EVER, FOR_EVER)
    counts = [sum(one.look(n, distance) for n, distance in enumerate(seen)) for one in (narrow, wide)]
    assert counts[1] <= counts[0]


@given(distances, st.integers(0, 80))
def test_what_is_half_seen_when_looks_are_lost_is_given_up(seen: list[float | None], at: int) -> None:
    by_word, by_time = passages(), passages(gap=LOOK_US)
    at = min(at, len(seen))
    before = sum(one.look(n * LOOK_US, d) for n, d in enumerate(seen[:at]) for one in (by_word,))
    assert before == sum(by_time.look(n * LOOK_US, d) for n, d in enumerate(seen[:at]))
    by_word.lost()
    after = [sum(one.look((n + at + 9) * LOOK_US, d) for n, d in enumerate(seen[at:])) for one in (by_word, by_time)]
    assert after[0] == after[1]


def test_lost_looks_take_the_one_who_is_near_and_nobody_else() -> None:
    counter = passages()
    assert [counter.look(n, d) for n, d in enumerate([FAR, NEAR])] == [False, False]
    counter.lost()
    assert not counter.look(2, FAR)
    assert [counter.look(n, d) for n, d in enumerate([NEAR, FAR], 3)] == [False, True]


CROSSING = {"in": (0, 1, 0, 1), "out": (1, 0, 1, 0)}  # which zone changes at each step


def walk(door: Gate, way: str, began_us: int = 0, step_us: int = LOOK_US) -> list[str]:
    """Both zones are looked at in turn, twice a step, while somebody goes through."""
    near, ended, at_us = [False, False], [], began_us
    for changed in (*CROSSING[way], None):
        for zone in (0, 1):
            ended.append(door.look(at_us, zone, NEAR if near[zone] else None))
            at_us += step_us
        if changed is not None:
            near[changed] = not near[changed]
    return [one for one in ended if one]


@given(st.lists(st.sampled_from(["in", "out"]), max_size=20))
def test_whoever_walks_through_counts_with_direction(ways: list[str]) -> None:
    door = gate()
    assert [one for n, way in enumerate(ways) for one in walk(door, way, n * 10 * LOOK_US)] == ways


def test_every_small_walk_counts_its_windings() -> None:
    """A walk over the four states is a passage each time it comes back free with a net turn, and nothing else."""
    for toggles in product((0, 1), repeat=8):
        door, near, net = gate(), [False, False], 0
        door.look(0, 0, FAR), door.look(0, 1, FAR)
        for n, zone in enumerate(toggles, 1):
            ahead = near[0] == near[1]  # 00 and 11: zone 0 first leads in; 10 and 01: zone 1
            net += 1 if (zone == 0) == ahead else -1
            near[zone] = not near[zone]
            said = door.look(n * LOOK_US, zone, NEAR if near[zone] else FAR)
            if any(near):
                assert said is None
                continue
            assert said == {4: "in", -4: "out"}.get(net), toggles
            net = 0


@pytest.mark.parametrize("way", ["in", "out"])
def test_the_gate_gives_up_on_lost_looks_long_stands_and_unseen_beginnings(way: str) -> None:
    assert walk(gate(still=10 * LOOK_US), way) == [way]
    assert walk(gate(still=LOOK_US), way) == []
    assert walk(gate(gap=LOOK_US - 1), way) == []
    begun = gate()
    begun.look(0, CROSSING[way][0], NEAR)
    begun.look(1, CROSSING[way][1], NEAR)
    assert [begun.look(n, zone, FAR) for n, zone in enumerate(CROSSING[way][:2], 2)] == [None, None]
    assert walk(begun, way, LOOK_US) == [way]


@pytest.mark.parametrize("lost_after", range(1, 9))
def test_lost_in_the_middle_of_the_gate(lost_after: int) -> None:
    door = gate()
    for zone in (0, 1):
        door.look(0, zone, FAR)
    for n, (zone, distance) in enumerate(((0, NEAR), (1, NEAR), (0, FAR), (1, FAR)), 1):
        said = door.look(n, zone, distance)
        if n == lost_after:
            door.lost()
    assert said == ("in" if lost_after >= 4 else None)
    assert walk(door, "out", LOOK_US) == ["out"]


def states(seen: tuple[bool, ...], hold: int, free: int) -> list[bool | None]:
    """The spot's state after each look, by the words of the definition: so many looks alike, and one to begin with."""
    taken: bool | None = None
    found: list[bool | None] = []
    for at in range(len(seen)):
        alike = next((n for n in range(at + 1) if seen[at - n] != seen[at]), at + 1)
        if alike > (hold if seen[at] else free):
            taken = seen[at]
        found.append(taken)
    return found


@pytest.mark.parametrize(("hold", "free"), [(0, 0), (1, 1), (2, 3), (3, 1)])
def test_every_small_stay_at_a_spot(hold: int, free: int) -> None:
    for seen in product((False, True), repeat=10):
        place, expected = spot(hold, free), states(seen, hold, free)
        arrived = 0
        for n, near in enumerate(seen):
            arrived += place.look(n * LOOK_US, NEAR if near else FAR)
            assert place.taken == expected[n], (seen, n)
        pairs = list(pairwise(expected))
        assert arrived == sum(pair == (False, True) for pair in pairs)
        known = [state for state in expected[:-1] if state is not None]
        share = place.close(9 * LOOK_US)
        assert share == (pytest.approx(sum(known) / len(known)) if known else None)


@given(st.lists(st.tuples(st.integers(1, 100), st.booleans()), min_size=1, max_size=30), st.lists(st.booleans()))
def test_the_shares_of_windows_add_up(told: list[tuple[int, bool]], closed: list[bool]) -> None:
    share, at_us, began_us, in_windows = Share(FOR_EVER), 0, 0, 0.0
    share.tell(0, True)
    for n, (later_us, state) in enumerate(told):
        at_us += later_us
        if n < len(closed) and closed[n]:
            in_windows += (share.close(at_us) or 0.0) * (at_us - began_us)
            began_us = at_us
        share.tell(at_us, state)
    in_windows += (share.close(at_us) or 0.0) * (at_us - began_us)
    before = [True, *(state for _, state in told)]
    assert in_windows == pytest.approx(sum(us for (us, _), state in zip(told, before, strict=False) if state))


def test_a_spot_knows_nothing_of_the_time_that_it_did_not_look() -> None:
    place = spot(gap=10 * LOOK_US)
    for n in range(20):
        place.look(n * LOOK_US, NEAR)
    assert (place.taken, place.close(20 * LOOK_US)) == (True, 1.0)
    assert place.close(100 * LOOK_US) is None
    place.look(101 * LOOK_US, FAR)
    after = [place.taken]
    for n in range(102, 112):
        place.look(n * LOOK_US, FAR)
        after.append(place.taken)
    assert after == [True] * 3 + [False] * 8
    assert place.close(112 * LOOK_US) == pytest.approx(3 / 11)


def test_lost_looks_begin_the_hold_anew() -> None:
    place = spot(hold=2)
    for n, distance in enumerate([FAR, FAR, FAR, FAR, NEAR, NEAR]):
        place.look(n * LOOK_US, distance)
    place.lost()
    assert [place.look(n * LOOK_US, NEAR) for n in (6, 7, 8)] == [False, False, True]


@given(st.lists(st.tuples(st.integers(0, 100), st.sampled_from([True, False, None])), max_size=30))
def test_a_share_is_time_over_time(told: list[tuple[int, bool | None]]) -> None:
    share, at_us, spans = Share(FOR_EVER), 0, {True: 0, False: 0, None: 0}
    before: bool | None = None
    for later_us, state in told:
        spans[before] += later_us
        at_us += later_us
        share.tell(at_us, state)
        before = state
    known_us = spans[True] + spans[False]
    assert share.close(at_us) == (pytest.approx(spans[True] / known_us) if known_us else None)
