"""What the check named clock says, word by word, for each thing that can be the matter with the time."""

from __future__ import annotations

import pytest

from edge.timecheck import SET_IT, VAGUE_MS, ClockView, clock, within
from edge.timekeeping import Belief, Offset
from edge.wire.clocks import ClockQuality
from edge.wire.messages import CheckResult, State

SURE = Belief(10**12, ClockQuality.SYNCED, 12, "kernel", "kernel")
FLOOR = Belief(10**12, ClockQuality.FLOOR, None, "floor", "floor")
GUESS = Belief(10**12, ClockQuality.UNKNOWN, None, "kernel", "kernel")
HELD = Belief(10**12, ClockQuality.HOLDOVER, VAGUE_MS, "watch", "gps")
BAD_HELD = Belief(10**12, ClockQuality.HOLDOVER, VAGUE_MS + 1, "watch", "gps")
PAIR = (Offset("mast", "gps", 5_000, 1), Offset("kernel", "kernel", 95_000, 1))
MENDED = "and that is mended as soon as somebody tells the time."
WAIT = "If it is right nothing need be done: it is believed when another agrees, or when a day has passed."
LOOK = "See who is right (edge status), and mend or unplug the other."

CASES = [
    (ClockView(SURE), State.GOOD, "The clock is synced, within 12 ms, by kernel.", ""),
    (ClockView(SURE, leap="this is a leap second"), State.GOOD,
     "The clock is synced, within 12 ms, by kernel. This is a leap second.", ""),
    (ClockView(Belief(10**12, ClockQuality.HOLDOVER, None, "watch", "gps")), State.GOOD,
     "The clock is holdover, within 0 ms, by watch.", ""),
    (ClockView(HELD), State.GOOD, "The clock is holdover, within 60 s, by watch.", ""),
    (ClockView(BAD_HELD), State.BAD, "The clock is holdover, within 60 s, by watch.", SET_IT),
    (ClockView(FLOOR), State.UNKNOWN,
     f"Nobody tells the time: readings are dated by the last that this node was sure of, {MENDED}", SET_IT),
    (ClockView(GUESS), State.UNKNOWN,
     f"Nobody vouches for the clock: readings are dated by it all the same, {MENDED}", SET_IT),
    (ClockView(), State.UNKNOWN,
     "Nobody has set the clock that we know of; readings are dated when that happens.", SET_IT),
    (ClockView(SURE, PAIR), State.BAD, "Mast and kernel both seem sure and are 90 s apart; kernel is believed.", LOOK),
    (ClockView(SURE, PAIR, "mast"), State.BAD,
     "Mast says that it is earlier than a time this node was sure of; kernel is believed.", WAIT),
    (ClockView(doubted="office"), State.BAD,
     "Office says that it is earlier than a time this node was sure of; nobody is believed.", WAIT),
]  # fmt: skip


@pytest.mark.parametrize(("view", "state", "reason", "remedy"), CASES)
def test_each_answer_has_its_reason_and_its_remedy(view: ClockView, state: State, reason: str, remedy: str) -> None:
    assert clock(view) == CheckResult("clock", state, reason, remedy)


def test_what_may_be_wrong_is_told_in_a_unit_for_people() -> None:
    assert [within(ms) for ms in (0, 1_999, 2_000, 3_000)] == ["within 0 ms", "within 1999 ms", "within 2 s",
                                                              "within 3 s"]  # fmt: skip
