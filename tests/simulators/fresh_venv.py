"""A fresh virtual environment outside the checkout, with our wheel and those of others, made without a network.

Third-party libraries are borrowed from the environment that runs the tests, by a path file; nothing of ours comes
that way, because the path files of a borrowed folder are not read.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 100.0


def wheel(project: Path, out: Path, name: str) -> Path:
    """The wheel of a project by its name, built here and now."""
    done = ran([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)], project)
    assert done.returncode == 0, done.stderr
    (built,) = out.glob(f"{name}-*.whl")
    return built


def ran(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """A command in this folder that knows nothing of the environment around it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return subprocess.run(
        command, cwd=folder, env=kept, capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL
    )


class FreshVenv:
    """`python` and what is installed beside it."""

    def __init__(self, folder: Path, *wheels: Path) -> None:
        venv.create(folder, symlinks=True)
        self.bin, self.python = folder / "bin", str(folder / "bin" / "python")
        (self.site,) = folder.glob("lib/python*/site-packages")
        (self.site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        for each in wheels:
            self.install(each)

    def install(self, wheel: Path) -> None:
        """Install a wheel and nothing else, from the disk."""
        command = ["-m", "uv", "--no-config", "--offline", "pip", "install", "--no-index", "--no-deps", "--python"]
        done = ran([sys.executable, *command, self.python, "--reinstall", str(wheel)], self.site)
        assert done.returncode == 0, done.stderr

    def pytest(self, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the tests in this folder, through the installed plugin alone."""
        quiet = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly")
        return ran([self.python, "-m", "pytest", *quiet, *options], folder)
