"""`edge enrol` on a real disk: the serial number, the floor, the card and the key as they lie there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge import enrolling
from edge.enrolling import Timing, hardware
from edge.floor import MARGIN_MS, Floor, read
from edge.identity import KEY, OWN
from edge.journal.disk import FolderDisk
from edge.wire.clocks import ClockQuality
from edge.wire.version import BUILT_MS
from tests.edge.signing import NOW_MS, Office, key_pem, new_key
from tests.edge.test_enrolling import NODE, clock


def test_the_serial_number_of_a_pi(tmp_path: Path) -> None:
    serial = tmp_path / "serial-number"
    assert hardware(serial) == ""
    serial.write_bytes(b"10000000abcdef01\0")
    assert hardware(serial) == "10000000abcdef01"
    serial.write_bytes(b"\xff\xfe")
    assert hardware(serial) == ""


def test_the_floor_is_kept_where_the_agent_looks(tmp_path: Path) -> None:
    journal, now = tmp_path / "journal", clock(ClockQuality.UNKNOWN, 0)
    journal.mkdir()
    timing = Timing(now, enrolling.floor_of(journal, now))
    assert timing.floor == Floor(BUILT_MS, 50_000, False)
    enrolling.keep_floor(journal, timing)
    assert read(FolderDisk(journal, alone=False)) is None, "nothing was told"
    assert timing.hear(NOW_MS)
    agent = FolderDisk(journal)
    enrolling.keep_floor(journal, timing)
    assert read(agent) is None, "the agent is at work, and is told by itself"
    agent.close()
    enrolling.keep_floor(journal, timing)
    assert enrolling.floor_of(journal, now) == Floor(NOW_MS - MARGIN_MS, 50_000, True)
    enrolling.keep_floor(None, timing)


def written(folder: Path, **changed: str) -> Path:
    path = folder / "credentials.json"
    card = {"node": NODE, "url": "mqtts://x", "enrol": "https://127.0.0.1:1", "token": "the-token",
            "trust": Office().trust} | changed  # fmt: skip
    path.write_text(json.dumps(card))
    path.chmod(0o600)
    return path


def test_what_is_wrong_with_the_card_is_a_sentence(tmp_path: Path) -> None:
    assert enrolling.enrol(NODE, tmp_path / "none").outcome == "failed"
    assert "those of node" in enrolling.enrol("pole-2", written(tmp_path)).what
    assert "names no desk" in enrolling.enrol(NODE, written(tmp_path, enrol="http://x")).what
    assert "roots to trust" in enrolling.enrol(NODE, written(tmp_path, trust="")).what
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps({"node": NODE, "url": "u", "user": "u", "password": "p", "client_id": "c"}))
    assert enrolling.enrol(NODE, path).outcome == "nothing"


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    path = written(tmp_path)
    refused = enrolling.enrol(NODE, path)
    assert (refused.outcome, refused.why) == ("unreachable", "network")
    key = tmp_path / "identity" / KEY
    assert key.stat().st_mode & 0o777 == 0o600 and key.parent.stat().st_mode & 0o777 == 0o700
    key.chmod(0o640)
    refused = enrolling.enrol(NODE, path)
    assert refused.outcome == "failed" and refused.remedy == f"Run: chmod 600 {key}"


def test_a_new_card_beside_a_certificate_is_asked_for(tmp_path: Path) -> None:
    """The node may have been revoked and let in again: then its certificate is worth nothing, and looks good."""
    path, office, key = written(tmp_path), Office(), new_key()
    assert enrolling.enrol(NODE, path).outcome == "unreachable"
    papers = tmp_path / "identity"
    (papers / KEY).write_text(key_pem(key))
    (papers / OWN).write_text(office.leaf(NODE, key))
    assert enrolling.enrol(NODE, path).outcome == "unreachable", "and not: This node has a certificate"
    assert enrolling.enrol(NODE, written(tmp_path, token="")).outcome == "nothing"


def test_two_at_once_are_one(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "identity").mkdir()
    held = FolderDisk(tmp_path / "identity", private=True)
    assert (enrolling.enrol(NODE, path).why, held.names()) == ("busy", [])
    held.close()


def test_what_the_agent_hears_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert enrolling.main([NODE, str(written(tmp_path)), "--journal", str(tmp_path / "none"), "--again"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["outcome"] == "unreachable" and "the-token" not in said.out + said.err


def test_nothing_else_on_the_node_can_make_keys() -> None:
    edge = Path(enrolling.__file__).parent
    assert [file.name for file in edge.rglob("*.py") if "cryptography" in file.read_text()] == ["enrolling.py"]
