"""The office's checks: silence is seen, one cause gives one red, and a red one says why and what to do."""

from dataclasses import replace

import pytest

from edge.wire.clocks import AHEAD_MS
from edge.wire.messages import CheckResult, State
from fleet.health import (
    MUCH_WAITING,
    QUIET_AFTER_MS,
    SILENT_AFTER_MS,
    NodeFacts,
    SensorFacts,
    checks,
    span,
    verdict,
)

NOW = 1_700_000_000_000
WELL = NodeFacts("pole-1", True, NOW - 4_000, [SensorFacts("air", NOW - 9_000, 10_000)], clock=0)


def states(facts: NodeFacts) -> dict[str, str]:
    return {check.name: check.state.value for check in checks(facts, NOW)}


def test_a_node_that_does_well_is_good_throughout() -> None:
    assert set(states(WELL).values()) == {"good"}


def test_a_new_node_is_unknown_and_alarms_nobody() -> None:
    assert states(NodeFacts("pole-1")) == {"contact": "unknown"}


@pytest.mark.parametrize("heard", [WELL, NodeFacts("pole-1"), replace(WELL, online=False)])
def test_a_revoked_node_is_said_to_be_and_alarms_nobody(heard: NodeFacts) -> None:
    (check,) = checks(replace(heard, revoked=True), NOW)
    assert check.state is State.UNKNOWN and "revoked" in check.reason and "--renew" in check.remedy


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"online": False}, "contact"),
        ({"last_ms": NOW - SILENT_AFTER_MS - 1}, "contact"),
        ({"last_ms": NOW + AHEAD_MS + 1}, "contact"),
        ({"sensors": [SensorFacts("air", NOW - QUIET_AFTER_MS - 1, 10_000)]}, "sensor air"),
        ({"sensors": [SensorFacts("air", None, None)]}, "sensor air"),
        ({"sensors": [SensorFacts("air", NOW, 10_000, flags=2)]}, "sensor air"),
        ({"waiting": MUCH_WAITING + 1}, "backlog"),
        ({"undated": 3}, "clock"),
        ({"clock": 2}, "clock"),
        ({"lost_records": 2, "lost_readings": 7, "lost_why": "journal full"}, "gaps"),
        ({"quarantined": 1}, "readable"),
        ({"own": [CheckResult("disk", State.BAD, "The disk is full.", "Make room.")]}, "node: disk"),
    ],
)
def test_what_is_wrong_is_named_with_reason_and_remedy(change: dict[str, object], name: str) -> None:
    answers = checks(replace(WELL, **change), NOW)  # type: ignore[arg-type]
    worst = verdict(answers)
    assert (worst.name, worst.state) == (name, State.BAD)
    assert worst.reason.endswith(".") and worst.remedy.endswith(".")
    assert [answer.name for answer in answers if answer.state is State.BAD] == [name]


def test_a_node_whose_dates_are_later_than_now_has_one_red_its_clock() -> None:
    near, far = (replace(WELL, sensors=[SensorFacts("air", NOW + ms, 10_000)]) for ms in (AHEAD_MS, AHEAD_MS + 1))
    assert set(states(near).values()) == {"good"}
    assert (states(far)["clock"], states(far)["sensor air"]) == ("bad", "unknown")
    once = next(check for check in checks(replace(WELL, ahead=7), NOW) if check.name == "clock")
    assert once.state is State.GOOD and "7 readings of another time are dated later than now" in once.reason


def test_the_sensors_of_a_silent_node_are_unknown_not_bad() -> None:
    gone = replace(WELL, online=False, sensors=[SensorFacts("air", NOW - 10**9, 10_000)],
                   own=[CheckResult("disk", State.BAD, "The disk is full.", "Make room.")])  # fmt: skip
    found = states(gone)
    assert (found["sensor air"], found["node: disk"]) == ("unknown", "unknown")
    assert [name for name, state in found.items() if state == "bad"] == ["contact"]


def test_who_publishes_seldom_is_given_three_of_his_cadences() -> None:
    metered = replace(WELL, publish_ms=300_000, last_ms=NOW - 899_000,
                      sensors=[SensorFacts("air", NOW - 400_000, 10_000)])  # fmt: skip
    assert states(metered)["contact"] == states(metered)["sensor air"] == "good"
    assert states(replace(metered, last_ms=NOW - 901_000))["contact"] == "bad"
    late = replace(metered, sensors=[SensorFacts("air", NOW - 421_000, 10_000)])
    assert states(late)["sensor air"] == "bad"


def test_a_node_that_just_came_may_gather_before_its_sensors_are_missed() -> None:
    new = replace(WELL, publish_ms=60_000, since_ms=NOW - 179_000, sensors=[SensorFacts("air", None, None)])
    assert states(new)["sensor air"] == "unknown"
    assert states(replace(new, since_ms=NOW - 181_000))["sensor air"] == "bad"
    assert states(replace(new, since_ms=NOW + 1))["sensor air"] == "bad"  # its clock is wrong: no excuse
    assert states(replace(new, sensors=[SensorFacts("air", NOW - 400_000, 10_000)]))["sensor air"] == "bad"


def test_a_slow_sensor_is_given_three_of_its_intervals() -> None:
    slow = replace(WELL, sensors=[SensorFacts("count", NOW - 800_000, 300_000)])
    assert states(slow)["sensor count"] == "good"
    assert states(replace(slow, sensors=[SensorFacts("count", NOW - 901_000, 300_000)]))["sensor count"] == "bad"


def test_readings_that_wait_for_the_clock_blame_the_clock() -> None:
    waiting = replace(WELL, undated=3, sensors=[SensorFacts("air", -1, 10_000)])
    assert [name for name, state in states(waiting).items() if state == "bad"] == ["clock"]


def test_a_clock_that_nobody_vouches_for_is_unknown_as_long_as_its_dates_can_be() -> None:
    doubtful = replace(WELL, clock=3)
    (clock,) = [check for check in checks(doubtful, NOW) if check.name == "clock"]
    assert (clock.state, bool(clock.reason), bool(clock.remedy)) == (State.UNKNOWN, True, True)
    assert states(replace(doubtful, sensors=[SensorFacts("air", -1, 10_000)]))["clock"] == "bad"
    assert states(replace(doubtful, undated=1))["clock"] == "bad"


def test_lengths_of_time_for_people() -> None:
    assert [span(ms) for ms in (-5, 1999, 119_999, 120_000, 7_200_000, 10**9)] == [
        "0 s", "1 s", "119 s", "2 min", "2 h", "11 days"]  # fmt: skip
