"""`sim replay` of what is no transcript: said in a sentence, at once, and never obeyed by a terminal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulators.commands.run import run

HEAD = "# Source: a desk\ndriver sht31\n"
READ = "> read\nw 2400\np 16\nr 6667a2 5eb93c\n"
Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "settings " + "[" * 100_000 + "\n" + READ, "nests far too deep"),
        (HEAD + READ.replace("p 16", "p 1e308"), "is no transcript"),
        (HEAD + READ.replace("p 16", "p inf"), "cannot convert float infinity"),
        (HEAD + READ + "= mood\x1b[31m 5\n", r"mood\x1b[31m is missing"),
        (HEAD + READ + "= temperature nan\n", "is no transcript"),
        ("", "# Source: …"),
    ],
)
def test_what_can_not_be_played_is_said(text: str, said: str, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "odd.transcript"
    file.write_text(text)
    assert run(["replay", str(file)]) == 1
    out = capsys.readouterr().out
    assert said in out and "\x1b" not in out


def test_only_files_are_read(tmp_path: Path, capsys: Capture) -> None:
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "huge", "wb") as huge:
        huge.truncate(2**40)  # takes no room
    for odd in (tmp_path / "pipe", tmp_path / "huge", tmp_path, Path("/dev/zero")):
        assert run(["replay", str(odd)]) == 2
        assert "can not be read: " in capsys.readouterr().err
