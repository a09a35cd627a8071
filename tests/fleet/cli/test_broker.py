"""fleet broker: what it prints and writes, and what it finds wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fleet.cli.typed import fleet


@pytest.fixture
def home(tmp_path: Path) -> Path:
    place = tmp_path / "home"
    assert fleet(place, "init", "--port", "21999", "--broker", "mosquitto").returncode == 0
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
    assert fleet(other, "init", "--broker", "none").returncode == 0
    assert "somebody else" in fleet(other, "broker", "check").stderr
    added = fleet(other, "node", "add", "pole-b", "--credentials", tmp_path / "b.json")
    assert "fleet broker config" in added.stderr
