"""Each cause of silence has its sentence and its remedy; nothing is bad when all is well."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from edge.delivery import REMEDIES, SessionView, delivery, session
from edge.events import Cause
from edge.mqtt import REFUSALS, unreachable
from edge.wire.messages import State

HOUR = 3_600_000
WELL = SessionView(connected=True, since_ms=HOUR)
SENTENCE, ADVICE = re.compile(r"[A-Z][a-z]+ .*[a-z]\."), re.compile(r"[A-Z][a-z]+ .*[a-z.]")


def test_all_is_well() -> None:
    assert session(WELL, 2 * HOUR, 0).state is delivery(WELL).state is State.GOOD
    assert "60 min" in session(WELL, 2 * HOUR, 0).reason


def test_no_office_and_no_credentials() -> None:
    assert session(SessionView(office=False), 0, 0).state is State.UNKNOWN
    refused = session(SessionView(refusal="No file.", remedy="Put it there."), 0, 0)
    assert (refused.state, refused.reason, refused.remedy) == (State.BAD, "No file.", "Put it there.")


@pytest.mark.parametrize("cause", get_args(Cause))
def test_every_cause_has_a_remedy(cause: Cause) -> None:
    view = SessionView(reason="that is why", cause=cause)
    found = session(view, 61_000, 0)
    assert found.state is State.BAD and "that is why" in found.reason and "Nothing is lost" in found.reason
    assert found.remedy == REMEDIES[cause] and found.remedy.count(".") >= 0 and found.remedy
    assert session(view, 60_000, 0).state is State.UNKNOWN  # it has just begun
    assert delivery(view).state is State.UNKNOWN and "session" in delivery(view).remedy


def test_another_broker_is_named() -> None:
    assert "broker 2 of [office]" in session(SessionView(connected=True, broker=1), HOUR, 0).reason


@pytest.mark.parametrize(("answered", "words"), [(True, "its collector is away"), (False, "when a right is missing")])
def test_a_broker_that_takes_and_an_office_that_is_silent(answered: bool, words: str) -> None:
    view = SessionView(connected=True, silent_ms=400_000, answered=answered)
    assert delivery(view).state is State.BAD and words in delivery(view).reason and "7 min" in delivery(view).reason
    assert ("broker check" in delivery(view).remedy) == (not answered)
    assert session(view, HOUR, 0).state is State.GOOD
    assert delivery(SessionView(connected=True, silent_ms=300_000)).state is State.GOOD


def test_a_spent_day_is_told() -> None:
    found = delivery(SessionView(connected=True, spent=True))
    assert found.state is State.BAD and "used up" in found.reason and "bytes_per_day" in found.remedy


@pytest.mark.parametrize(("words", "cause"), sorted(REFUSALS.values()))
def test_who_is_not_known_to_the_broker_is_told_to_renew(words: str, cause: Cause) -> None:
    assert ("--renew" in REMEDIES[cause]) == ("user and password" in words or "client id" in words)


def test_nobody_is_told_to_renew_a_node_because_a_broker_has_no_room() -> None:
    """NATS refuses each subscription while its disk is full."""
    assert "--renew" not in REMEDIES["rights"] and "fleet health" in REMEDIES["rights"]


@pytest.mark.parametrize(
    ("error", "cause"),
    [(ConnectionRefusedError(111, "Connection refused"), "refused"), (TimeoutError("timed out"), "timeout"),
     (OSError(113, "No route to host"), "unreachable"), (ValueError("Invalid host."), "unreachable"),
     (UnicodeError("label too long"), "dns")],
)  # fmt: skip
def test_what_the_system_says_is_told_in_a_sentence(error: Exception, cause: Cause) -> None:
    reason, found = unreachable(error, "office.example", 1883)
    assert found == cause and "office.example" in reason and str(error.args[-1]) in reason


VIEWS = [
    SessionView(office=False), SessionView(refusal="No file.", remedy="Put it there."), WELL,
    SessionView(connected=True, broker=2), SessionView(reason="that is why"), SessionView(connected=True, spent=True),
    SessionView(connected=True, silent_ms=HOUR), SessionView(connected=True, silent_ms=HOUR, answered=False),
]  # fmt: skip


@pytest.mark.parametrize("view", VIEWS)
def test_every_state_is_told_in_sentences_and_what_is_not_well_has_a_remedy(view: SessionView) -> None:
    for name, found in (("session", session(view, 2 * HOUR, 0)), ("delivery", delivery(view))):
        assert found.name == name
        assert SENTENCE.fullmatch(found.reason)
        assert ADVICE.fullmatch(found.remedy) if found.state is not State.GOOD else found.remedy == ""


def test_the_first_broker_is_not_named_and_how_long_it_has_been_so_is_told() -> None:
    assert session(WELL, 2 * HOUR, 0).reason == "Connected for 60 min."


def test_a_run_that_has_just_begun_is_given_time_whenever_it_begins() -> None:
    view = SessionView(reason="that is why")
    assert session(view, HOUR + 60_000, HOUR).state is State.UNKNOWN
    assert session(view, HOUR + 60_001, HOUR).state is State.BAD
