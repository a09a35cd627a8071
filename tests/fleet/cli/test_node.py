"""init and node: what they print, what they refuse, and that they keep secrets."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from edge.office import read_card
from fleet import enrol
from fleet.authority import certificates, own
from fleet.authority.authority import Authority
from fleet.clock import SystemClock
from fleet.desk import Desk
from fleet.registry import COLLECTOR, Node, Registry
from fleet.tokens import new_token
from tests.fleet.cli.typed import fleet
from tests.fleet.desks import Pole as Claimant
from tests.fleet.desks import granted


@pytest.fixture
def home(tmp_path: Path) -> Path:
    place = tmp_path / "home"
    assert fleet(place, "init", "--port", "21999").returncode == 0
    return place


def add(home: Path, node: str, *more: str) -> str:
    file = home.parent / f"{node}.json"
    done = fleet(home, "node", "add", node, "--site", "Stationsplein", "--lat", "52.2", "--lon", "6.9",
                 "--credentials", file, *more)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{node}\n"
    return done.stdout + done.stderr


def test_a_home_is_made_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    dry = fleet(home, "init", "--dry-run")
    assert (dry.returncode, dry.stdout, home.exists()) == (0, "", False)
    made = fleet(home, "init")
    assert made.stdout == f"{home}\n"
    assert f"Next: fleet serve --home {home}" in made.stderr
    again = fleet(home, "init")
    assert again.returncode == 4
    assert again.stderr == f"{home} is a fleet home already.\nNothing was changed.\nNext: fleet serve --home {home}\n"


@pytest.mark.parametrize(
    "words", [["serve"], ["node", "list"], ["health"], ["data", "tail"], ["node", "add", "pole-1"]]
)
def test_without_a_home_everything_says_so(tmp_path: Path, words: list[str]) -> None:
    done = fleet(tmp_path / "none", *words)
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr.endswith(f"Next: fleet init --home {tmp_path / 'none'}\n")


def test_what_add_writes_the_agent_can_read(home: Path) -> None:
    add(home, "pole-017")
    found = read_card(home.parent / "pole-017.json", "pole-017")
    assert found.node == "pole-017" and found.url in ("mqtt://127.0.0.1:21999", "mqtts://127.0.0.1:21999")


def test_no_secret_is_ever_printed(home: Path) -> None:
    printed = add(home, "pole-017")
    facts = json.loads((home.parent / "pole-017.json").read_text())
    for words in (["node", "list", "-o", "json"], ["node", "show", "pole-017", "-o", "yaml"], ["health", "-o", "wide"],
                  ["node", "add", "pole-017", "--renew", "--credentials", home.parent / "new.json"]):  # fmt: skip
        done = fleet(home, *words)
        printed += done.stdout + done.stderr
    facts_now = json.loads((home.parent / "new.json").read_text())
    secrets = [found[name] for found in (facts, facts_now) for name in ("password", "client_id", "token")
               if name in found]  # fmt: skip
    assert len(set(secrets)) in (2, 4)
    assert [secret for secret in secrets if secret in printed] == []


def test_a_known_node_is_not_added_twice_and_no_file_is_overwritten(home: Path) -> None:
    add(home, "pole-017")
    again = fleet(home, "node", "add", "pole-017", "--credentials", home.parent / "other.json")
    assert again.returncode == 4
    assert again.stderr.startswith("pole-017 is in the registry already.\nNothing was changed.\n")
    assert not (home.parent / "other.json").exists()
    taken = fleet(home, "node", "add", "pole-018", "--credentials", home.parent / "pole-017.json")
    assert taken.returncode == 4
    assert fleet(home, "node", "list", "-o", "name").stdout == "pole-017\n"


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
@pytest.mark.parametrize("verb", [["pole-018"], ["pole-017", "--renew"]])
def test_a_file_that_is_there_is_left_alone_and_said(home: Path, verb: list[str], more: list[str]) -> None:
    add(home, "pole-017")
    old = home.parent / "pole-017.json"
    before, registry = old.read_bytes(), (home / "registry.db").read_bytes()
    done = fleet(home, "node", "add", *verb, "--credentials", old, *more)
    assert (done.returncode, done.stdout) == (4, "")
    assert f"{old} is there already" in done.stderr and "Nothing was changed" in done.stderr
    assert f"Next: rm {old}, if nobody needs it; or name another file with --credentials" in done.stderr
    assert (old.read_bytes(), (home / "registry.db").read_bytes()) == (before, registry)
    old.unlink()
    assert fleet(home, "node", "add", *verb, "--credentials", old).returncode == 0


def test_no_node_is_called_like_the_office_or_a_part_of_it(home: Path) -> None:
    names = {certificates.OFFICE, COLLECTOR, *own.OWN}
    assert names == set(enrol.RESERVED)
    for name in sorted(names):
        for more in ([], ["--dry-run"]):
            done = fleet(home, "node", "add", name, "--credentials", home.parent / "x.json", *more)
            assert done.returncode == 2 and f"Next: fleet node add {name}-1" in done.stderr
    assert fleet(home, "node", "list", "-o", "name").stdout == "" and not (home.parent / "x.json").exists()
    add(home, "broker-1")


def test_a_node_that_was_called_so_before_goes_on(home: Path) -> None:
    registry = Registry(home / "registry.db")
    for name in ("broker", "desk"):
        _, token = new_token(name, 1)
        registry.add(Node(name, "Markt"), token)
        card = home.parent / f"{name}.json"
        assert fleet(home, "node", "add", name, "--renew", "--credentials", card).returncode == 0
        desk = Desk(registry, Authority.open(home / "authority"), "mqtts://x", SystemClock())
        granted(desk.claim(Claimant(name, json.loads(card.read_text())["token"]).claim(), "::1"))
        assert name in fleet(home, "cert", "list", "-o", "name").stdout.split()
        assert fleet(home, "cert", "revoke", name, "--yes").returncode == 0


@pytest.mark.parametrize("words", [["POLE"], ["po"], ["a/b"], ["pole-1", "--lat", "91"], ["pole-1", "-l", "district"]])
def test_what_cannot_be_is_a_usage_error_and_changes_nothing(home: Path, words: list[str]) -> None:
    done = fleet(home, "node", "add", *words, "--credentials", home.parent / "x.json")
    assert done.returncode == 2
    assert "Nothing was changed." in done.stderr
    assert not (home.parent / "x.json").exists()
    assert fleet(home, "node", "list", "-o", "json").stdout == "[]\n"


def test_without_an_address_to_tell_no_node_is_added(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "pole.json"
    assert fleet(home, "init", "--host", "0.0.0.0").returncode == 0
    for more in ([], ["--dry-run"]):
        done = fleet(home, "node", "add", "pole-017", "--credentials", file, *more)
        assert done.returncode == 4 and "no node can be told which one to use" in done.stderr
        assert "Nothing was changed." in done.stderr and f"in {home / 'fleet.toml'}" in done.stderr
    assert not file.exists() and fleet(home, "node", "list", "-o", "name").stdout == ""
    text = (home / "fleet.toml").read_text()
    (home / "fleet.toml").write_text(text.replace("# url =", "url ="))
    add(home, "pole-017")
    (home / "fleet.toml").write_text(text)
    done = fleet(home, "node", "add", "pole-017", "--renew", "--credentials", file)
    assert done.returncode == 4 and not file.exists()


def test_dry_run_changes_nothing(home: Path) -> None:
    done = fleet(home, "node", "add", "pole-017", "--dry-run")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("Would add pole-017")
    assert fleet(home, "node", "list", "-o", "name").stdout == ""


def test_lists_in_every_form(home: Path) -> None:
    add(home, "pole-017", "-l", "district=centre")
    add(home, "pole-018", "-l", "district=north", "-l", "kind=square")
    text = {form: fleet(home, "node", "list", "-o", form).stdout
            for form in ("table", "wide", "json", "yaml", "csv", "name")}  # fmt: skip
    assert text["table"].splitlines()[0].split() == ["NODE", "STATE", "SITE", "LAST", "HEARD", "REASON"]
    assert "district=north,kind=square" in text["wide"]
    assert json.loads(text["json"])[0]["labels"] == {"district": "centre"}
    assert text["yaml"].startswith('- node: "pole-017"\n  state: "unknown"\n')
    assert next(csv.DictReader(io.StringIO(text["csv"])))["latitude"] == "52.2"
    assert text["name"] == "pole-017\npole-018\n"
    assert fleet(home, "node", "list", "-o", "name", "-l", "district=north").stdout == "pole-018\n"


def test_a_unique_prefix_is_enough_and_no_other(home: Path) -> None:
    add(home, "pole-017")
    add(home, "pole-018")
    assert fleet(home, "node", "show", "pole-017", "-o", "name").stdout == "pole-017\n"
    several = fleet(home, "node", "show", "pole")
    assert several.returncode == 2
    assert "2 nodes: pole-017, pole-018" in several.stderr
    assert fleet(home, "node", "show", "mast").returncode == 1


def test_health_names_reason_and_remedy_and_exits_1(home: Path) -> None:
    add(home, "pole-017")
    done = fleet(home, "health", "-o", "json")
    assert done.returncode == 1
    checks = json.loads(done.stdout)
    assert [(c["node"], c["check"], c["state"]) for c in checks] == [
        ("office", "serve", "bad"), ("pole-017", "contact", "unknown")]  # fmt: skip
    assert all(check["reason"] and check["remedy"] for check in checks)


def test_a_typing_error_is_2_and_help_is_0(home: Path) -> None:
    assert fleet(home, "nodes").returncode == 2
    assert fleet(home, "node", "list", "-o", "xml").returncode == 2
    assert fleet(home, "node", "--help").returncode == 0


@pytest.mark.parametrize("damage", ["garbage\n", ""])
@pytest.mark.parametrize("words", [["serve"], ["node", "list"], ["node", "add", "pole-018"], ["health"]])
def test_a_damaged_registry_locks_nobody_out(home: Path, damage: str, words: list[str]) -> None:
    add(home, "pole-017")
    users = (home / "broker" / "users.conf").read_bytes()
    (home / "registry.db").write_text(damage)
    done = fleet(home, *words)
    assert done.returncode == 4 and done.stdout == ""
    assert done.stderr.startswith(f"The registry {home}/registry.db is damaged: ") and done.stderr.count("\n") == 3
    assert (home / "broker" / "users.conf").read_bytes() == users
    assert (home / "registry.db").read_text() == damage


def test_init_gives_no_empty_registry_to_a_home_that_lost_its_own(home: Path) -> None:
    (home / "registry.db").unlink()
    (home / "fleet.toml").unlink()
    done = fleet(home, "init")
    assert done.returncode == 4 and "registry.db is missing" in done.stderr
    assert not (home / "registry.db").exists() and not (home / "fleet.toml").exists()


def test_init_makes_whole_what_it_did_not_finish(home: Path) -> None:
    (home / "broker" / "users.conf").unlink()
    (home / "registry.db").unlink()
    assert fleet(home, "init").returncode == 0
    assert fleet(home, "node", "list").returncode == 0


@pytest.mark.parametrize("words", [["--host", "not a host"], ["--url", "http://x y"], ["--url", 'mqtt://a"b']])
def test_init_refuses_what_is_no_host_and_no_address(tmp_path: Path, words: list[str]) -> None:
    done = fleet(tmp_path / "home", "init", *words)
    assert done.returncode == 2 and words[1] in done.stderr and not (tmp_path / "home").exists()
