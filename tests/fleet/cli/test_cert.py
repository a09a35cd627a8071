"""cert and card: what they print, what they change, what they refuse; and that no token is ever printed."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.office import Card, read_card
from edge.wire.enrolment import Claim
from fleet.authority.authority import Authority
from fleet.clock import SystemClock
from fleet.desk import Desk
from fleet.enrolment import FRESH_MS, enrolment_checks
from fleet.registry import Registry
from fleet.tokens import LIFE_MS, hashed
from tests.fleet.cli.typed import Done, fleet
from tests.fleet.desks import DAY_MS, URL, Pole, Time, granted, why

NODE = "pole-017"


class Town:
    """A home with an authority, and what its desk would say."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.time = folder, Time(SystemClock().wall_ms())
        assert fleet(folder, "init", "--port", "21999").returncode == 0
        if not (folder / "authority").exists():
            Authority.make(folder / "authority", None, self.time.now_ms)
        self.registry = Registry(folder / "registry.db")
        self.desk = Desk(self.registry, Authority.open(folder / "authority"), URL, self.time)

    def run(self, *words: str | Path) -> Done:
        return fleet(self.folder, *words)

    def done(self, *words: str | Path) -> Done:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done

    def add(self, node: str = NODE, *more: str) -> Path:
        file = self.folder.parent / node / "credentials.json"
        file.parent.mkdir(exist_ok=True)
        self.done("node", "add", node, "--credentials", file, *more)
        return file

    def enrolled(self, node: str = NODE) -> Pole:
        """A node that fetched its certificate."""
        pole = Pole(node, card(self.add(node)).token)
        granted(self.desk.claim(pole.claim(), "::1"))
        return pole

    def later(self, days: float) -> None:
        """The clock of this machine says so many days more."""
        self.time.now_ms += int(days * DAY_MS)

    def enrolment(self) -> tuple[str, str]:
        """What `fleet health` says of who asked."""
        now_ms = self.time.now_ms
        known = self.registry.incidents(now_ms - FRESH_MS), self.registry.newest_certificates()
        check, _ = enrolment_checks(*known, now_ms)
        return check.state.value, check.remedy

    def states(self, *words: str) -> dict[str, str]:
        rows = json.loads(self.run("cert", *(words or ("list",)), "-o", "json").stdout)
        return {row["node"]: row["state"] for row in rows}


def card(file: Path) -> Card:
    found = read_card(file, file.parent.name)
    assert isinstance(found, Card)
    return found


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    made = Town(tmp_path / "home")
    monkeypatch.setattr(SystemClock, "wall_ms", lambda self: made.time.now_ms)
    return made


def test_with_an_authority_a_node_is_given_a_card_with_a_token(town: Town) -> None:
    file = town.add()
    facts = json.loads(file.read_text())
    assert list(facts) == ["node", "url", "enrol", "token", "trust"]
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
    done = town.done("card", "token", NODE[:7], file.parent)
    after = json.loads(file.read_text())
    assert done.stdout == f"{NODE}\n" and after["token"] not in done.stderr and before["token"] not in done.stderr
    assert after == before | {"more": {"kept": ["é"]}, "token": after["token"]} and after["token"] != before["token"]
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


# Certificates.


def test_the_list_says_how_old_each_is(town: Town) -> None:
    for number, days in ((3, 400), (2, 120), (1, 250), (0, 0)):
        town.enrolled(f"pole-{number}")
        town.later(days)
    town.add("pole-new", "-l", "district=north")
    assert {node: state for node, state in town.states().items() if "/" not in node} == {
        "pole-0": "good", "pole-1": "due", "pole-2": "ended", "pole-3": "late", "pole-new": "none"}  # fmt: skip
    assert set(town.states()) >= {"office/broker", "office/desk", "office/collector"}
    assert town.states("list", "-l", "district=north") == {"pole-new": "none"}
    assert town.states("list", "pole-1") == {"pole-1": "due"}
    done = town.run("cert", "needs-renewal", "-o", "name")
    late = [name for name in done.stdout.split() if "/" not in name]
    assert (done.returncode, late) == (1, ["pole-1", "pole-2", "pole-3"])
    assert town.done("cert", "needs-renewal", "pole-0", "-o", "name").stdout == ""
    table = town.done("cert", "list").stdout.splitlines()
    assert table[0].split() == ["NODE", "STATE", "ENDS", "REASON"]
    assert any("fleet cert renew pole-3" in line for line in table)
    assert town.done("cert", "list", "pole-0", "-o", "wide").stdout.splitlines()[0].split()[-3:] == [
        "KEY", "SERIAL", "REASON"]  # fmt: skip


def test_all_certificates_of_a_node_are_listed_on_demand(town: Town) -> None:
    pole = town.enrolled()
    town.later(250)
    granted(town.desk.claim(pole.renewal(), "::1"))
    assert len(json.loads(town.done("cert", "list", NODE, "-o", "json").stdout)) == 1
    rows = json.loads(town.done("cert", "list", NODE, "--all", "-o", "json").stdout)
    assert [row["state"] for row in rows] == ["good", "due"]


def test_an_operators_leave_is_for_who_is_late(town: Town) -> None:
    late = town.enrolled("pole-late")
    town.later(365 + 400 + 1)
    assert why(town.desk.claim(late.renewal(), "::1")).value == "late"
    assert town.done("cert", "renew", "pole-late").stdout == "pole-late\n"
    granted(town.desk.claim(late.renewal(), "::1"))
    assert [each.kind for each in town.registry.incidents()] == ["renewed", "granted", "late"]
    again = town.done("cert", "renew", "pole-late")
    assert again.stdout == "" and "by itself" in again.stderr
    town.add("pole-new")
    for node, remedy in (("pole-new", "fleet card token pole-new"), ("pole-none", "fleet node list")):
        done = town.run("cert", "renew", node)
        assert done.returncode in (1, 4) and remedy in done.stderr
    assert town.run("cert", "renew", "pole-late", "--new-keys").returncode == 2


def test_the_offices_own_certificates_are_renewed(town: Town) -> None:
    town.run("cert", "renew", "office")
    assert town.done("cert", "renew", "office").stdout == ""
    town.later(61)
    assert town.states()["office/desk"] == "due" and town.run("cert", "needs-renewal").returncode == 1
    assert {"broker", "desk", "collector"} <= set(town.done("cert", "renew", "office").stdout.split())
    assert {node: state for node, state in town.states().items() if "/" in node} == {
        "office/broker": "good", "office/desk": "good", "office/collector": "good"}  # fmt: skip
    before = town.registry.credential("collector")
    assert before is not None and before.key and not before.password
    town.done("cert", "renew", "office", "--new-keys")
    after = town.registry.credential("collector")
    assert after is not None and after.key != before.key and after.client_id == before.client_id


def test_revoking_asks_and_is_for_ever(town: Town) -> None:
    pole = town.enrolled()
    asked = town.run("cert", "revoke", NODE)
    assert asked.returncode == 4 and "--yes" in asked.stderr
    granted(town.desk.claim(pole.claim(), "::1"))
    done = town.done("cert", "revoke", NODE, "--yes", "--why", "stolen")
    assert done.stdout == f"{NODE}\n"
    assert why(town.desk.claim(pole.claim(), "::1")).value == "revoked"
    assert len(town.registry.revoked()) == 1
    assert NODE not in (town.folder / "broker" / "users.conf").read_text()
    from cryptography import x509

    crl = x509.load_pem_x509_crl((town.folder / "authority" / "crl.pem").read_bytes())
    assert [entry.serial_number for entry in crl] == [serial for serial, _ in town.registry.revoked()]
    assert town.states("list", NODE) == {NODE: "revoked"}
    assert "It was revoked" in town.done("node", "list").stdout and "It was revoked" in town.run("health").stdout
    users = (town.folder / "broker" / "users.conf").read_bytes()
    again = town.done("cert", "revoke", NODE)
    assert again.stdout == "" and again.stderr.startswith(f"Unchanged: {NODE} was revoked before.")
    assert (town.folder / "broker" / "users.conf").read_bytes() == users and len(town.registry.revoked()) == 1
    assert "unchanged" in town.done("cert", "revoke", NODE, "--dry-run").stderr
    for verb, more in ((["cert", "renew", NODE], ""), (["card", "token", NODE], town.folder.parent / NODE)):
        refused = town.run(*verb, *([more] if more else []))
        assert refused.returncode == 4 and f"fleet node add {NODE} --renew" in refused.stderr


def test_a_revoked_node_is_let_in_again_with_a_new_key_only(town: Town) -> None:
    pole = town.enrolled()
    town.done("cert", "revoke", NODE, "--yes")
    file = town.folder.parent / NODE / "new.json"
    town.done("node", "add", NODE, "--renew", "--credentials", file)
    token = read_card(file, NODE)
    assert isinstance(token, Card)
    old = Claim(NODE, pole.request(), token.token)
    assert why(town.desk.claim(old, "::1")).value == "revoked"
    granted(town.desk.claim(Pole(NODE, token.token).claim(), "::1"))
    assert town.states("list", NODE) == {NODE: "good"} and len(town.registry.revoked()) == 1


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


def test_no_token_is_ever_printed(town: Town) -> None:
    file = town.add()
    secrets, printed = {card(file).token}, ""
    for line in (f"card token {NODE} {file.parent}", "cert list -o json", f"node show {NODE}", f"cert renew {NODE}",
                 "cert incidents -o json", "node list -o json", f"cert revoke {NODE} --yes",
                 f"node add {NODE} --renew --credentials {file}"):  # fmt: skip
        done = town.run(*line.split())
        printed += done.stdout + done.stderr
        secrets.add(card(file).token)
    assert len(secrets) == 2
    assert [secret for secret in secrets if secret in printed or hashed(secret) in printed] == []


def test_without_an_authority_there_is_nothing_to_renew_but_somebody_to_revoke(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "pole.json"
    assert fleet(home, "init", "--passwords").returncode == 0
    assert fleet(home, "node", "add", NODE, "--credentials", file).returncode == 0
    password = json.loads(file.read_text())["password"]
    assert password in (home / "broker" / "users.conf").read_text()
    assert fleet(home, "cert", "renew", "office").returncode == 4
    assert "password" in fleet(home, "card", "token", NODE, file).stderr
    assert fleet(home, "cert", "revoke", NODE, "--yes").returncode == 0
    assert password not in (home / "broker" / "users.conf").read_text()
    file.unlink()
    assert fleet(home, "node", "add", NODE, "--renew", "--credentials", file).returncode == 0
    assert json.loads(file.read_text())["password"] in (home / "broker" / "users.conf").read_text()


def test_revoking_needs_no_passphrase_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words, home = tmp_path / "words", tmp_path / "sealed"
    words.write_text("five words that do not belong together")
    words.chmod(0o600)
    monkeypatch.setenv("FLEET_PASSPHRASE_FILE", str(words))
    assert fleet(home, "init", "--port", "21999", "--encrypt-keys").returncode == 0
    assert fleet(home, "node", "add", NODE, "--credentials", tmp_path / "card.json").returncode == 0
    monkeypatch.delenv("FLEET_PASSPHRASE_FILE")
    done = fleet(home, "cert", "revoke", NODE, "--yes")
    assert done.returncode == 3 and "Next: fleet serve" in done.stderr and "passphrase" in done.stderr
    assert [(each.id, each.state) for each in Registry(home / "registry.db").nodes()] == [(NODE, "revoked")]
