"""The reaper kills at exactly the step that was named, and leaves everybody else alone."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.enrolment.reap import Reaper

pytestmark = pytest.mark.once
WORK = """
import os, socket, sqlite3, sys
def said(step):
    sys.stdout.write(step); sys.stdout.flush()
os.chdir(sys.argv[1])
file = os.open("a", os.O_CREAT | os.O_WRONLY); os.write(file, b"x")
os.fsync(file); said("1")
os.replace("a", "b"); said("2")
os.unlink("b"); said("3")
here, there = socket.socketpair()
here.send(b"x"); said("4")
door = socket.create_server(("127.0.0.1", 0))
socket.create_connection(door.getsockname()); said("5")
db = sqlite3.connect("db", isolation_level=None)
db.execute("CREATE TABLE t (x)"); said("6")
"""


@pytest.mark.parametrize("step", [0, 1, 2, 3, 4, 5, 6, 99])
def test_it_dies_before_the_step(step: int, tmp_path: Path) -> None:
    reaper = Reaper(tmp_path / "reap")
    reaper.arm(step)
    done = subprocess.run([sys.executable, "-c", WORK, str(tmp_path)], env=reaper.environment(), capture_output=True)
    killed = 0 < step < 99
    assert done.returncode == (-signal.SIGKILL if killed else 0), done.stderr
    assert done.stdout.decode() == "123456"[: step - 1 if killed else 6]
    assert (reaper.left == 0) == (step < 99)
