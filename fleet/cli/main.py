"""The entry point of `fleet`: says how to get what is missing, and turns troubles into sentences and exit codes.

It imports nothing that a bare node lacks until it knows that the office is installed.
"""

from __future__ import annotations

import importlib.util
import io
import os
import signal
import sqlite3
import sys
from collections.abc import Sequence
from types import FrameType

NEEDS = ("typer", "sqlalchemy", "starlette", "uvicorn")
MISSING = 'The office is not installed here, only a node is. Get it with: pip install "lantaarn[office]"'


class Interrupted(BaseException):
    """Ctrl-C, out of the reach of libraries that would make something else of it."""


def main() -> None:
    """Runs the command line and exits."""
    if any(importlib.util.find_spec(name) is None for name in NEEDS):
        print(MISSING, file=sys.stderr)
        sys.exit(4)
    sys.exit(run())


def run(words: Sequence[str] | None = None) -> int:
    """Runs a command line, ours unless another is given; the exit code."""
    from fleet import show
    from fleet.cli.app import app
    from fleet.trouble import Exit, Trouble

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that knows only ASCII still gets everything
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        app(words, prog_name="fleet")
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except Trouble as trouble:
        show.trouble(trouble)
        return int(trouble.code)
    except (Interrupted, KeyboardInterrupt):
        return int(Exit.INTERRUPTED)
    except sqlite3.Error as error:
        show.note(f"A file of the office cannot be read or written: {error}.\nNodes keep what is not acknowledged.\n"
                  "Next: fleet health")  # fmt: skip
        return int(Exit.WRONG)
    except BrokenPipeError:
        _drop_output()
    except OSError as error:
        _drop_output()
        show.note(f"The command could not do its work: {error}.\nNothing that was stored is lost.\nNext: see df -h")
        return int(Exit.WRONG)
    finally:
        signal.signal(signal.SIGINT, before)
    return 0


def _drop_output() -> None:
    """What is still in the buffer is let go, or Python would try to write it once more when it ends."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise Interrupted


if __name__ == "__main__":
    main()
