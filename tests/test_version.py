"""One version everywhere."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edge.wire.version import VERSION

ROOT = Path(__file__).parent.parent


def test_the_version_is_that_of_the_distribution() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


@pytest.mark.parametrize("module", ["edge.cli", "fleet.cli.main", "simulators.cli"])
def test_every_program_tells_it(module: str) -> None:
    run = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, f"lantaarn {VERSION}\n"), run.stderr
