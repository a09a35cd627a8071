"""The checks on who is who: what is red, for how long, and what settles it; seen in `fleet health` and on the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.office import Card, read_card
from edge.wire.enrolment import Granted, Refused
from edge.wire.messages import State
from fleet.claims import Kind
from fleet.enrolment import FRESH_MS, REMEDIES, enrolment_checks
from fleet.papers import Certificate, Incident
from fleet.pulse import Pulse, office_checks
from fleet.registry import Registry
from fleet.serve import Office
from tests.fleet import desks
from tests.fleet.cli.typed import fleet
from tests.fleet.pole import wait_for

DAY_MS = 86_400_000
NOW = 20_000 * DAY_MS
YEAR = 360 * DAY_MS


def incident(kind: str, node: str = "pole-1", ago_ms: int = 60_000) -> Incident:
    return Incident(kind, node, "It did what it should not.", NOW - ago_ms, NOW - ago_ms)


def certificate(node: str, age_days: float, revoked_ms: int = 0) -> Certificate:
    begin_ms = NOW - int(age_days * DAY_MS)
    return Certificate(1, node, "a" * 32, begin_ms, begin_ms, begin_ms + YEAR, "", revoked_ms)


def judged(incidents: list[Incident], newest: list[Certificate]) -> dict[str, State]:
    return {check.name: check.state for check in enrolment_checks(incidents, newest, NOW)}


@pytest.mark.parametrize("kind", Kind)
def test_what_alarms_is_bad_with_a_remedy_and_the_rest_is_only_kept(kind: Kind) -> None:
    check, _ = enrolment_checks([incident(kind)], [], NOW)
    if kind in (Kind.DENIED, Kind.GRANTED, Kind.RENEWED, Kind.DISOWNED, Kind.REISSUED):
        assert check.state is State.GOOD and kind not in REMEDIES
        return
    assert check.state is (State.UNKNOWN if kind is Kind.REVOKED else State.BAD), "who was taken out may ask once more"
    assert "pole-1" in check.reason and "pole-1" in check.remedy and "{" not in check.remedy


def test_an_incident_stands_for_three_days() -> None:
    assert judged([incident("clone", ago_ms=FRESH_MS - 1)], [])["enrolment"] is State.BAD
    assert judged([incident("clone", ago_ms=FRESH_MS)], [])["enrolment"] is State.GOOD
    assert judged([incident("clone", ago_ms=-DAY_MS)], [])["enrolment"] is State.BAD, "a clock that was ahead"


def test_a_certificate_settles_what_only_needed_a_hand() -> None:
    for kind in REMEDIES:
        young, old = certificate("pole-1", 0), certificate("pole-1", 1)
        stands = State.UNKNOWN if kind is Kind.REVOKED else State.BAD
        assert judged([incident(kind)], [old])["enrolment"] is stands
        settles = kind not in (Kind.CLONE, Kind.MISUSED)
        assert judged([incident(kind)], [young])["enrolment"] is (State.GOOD if settles else State.BAD)
        ahead = certificate("pole-1", -1000)
        assert judged([incident(kind)], [ahead])["enrolment"] is stands, "given while the clock was ahead"


@pytest.mark.parametrize("act", [Kind.DISOWNED, Kind.REISSUED])
@pytest.mark.parametrize("kind", REMEDIES)
def test_what_an_operator_did_settles_what_it_answers_and_nothing_later(kind: Kind, act: Kind) -> None:
    stands = judged([incident(kind)], [])["enrolment"]
    answered = act is Kind.DISOWNED or kind is Kind.MISUSED
    acted = incident(act, ago_ms=59_000)
    assert judged([incident(kind), acted], [])["enrolment"] is (State.GOOD if answered else stands)
    assert judged([acted, incident(kind, ago_ms=58_000)], [])["enrolment"] is stands, "again"
    assert judged([incident(kind), incident(act, "pole-2", 59_000)], [])["enrolment"] is stands, "another node's"


def test_what_was_answered_while_the_clock_was_ahead_stays_answered(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry.db")
    for node, then_ms in (("pole-1", NOW + 3 * YEAR), ("pole-2", NOW + 2 * YEAR)):
        registry.note_incident(Kind.CLONE, node, "It did what it should not.", then_ms)
    with registry.turn() as ledger:
        ledger.answer(Kind.DISOWNED, "pole-1", "An operator revoked it.", NOW + 3 * YEAR + 1)
        ledger.redate(NOW, NOW + FRESH_MS)
    check, _ = enrolment_checks(registry.incidents(), [], NOW)
    assert check.reason.startswith("pole-2: ") and "more" not in check.reason
    assert all(each.first_ms <= each.last_ms <= NOW for each in registry.incidents())


def test_the_worst_is_told_and_how_many_more_there_are() -> None:
    check, _ = enrolment_checks([incident("late", "pole-9"), incident("clone", "pole-2"), incident("denied")], [], NOW)
    assert check.reason.startswith("pole-2: It did") and "And 1 more" in check.reason and "1 min" not in check.reason


@pytest.mark.parametrize("age, state", [(0, State.GOOD), (299, State.GOOD), (300, State.BAD), (359.9, State.BAD),
                                        (360, State.UNKNOWN), (900, State.UNKNOWN)])  # fmt: skip
def test_certificates_that_are_not_renewed_are_told_before_they_end(age: float, state: State) -> None:
    newest = [certificate("pole-1", 0), certificate("pole-2", age), certificate("pole-3", 350, revoked_ms=5)]
    _, check = enrolment_checks([], newest, NOW)
    assert check.state is state
    assert ("pole-2" in check.reason) == (state is State.BAD)


def test_the_newest_certificate_of_each_node_is_found_without_its_text(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry.db")
    with registry.turn() as ledger:
        for number, node in enumerate(("pole-2", "pole-1", "pole-2", "pole-1")):
            ledger.file(Certificate(number, node, "a" * 32, 90 - number, 1, 1000 + number, "PEM", number // 2))
    found = registry.newest_certificates()
    assert [(each.node, each.serial, each.not_after_ms) for each in found] == [("pole-1", 1, 1001), ("pole-2", 0, 1000)]
    assert {(each.revoked_ms, each.chain) for each in found} == {(0, "")}


def test_a_clone_at_the_desk_is_red_in_health_and_on_the_page(office: Office, tmp_path: Path) -> None:
    card = read_card(tmp_path / "pole-a.json", "pole-a")
    assert isinstance(card, Card) and office.gate is not None
    clone = desks.Pole("pole-a", card.token)
    assert isinstance(office.gate.desk.claim(clone.claim(), "10.0.0.1"), Granted | Refused)
    assert isinstance(office.gate.desk.claim(desks.Pole("pole-a", card.token).claim(), "10.0.0.2"), Refused)

    def red() -> list[str]:
        said = json.loads(fleet(office.home.folder, "health", "-o", "json").stdout)
        return [row["remedy"] for row in said if (row["check"], row["state"]) == ("enrolment", "bad")]

    wait_for(lambda: bool(red()), "the alarm")
    assert "fleet node add pole-a --renew" in red()[0]
    assert office.window.nodes()["office"]["check"] == "enrolment"


def test_the_offices_checks_hold_what_its_pulse_says_of_identity() -> None:
    found = office_checks(Pulse(NOW, identity=enrolment_checks([incident("clone")], [], NOW)), NOW)
    assert [check.name for check in found][-2:] == ["enrolment", "node certificates"]
