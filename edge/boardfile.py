"""From `node.toml` to the board that the agent reads, without loading what checks it.

The compiled form lies beside the file and carries the hash of its text. When that fits, it is read and nothing else
happens. When the file has changed, a child process checks and compiles it; a file that it refuses changes nothing: the
last good board stays in use, and the refusal is told. On a card that takes nothing, what the child said is used.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from edge.wiring import FORM, Wiring

COMPILE_S = 120.0
LARGEST = 1024 * 1024  # bytes
SAY = "-"  # instead of a file: on stdout


class BoardError(Exception):
    """There is no board to run with; the text says why, over several lines if need be."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A good board, and why a newer one was refused ("" when none was)."""

    wiring: Wiring
    refusal: str = ""


def compiled(board: Path) -> Path:
    """Where the compiled form of a board file lies."""
    return board.with_suffix(".compiled.json")


def read(board: Path) -> bytes:
    """What stands in a board file. Raises OSError, also for what is no file or far too large to be one."""
    if not stat.S_ISREG(board.stat().st_mode):
        raise OSError(errno.EINVAL, "it is not a file")
    if board.stat().st_size > LARGEST:
        raise OSError(errno.EFBIG, f"it is larger than {LARGEST // 1024} KiB, which no board is")
    return board.read_bytes()


def write(target: Path, text: str) -> None:
    """Replace a file whole, durably. Raises OSError."""
    fresh = target.with_name(target.name + ".new")
    with open(fresh, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load(board: Path, simulated: bool = False) -> Loaded:
    """The board to run with, its paths those of the folder where it lies. Raises BoardError."""
    found = _load(board, simulated)
    return Loaded(found.wiring.at(board.absolute().parent), found.refusal)


def _load(board: Path, simulated: bool) -> Loaded:
    good = _read(compiled(board))
    try:
        fingerprint = sha256(read(board)).hexdigest()
    except OSError as error:
        return _last_good(good, f"{board} cannot be read: {error.strerror or error}.")
    if good is not None and (good.source_hash, good.simulated, good.form) == (fingerprint, simulated, FORM):
        return Loaded(good)
    text, refusal = _compile(board, simulated)
    if refusal:
        return _last_good(good, refusal)
    with suppress(OSError):  # a card that is read-only or full is no reason to measure nothing
        write(compiled(board), text)
    return Loaded(Wiring.from_json(text))


def _last_good(good: Wiring | None, why: str) -> Loaded:
    if good is None:
        raise BoardError(why)
    return Loaded(good, why)


def _read(path: Path) -> Wiring | None:
    try:
        return Wiring.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _compile(board: Path, simulated: bool) -> tuple[str, str]:
    """The compiled board, and why there is none, "" when there is."""
    import subprocess  # rarely needed, and not light

    command = [sys.executable, "-m", "edge.compile", str(board), "--out", SAY, *(["--simulated"] if simulated else [])]
    try:
        child = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace",
                               timeout=COMPILE_S, check=False)  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        return "", f"{board} could not be checked: {error}"
    if child.returncode == 0:
        return child.stdout, ""
    return "", child.stderr.strip() or f"{board} could not be checked."
