"""What holds of an open window at the next start: the record, the state before it, or what later readings say."""

from __future__ import annotations

from drivers.ongoing import State
from edge.opened import LONGEST_STATE, OpenWindows, Telling

ALIKE = {"gate": "a1"}
FIRST: State = {"open": {"count": 3}}
THEN: State = {"total": {"count": 9}}


def record(closed_ms: int | None = None) -> bytes:
    """The newest record: of a window that goes on, or of one that closed in that very commit."""
    windows = OpenWindows(4, ALIKE)
    windows.take_up(None)
    windows.take("gate", FIRST)
    assert windows.entry(1, True) is not None
    windows.take("gate", THEN, closed_ms)
    entry = windows.entry(1, True)
    assert entry is not None
    return entry[2]


def left(body: bytes, later: list[dict[str, Telling]], whole: bool = False) -> State | None:
    return OpenWindows(5, ALIKE).take_up(body, later, whole)[0].get("gate")


def test_readings_of_the_very_window_that_closed_spend_nothing_and_later_ones_do() -> None:
    body = record(700)
    assert left(body, [{"gate": Telling(4, 700, {"": 9})}]) == THEN
    assert left(body, [{"gate": Telling(4, 701, {"": 12})}]) == {"told": {"": 12}}
    assert left(body, [{"gate": Telling(5, 1, {"": 12})}]) == {"told": {"": 12}}


def test_a_window_whose_readings_were_torn_is_open_still_unless_its_commit_is_whole() -> None:
    assert left(record(700), []) == FIRST
    assert left(record(700), [], whole=True) == THEN
    assert left(record(), []) == THEN


def test_a_state_that_is_too_long_is_not_kept_and_told() -> None:
    windows = OpenWindows(4, ALIKE)
    windows.take_up(None)
    assert "longer" in windows.take("gate", {"open": {str(number): 1 for number in range(LONGEST_STATE)}})
    assert windows.entry(1, True) is None


def test_it_is_said_again_in_each_segment() -> None:
    windows = OpenWindows(4, ALIKE)
    windows.take_up(None)
    windows.take("gate", FIRST)
    first = windows.entry(1, True)
    assert windows.entry(1, True) is None
    assert first is not None and windows.entry(2, False) == first
