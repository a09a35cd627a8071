"""The office's own checks: a deaf, lost, stuck or silent one is red, with a reason and a remedy, and only once."""

from __future__ import annotations

import subprocess
from dataclasses import fields, replace
from pathlib import Path

import pytest

from edge.wire.messages import State
from fleet import heartbeat
from fleet.health import verdict
from fleet.heartbeat import Heartbeat, lasting, read
from fleet.live import Live
from fleet.pulse import EVERY_MS, LATELY_MS, LEAST_FREE, LOST_LATELY_MS, STALE_MS, STUCK_MS, Pulse, office_checks
from tests.fleet.pole import wait_for

NOW = 1_700_000_000_000
WELL = Pulse(NOW - 1_000, 7, True, True, broker_up=True, turned_ms=NOW - 1_500, committed_ms=NOW - 2_000)


def states(pulse: Pulse | None) -> dict[str, str]:
    return {check.name: check.state.value for check in office_checks(pulse, NOW)}


def test_an_office_that_does_well_is_good_throughout() -> None:
    assert states(WELL) == dict.fromkeys(("serve", "collector", "session", "broker", "store"), "good")


def test_one_that_has_not_spoken_yet_is_unknown() -> None:
    assert states(None) == {"serve": "unknown"}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"at_ms": NOW - STALE_MS - 1}, "serve"),
        ({"subscribed": False}, "collector"),
        ({"connected": False, "subscribed": False}, "collector"),
        ({"subscribed": False, "refusal": "it refused the subscription"}, "collector"),
        ({"turned_ms": NOW - 1_000 - STUCK_MS - 1}, "collector"),
        ({"sessions_lost": 1, "session_lost_ms": NOW - LOST_LATELY_MS}, "session"),
        ({"broker_up": False}, "broker"),
        ({"broker_up": False, "connected": False, "subscribed": False}, "broker"),
        ({"fault": "The store took nothing, disk full."}, "store"),
        ({"unkept": 1}, "store"),
        ({"free_bytes": LEAST_FREE - 1}, "store"),
        ({"free_bytes": 0}, "store"),
    ],
)
def test_what_is_wrong_is_named_once_with_reason_and_remedy(change: dict[str, object], name: str) -> None:
    answers = office_checks(replace(WELL, **change), NOW)  # type: ignore[arg-type]
    worst = verdict(answers)
    assert (worst.name, worst.state) == (name, State.BAD)
    assert worst.reason.endswith(".") and worst.remedy.endswith(".")
    assert [answer.name for answer in answers if answer.state is State.BAD] == [name]


def test_a_broker_that_came_back_is_doubted_for_a_while() -> None:
    back = replace(WELL, broker_restarts=2, broker_ended_ms=NOW - LATELY_MS + 1)
    assert states(back)["broker"] == "unknown"
    assert states(replace(back, broker_ended_ms=NOW - LATELY_MS))["broker"] == "good"


def test_a_session_lost_long_ago_is_told_and_forgiven() -> None:
    (session,) = [check for check in office_checks(replace(WELL, sessions_lost=2), NOW) if check.name == "session"]
    assert session.state is State.GOOD and "2 times" in session.reason


def test_what_a_clock_that_was_ahead_dated_is_not_held_against_an_office_for_years() -> None:
    ahead = {"broker_restarts": 1, "broker_ended_ms": 2 * NOW, "sessions_lost": 1, "session_lost_ms": 2 * NOW}
    assert set(states(replace(WELL, **ahead)).values()) == {"good"}  # type: ignore[arg-type]


def test_every_change_is_said_at_once_and_silence_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "LOOK_S", 0.01)
    now = [WELL]
    path = tmp_path / "pulse.json"
    beating = Heartbeat(path, lambda: now[0])
    beating.start()
    wait_for(lambda: read(path) == WELL, "the first beat")
    for name in {field.name for field in fields(Pulse)} - {"at_ms", "turned_ms", "committed_ms", "refusal", "fault"}:
        now[0] = replace(now[0], **{name: 99})  # type: ignore[arg-type]
        assert lasting(now[0]) != lasting(WELL), name
    now[0] = replace(WELL, fault="The store took nothing, disk full.")
    wait_for(lambda: read(path) == now[0], "the change")
    before, now[0] = now[0], replace(now[0], at_ms=NOW + EVERY_MS, turned_ms=NOW)
    wait_for(lambda: read(path) == now[0], "the beat that is due")
    assert before != now[0]
    beating.stop()
    assert not path.exists()


def test_a_fault_is_told_with_since_when_and_where_to_look() -> None:
    sick = replace(WELL, fault="The store took nothing, disk full.", fault_ms=NOW - 600_000)
    (store,) = [check for check in office_checks(sick, NOW, "/srv/office") if check.name == "store"]
    assert store.reason == "The store took nothing, disk full. It has been so for 10 min."
    assert "df -h /srv/office" in store.remedy


@pytest.mark.parametrize("words", ["database disk image is malformed", "file is not a database"])
def test_a_damaged_store_wants_no_room(words: str) -> None:
    sick = replace(WELL, fault=f"The store took nothing, DatabaseError: {words}.")
    (store,) = [check for check in office_checks(sick, NOW, "/srv/office") if check.state is State.BAD]
    assert "damaged" in store.reason and "mv readings.db*" in store.remedy and "df" not in store.remedy.split()


def test_a_disk_with_room_is_no_trouble_and_its_ups_and_downs_no_news() -> None:
    roomy = replace(WELL, free_bytes=LEAST_FREE)
    assert states(roomy) == states(WELL) and lasting(roomy) == lasting(WELL)
    assert lasting(replace(WELL, free_bytes=LEAST_FREE - 1)) != lasting(roomy)


def test_since_when_is_the_first_time_and_forgotten_when_it_is_over() -> None:
    now = [5]
    live = Live(now_ms=lambda: now[0])
    for now[0] in (5, 6, 7):
        live.failed("disk full")
    assert live.fault_ms == 5
    live.stored({}, 0, 0)
    assert (live.fault, live.fault_ms) == ("", 0)


@pytest.mark.root
def test_a_full_disk_can_be_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "LOOK_S", 0.01)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", tmp_path]).returncode:
        pytest.skip("NOT TESTED: a full disk; needs the right to mount a tmpfs")
    now, path = [WELL], tmp_path / "pulse.json"
    beating = Heartbeat(path, lambda: now[0])
    beating.start()
    try:
        wait_for(lambda: read(path) == WELL, "the first beat")
        with (tmp_path / "rest").open("wb", buffering=0) as rest, pytest.raises(OSError, match="No space left"):
            while True:
                rest.write(bytes(4096))
        now[0] = replace(WELL, fault="database or disk is full " * 20, broker_fault="No space left on device", pid=8)
        wait_for(lambda: read(path) == now[0], "the fault")
    finally:
        beating.stop()
        subprocess.run(["umount", tmp_path], check=True)


def test_a_heart_that_stumbles_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "LOOK_S", 0.01)
    troubles = [OSError("disk full"), KeyError("what")]

    def take() -> Pulse:
        if troubles:
            raise troubles.pop()
        return WELL

    beating = Heartbeat(tmp_path / "pulse.json", take)
    beating.start()
    wait_for(lambda: read(tmp_path / "pulse.json") == WELL, "the beat after the stumbles")
    beating.stop()


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"at_ms": "x"}'])
def test_what_cannot_be_read_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "pulse.json").write_text(text)
    assert read(tmp_path / "pulse.json") is None
    assert read(tmp_path / "none.json") is None
