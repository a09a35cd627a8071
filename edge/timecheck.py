"""The check named clock: how sure this node is of the time, who told it, and who says otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from edge.patient import duration
from edge.timekeeping import NOBODY, Belief, Offset
from edge.wire.clocks import ClockQuality
from edge.wire.messages import CheckResult, State

VAGUE_MS = 60_000  # more may be wrong by than anybody wants to compare
SET_IT = "Let it reach a time server or the office (timedatectl), or add a GPS receiver or a clock chip."


@dataclass(frozen=True, slots=True)
class ClockView:
    """What is believed; the two who disagree, if any; who is sure and refused, if anybody; a leap second that comes."""

    belief: Belief = NOBODY
    quarrel: tuple[Offset, Offset] | None = None
    doubted: str = ""
    leap: str = ""


def clock(view: ClockView) -> CheckResult:
    """The answer."""
    if view.doubted:
        reason = f"{_name(view.doubted)} says that it is earlier than a time this node was sure of; {_instead(view)}."
        remedy = "If it is right nothing need be done: it is believed when another agrees, or when a day has passed."
        return CheckResult("clock", State.BAD, reason, remedy)
    if view.quarrel is not None:
        one, other = view.quarrel
        apart = duration(abs(one.offset_ms - other.offset_ms))
        reason = f"{_name(one.sensor)} and {other.sensor} both seem sure and are {apart} apart; {_instead(view)}."
        return CheckResult("clock", State.BAD, reason, "See who is right (edge status), and mend or unplug the other.")
    return _known(view) if view.belief.trusted else _guessed(view.belief)


def _known(view: ClockView) -> CheckResult:
    belief, error_ms = view.belief, view.belief.uncertainty_ms or 0
    leap = f" {_name(view.leap)}." if view.leap else ""
    reason = f"The clock is {belief.quality.word}, {within(error_ms)}, by {belief.who}.{leap}"
    if error_ms > VAGUE_MS:
        return CheckResult("clock", State.BAD, reason, SET_IT)
    return CheckResult("clock", State.GOOD, reason)


def _guessed(belief: Belief) -> CheckResult:
    mended = "and that is mended as soon as somebody tells the time"
    if belief.quality is ClockQuality.FLOOR:
        reason = f"Nobody tells the time: readings are dated by the last that this node was sure of, {mended}."
    elif belief.offset_ms is not None:
        reason = f"Nobody vouches for the clock: readings are dated by it all the same, {mended}."
    else:
        reason = "Nobody has set the clock that we know of; readings are dated when that happens."
    return CheckResult("clock", State.UNKNOWN, reason, SET_IT)


def _instead(view: ClockView) -> str:
    return f"{view.belief.who} is believed" if view.belief.who else "nobody is believed"


def _name(words: str) -> str:
    return words[:1].upper() + words[1:]


def within(error_ms: int) -> str:
    """For people: within 12 ms, within 3 s."""
    return f"within {error_ms} ms" if error_ms < 2_000 else f"within {duration(error_ms)}"
