"""Files that change together, or not at all; the crash at every step is in test_rollover."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleet.authority import vault


def left_behind(folder: Path, **texts: str | None) -> None:
    """A change that was written down when the power failed."""
    (folder / vault.CHANGE).write_text(json.dumps(texts))


def test_a_change_that_was_not_finished_comes_before_the_next_one(tmp_path: Path) -> None:
    left_behind(tmp_path, a="old", b="old")
    vault.change(tmp_path, {"b": "new"})
    assert [(tmp_path / name).read_text() for name in "ab"] == ["old", "new"]
    assert not (tmp_path / vault.CHANGE).exists()


def test_whoever_asks_for_the_roots_gets_those_of_a_finished_change(tmp_path: Path) -> None:
    (tmp_path / vault.ROOT).write_text("first\n")
    left_behind(tmp_path, **{vault.ROOT: "second\n", vault.NEXT_ROOT: "third\n"})
    assert vault.roots(tmp_path) == "second\nthird\n"
    vault.change(tmp_path, {vault.NEXT_ROOT: "second\n"})
    assert vault.roots(tmp_path) == "second\n"
    vault.change(tmp_path, {vault.NEXT_ROOT: None})
    assert vault.roots(tmp_path) == "second\n"


def test_a_folder_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "authority"
    with pytest.raises(TypeError):
        vault.put_new(folder, {"a": "text", "b": None})  # type: ignore[dict-item]
    assert not folder.exists()
    vault.put_new(folder, {"a": "text"})
    assert [file.name for file in folder.iterdir()] == ["a"]
    with pytest.raises(OSError):
        vault.put_new(folder, {"a": "another"})
    assert (folder / "a").read_text() == "text"


@pytest.mark.parametrize("name", [vault.ROOT, vault.ISSUING, vault.ISSUING_KEY, vault.CHANGE])
def test_what_is_left_of_an_authority_is_still_one(tmp_path: Path, name: str) -> None:
    assert not vault.present(tmp_path)
    (tmp_path / name).write_text("{}")
    assert vault.present(tmp_path)
