"""`drivers/README.md` is true: its code is in the files it names, its board passes the check, its commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from edge.board import check
from edge.cli import parser
from simulators.commands.app import app
from simulators.commands.run import COMMANDS as REGISTERED
from simulators.pytest_plugin import OPTIONS

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "drivers" / "README.md").read_text()
BLOCK = re.compile(r"(?:^`(?P<file>[\w/.]+)`\n)?^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.M | re.S)
BLOCKS = [(found["file"], found["kind"], found["body"]) for found in BLOCK.finditer(README)]
CODE = [(file, body) for file, kind, body in BLOCKS if kind == "python"]
COMMANDS = [line for _, kind, body in BLOCKS if not kind for line in body.splitlines()]
PATHS = re.findall(r"`((?:drivers|simulators|tests|edge|fleet)/[\w/.]*)`", README)


def missing(source: str, block: str) -> str:
    """The first stretch of the block, parted by lines of `...`, that the source does not hold in this order."""
    at = 0
    for stretch in re.split(r"^ *\.\.\.\n", block, flags=re.M):
        found = source.find(stretch, at)
        if found < 0:
            return stretch
        at = found + len(stretch)
    return ""


def test_the_page_has_what_is_tested() -> None:
    assert len(CODE) >= 7
    assert len(COMMANDS) >= 4


@pytest.mark.parametrize(("file", "body"), CODE, ids=[str(file) for file, _ in CODE])
def test_code_is_in_the_file_that_it_names(file: str | None, body: str) -> None:
    assert file, f"a block of code without the file it is from: {body}"
    assert missing((ROOT / file).read_text(), body) == ""


def test_code_that_is_not_there_is_seen() -> None:
    source = "a\nb\nc\nd\n"
    assert missing(source, "a\n...\nc\n") == ""
    assert missing(source, "a\nc\n") == "a\nc\n"
    assert missing(source, "c\n...\na\n") == "a\n"


@pytest.mark.parametrize("path", PATHS)
def test_files_are_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_board_passes_its_check() -> None:
    board = next(body for _, kind, body in BLOCKS if kind == "toml")  # those of the pages: test_pages.py
    assert check(board, "node.toml").mistakes == ()


def understood(command: Any, words: list[str]) -> None:
    """Parse the words of a `sim` command without running it. Raises click's usage errors."""
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    command.make_context(command.name, words)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_exist(command: str, tmp_path: Path) -> None:
    words = shlex.split(command)
    if words[0] == "edge":
        assert parser().parse_args(words[1:]).work
    elif words[0] == "sim":
        assert REGISTERED  # they have registered themselves
        understood(get_command(app), words[1:])
    elif words[0] == "pytest":
        assert words[1].removeprefix("--lantaarn-") in OPTIONS and (ROOT / words[-1]).exists()
    elif words[0] == "python":
        assert subprocess.run([sys.executable, *words[1:]], cwd=ROOT, capture_output=True, timeout=60).returncode == 0
    else:
        assert words[:3] == ["sudo", "raspi-config", "nonint"]
