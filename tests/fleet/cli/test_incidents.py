"""What happened about identity: how it is listed, what an operator does about it, and what that settles."""

from __future__ import annotations

import json

from edge.office import read_card
from edge.wire.enrolment import Claim
from tests.fleet.cli.counter import NODE, Town, card
from tests.fleet.desks import Pole, granted, why


def test_what_the_operator_does_about_a_clone_settles_it_until_it_happens_again(town: Town) -> None:
    clone = Pole(NODE, town.enrolled().token)
    new = town.folder.parent / "new.json"
    acts = [["cert", "revoke", NODE, "--yes"], ["node", "add", NODE, "--renew", "--credentials", str(new)]]
    for act in acts:
        town.later(0.1)
        town.desk.claim(clone.claim(), "::1")
        assert town.enrolment()[0] != "good"
        town.done("card", "token", NODE, town.folder.parent / NODE) if act is acts[0] else None
        assert town.enrolment()[0] != "good", "a fresh token takes nothing from whoever has the copy"
        town.later(0.001)
        town.done(*act)
        assert town.enrolment() == ("good", "")
    pole = Pole(NODE, read_card(new, NODE).token)  # type: ignore[union-attr]
    granted(town.desk.claim(pole.claim(), "::1"))
    assert town.enrolment() == ("good", "")
    town.later(0.001)
    town.desk.claim(clone.claim(), "::1")
    assert town.enrolment()[0] == "bad"


def test_a_fresh_token_settles_that_the_one_before_was_in_other_hands(town: Town) -> None:
    file = town.add()
    town.add("pole-018")
    stolen = card(file).token
    assert why(town.desk.claim(Pole("pole-018", stolen).claim(), "::1")).value == "unknown"
    state, remedy = town.enrolment()
    assert state == "bad" and f"fleet card token {NODE} DIR" in remedy
    town.later(0.001)
    town.done("card", "token", "pole-018", town.folder.parent / "pole-018")
    assert town.enrolment()[0] == "bad", "another node's card"
    town.done("card", "token", NODE, file.parent)
    assert town.enrolment() == ("good", "")
    town.later(0.001)
    town.desk.claim(Pole("pole-018", card(file).token).claim(), "::1")
    assert town.enrolment()[0] == "bad"


def test_a_node_that_was_let_in_again_is_nothing_to_look_into_once_it_has_its_certificate(town: Town) -> None:
    pole = town.enrolled()
    new = town.folder.parent / "new.json"
    town.later(0.001)
    town.done("node", "add", NODE, "--renew", "--credentials", new)
    token = read_card(new, NODE).token  # type: ignore[union-attr]
    town.later(0.001)
    town.desk.claim(Claim(NODE, pole.request(), token), "::1")
    assert town.enrolment()[0] == "unknown"
    town.later(0.001)
    granted(town.desk.claim(Pole(NODE, token).claim(), "::1"))
    assert town.enrolment() == ("good", "")


def test_cards_made_anew_push_no_incident_out(town: Town) -> None:
    for number in range(3):
        file = town.add(f"pole-{number}")
        town.done("card", "token", f"pole-{number}", file.parent)
        town.done("cert", "revoke", f"pole-{number}", "--yes")
    assert town.registry.incidents() == []


def test_incidents_are_listed_in_every_form(town: Town) -> None:
    pole = town.enrolled()
    for _ in range(3):
        town.desk.claim(Pole(NODE, pole.token).claim(), "::1")
    (row,) = json.loads(town.done("cert", "incidents", NODE, "-o", "json").stdout)
    assert (row["kind"], row["node"], row["times"]) == ("clone", NODE, 3)
    for form in ("table", "wide", "yaml", "csv", "name"):
        assert "clone" in town.done("cert", "incidents", "-o", form).stdout or form == "name"
