"""From a board file to what the agent reads: compiled once, and right wherever the file lies today."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from edge.boardfile import compiled, load
from tests.edge.test_board import GOOD


def test_the_board_of_a_copied_folder_leads_to_the_copys_own_journal(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    (first / "node.toml").write_text(GOOD)
    loaded = load(first / "node.toml").wiring
    assert loaded.office is not None and loaded.journal.folder == str(first / "journal")
    shutil.copytree(first, second)
    copied = load(second / "node.toml").wiring
    assert copied.office is not None and copied.journal.folder == str(second / "journal")
    assert copied.office.credentials == str(second / Path(loaded.office.credentials).name)
    first.rename(tmp_path / "c")
    assert load(tmp_path / "c" / "node.toml").wiring.journal.folder == str(tmp_path / "c" / "journal")


def test_a_board_that_an_earlier_version_compiled_is_compiled_again(tmp_path: Path) -> None:
    board = tmp_path / "node.toml"
    board.write_text(GOOD)
    tree = json.loads(load(board).wiring.to_json())
    del tree["form"]
    tree["journal"]["folder"] = "/a/journal"
    compiled(board).write_text(json.dumps(tree))
    assert load(board).wiring.journal.folder == str(tmp_path / "journal")
    compiled(board).write_text(json.dumps(tree))
    board.write_text(GOOD.replace("bme280", "bme281"))
    assert load(board).wiring.journal.folder == "/a/journal", "the last good one, with the paths that it has"


def test_a_board_on_a_card_that_takes_nothing_is_compiled_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = tmp_path / "node.toml"
    board.write_text(GOOD)
    monkeypatch.setattr(os, "replace", lambda *words: (_ for _ in ()).throw(OSError(errno.EROFS, "read-only")))
    loaded = load(board)
    assert not loaded.refusal and loaded.wiring.journal.folder == str(tmp_path / "journal")
    assert not compiled(board).exists()
