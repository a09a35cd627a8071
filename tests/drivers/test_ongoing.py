"""What windowed drivers keep: all of it comes back, nothing else does, and every counting driver keeps something."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.catalog import CATALOG, driver
from drivers.ongoing import joined, judged, told
from drivers.passage import Share as Known
from drivers.reading import Quantity
from drivers.share import Share, Stretch
from drivers.window import Windowed

pytestmark = pytest.mark.once
WAYS: dict[str, list[dict[str, Any]]] = {
    "loop": [{}, {"loops": 2}, {"mode": "pulse"}],
    "tfmini": [{"mode": "passage"}, {"mode": "parking"}],
    "vl53l1x": [{"mode": "passage"}, {"mode": "parking"}],
}
MADE = [
    (name, chosen) for name in CATALOG if issubclass(driver(name), Windowed) for chosen in WAYS.get(name, [{}])
]
IDS = ["-".join([name, *map(str, chosen.values())]) for name, chosen in MADE]
MEANS = {"dbmeter", "sen0232"}  # a level is a mean of what was heard; its histogram would fill the card


def made(name: str, chosen: dict[str, Any]) -> Windowed:
    found = driver(name)(**chosen)
    assert isinstance(found, Windowed)
    return found


def filled(one: Windowed) -> None:
    """As if much had been counted."""
    for number, name in enumerate((*one.opens, *one.totals), 3):
        counted = getattr(one, name)
        if isinstance(counted, dict):
            setattr(one, name, {channel: value + number + at for at, (channel, value) in enumerate(counted.items())})
        elif isinstance(counted, int | float):
            setattr(one, name, counted + number)
        else:
            counted.take(dict.fromkeys(counted.told(0), number * 1000000))


@pytest.mark.parametrize(("name", "chosen"), MADE, ids=IDS)
def test_what_is_counted_is_kept_whole(name: str, chosen: dict[str, Any]) -> None:
    one, fresh = made(name, chosen), made(name, chosen)
    assert one.state() == {}
    if {Quantity.COUNT, Quantity.RAIN, Quantity.OCCUPANCY} & set(one.measures):
        assert one.opens
    assert bool(one.totals) == (Quantity.COUNT_TOTAL in one.measures)
    assert bool(one.opens or one.totals) == (name not in MEANS)
    filled(one)
    kept = json.loads(json.dumps(one.state()))
    fresh.resume(kept)
    assert fresh.state() == one.state() == kept
    fresh.resume({})
    assert fresh.state() == kept


@pytest.mark.parametrize(("name", "chosen"), MADE, ids=IDS)
def test_what_came_back_late_is_added(name: str, chosen: dict[str, Any]) -> None:
    one = made(name, chosen)
    filled(one)
    before, kept = one.state(), copy.deepcopy(one.state())
    one.resume(kept)
    for part, table in one.state().items():
        for what, counted in table.items():
            was: Any = before[part][what]
            if isinstance(counted, dict):
                assert all(value in (was[key], 2 * was[key]) for key, value in counted.items())
            else:
                assert counted == 2 * was


BAD: list[Any] = [-1, 1.5, True, None, "3", [], {"x": 1}, 2**60, float("nan")]


def spoilt(counted: Any, bad: Any) -> Any:
    """Something that was not counted, in the place of something that was."""
    if not isinstance(counted, dict):
        return bad
    if bad == {"x": 1}:
        return {**counted, "no such": 1}
    return {"?": bad} if bad == 1.5 else dict.fromkeys(counted, bad)


@pytest.mark.parametrize(("name", "chosen"), MADE, ids=IDS)
def test_of_what_does_not_fit_nothing_is_taken(name: str, chosen: dict[str, Any]) -> None:
    one = made(name, chosen)
    filled(one)
    good = one.state()
    fresh = made(name, chosen)
    for part, table in good.items():
        for what, counted in table.items():
            for bad in BAD:
                with pytest.raises(ValueError):
                    fresh.resume({**good, part: {**table, what: spoilt(counted, bad)}})
                assert fresh.state() == {}
    others: list[dict[str, Any]] = [
        {"open": {"_no_such": 1}}, {"more": {}}, {"open": 3}, {"total": []}, {"told": 3}]
    for other in others:
        with pytest.raises(ValueError):
            fresh.resume(other)
    assert fresh.state() == {}


@given(st.lists(st.tuples(st.integers(1, 10**9), st.booleans()), max_size=20), st.integers(0, 20))
def test_a_share_that_was_cut_is_that_of_all_that_was_watched(changes: list[tuple[int, bool]], cut: int) -> None:
    whole, first, second = Share(), Share(), Share()
    at_us, kept = 0, None
    for place, (later_us, level) in enumerate(changes):
        at_us += later_us
        if place == cut:
            kept = first.told(at_us)
            second.change(at_us, whole.level)
        for share in (whole, first if kept is None else second):
            share.change(at_us, level)
    if kept is not None:
        second.take(kept)
        assert second.close(at_us + 5) == pytest.approx(whole.close(at_us + 5))


def test_parts_begin_anew_after_a_close() -> None:
    stretch, known = Stretch(), Known(1e9)
    stretch.take({"length_us": 7})
    stretch.begin(10)
    assert (stretch.told(13), stretch.close(20), stretch.told(20)) == ({"length_us": 10}, 17, {"length_us": 0})
    known.take({"known_us": 10, "true_us": 5})
    assert (known.close(0), known.told(0)) == (0.5, {"known_us": 0, "true_us": 0})


@pytest.mark.parametrize(("name", "chosen"), MADE, ids=IDS)
def test_totals_go_on_from_what_was_read(name: str, chosen: dict[str, Any]) -> None:
    """Of a window that was told and whose state was not kept."""
    one, fresh = made(name, chosen), made(name, chosen)
    filled(one)
    kept = one.state().get("total", {})
    for counted in kept.values():
        fresh.resume({"told": counted if isinstance(counted, dict) else {"": counted}})
    assert fresh.state() == ({"total": kept} if kept else {})


def test_only_what_is_counted_can_be_kept() -> None:
    for act in (lambda: told("text", 0), lambda: judged("text", 1)):
        with pytest.raises(TypeError):
            act()
    assert told({"in": 2.00049, "out": 0}, 0) == {"in": 2.0}
    assert joined({"in": 1, "out": 2}, {"in": 3}) == {"in": 4, "out": 2}
