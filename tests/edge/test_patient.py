"""What is worth an event: that a sensor fails for good and that it came back, but not each jolt of a loose contact."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.events import Failed
from edge.patient import FAILED_FOR_GOOD, HUSH_MS, Patient
from edge.wire.messages import State
from edge.wiring import SensorPlan

PLAN = SensorPlan("air", "sht31", "i2c", "/dev/i2c-1", 0x44, interval_ms=10_000)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 120_000)), max_size=200))
def test_however_it_flaps_few_events_are_told_and_the_last_one_is_true(script: list[tuple[bool, int]]) -> None:
    patient, now_ms, news = Patient(PLAN, 0), 0, list[tuple[int, str]]()
    for good, wait_ms in script:
        now_ms += wait_ms
        told = patient.took((), now_ms) if good else patient.failed(Failed("air", now_ms, "nack", ""), now_ms)
        news += [(now_ms, told[0])] if told else []
    failures = [at for at, what in news if what == "sensor failed"]
    assert all(later - sooner >= HUSH_MS for sooner, later in pairwise(failures))
    assert [what for _, what in news] == ["sensor failed", "sensor recovered"] * (len(news) // 2) + [
        "sensor failed"
    ] * (len(news) % 2)
    assert patient.known_bad == (len(news) % 2 == 1)
    if patient.failures >= FAILED_FOR_GOOD and not patient.known_bad:
        assert now_ms < failures[-1] + HUSH_MS


def test_relapses_are_told_with_the_next() -> None:
    patient, now_ms, news = Patient(PLAN, 0), 0, []
    for _ in range(20):
        for good in (False, False, False, True):
            now_ms += 15_000
            told = patient.took((), now_ms) if good else patient.failed(Failed("air", now_ms, "nack", ""), now_ms)
            news += [told[1]] if told and told[0] == "sensor failed" else []
    assert [details.get("relapses", 0) for details in news] == [0, 9]


def test_a_sensor_with_a_window_is_given_the_time_of_its_window() -> None:
    plan = SensorPlan("gate", "tfmini", "uart", "/dev/ttyUSB0", interval_ms=1_000, window_ms=300_000)
    patient = Patient(plan, 0)
    patient.took((), 300_000)
    assert patient.check(900_000).state is State.GOOD
    assert patient.check(1_200_000).state is State.BAD
