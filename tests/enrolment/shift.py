"""Processes whose clock is wrong: the real-time clock of each, and of all that it starts, is shifted by a preload.

The library is built of `shift.c` where there is a compiler. What asks the kernel without asking libc is not fooled by
it; a NATS server is such, as all Go programs. So the library puts `shifted_exec.c` before it, which answers for the
kernel. A whole office with its broker can be taken into another year, and through many.
"""

from __future__ import annotations

import atexit
import os
import shutil
import struct
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

HERE = Path(__file__).parent
LIBRARY, LAUNCHER = "shift.so", "shifted-exec"
DAY_S = 86_400


@cache
def built() -> Path:
    """A folder with both. Skips the test where no compiler is."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("NOT TESTED: a shifted clock needs a C compiler: sudo apt-get install gcc libc6-dev")
    folder = Path(mkdtemp(prefix="lantaarn-shift-"))
    atexit.register(shutil.rmtree, folder, True)
    strict = [compiler, "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*strict, "-shared", "-fPIC", "-o", str(folder / LIBRARY), str(HERE / "shift.c")], check=True)
    subprocess.run([*strict, "-o", str(folder / LAUNCHER), str(HERE / "shifted_exec.c")], check=True)
    return folder


@cache
def for_nats() -> None:
    """Skips the test where a NATS server cannot be shifted."""
    done = subprocess.run([built() / LAUNCHER, "/bin/true"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"NOT TESTED: a NATS server at another time needs ptrace and seccomp: {done.stderr.strip()}")


class Shift:
    """A shift that all processes with this environment share, and that may be changed under them."""

    def __init__(self, file: Path, seconds: int = 0, synced: bool = True) -> None:
        self.file, self.synced = file, synced
        file.write_bytes(struct.pack("=q", seconds))

    @property
    def seconds(self) -> int:
        """How far their clock is ahead of this machine's."""
        return int(struct.unpack("=q", self.file.read_bytes())[0])

    def to(self, seconds: int) -> None:
        """From now on it is so far ahead."""
        with self.file.open("r+b", buffering=0) as file:
            os.pwrite(file.fileno(), struct.pack("=q", seconds), 0)

    def by_days(self, days: float) -> None:
        """So many days pass at once."""
        self.to(self.seconds + round(days * DAY_S))

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to know of it, added to our own environment."""
        return shifted(f"@{self.file}", self.synced)


def shifted(shift: int | str, synced: bool = True, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a process that lives so many seconds from now."""
    state = "synced" if synced else "unsynced"
    return {**base, "LD_PRELOAD": str(built() / LIBRARY), "CLOCK_EXEC": str(built() / LAUNCHER),
            "CLOCK_SHIFT": str(shift), "CLOCK_STATE": state}  # fmt: skip
