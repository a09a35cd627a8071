"""Processes whose clock is wrong: the real-time clock of each, and of all that it starts, is shifted by a preload.

The library is built of `shift.c` where there is a compiler. What asks the kernel without asking libc is not fooled:
Go programs are such, so a NATS server lives in the present always.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

SOURCE = Path(__file__).with_suffix(".c")
DAY_S = 86_400


@cache
def library() -> Path:
    """The built library. Skips the test where no compiler is."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("NOT TESTED: a shifted clock needs a C compiler: sudo apt-get install gcc libc6-dev")
    built = Path(mkdtemp(prefix="lantaarn-shift-")) / "shift.so"
    flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *flags, "-o", str(built), str(SOURCE)], check=True)
    return built


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
    return {**base, "LD_PRELOAD": str(library()), "CLOCK_SHIFT": str(shift), "CLOCK_STATE": state}
