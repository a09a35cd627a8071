"""Each check turns bad for its own reason, says why, and says what to do; nothing is bad when all is well."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.reading import Flag, Quantity, Reading
from edge.events import Failed
from edge.health import ClockView, JournalView, NodeView, SessionView, checks
from edge.patient import Patient, duration
from edge.timekeeping import Belief
from edge.wire.clocks import ClockQuality
from edge.wire.messages import CheckResult, Health, State, from_json, to_json
from edge.wiring import SensorPlan

HOUR = 3_600_000
PLAN = SensorPlan("air", "sht31", "i2c", "/dev/i2c-1", 0x44, interval_ms=10_000)
KNOWN = ClockView(Belief(0, ClockQuality.SYNCED, 12, "kernel", "kernel"))
FINE = NodeView(10 * HOUR, 0, JournalView("", "", 0, 10, 10_000, 1_000_000, 0),
                SessionView(connected=True), KNOWN, 2**33)  # fmt: skip


def patient(last_ms: int | None = 10 * HOUR - 1_000, flags: Flag = Flag.NONE) -> Patient:
    one = Patient(PLAN, 0)
    if last_ms is not None:
        one.took((Reading(Quantity.CO2, 400.0, "", flags),), last_ms)
    return one


def of(view: NodeView, name: str, sensor: Patient | None = None) -> CheckResult:
    return {check.name: check for check in checks(view, [sensor or patient()])}[name]


def test_all_is_well() -> None:
    found = checks(FINE, [patient()])
    assert [check.name for check in found] == ["journal", "session", "delivery", "clock", "disk", "boot", "board",
                                              "sensor.air"]  # fmt: skip
    assert {check.state for check in found} == {State.GOOD}
    assert from_json(Health, to_json(Health(1, found, {"sampled": 3}))).checks == found


@pytest.mark.parametrize(
    ("view", "name", "state", "words"),
    [
        (replace(FINE, journal=replace(FINE.journal, trouble="It is full.", remedy="df -h")), "journal", "bad", "full"),
        (replace(FINE, journal=replace(FINE.journal, used=900_000)), "journal", "bad", "90%"),
        (replace(FINE, journal=replace(FINE.journal, oldest_ms=50 * HOUR)), "journal", "bad", "2 days"),
        (replace(FINE, session=SessionView(office=False)), "session", "unknown", "No office"),
        (replace(FINE, session=SessionView(refusal="No file.", remedy="x")), "session", "bad", "No file."),
        (replace(FINE, session=SessionView(reason="refused")), "session", "bad", "refused"),
        (replace(FINE, now_ms=30_000, session=SessionView(reason="new")), "session", "unknown", "new"),
        (replace(FINE, session=replace(FINE.session, silent_ms=400_000)), "delivery", "bad", "acked nothing for 7 min"),
        (replace(FINE, clock=ClockView()), "clock", "unknown", "Nobody has set"),
        (replace(FINE, free_bytes=10 * 2**20), "disk", "bad", "10 MiB"),
        (replace(FINE, free_bytes=None), "disk", "unknown", "does not say"),
        (replace(FINE, now_ms=1_000, unclean="the node lost power"), "boot", "bad", "lost power"),
        (replace(FINE, board="line 3"), "board", "bad", "line 3"),
    ],
)
def test_trouble(view: NodeView, name: str, state: str, words: str) -> None:
    found = of(view, name)
    assert found.state.value == state and words in found.reason
    assert found.remedy


def test_a_quiet_stuck_or_impossible_sensor_is_bad_within_minutes() -> None:
    assert of(FINE, "sensor.air", patient(10 * HOUR - 31_000)).state is State.BAD
    assert of(FINE, "sensor.air", patient(10 * HOUR - 29_000)).state is State.GOOD
    assert of(FINE, "sensor.air", patient(None)).state is State.BAD
    assert of(replace(FINE, now_ms=5_000), "sensor.air", patient(None)).state is State.UNKNOWN
    stuck, wrong = of(FINE, "sensor.air", patient(flags=Flag.STUCK)), of(FINE, "sensor.air", patient(flags=Flag.RANGE))
    assert stuck.state is wrong.state is State.BAD
    assert "stands still" in stuck.reason and "cannot be" in wrong.reason
    assert of(FINE, "sensor.air", patient(flags=Flag.SPIKE | Flag.WARMING)).state is State.GOOD


@pytest.mark.parametrize(("cause", "remedy"), [("nack", "edge scan"), ("bug", "report it"), ("unheard", "edge read")])
def test_the_remedy_fits_the_cause(cause: str, remedy: str) -> None:
    one = patient(0)
    one.failed(Failed("air", 1, cause, "it did not answer"), 1)
    found = one.check(HOUR)
    assert found.state is State.BAD and "it did not answer" in found.reason and remedy in found.remedy


@given(st.lists(st.booleans(), max_size=60))
def test_news_alternates(life: list[bool]) -> None:
    one = patient()
    news = []
    for step, works in enumerate(life):
        told = one.took((), step) if works else one.failed(Failed("air", step, "nack", ""), step)
        news += [told[0]] if told else []
    assert news == ["sensor failed", "sensor recovered"] * (len(news) // 2) + ["sensor failed"] * (len(news) % 2)
    runs = "".join("+" if works else "-" for works in life).split("+")
    assert news.count("sensor failed") == any(len(run) >= 3 for run in runs)  # more would be a flood


@pytest.mark.parametrize(
    ("ms", "words"), [(0, "0 s"), (119_000, "119 s"), (120_000, "2 min"), (3 * HOUR, "3 h"), (96 * HOUR, "4 days")]
)
def test_durations(ms: int, words: str) -> None:
    assert duration(ms) == words
