"""card, and what `node add` writes onto one: tokens made anew, what is left alone, what is refused."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import pytest

from fleet.authority.authority import Authority
from fleet.tokens import LIFE_MS
from tests.fleet.cli.counter import NODE, Town, card
from tests.fleet.desks import DAY_MS, Pole, granted, why


def test_with_an_authority_a_node_is_given_a_card_with_a_token(town: Town) -> None:
    file = town.add()
    facts = json.loads(file.read_text())
    assert list(facts) == ["node", "url", "enrol", "token", "trust", "written_ms"]
    assert card(file).vouched_ms == town.time.now_ms
    assert (facts["node"], facts["url"], facts["enrol"]) == (NODE, "mqtts://127.0.0.1:21999", "https://127.0.0.1:8443")
    assert len(facts["token"]) == 64 and facts["trust"] == Authority.open(town.folder / "authority").trust()
    assert file.stat().st_mode & 0o777 == 0o600
    assert NODE not in (town.folder / "broker" / "users.conf").read_text()
    granted(town.desk.claim(Pole(NODE, facts["token"]).claim(), "::1"))


def test_a_card_may_be_for_one_board_only(town: Town) -> None:
    token = card(town.add(NODE, "--hardware", "10000000CAFE")).token
    assert why(town.desk.claim(Pole(NODE, token, "10000000beef").claim(), "::1")).value == "hardware"
    granted(town.desk.claim(Pole(NODE, token, "10000000cafe").claim(), "::1"))
    for more in ([], ["--dry-run"]):
        done = town.run("node", "add", "pole-018", "--hardware", "a b", *more)
        assert done.returncode == 2 and "serial number" in done.stderr
    assert town.registry.node("pole-018") is None


def test_without_an_address_of_the_desk_no_node_is_added(town: Town) -> None:
    text = (town.folder / "fleet.toml").read_text()
    head, mark, tail = text.partition("[enrol]")
    (town.folder / "fleet.toml").write_text(head + mark + tail.replace('host = "127.0.0.1"', 'host = "0.0.0.0"'))
    done = town.run("node", "add", NODE, "--credentials", town.folder.parent / "x.json")
    assert done.returncode == 4 and "[enrol] url" in done.stderr
    assert not (town.folder.parent / "x.json").exists() and town.registry.nodes() == []


# Tokens made anew.


def test_a_token_is_made_anew_and_nothing_else_is_touched(town: Town) -> None:
    file = town.add()
    before = json.loads(file.read_text())
    file.write_text(json.dumps(before | {"more": {"kept": ["é"]}}))
    os.chown(file, 1234, 1234)
    (file.parent / "node.toml").write_text("untouched")
    names = sorted(os.listdir(file.parent))
    town.later(1)
    done = town.done("card", "token", NODE[:7], file.parent)
    after = json.loads(file.read_text())
    assert done.stdout == f"{NODE}\n" and after["token"] not in done.stderr and before["token"] not in done.stderr
    changed = {"token": after["token"], "written_ms": town.time.now_ms}
    assert after == before | {"more": {"kept": ["é"]}} | changed and after["token"] != before["token"]
    found = file.stat()
    assert (found.st_mode & 0o777, found.st_uid, found.st_gid) == (0o600, 1234, 1234)
    assert sorted(os.listdir(file.parent)) == names
    assert why(town.desk.claim(Pole(NODE, before["token"]).claim(), "::1")).value == "unknown"
    granted(town.desk.claim(Pole(NODE, after["token"]).claim(), "::1"))
    town.done("card", "token", NODE, file)


def test_a_token_too_old_is_made_anew_for_180_days(town: Town) -> None:
    file = town.add()
    town.later(180)
    assert why(town.desk.claim(Pole(NODE, card(file).token).claim(), "::1")).value == "expired"
    town.done("card", "token", NODE, file.parent)
    town.time.now_ms += LIFE_MS - 1
    granted(town.desk.claim(Pole(NODE, card(file).token).claim(), "::1"))


@pytest.mark.parametrize("wrong", ["now", "then"])
def test_an_office_with_a_wrong_clock_calls_a_token_old_and_says_that_it_may_be_its_own_fault(
    town: Town, wrong: str
) -> None:
    made_ms = town.time.now_ms
    town.later(-400 if wrong == "then" else 0)
    token = card(town.add()).token
    town.time.now_ms = made_ms + (300 * DAY_MS if wrong == "now" else 0)
    refused = town.desk.claim(Pole(NODE, token).claim(), "::1")
    assert why(refused).value == "expired" and "the office's clock" in refused.remedy  # type: ignore[union-attr]
    state, remedy = town.enrolment()
    assert state == "bad" and f"fleet card token {NODE} DIR" in remedy and "timedatectl" in remedy
    made = datetime.fromtimestamp((made_ms - (400 * DAY_MS if wrong == "then" else 0)) / 1000, UTC)
    assert f"made on {made:%Y-%m-%d}" in town.done("cert", "incidents", NODE).stdout


BAD_CARDS = {
    "another node's": (4, json.dumps({"node": "pole-018", "enrol": "https://x", "token": "t"})),
    "a password": (4, json.dumps({"node": NODE, "url": "mqtt://x", "user": NODE, "password": "secret-password"})),
    "no JSON": (4, "{"),
    "a list": (4, "[]"),
    "nothing": (2, None),
}


@pytest.mark.parametrize("case", BAD_CARDS)
def test_what_is_not_the_nodes_card_stays_as_it_is(town: Town, case: str) -> None:
    file = town.add()
    code, text = BAD_CARDS[case]
    file.write_text(text) if text is not None else file.unlink()
    done = town.run("card", "token", NODE, file.parent)
    assert done.returncode == code and done.stdout == "" and "The card stays as it is." in done.stderr
    assert "secret-password" not in done.stderr
    assert (file.read_text() if file.exists() else None) == text


def test_a_card_that_cannot_be_written_keeps_a_token_that_is_good(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    file = town.add()
    before = card(file).token

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fleet.files.replace", full)
    done = town.run("card", "token", NODE, file.parent)
    assert done.returncode == 4 and "No space left on device" in done.stderr
    granted(town.desk.claim(Pole(NODE, before).claim(), "::1"))


def test_dry_runs_of_card_and_cert_change_nothing(town: Town) -> None:
    town.enrolled("pole-018")
    town.later(366 + 400)
    file = town.add()
    before, registry = file.read_bytes(), town.registry.path.read_bytes()
    for words in (["card", "token", NODE, file.parent], ["cert", "revoke", NODE], ["cert", "renew", "pole-018"],
                  ["cert", "renew", "office"], ["node", "add", NODE, "--renew"]):  # fmt: skip
        done = town.done(*words, "--dry-run")
        assert done.stdout == "" and done.stderr.startswith("Would ")
    assert (file.read_bytes(), town.registry.path.read_bytes()) == (before, registry)
