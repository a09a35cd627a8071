"""`sim replay`: plays transcript files through the drivers that they name."""

from __future__ import annotations

import errno
import stat
from pathlib import Path
from typing import Annotated

import typer

from fleet import show
from fleet.trouble import Exit, Trouble
from simulators.commands.app import app
from simulators.replay import Unreadable, play_transcript
from simulators.transcript import Deviation

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Transcripts, written by hand or by edge record.")]

LARGEST = 64 * 2**20  # bytes


@app.command()
def replay(files: Files) -> None:
    """Play transcripts: each driver must say every line of its file, and find the readings that stand there."""
    failed = 0
    for file in files:
        verdict = _played(file)
        failed += verdict is not None
        show.out(f"{file}: {verdict or 'the driver follows it to the end'}\n")
    if failed:
        raise typer.Exit(Exit.WRONG)


def _played(file: Path) -> str | None:
    """What is wrong with it; None when nothing is."""
    try:
        text = read(file).decode()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Trouble(f"{file} can not be read: {why}.", "Nothing was played after it.", "ls -l " + str(file.parent),
                      Exit.USAGE) from error  # fmt: skip
    try:
        play_transcript(text)
    except Deviation as deviation:
        return f"DEVIATES: {show.seen(deviation)}"
    except RecursionError:
        return "is no transcript that can be played: it nests far too deep"
    except (Unreadable, KeyError, ValueError, OverflowError) as error:
        said = error.args[0] if error.args else error
        return f"is no transcript that can be played: {show.seen(said)}"
    return None


def read(file: Path) -> bytes:
    """What stands in a transcript. Raises OSError, also for what is no file or far too large to be one."""
    there = file.stat()
    if not stat.S_ISREG(there.st_mode):
        raise OSError(errno.EINVAL, "it is not a file")
    if there.st_size > LARGEST:
        raise OSError(errno.EFBIG, f"it is larger than {LARGEST // 2**20} MiB, which no transcript is")
    return file.read_bytes()
