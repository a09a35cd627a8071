"""fleet broker: what it prints and writes, and what it finds wrong."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fleet.broker import free_port, knock
from fleet.home import Home
from fleet.servers import MOSQUITTO
from tests.fleet.cli.typed import fleet
from tests.fleet.pole import wait_for


@pytest.fixture
def home(tmp_path: Path) -> Path:
    place = tmp_path / "home"
    assert fleet(place, "init", "--port", "21999", "--broker", "mosquitto", "--passwords").returncode == 0
    assert fleet(place, "node", "add", "pole-a", "--credentials", tmp_path / "a.json").returncode == 0
    return place


@pytest.mark.parametrize(
    ("kind", "names"),
    [("nats", ["nats.conf", "users.conf"]), ("mosquitto", ["mosquitto.acl", "mosquitto.conf", "mosquitto.passwd"])],
)
def test_a_config_is_printed_or_written_with_who_may_come_in(home: Path, kind: str, names: list[str]) -> None:
    printed, to = fleet(home, "broker", "config", kind), home.parent / "etc"
    assert printed.returncode == 0 and "21999" in printed.stdout
    dry = fleet(home, "broker", "config", kind, "--to", to, "--dry-run")
    assert dry.returncode == 0 and not to.exists()
    written = fleet(home, "broker", "config", kind, "--to", to)
    assert sorted(written.stdout.split()) == [str(to / name) for name in names]
    assert sorted(path.name for path in to.iterdir()) == names
    assert {path.stat().st_mode & 0o777 for path in to.iterdir()} == {0o600}
    assert "user root" not in (to / f"{kind}.conf").read_text()
    secret = json.loads((home.parent / "a.json").read_text())["password"]
    assert secret not in written.stdout + written.stderr + printed.stdout


def test_rights_by_pattern_need_no_reload_for_a_new_node(home: Path) -> None:
    to = home.parent / "etc"
    written = fleet(home, "broker", "config", "mosquitto", "--patterns", "--to", to)
    assert written.returncode == 0 and "pole-a" not in (to / "mosquitto.acl").read_text()
    rows = json.loads(fleet(home, "broker", "check", to / "mosquitto.conf", "-o", "json").stdout)
    assert {row["check"]: row["state"] for row in rows}["access"] == "good"
    refused = fleet(home, "broker", "config", "nats", "--patterns", "--to", to)
    assert refused.returncode == 2 and "not by pattern" in refused.stderr


def test_a_keeper_learns_when_to_load_the_lists_again(secure: Home) -> None:
    to = secure.folder.parent / "etc"
    for more, when in (((), "a node enrolled or was revoked"), (("--patterns",), "a node was revoked")):
        written = fleet(secure.folder, "broker", "config", "mosquitto", *more, "--to", to)
        assert f"again after {when}." in " ".join(written.stderr.split())


def test_a_config_is_checked(home: Path) -> None:
    own = fleet(home, "broker", "check", "-o", "json")
    rows = json.loads(own.stdout)
    assert own.returncode == 0 and {row["state"] for row in rows} == {"good"}
    bad = home.parent / "bad.conf"
    bad.write_text("listener 1883 0.0.0.0\nallow_anonymous true\n")
    found = fleet(home, "broker", "check", bad, "-o", "json")
    assert found.returncode == 1
    assert {row["check"] for row in json.loads(found.stdout) if row["state"] == "bad"} >= {"anonymous", "access"}


def test_what_cannot_be_done_is_said(home: Path, tmp_path: Path) -> None:
    assert "did you mean nats?" in fleet(home, "broker", "config", "nast").stderr
    assert fleet(home, "broker", "check", tmp_path / "none").returncode == 2
    (tmp_path / "file").touch()
    assert fleet(home, "broker", "config", "nats", "--to", tmp_path / "file" / "x").returncode == 4
    other = tmp_path / "other"
    assert fleet(other, "init", "--broker", "kafka").returncode == 2
    assert fleet(other, "init", "--broker", "none", "--passwords").returncode == 0
    assert "somebody else" in fleet(other, "broker", "check").stderr
    added = fleet(other, "node", "add", "pole-b", "--credentials", tmp_path / "b.json")
    assert "fleet broker config" in added.stderr


@pytest.fixture
def secure(tmp_path: Path) -> Home:
    """A home whose nodes come with certificates, as it was made."""
    place = Home(tmp_path / "home")
    assert fleet(place.folder, "init", "--port", "21999", "--broker", "mosquitto").returncode == 0
    return place


def test_a_config_of_lost_certificates_is_not_written(secure: Home, tmp_path: Path) -> None:
    (secure.authority / "trust.pem").unlink()
    lost = fleet(secure.folder, "broker", "config", "mosquitto", "--to", tmp_path / "etc")
    assert lost.returncode == 4 and "fleet cert renew office" in lost.stderr


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
def test_a_config_with_certificates_passes_its_own_check(secure: Home, kind: str) -> None:
    to = secure.folder.parent / "etc"
    written = fleet(secure.folder, "broker", "config", kind, "--to", to)
    assert {str(to / "trust.pem"), str(to / "crl.pem")} <= set(written.stdout.split())
    assert ("60 days" in written.stderr) is (kind == "mosquitto"), "NATS reads no list of the revoked"
    assert "not copied" in written.stderr and not list(to.glob("*.key")) and not (to / "mosquitto.usher").exists()
    rows = json.loads(fleet(secure.folder, "broker", "check", to / f"{kind}.conf", "-o", "json").stdout)
    assert {row["check"] for row in rows if row["state"] != "good"} <= {"persistence"}, "this is a temporary folder"
    assert {"certificates", "tls"} <= {row["check"] for row in rows}


def test_the_home_s_own_broker_is_checked_with_its_list(secure: Home) -> None:
    assert fleet(secure.folder, "broker", "check").returncode == 0
    (secure.authority / "crl.pem").write_text("none")
    found = fleet(secure.folder, "broker", "check", "-o", "json")
    assert found.returncode == 1
    assert [row["check"] for row in json.loads(found.stdout) if row["state"] == "bad"] == ["crl"]


@pytest.mark.mosquitto
def test_mosquitto_runs_with_what_was_written_for_another_machine(secure: Home) -> None:
    to = secure.folder.parent / "etc"
    fleet(secure.folder, "broker", "config", "mosquitto", "--to", to)
    for name in ("broker.pem", "broker.key"):
        (to / name).write_text((secure.authority / name).read_text())
    config = to / "mosquitto.conf"
    port = free_port("127.0.0.1")
    config.write_text("user root\n" + config.read_text().replace("21999", str(port)))
    child = subprocess.Popen(MOSQUITTO.command(config), stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: knock("127.0.0.1", port), "the broker")
    finally:
        child.kill()
        child.wait()
