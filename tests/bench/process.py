"""What the kernel says of a process that we started: its CPU time, its memory. And how such a process is ended."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
STOP_WITHIN_S = 10.0
UTIME, STIME = 11, 12  # after the command's name


@contextmanager
def started(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[str]]:
    """The process, stopped with SIGTERM at the end; what it says on stderr goes to `log`."""
    with log.open("a") as errors:
        process = subprocess.Popen(command, cwd=ROOT, env=_installed(_bytecode()), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=errors, text=True)  # fmt: skip
    try:
        yield process
    finally:
        _end(process)


@cache
def _bytecode() -> str:
    """A folder for all that we start, which is gone when we end."""
    folder = tempfile.mkdtemp(prefix="lantaarn-bytecode-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _installed(bytecode: str) -> dict[str, str]:
    """The environment of a program whose bytecode is kept, as it is where it was installed, whatever holds here."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": bytecode}


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def cpu_s(pid: int) -> float:
    """User and system time of all its threads, to the nanosecond where the scheduler tells; children are not in it,
    nor threads that have ended."""
    if not Path(f"/proc/{pid}/schedstat").exists():
        return _ticks_s(pid)
    return sum(map(_ran_ns, Path(f"/proc/{pid}/task").iterdir())) / 1e9


def _ran_ns(task: Path) -> int:
    """Of a thread; 0 when it has ended just now."""
    try:
        return int((task / "schedstat").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _ticks_s(pid: int) -> float:
    """In steps of 10 ms, threads that have ended too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[UTIME]) + int(fields[STIME])) * TICK_S


def rss_mb(pid: int) -> float:
    """Resident memory in MB (10**6 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1_024 / 1e6
    raise ProcessLookupError(pid)
