"""Runs `fleet`: in this process where that is the same, as a process of its own where it is not."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from fleet.cli.main import run

FLEET = [sys.executable, "-m", "fleet.cli.main"]


@dataclass(frozen=True, slots=True)
class Done:
    """What a command printed, to the byte, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def environment(home: Path) -> dict[str, str]:
    """Ours, with the home named."""
    return os.environ | {"FLEET_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "200"}


def fleet(home: Path, *words: str | Path, encoding: str = "utf-8") -> Done:
    """Runs one command in this process; `encoding`: what the terminal knows."""
    before, err = dict(os.environ), io.StringIO()
    out = io.TextIOWrapper(io.BytesIO(), encoding, newline="")
    os.environ.update(environment(home))
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = run([str(word) for word in words])
    finally:
        os.environ.clear()
        os.environ.update(before)
    out.seek(0)
    return Done(code, out.read(), err.getvalue())
