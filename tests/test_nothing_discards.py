"""Nothing in the product discards readings that the office has not got: every place that removes a file is known.

When a command comes that retires, replaces or resets a node, it must drain the journal or name the gap, and will have
to say so here, beside its reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
REMOVES = ("unlink", "rmtree", "rmdir", "removedirs", "truncate", "ftruncate")
OF_MODULES = {"os": ("remove", *REMOVES), "shutil": (*REMOVES, "move")}
OF_DISKS = ("remove",)  # of an `edge.journal.disk.Disk`

KNOWN = {
    "edge/asks.py": "the agent's own socket",
    "edge/cli.py": "what a command of today began to write",
    "edge/identity.py": "a certificate that became the node's own, and what it replaced",
    "edge/journal/disk.py": "the disk itself, and what it left half-written",
    "edge/journal/journal.py": "free segments that the cap has no room for: all in them is acked, or named in a gap",
    "fleet/authority/vault.py": "papers that were half-made, answered or carried out, or of an authority that ended",
    "fleet/enrol.py": "credentials that were not handed out",
    "fleet/files.py": "what was half-written, and never came to its place",
    "fleet/heartbeat.py": "the pulse of an office that ended",
    "fleet/home.py": "the pid in the lock file",
    "fleet/registry.py": "a registry that was being made",
    "fleet/serve.py": "the pulse of the office before",
    "fleet/spool.py": "what is in the store, committed, and what was half-written",
}


def removals(file: Path) -> Iterator[int]:
    """Lines that remove files or cut them short."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, owner = node.func.attr, ast.unparse(node.func.value)
            if name in REMOVES or name in OF_MODULES.get(owner, ()) or (name in OF_DISKS and "disk" in owner):
                yield node.lineno


def found(root: Path) -> dict[str, list[int]]:
    files = [file for floor in ("drivers", "edge", "fleet") for file in sorted((root / floor).rglob("*.py"))]
    return {file.relative_to(root).as_posix(): lines for file in files if (lines := list(removals(file)))}


@pytest.mark.once
def test_every_place_that_removes_a_file_is_known() -> None:
    unknown = {file: lines for file, lines in found(ROOT).items() if file not in KNOWN}
    assert unknown == {}, "say here why nothing is lost by it"


@pytest.mark.once
def test_the_journal_is_removed_nowhere_but_in_the_journal() -> None:
    """Whoever removes a whole tree, or whatever bears a segment's name, would take un-acked readings along."""
    for file in [*(ROOT / "edge").rglob("*.py"), *(ROOT / "fleet").rglob("*.py")]:
        text = file.read_text()
        assert "rmtree" not in text, file
        if "segment-" in text and "journal" not in file.parts:
            assert not list(removals(file)), file


PLANTED = ["import shutil\nshutil.rmtree(journal)", "import os\nos.remove(x)", "path.unlink()", "self._disk.remove(x)"]


@pytest.mark.parametrize("text", PLANTED)
def test_a_planted_removal_is_found(tmp_path: Path, text: str) -> None:
    place = tmp_path / "fleet" / "cli" / "retire.py"
    place.parent.mkdir(parents=True)
    place.write_text(text)
    assert list(found(tmp_path)) == ["fleet/cli/retire.py"]
