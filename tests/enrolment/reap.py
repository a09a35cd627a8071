"""Processes that are killed at a step: at the Nth call that syncs, renames, removes or says something to somebody."""

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

SOURCE = Path(__file__).with_name("reap.c")


@cache
def library() -> Path:
    """The built library. Skips the test where no compiler is."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("NOT TESTED: a kill at each step needs a C compiler: sudo apt-get install gcc libc6-dev")
    folder = Path(mkdtemp(prefix="lantaarn-reap-"))
    atexit.register(shutil.rmtree, folder, True)
    command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*command, "-o", str(folder / "reap.so"), str(SOURCE)], check=True)
    return folder / "reap.so"


class Reaper:
    """Counts the steps of all processes with its environment; at the one that is armed, its process is killed."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.arm(0)

    def arm(self, step: int) -> None:
        """Whoever makes this step from now on (the first is 1) dies before it; 0: nobody does."""
        handle = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.pwrite(handle, struct.pack("=q", step), 0)
        os.close(handle)

    @property
    def left(self) -> int:
        """Steps until somebody dies; 0 when it is done, or nobody shall."""
        return int(struct.unpack("=q", self.file.read_bytes())[0])

    def environment(self, base: Mapping[str, str] = os.environ) -> dict[str, str]:
        """What a process needs so as to be counted."""
        preload = " ".join(filter(None, [base.get("LD_PRELOAD", ""), str(library())]))
        return {**base, "LD_PRELOAD": preload, "REAP": str(self.file)}
