"""Simulated chips on an I2C device file of the kernel's, served by a process of their own while a test lasts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def served_i2c(folder: Path, *chips: str) -> Iterator[Path]:
    """The path of the device file; needs root and /dev/fuse."""
    command = [sys.executable, "-m", "simulators.fuse_i2c", str(folder), *chips]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.stderr.read() if process.stderr else ""
        yield folder / "i2c-1"
    finally:
        process.terminate()
        process.communicate(timeout=10)
