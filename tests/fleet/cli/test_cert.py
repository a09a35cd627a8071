"""cert: what it prints, what it changes, what it refuses; and that no token is ever printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.office import Card, read_card
from edge.wire.enrolment import Claim
from fleet.registry import Registry
from fleet.tokens import hashed
from tests.fleet.cli.counter import NODE, Town, card
from tests.fleet.cli.typed import fleet
from tests.fleet.desks import Pole, granted, why


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
